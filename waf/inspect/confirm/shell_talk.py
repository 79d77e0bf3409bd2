"""Is a command line talked of, or does what stands in it run nothing that could do harm?

Owns what tells a command that somebody writes about from one that is run, where the grammar of shells alone does not:
the sentence that goes on behind it, the table it stands in, the filter that reads nothing but its pipe, the developer's
tool that the text begins with. Knows no command's arguments; see `shell.py`.
"""

from __future__ import annotations

import re
from typing import Final

from waf.inspect.confirm.guarded import Guarded
from waf.inspect.confirm.shape import prose_words

_LOOK: Final = 256
_LINE_MAX: Final = 2048

SECRET: Final = Guarded(
    re.compile(rb"/etc/(?:passwd|shadow|hosts|group|issue)|/proc/(?:self|version)|win\.ini|boot\.ini", re.I)
)
"""Files whose name alone says that a command is meant."""

FENCE: Final = re.compile(
    rb"\s{0,8}`(?:``)?(?:bash|sh|zsh|fish|python3?|ruby|perl|php|node|java|lua|make|git|diff|mysql|mongo|awk|sed|powershell|cmd|groovy|vim"
    rb"|expect|jq|docker)[ \t]*(?:\r?\n|$)"
)
"""What opens a block of code in Markdown; the languages are programs that do nothing without arguments."""
NO_CODE: Final = re.compile(rb"(?:python\d?|perl|ruby|node|php)\s+-[cer](?:,|\s+[a-z]+(?:[\s,.?!]|$)|$)")
"""Options of interpreters that are talked of: what follows is a word, or nothing."""
LOGIN_SHELL: Final = re.compile(
    rb"/(?:usr/(?:local/)?)?s?bin/(?:(?:ba|z|da|k|mk|c|tc|fi)?sh|nologin|false|true|python[23]?(?:\.\d{1,2})?|perl|ruby|node|php)"
)
"""What accounts and programs have for a shell or an interpreter: with no arguments and no script it does nothing."""
TAG_ENDS: Final = re.compile(rb"</(?:code|pre|kbd|samp|tt|span|a|b|i|em|strong|p|li|td|div|h\d)>")
"""Closing tags, which only look like redirections."""

BRACE: Final = re.compile(rb"\{(?:[\s\x00({!]|[^\s{}]*(?:[,}]|IFS)|[^{}]*;\s*\})")
"""A group wants a blank behind its brace, a list commas between its words."""

_HARM: Final = re.compile(
    rb"/dev/(?:tcp|udp|shm)|/tmp/|(?<!\w)/(?:usr/)?s?bin/|\$\(|`|<\(|https?://|ftp://|\d+\.\d+\.\d+\.\d+|\bbase64\b|(?<![-\w])rm\s+-|\beval\b"
    rb"|\bchmod\b|\bnc\b|>\s*/",
    re.I,
)
_NAMES: Final = re.compile(rb"\w\.\w|[*~$<>\\^]|''|\"\"|(?<!\w)/|\w/\w")
_PLAIN_WORD: Final = re.compile(rb"[\"(]?[A-Za-z\x80-\xff][A-Za-z\x80-\xff'-]*[,.:;!?)\"]{0,2}")
_LINE: Final = re.compile(rb"[^\r\n]*")
_QUOTES: Final = re.compile(rb"['\"]")


def goes_on(value: bytes, start: int) -> bool:
    """Behind the command at `start` its line goes on as a sentence: four plain words in a row, or three at the end.

    Never where it names a file or an address, or runs something: there a sentence may be a disguise.
    """
    line = _LINE.match(value, start, start + _LOOK)
    text = line[0] if line else b""
    return not (_NAMES.search(text) or _HARM.search(text)) and said_behind(text, 3)


def said_behind(text: bytes, ending: int) -> bool:
    """Four plain words in a row, or `ending` of them at the end, stand behind the first word and the last quote.

    A question has two of them anywhere.
    """
    *_, quote = (0, *(match.end() for match in _QUOTES.finditer(text)))
    words = text[quote:].split()
    row = plain = 0
    for word in words[1:] if quote == 0 else words:
        row = row + 1 if _PLAIN_WORD.fullmatch(word) else 0
        plain += row > 0
        if row >= 4:
            return True
    return row >= ending or (row > 0 and plain >= 2 and text.rstrip().endswith(b"?"))


