"""One simple command taken apart: its words as the shell sees them, and whether its arguments make it a command.

Owns unquoting and expansion of words, and the judgement on arguments by the tables of `shell_words.py`. Does not know where
in a value the command stands; `shell.py` does.
"""

from __future__ import annotations

import re
from typing import Final

from waf.inspect.confirm.shell_words import COMMANDS, FINDERS, SUBCOMMANDS, WEAK, WITH_OBJECT, Takes

_LOOK: Final = 256

NOISE: Final = re.compile(
    rb"['\"^]|\\(?![\\ ])|\$[@*!?-]|\$\{[@*!]\}|\$\(\)|``|\$[a-z]{1,2}(?=[/\s\w]|$)|\$\{\w{1,8}\}(?=\w)"
)
_BLANK: Final = re.compile(rb"\$\{?IFS\}?(?:\$?\d|\$@|,|%\?\?)?|\$IFS\S?|%ProgramFiles:~10,1%|\+(?=[-/\w])")
_PATHS: Final = re.compile(
    rb"(?:/usr)?(?:/local)?/s?bin/|[a-z]:[\\/]windows[\\/]system32[\\/]|%(?:windir"
    rb"|systemroot)%\\?(?:system32\\)?|\./",
    re.I,
)

_FLAG: Final = re.compile(rb"--?[A-Za-z?]|/[A-Za-z?](?:$|:)")
_FILE: Final = re.compile(
    rb"[/~.$*?<\\]|[A-Za-z]:[\\/]|[\w-]+(?:/[\w.*?-]+)+$|[\w*?-]+\.(?:[a-z0-9]{1,5}|\*)$|%\w+%|\d?>|-$", re.I
)
_DRIVE: Final = re.compile(rb"[A-Za-z]:[\\/]?$|[A-Za-z]:[\\/]\S")
_HOST: Final = re.compile(
    rb"(?:[a-z]{2,6}:)?//|[\w-]+(?:\.[\w-]+)+(?:[/:]|$)|\d+(?:\.\d+){1,3}|localhost\b|0x[0-9a-f]{6}|\$|[`<]"
    rb"|(?:addr|a)$",
    re.I,
)
_CODE: Final = re.compile(
    rb"-[a-zA-Z]*[ceirSdB]\b|--eval|-m$|[\w./*-]+\.(?:py|pl|rb|php|js|sh|jar|lua|class)$|<|['\"(]|\$|/", re.I
)
_LAST: Final = re.compile(rb"\s*(?:$|[;|&)`#'\"\r\n<>,}]|//|-[\w-])")


def spaced(text: bytes) -> bytes:
    """With blanks for what expands to them."""
    return _BLANK.sub(b" ", text) if b"$" in text or b"+" in text or b"%" in text else text


def words_of(text: bytes) -> list[bytes]:
    """The words of one simple command, as the shell or cmd.exe would see them."""
    text = spaced(text)
    braced = text.strip()
    if b"," in braced and b" " not in braced and braced.endswith(b"}"):
        text = braced[:-1].replace(b",", b" ")
    words = text.split()[:12]
    for number, word in enumerate(words):
        if number and word[:1] == b"#":  # a comment
            return words[:number]
    return words


def plain(word: bytes) -> bytes:
    """A command's name without its directory, quotes and what expands to nothing, in lower case."""
    if word.isalnum():
        return word.lower()
    for _ in range(2):  # the directories may be what is in disguise
        match = _PATHS.match(word)
        if match:
            word = word[match.end() :]
            break
        word = NOISE.sub(b"", word)
    return NOISE.sub(b"", word).lower()


def has_subcommand(value: bytes, position: int) -> bool:
    """The first two words belong together as no sentence has them ("wmic process", "net user")."""
    words = value[position : position + _LOOK].split(None, 2)
    named = SUBCOMMANDS.get(plain(words[0])) if len(words) > 1 else None
    return named is not None and named.match(words[1]) is not None


