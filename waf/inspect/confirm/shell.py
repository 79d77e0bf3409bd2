"""Does a value, put into a command line, start a command of its own?

Owns the judgement on Unix shells, cmd.exe and PowerShell. Knows nothing of rules, views or fields.

Every place where a shell would begin a new command (the value's start, after a separator, inside a substitution) is
read as a shell reads it: quotes, backslashes, carets and empty expansions are taken out of the word, braces and
$IFS split it, globs are matched. Then a table says whether such a word with such arguments is a command. A sentence
that quotes a command, a list of words with semicolons, a URL with ampersands are not; nor is a script which somebody
posts as a document: it breaks out of nothing.
"""

from __future__ import annotations

import re
from typing import Final

from waf.inspect.confirm.guarded import Guarded
from waf.inspect.confirm.shape import for_lower_case, is_document, prose_words, words_after
from waf.inspect.confirm.shell_arguments import (
    NOISE,
    has_subcommand,
    is_own,
    plain,
    runs_another,
    spaced,
    takes_enough,
    words_of,
)
from waf.inspect.confirm.shell_starts import (
    CUT,
    LOOK,
    MOST,
    SECRET_READ,
    SEPARATOR,
    START,
    is_given,
    is_script,
    leads_group,
    probes,
    starts,
)
from waf.inspect.confirm.shell_talk import (
    BRACE,
    FENCE,
    LOGIN_SHELL,
    NO_CODE,
    SECRET,
    TAG_ENDS,
    begins_probe,
    does_nothing,
    goes_on,
    goes_on_with_tools,
    in_loop,
    in_pattern,
    in_span,
    in_table,
    only_filters,
    said_behind,
    shown_first,
    tells_version,
    whole_probe,
)
from waf.inspect.confirm.shell_words import ABBREVIATIONS, COMMANDS, RUNNERS, SHELL_VERBS, WEAK, Takes
from waf.model import Confidence

_LONG: Final = 2048
_FAR: Final = 65536
_ENTITY: Final = re.compile(rb"&(?:#\w{1,7}|[A-Za-z]{2,8});?")
_GLOB: Final = re.compile(rb"(?:/[\w?*\[\]-]{1,12}){2,4}$")
_UNMISTAKABLE: Final = Guarded(
    for_lower_case(
        rb"/dev/(?:tcp|udp)/[\w.$-]|\b(?:ba|z|k|da)?sh\s+-i\b\s*[>0-9<|&]"
        rb"|\bnc(?:at)?(?:\.\w+)?\s[^;|\n]{0,60}-[a-z]*[ec]\b\s?\S*"
        rb"(?:sh|cmd)|\bmkfifo\s+/|\bsocat\s[^\n]{0,60}\bexec:|\|\s*(?:/bin/)?(?:ba)?sh\s+-i|0<&1[0-9]{0,2}|exec\s+\d+<>/dev"
        rb"|[;|&]\s{0,4}@?for\s+/[flrd]\s[^\n]{0,60}%\w\s+in\s{0,4}\(|\s--(?:checkpoint-action=exec|to-command=|use-compress-program=)|\s-o\s{0,2}proxycommand=|\s-c\s+['\"]:?!|\bbegin\s{0,2}\{\s{0,2}system"
        rb"|import\s+(?:socket|pty)[;,]"
        rb"|pty\.spawn|\bdup2\(|socket\.socket\(.{0,60}connect|-e\s+/bin/(?:ba)?sh|TCPSocket\.(?:open|new)\("
        rb"|fsockopen\("
        rb"|new-object\s+(?:system\.)?net\.(?:webclient|sockets)|downloadstring\(|frombase64string\(|[;|\n]\s{0,4}&\s{0,4}\(\s{0,4}['\"$]|\|\s{0,4}(?:%|foreach(?:-object)?\s)\s{0,4}\{"
        rb"|\[(?:system\.)?(?:io\.(?:file|directory)|diagnostics\.process|reflection\.assembly|net\.dns)\]::|\biex\s?[($]"
        rb"|powershell(?:\.exe)?\s[^\n]{0,80}-e(?:nc|ncodedcommand|c)?\s+[A-Za-z0-9+/=]{16}",
    )
)
_CLOSED: Final = re.compile(rb"(['\"])\s*[;|&][^'\"]{1,200}\1\s*\Z")
_TELLING: Final = re.compile(rb"/etc/(?:passwd|shadow|hosts|group)|\s/[a-z]{1,6}$|https?://|[|<>`$]", re.I)
_COLUMNS: Final = re.compile(rb"(?:[A-Za-z_ ,;|&-]|\.\s|(?<=[A-Za-z]):(?=[A-Za-z ]))*")
_ALPHABETIC: Final = re.compile(rb"(?:^|[\s(\"'])[A-Za-z\x80-\xff]{2,}(?=[\s,.:;!?)]|$)")