_LED_LOOP: Final = re.compile(rb"[\s'\")]{0,4}[;&|\n]{1,2}\s{0,4}(?:while|until|for|if)\s")
_LOOP_BODY: Final = re.compile(rb"[;\s]+(?:do|then)\s")
_LOOP_END: Final = re.compile(rb"[;\s](?:done|fi)(?:\W|$)")


def in_loop(value: bytes, begin: int) -> bool:
    """The separator at `begin` opens the body of a loop or condition which the value, behind one of its own, begins with."""
    if _LED_LOOP.match(value) is None or _LOOP_BODY.match(value, begin) is None:
        return False
    return _LOOP_END.search(value, begin, begin + _LINE_MAX) is not None


def in_table(value: bytes, position: int) -> bool:
    """The bar at `position` stands in a table as Markdown has them: a line that ends with a bar, then one that begins so.

    A shell refuses such lines whole, as no command stands between the two bars. A line that only begins with a bar
    is refused, too.
    """
    start = value.rfind(b"\n", max(0, position - _LINE_MAX), position) + 1
    before = value[max(0, start - _LOOK) : start].rstrip()
    if value[start : start + _LOOK].lstrip()[:1] == b"|" and before and before[-1:] not in b"\\^":
        return True  # but for these, which join two lines
    end = value.find(b"\n", position, position + _LINE_MAX)
    ends_with_bar = value[max(start, end - _LOOK) : max(end, 0)].rstrip().endswith(b"|")
    return ends_with_bar and value[end : end + _LOOK].lstrip()[:1] == b"|"


_VERSION: Final = re.compile(rb";\s?[\w-]{1,32}[ /]\d{1,3}(?:\.\d{1,5}){0,2}[\w+~-]{0,24}\s?[;)]")
_PRODUCT: Final = re.compile(rb"[\w.-]{1,40}/[\w.+~-]{1,40}\s\(")


def tells_version(value: bytes, begin: int) -> bool:
    """The semicolon at `begin` stands in the comment of a User-Agent, before a product and its version: "; cURL 8.5;"."""
    return _VERSION.match(value, begin) is not None and _PRODUCT.match(value) is not None


_BUILT: Final = (
    rb"rm\s+-rf?\s+(?:\./)?(?:node_modules|dist|build|target|coverage|__pycache__|\.next|\.cache|venv|\.venv)/?"
    rb"(?=\s*(?:$|[;&|<)`])|[ \t]*\r?\n)"
    rb"|rm\s+-rf?\s+(?:/var/(?:lib/apt/lists|cache/(?:apk|yum|dnf|apt/archives))/\*|/root/\.(?:cache|npm)(?:/pip)?)(?:[ \t]+/(?:var/)?tmp/\*){0,2}"
    rb"(?=\s*(?:$|[;&|<)`])|[ \t]*\r?\n)"
)
_REBUILDS: Final = re.compile(_BUILT)
_COMPARES: Final = re.compile(
    rb"where\s+(?:not\s+)?[\w.@]{1,64}\s*(?:[=!<>]=?|=~|!~|\s(?:like|rlike|in|contains|has|has_any|startswith"
    rb"|endswith|matches|is|not|between)\b)",
    re.I,
)
_SWITCHES: Final = re.compile(rb"set(?:\s+[-+][a-z]{1,6})+(?:\s+pipefail)?\s*$")
_COMPLETES: Final = re.compile(rb"compgen\s(?!.*-[CF]).*(?:-W|\s--\s)", re.S)
_SETTING: Final = re.compile(
    rb"(?:pip3?|npm|gem|git|apt|docker|kubectl|aws|gcloud|make|java|php|python3?|ruby|node|mysql|psql|time|date|id|users"
    rb"|groups|hostname|path)\s+=(?:\s|$)"
)
_SCHEME: Final = re.compile(rb"(?:git|svn|hg|bzr|ssh|mysql|mongodb|redis|pip)\+[a-z0-9]+://")
_FIELDS: Final = re.compile(rb"print\s+\$(?:\d|NF)")  # the program of awk
_NET: Final = re.compile(
    rb"net\s?<\s?\d{1,6}\s*(?:[a-z]|days?|euro?s?|kg)?\W*\Z", re.I
)  # a command that would tell its usage
_IDLE: Final = (
    (_NET, b"nN"), (_SWITCHES, b"s"), (_REBUILDS, b"r"), (_COMPLETES, b"c"), (_SETTING, b"pngadkmjrtihu"), (_SCHEME, b"gshbmrp"), (_FIELDS, b"p"),
)  # fmt: skip
"""With what each may begin with."""
_MAKE_VARIABLE: Final = re.compile(
    rb"(?:CHMOD|CP|MV|RM|MKDIR|ECHO|INSTALL|SED|AWK|GREP|LN|PERL|PYTHON3?|TOUCH|TAR|FIND|CAT|SORT|CC|MAKE|CURL|GIT)$"
)
_GROUP: Final = re.compile(rb"\(\?[:=!<iP][^'\";&]*\Z")
_IN_TEMPLATE: Final = re.compile(
    rb"\|\s*(?:(?:printf|print|date)\b[^/|;&`$]{0,80}|(?:sort|split|join|uniq|last|head)\b[^/|;&`$.A-Za-z]{0,40})"
    rb"(?:\}\}|\|(?!\s*(?:[a-z]{0,3}sh|python\d?|perl|ruby|php|node|tee|xargs)\b))"
)