def runs_another(arguments: list[bytes]) -> bool:
    """Behind `timeout 3`, `env A=b` and the like stands a command that is no word of everyday language, or "id", or one
    with a path, a number or a flag behind it."""
    for number, argument in enumerate(arguments[:4]):
        if argument[:1] == b"-" or argument[:1].isdigit() or b"=" in argument:
            continue
        name = plain(argument)
        if name not in COMMANDS:
            return False
        behind = arguments[number + 1 : number + 2]
        return (
            name not in WEAK
            or name == b"id"
            or any(one[:1] in (b"/", b"-", b"$") or one.isdigit() for one in behind)
        )
    return False


def takes_enough(
    name: bytes,
    takes: frozenset[Takes],
    arguments: list[bytes],
    rest: bytes,
    value: bytes,
    end: int,
    weak: bool,
) -> bool:
    """Whether `arguments` make the word `name` a command.

    `rest` follows a word without arguments, `end` is where the command ends in `value`. `weak`: everyday words count
    with weaker arguments, as the place before them is one where nothing else is likely.
    """
    everyday = name in WEAK
    first = arguments[0] if arguments else b""
    if name in FINDERS and weak and len(arguments) == 1 and first in COMMANDS and first not in WEAK:
        return True
    named = SUBCOMMANDS.get(name)
    if named is not None and first and named.match(first.strip(b"'\"")):
        if name in WITH_OBJECT and len(arguments) < 2:
            return False
        return weak or not everyday or len(arguments) < 3 or any(a[:1] in b"/-" for a in arguments)
    if Takes.ANYTHING in takes:
        return len(arguments) < 2 or any(
            _FLAG.match(a) or _FILE.match(a) or _HOST.match(a) for a in arguments[:3]
        )
    if not arguments:
        if Takes.NOTHING not in takes or not _LAST.match(value[end : end + 4] or b""):
            return bool(
                len(name) > 3
                and Takes.FILE in takes
                and weak
                and not everyday
                and value[end : end + 1] in (b"", b"|")
            )
        return weak or not everyday
    if everyday and not weak and len(arguments) > 3:
        return False
    if Takes.NOTHING in takes and re.match(rb"-[\w-]|aux|[<>#]|\d?>|/\w(?:$|/)|//", first):
        return True
    bare = first.strip(b"'\"")
    if Takes.FILE in takes and (
        _FLAG.match(first) or any(_FILE.match(a.strip(b"'\"")) for a in arguments[:3])
    ):
        return weak or not everyday or len(arguments) < 3
    if Takes.HOST in takes and (
        _FLAG.match(first) or any(_HOST.match(a.strip(b"'\"")) for a in arguments[:4])
    ):
        return weak or not everyday
    if Takes.NUMBER in takes and re.match(rb"-?\d+(?:\.\d+)?[smh]?$|\$|-[A-Z]", bare):
        return (
            len(arguments) == 1
            or arguments[1][:1] in (b"#", b"-", b">", b"<", b"2")
            or (
                name == b"kill"
                and all(re.fullmatch(rb"-?\w{0,7}\d{1,7}|-[A-Z]{2,8}", one) for one in arguments)
            )
        )
    if Takes.CODE in takes and any(_CODE.match(a) for a in arguments[:2]):
        return True
    if Takes.WORDS in takes:
        return len(arguments) <= 4 and weak
    if Takes.NOTHING in takes and name in (b"ls", b"dir", b"ps"):
        return bool(_DRIVE.match(bare) or (weak and _FILE.match(bare)))
    return False


def is_own(before: bytes, word: bytes) -> bool:
    """The word is a variable that the value itself has set."""
    variable = _VARIABLE.match(word)
    return variable is not None and _has_set(before, variable[1])


def _has_set(before: bytes, name: bytes) -> bool:
    return any(match[1] == name for match in _ASSIGNMENT.finditer(before[-_LOOK:]))


_VARIABLE: Final = re.compile(rb"\$\{?([A-Za-z_]\w{0,16})")
_ASSIGNMENT: Final = re.compile(rb"(?:^|[;&|\s])([A-Za-z_]\w{0,16})=(?=[^\s;&|]{1,64}(?:[;&\n]|$))")