def confirm(value: bytes, span: tuple[int, int]) -> Confidence | None:
    """How sure it is that `value` runs a command. None: it only talks of one.

    Bounded: at most `MOST` places are read, `LOOK` bytes each; they are taken around `span`.
    """
    document = is_document(value)
    if document:
        return _opening(value)
    if value[:1] in (b"'", b'"') and _CLOSED.match(value):
        value = value.rstrip()[:-1].rstrip()  # the app's own quote would end there what the last one opens
    near = max(0, span[0] - LOOK)
    loud = _UNMISTAKABLE.search(value[near : span[1] + LOOK].lower())
    if loud and prose_words(value, near + loud.start()) < 5:
        return Confidence.HIGH
    best: Confidence | None = None
    end = span[1] + LOOK
    if is_script(value):  # it breaks out of nothing after its first line
        if _within(value):
            return Confidence.HIGH
        end = min(end, value.find(b"\n", len(value) - len(value.lstrip())) + 1)
    for begin, behind in starts(value, max(near, shown_first(value)), end, MOST):
        found = _command(value, begin, behind)
        if found is Confidence.HIGH:
            return found
        best = best if found is None else found
    if _alone(value[:_LONG]):
        return Confidence.HIGH
    return best


def _opening(value: bytes) -> Confidence | None:
    """A document runs something only where it opens with a separator."""
    text = value[: LOOK * 2].lstrip(b"'\") \r\n\t")
    start = START.match(text)
    if start and start[0][:1] in b"&|" and not text[start.end() :].split(b"\n")[0].strip().count(b" "):
        return None  # a heading or a list
    if start and text[:3] != b"```" and _run(text, start.end(), start[0][:1], weak=True):
        return Confidence.HIGH
    return Confidence.HIGH if _within(value) else None


def _within(value: bytes) -> bool:
    """A text of many lines holds a whole command, behind plain words or in its first line."""
    for begin, behind in probes(value, _FAR, MOST * 4):
        if not begins_probe(value, begin, behind):
            continue
        # A sentence may begin on the line above.
        before = value[max(0, begin - 80) : begin].replace(b"\n", b" ")
        sentence = prose_words(before, len(before)) >= 4
        if (sentence or begin < 64) and whole_probe(value, begin, behind, sentence):
            return True
    return False


def _command(value: bytes, begin: int, end: int) -> Confidence | None:
    """Of a command at `end`, behind a separator at `begin` and prefixes."""
    opening = value[begin:end]
    mark = opening.lstrip()[:1] or b"\n"
    if mark == b";":
        entity = value.rfind(b"&", max(0, begin - 9), begin)
        if entity >= 0 and _ENTITY.fullmatch(value, entity, begin + 1):
            return None
        if tells_version(value, begin):
            return None
    if mark == b"&" and _ENTITY.match(value, begin) and value[begin : begin + 2] != b"&&":
        match = _ENTITY.match(value, begin)
        if match and match[0].endswith(b";"):
            return None
    before = value[max(0, begin - 160) : begin]
    if mark == b"`" and (
        value[begin + 1 : begin + 2] == b"`" or before.endswith(b"`") or value.find(b"`", begin + 1) < 0
    ):
        return None
    if mark in b"\r\n" or b"\n" in opening:
        said = value.count(b"\n") > 3 or b"\n" in before.strip() or before.strip().count(b" ") > 1
        if said and not (is_given(before) and whole_probe(value, begin, end, False)):
            return None
    if mark == b"|" and (in_table(value, begin) or in_pattern(value, begin)):
        return None
    if FENCE.match(value, begin):
        return None
    if mark in b"|&;" and in_span(value, begin):
        return None
    if mark == b"{" and not (BRACE.match(value, begin) and leads_group(before)):
        return None
    probe = begins_probe(value, begin, end)
    # The cheapest first: nearly all separators have no command behind them.
    if not probe and not _runs(value, begin, end, mark, weak=True):
        return None
    sentence = len(_ALPHABETIC.findall(before)) >= 4
    if probe and whole_probe(value, begin, end, sentence):
        return Confidence.HIGH
    strict = _doubtful(value, begin, mark, before)
    if (probe or strict) and not _runs(value, begin, end, mark, weak=not strict):
        return None
    if goes_on(value, end) and not has_subcommand(value, end):
        return None
    if begin and goes_on_with_tools(value, end):
        return None
    rest = value[end : end + LOOK]
    if sentence:
        return Confidence.HIGH if mark in b";|&\n" and SECRET.search(rest) else None
    if mark in b"`$" and before[-1:].isspace() and prose_words(value, begin):
        close = rest.find(b"`" if mark == b"`" else b")")
        if mark == b"`" or (close >= 0 and words_after(rest, close + 1) >= 2):  # code quoted in a sentence
            return None
    return Confidence.HIGH