_BY_FIRST: Final = {
    bytes([byte]): tuple(one for one, first in _IDLE if byte in first)
    for byte in frozenset(b"".join(first for _, first in _IDLE))
}


def does_nothing(mark: bytes, command: bytes, followed: bool) -> bool:
    """The simple command changes and tells nothing, or is none: settings of the shell, what is built anew, "name = value".

    And comparisons of search languages behind a bar, completions, URLs with two schemes, variables of Make, "more <50".
    `followed`: another line comes behind it.
    """
    if b"<" in command and not followed and mark in (b"&", b";", b"|") and _counts(command):
        return True
    if mark == b"|" and _COMPARES.match(command):
        return True
    if mark == b"$" and _MAKE_VARIABLE.match(command):
        return True
    return any(one.match(command) for one in _BY_FIRST.get(command[:1], ()))


def in_pattern(value: bytes, position: int) -> bool:
    """The bar at `position` parts a group of a regular expression, or names a filter of a template that only formats."""
    before = value[max(0, position - _LOOK) : position]
    group = _GROUP.search(before)
    if group is not None and before.count(b")", group.start()) < before.count(b"(", group.start()):
        return b")" in value[position : position + _LOOK]
    return before.rfind(b"{{") > before.rfind(b"}}") and _IN_TEMPLATE.match(value, position) is not None


_FILTERS: Final = frozenset(
    b"grep egrep fgrep sort uniq wc head tail cut tr awk column less more rev nl fmt".split()
)
_READS: Final = re.compile(rb"[/~*?<>`]|\$[({A-Za-z]|(?:^|\s)\.|\w\.\w|\bsystem\b|\bgetline\b|\s--\w|\s-o")
_RECURSIVE: Final = re.compile(rb"\s-\w*[rRf]")


def only_filters(name: bytes, command: bytes) -> bool:
    """Behind a bar: a filter that names no file, so that it reads what it is given and prints it."""
    if name not in _FILTERS or _READS.search(command):
        return False
    if name == b"awk" and (command.count(b"{") != command.count(b"}") or b'"' in command):
        return False
    return not (name.endswith(b"grep") and _RECURSIVE.search(command))


_FEWER: Final = re.compile(rb"(?<![<&\d])< ?\d{1,6}(?=[\s\"')]|\Z)")
_FIRST_WORD: Final = re.compile(rb"[a-z]+(?=[\s<])")


def _counts(command: bytes) -> bool:
    """Fewer than so many, as shoppers search: to a shell the name of a file, which a filter would print at worst."""
    name = _FIRST_WORD.match(command)
    if b" -" in command:
        return False  # an option
    fewer = _FEWER.sub(b"", command, count=1)
    return name is not None and fewer != command and only_filters(name[0], fewer)


_TOOL: Final = re.compile(
    rb"\s*(?:\$\s+)?(?:sudo\s+)?(?:(?:git|npm|npx|yarn|pnpm|pip3?|docker(?:-compose)?|podman|kubectl|helm|make|cargo"
    rb"|go|mvn|gradle|\./(?:gradlew|mvnw|configure)|composer|bundle|rails|rake|brew|apt(?:-get)?|yum|dnf|apk"
    rb"|systemctl|conda|poetry|terraform|ansible[\w-]*|cmake|virtualenv|mkdir|tar|unzip|tsc|node)\s+-{0,2}[a-z]"
    rb"|tsc\b|" + _BUILT + rb"|python3?\s+(?:-m\s|[\w/]+\.py\b)|php\s+artisan\s|(?:cd|vim?|nano)\s+[~\w./-])"
)