def _doubtful(value: bytes, begin: int, mark: bytes, before: bytes) -> bool:
    """True where a separator before an everyday word is more likely a list, a URL or a sentence."""
    if in_loop(value, begin):
        return False
    double = value[begin : begin + 2] in (b"&&", b"||", b"$(")
    if double:
        return prose_words(value, begin) >= 4
    head = before.strip()
    if value[:1] == b"/" or _ADDRESS.match(value):  # segments and parameters stand for themselves
        head = re.split(rb"[/?=]", head)[-1]
    if not head or _OPTION.match(head):
        return False
    if plain(head) in _SURE_COMMANDS:
        return False
    if _NEVER_LISTED.match(value, begin) and not any(sign in head for sign in (b";", b"|", b",")):
        return False
    if _COMMAND_BEFORE.match(head) and _SURE_NEXT.match(value, begin):
        return False
    if mark == b"&" and (b"=" in before or b"://" in before):
        return True
    said = before.rpartition(b"/")[2] if value[:1] == b"/" else before
    if mark in b";&" and len(_ALPHABETIC.findall(said)) >= 2:
        return True
    return mark in b";|&" and len(head) > 1 and _COLUMNS.fullmatch(head) is not None


_OPTION: Final = re.compile(rb"--?[A-Za-z][\w-]{0,40}$")
_NEVER_LISTED: Final = re.compile(
    rb"[;|]{1,2}(?:ls\b\s*(?:$|[;|&#)])|[({!]{1,2}\s?[a-z]+\s?(?:[;)]|$))|[;|]{1,2}id\s*#"
)
"""What no list of columns holds, unlike "name;id"."""
_COMMAND_BEFORE: Final = re.compile(rb"(?:echo|cat|ls|ping|printf|expr)\s+[\w./-]+$")
_ADDRESS: Final = re.compile(rb"[a-z]{2,8}://", re.I)
_SURE_NEXT: Final = re.compile(rb"[;|&\s]+(?:id|whoami|ls|uname|cat|pwd|ifconfig|netstat)\b(?!\s+[a-z]+\s)")
_SURE_COMMANDS: Final = frozenset(
    b"whoami ifconfig ipconfig netstat uname systeminfo tasklist ls pwd id printenv lsof".split()
)


def _runs(value: bytes, begin: int, end: int, mark: bytes, weak: bool) -> bool:
    """Does a command begin behind the separator, or is one what looked like a prefix of it?"""
    if _run(value, end, mark, weak):
        return True
    plain = SEPARATOR.match(value, begin)
    return plain is not None and plain.end() != end and _run(value, plain.end(), mark, weak)


def _run(value: bytes, position: int, mark: bytes, weak: bool) -> bool:
    """Does a command begin at `position`? `weak` lets everyday words count with weaker arguments: no fewer count."""
    text = value[position : position + LOOK]
    if SHELL_VERBS.match(text):
        return True
    cut = CUT.search(text)
    raw = text[: cut.start()] if cut else text
    if not SECRET.search(raw):
        raw = TAG_ENDS.split(raw, maxsplit=1)[0]
    bare = _BARE_WORD.match(raw)
    if bare is not None and bare[1].lower() not in _NAMES and not SECRET_READ.search(raw):
        return False  # a word without any trick, and no command's
    apart = raw
    if b"<" in raw or b">" in raw:
        apart = b" ".join(_REDIRECTED.split(raw, maxsplit=1))
    words = words_of(apart)
    if not words:
        return False
    first = words[0]
    followed = cut is not None and cut[0] in b"\r\n" and bool(text[cut.end() :].strip())
    if does_nothing(mark, raw.strip(), followed):
        return False
    shown = name = plain(first)
    if name.endswith(b".exe"):
        name = name if name in COMMANDS else name[:-4]
    if b"$" in raw and _SHELL_VARIABLE.match(raw):
        return True
    if b"?" in name or b"*" in name or b"[" in name:
        return first.startswith(b"/") and bool(_GLOB.match(first)) and bool(len(words) > 1 or weak)
    takes = COMMANDS.get(name)
    if mark == b"$" and _FILE_READ.match(text):
        return True
    if name == b"." and len(words) > 1 and re.match(rb"[/.~$]+\w", words[1]):
        return True
    if mark == b"|" and only_filters(name, raw) and not value[:position].rstrip().endswith(b"||"):
        return False
    if name in RUNNERS and runs_another(words[1:]):
        return True
    if takes is None:
        if first[:3] == b"$'\\":
            return True
        if first[:1] == b"$" and (
            (len(words) > 1 and SECRET.search(words[1]))
            or is_own(value[max(position - LOOK, 0) : position], first)
        ):
            return True
        if SECRET_READ.search(raw):
            return True
        return bool(first[:1] == b"/" and re.match(rb"(?:/usr)?/(?:s?bin|tmp|var/tmp|dev/shm)/\w", first))
    if name == b"w" and not _NUMBERED.fullmatch(value[:position].strip(b" ;|&\n")):
        return False  # the last letter of a password
    if name in ABBREVIATIONS and first.isalpha() and not first.islower():
        return False  # an abbreviation, as Unix knows no such command
    disguised = shown != first.lower() or b"IFS" in raw
    if disguised and name not in WEAK:
        return True
    if _WRITES.search(raw):
        return True
    if Takes.FILE in takes and (SECRET.search(raw) or (disguised and SECRET.search(NOISE.sub(b"", raw)))):
        return True
    rest = raw[len(first) :] if len(words) == 1 else b""
    close = not value[position - 1 : position].isspace()
    if _leads(value, position) and _few_words(words, raw, close=close):
        return True
    if (
        close
        and name not in WEAK
        and Takes.FILE in takes
        and mark in b";|"
        and _few_words(words, raw, close=True)
    ):
        return True
    tight = Takes.WORDS in takes and len(words) == 2 and not value[position - 1 : position].isspace()
    return takes_enough(name, takes, words[1:], rest, value, position + len(raw), weak or disguised or tight)


_NUMBERED: Final = re.compile(rb"(?:\d{1,3}(?:\.\d{1,3}){3})?")
_NAMES: Final = frozenset({*COMMANDS, *RUNNERS})
_BARE_WORD: Final = re.compile(rb"\s*([A-Za-z][\w-]*+)(?=\s|$)")
_REDIRECTED: Final = re.compile(rb"(?<=[A-Za-z_'\"\\])(?=[<>])|(?<=\w\w)(?=[<>])")
_WRITES: Final = re.compile(rb">{1,2}\s{0,2}/(?:var|tmp|etc|home|usr|srv|opt|root|dev/shm)/\w")
_SHELL_VARIABLE: Final = re.compile(rb"\s*\$\{?(?:SHELL|BASH|0)(?:[#%:/][^}]{0,16})?\}?\s*(?:<<<|-[ic]\b)")
_FILE_READ: Final = re.compile(rb"\s{0,4}<\s{0,4}[\w/~.-]{1,64}\s{0,4}\)")


def _leads(value: bytes, position: int) -> bool:
    """Nothing but the separator stands before: no list, table or sentence begins so."""
    return value[:position].lstrip(b" '\")").rstrip(b" ") in (b";", b"&&", b"||")