_STEP: Final = re.compile(rb"\s*(?:source\s+[~\w]|export\s+\w|pwd\b|python3?\s+[\w/]+\.py\b)")


# Commands by which one learns whether commands run, fetches something, or destroys: each whole, with all of its words.
_PROBE: Final = re.compile(
    rb"(?:(?:/usr)?/s?bin/)?(?:"
    rb"(?P<word>id|ls|dir)|whoami(?:\s+/\w+)?|uname(?:\s+-\w+)?|ifconfig|ipconfig(?:\s+/all)?|systeminfo|tasklist|printenv"
    rb"|ls(?:\s+-\w+)+(?:\s+[\w/.~*-]+)?|ls\s+[/.~]\S*|id\s+-\w|ps\s+(?:-\w+|aux\w*)|netstat\s+-\w+|dir\s+[a-zA-Z]:\\\S*"
    rb"|(?P<wait>sleep\s+\d{1,4}(?:\.\d+)?)(?=\s*\)|[\s;|&)]*(?:$|[#'\"]))|ping\s+(?:-\w\s*\d+\s+)?[\w-]+(?:\.[\w-]+)+|nslookup\s+\S+\.\S+"
    rb"|(?:wget|curl)(?:\s+-\S+){0,4}\s+(?:https?://\S+|[\w-]+(?:\.[\w-]+)+\S*)(?:\s+-O\s*\S+)?"
    rb"|nc(?:at)?(?:\s+-\S+){0,3}\s+[\w.-]+\s+\d{1,5}(?:\s+-[ec]\s+\S+)?|rm\s+-\w+\s+[\w-]*[/~*.$]\S*|net\s+users?"
    rb"|(?:cat|tac|type|xxd|strings)\s+(?:/\S+|[a-zA-Z]:\\\S+|(?:\.\./)+\S+|%\w+%\S*)"
    rb"|(?:cat|tac|nl|head|tail|base64|xxd|strings)\s+(?:[\w-]{1,40}/){0,4}[\w-]{0,40}\.(?:php\d?|env|ini|conf|key|pem|sql|htaccess)"
    rb"|(?:ba|z|da|k)?sh\s+-i|crontab\s+-[lr]|chmod\s+(?:-R\s+)?[0-7]{3,4}\s+\S+"
    rb")\s*(?:$|[;|&#)\r\n'\"])"
    rb"|(?P<code>(?:(?:ba|z|da|k)?sh|python\d?|perl|ruby|php|node)\s+-[cer]\s+['\"]|(?:powershell|pwsh)(?:\.exe)?\s+-[a-z])"
)
_SPAN: Final = re.compile(rb"\s*`([^`\r\n]{1,400})`(?=[\s,.:;!?)]|\xe2\x80)")


_SPANS: Final = re.compile(rb"`[^`\r\n]{1,200}`")
_STEPS: Final = re.compile(rb"(?:\A|[;|&(])\s*(?:(?:sudo|exec|nohup|time|command|then|do|[{!])\s+)*+")
_REACHES: Final = re.compile(
    rb"(?:curl|wget|lynx|busybox|ssh|scp|s?ftp|tftp|telnet|nc|ncat|socat|s?mail|sendmail|(?:ba|da|z|k)?sh|env|reboot|shutdown|halt"
    rb"|poweroff|shred|mkfs[.\w]*|dd|crontab|killall)(?=[\s;|&)]|\Z)"
    rb"|(?:cat|tac|nl|head|tail|less|more|grep|base64|xxd|strings|mail)\s[^;|&]*(?<!\w)\.(?:env|ssh|aws|htpasswd|netrc|pgpass)\b"
)
"""A step that fetches, sends, hands on to a shell, tells all settings or ends the machine, whatever its arguments."""


def _harmless(span: bytes) -> bool:
    """No step of the command line asks the machine, names its files, reaches out or destroys."""
    if SECRET.search(span) or _HARM.search(span):
        return False
    ends = (step.end() for step in _STEPS.finditer(span))
    return not any(_PROBE.match(span, end) or _REACHES.match(span, end) for end in ends)


def shown_first(value: bytes) -> int:
    """Where the code ends that the value begins with in backticks, and then goes on to speak about; 0: nowhere.

    As behind words, where backticks show code too. Not what asks the machine, names its files or reaches out.
    """
    span = _SPAN.match(value)
    if span is None or not _harmless(span[1]):
        return 0
    line = _LINE.match(value, span.end(), span.end() + _LOOK)
    said = b". " + _SPANS.sub(b"", line[0]) if line else b""
    return span.end() if said_behind(said, 2) else 0


def in_span(value: bytes, begin: int) -> bool:
    """The separator at `begin` stands in code that a text shows in backticks, behind words on the same line."""
    start = value.rfind(b"\n", max(0, begin - _LOOK), begin) + 1
    start = max(start, begin - _LOOK)
    if value.count(b"`", start, begin) % 2 == 0:
        return False
    opened = value.rfind(b"`", start, begin)
    closed = value.find(b"`", begin, begin + _LOOK)
    if closed < 0 or not value[opened - 1 : opened].isspace() or not prose_words(value, opened):
        return False
    span = value[opened + 1 : closed]
    return b"\n" not in span and _harmless(span)


_ENUMERATES: Final = re.compile(rb"[,;:|/&]")


def begins_probe(value: bytes, begin: int, start: int) -> bool:
    """Whether `whole_probe` may be true, whatever is a sentence."""
    if value[begin : begin + 1] == b"`" or _REBUILDS.match(value, start, start + _LOOK):
        return False
    return _PROBE.match(value, start, start + _LOOK) is not None


def whole_probe(value: bytes, begin: int, start: int, sentence: bool) -> bool:
    """Behind the separator at `begin` stands a command at `start`, whole, whatever follows its end.

    A sentence around a working payload is no reason to let it act. Not so in backticks, which is how text shows code.
    Words that name columns and headings, too, are commands only behind a `sentence` which does not enumerate.
    """
    mark = value[begin : begin + 1]
    probe = None if mark == b"`" else _PROBE.match(value, start, start + _LOOK)
    if probe is None:
        return False
    if probe["code"] is not None:  # whatever follows are its arguments
        return True
    if probe["wait"] is not None and sentence and value[start - 1 : start].isspace() and mark in b";&":
        # Cottages "sleep 6", too: a sign that ends the command tells them apart, or two that begin it.
        return value[begin : begin + 2] == b"&&" or value[probe.end("wait") :].strip() != b""
    if mark == b"$":
        return value[probe.end() - 1 : probe.end()] == b")" and value[probe.end() : probe.end() + 1] != b"."
    if probe["word"] is None:
        return True
    if not sentence:
        return not value[:begin].strip()
    lists = _ENUMERATES.search(value, max(0, begin - _LOOK), begin) is not None
    return not lists and mark in b";|&" and (mark != b"&" or value[begin : begin + 2] == b"&&")


_ASKED: Final = re.compile(rb"[A-Z][a-z']+[ \t]+(?:[a-z']+[ \t]+){0,5}?(?=rm -rf |[a-z]+ [a-z-])")
"""How a sentence begins."""


def goes_on_with_tools(value: bytes, start: int) -> bool:
    """A line of a developer's terminal: one tool at its beginning, and a harmless step of the same kind at `start`."""
    step, head = value[start : start + _LOOK], value[: start - 2]
    if not (_TOOL.match(step) or _STEP.match(step)):
        return False
    if _TOOL.match(head) is None:  # it may be asked about, or shown within a text
        asked = _ASKED.match(head)
        shown = max(head.rfind(b"`"), head.rfind(b">"), head.rfind(b"RUN ") + 3) + 1
        head = head[asked.end() if asked else shown :]
        if _TOOL.match(head) is None:
            return False
    texts = [_REBUILDS.sub(b"", text) for text in (head, step)]
    return not any(pattern.search(text) for pattern in (SECRET, _HARM, _HANDED) for text in texts)


_HANDED: Final = re.compile(
    rb"\s--(?:checkpoint-action|to-command|use-compress-program|upload-pack|receive-pack|execute|eval|index-url|registry)\b"
    rb"|\bgit\s+-c\s|\s--call\b|\bnode\s+-[ep]|\bhttp\.server\b"
)
"""By which tools run what they are handed, or take it from elsewhere."""