_ARGUMENT: Final = re.compile(rb"[\w./=:@,+*-]{1,40}")


def _few_words(words: list[bytes], raw: bytes, *, close: bool) -> bool:
    """A command with one to three arguments that are no sentence: close to its separator, or with more than letters."""
    if not 2 <= len(words) <= 4 or len(raw) > 64 or not all(_ARGUMENT.fullmatch(word) for word in words[1:]):
        return False
    return close or any(len(word) == 1 or not word.isalpha() for word in words[1:])


_ALONE: Final = re.compile(
    rb"(?:(?:/usr)?/s?bin/|/\?{2,3}/|/b\?n/|(?:[a-z]:\\[\w\\ ]{0,40}\\)?cmd(?:\.exe)?\s+/|powershell|pwsh\s|%comspec%|\$\{IFS|bash\s+-"
    rb"|sh\s+-c|nc\s+-|wget\s+http|curl\s"
    rb"|(?:cat|tac|nl|less|more|head|tail|od|xxd)\s*[</$]|(?:head|tail|cat)\s+-|ping\s+-|chmod\s+(?:\+\w+|[0-7]{3,4})\s+[/~]|net1?(?:\.exe)?\s+(?:user|localgroup|group|view|share"
    rb"|accounts)\b|type\s+[%c]|ls\s+-|ls\s+/|uname\s+-|python\d?\s+-c|perl\s+-e|php\s+-r"
    rb"|rm\s+-|id$|whoami$|ifconfig$|ipconfig(?:\s+/all)?$|netstat\s+-|nslookup\s|ps\s+-|ps\s+aux"
    rb"|echo\s+[\w+/=]{8,}\s*\||ruby\s+-e"
    rb"|certutil\s|forfiles\s+/|%(?:systemroot|windir)%\\|wmic\s+\w+\s+(?:get|list|call)\b|bitsadmin\s|mshta\s|regsvr32\s|rundll32\s|systeminfo$|tasklist$|telnet\s+\d|socat\s|dig\s+[\w@]"
    rb"|dir\s+[a-z]:\\)",
    re.I,
)


_FORMAL: Final = re.compile(
    rb"(?:powershell|pwsh)(?:\.exe)?\s+-[a-z]{1,20}\s|wmic\s+\w+\s+(?:get|list|call)\s", re.I
)
"""Beginnings that no sentence has, whatever words follow."""
_DESTROYS: Final = re.compile(rb"(?:sudo\s+)?(?:rm|dd|chmod|chown|mkfs|del|wget|nc)\b", re.I)
_FLAGGED: Final = re.compile(rb"\s-[A-Za-z]{2,}\b|\s\(|\||https?://|[A-Za-z]:\\|\$")


def _alone(head: bytes) -> bool:
    """The whole value is a command line, as a parameter that an app hands to a shell would be."""
    text = head.strip()
    if len(text) > 240:
        return False
    if SHELL_VERBS.match(text) and _FLAGGED.search(text):
        return True
    if text[:1] in (b'"', b"`") or b"\n" in text:
        return False
    normal = NOISE.sub(b"", spaced(text))
    if not (_ALONE.match(normal) or _ALONE.match(text)):
        return False
    if NO_CODE.match(text) or LOGIN_SHELL.fullmatch(text):
        return False
    words = normal.split()
    if len(words) == 1 and normal.lower() in (b"id", b"whoami"):
        return False
    interpreter = _FORMAL.match(normal) or (
        words[1:2] and words[1][:2].lower() in (b"/c", b"/k", b"/r", b"-c") and words[0].lower() != b"ping"
    )
    if not interpreter and len(_ALPHABETIC.findall(b" ".join(words[1:]))) >= 3 and not _TELLING.search(text):
        return False  # a sentence that begins with a command's name
    if not has_subcommand(text, 0) and (
        goes_on(text, 0)
        or (
            not interpreter
            and not _DESTROYS.match(text)
            and not SECRET.search(text)
            and b"|" not in text
            and said_behind(text, 2)
        )
    ):
        return False  # one that goes on behind a command line
    return (bool(interpreter) or words_after(normal, 0) < 5) and _run(text, 0, b"", weak=True)
