"""Where in a text a shell may begin a command, but for the places that need no closer look.

Owns the expressions for separators, and what tells at a glance that no command stands behind one: a word that no table has,
without any of the signs by which words are put in disguise. Nearly all separators are such. See `shell.py` for the rest.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Final

from waf.inspect.confirm.shape import has_times
from waf.inspect.confirm.shell_words import COMMANDS, RUNNERS
from waf.inspect.native import SHELL

Place = tuple[int, int]
"""Where a separator begins, and where the word behind it, and behind prefixes that leave it a command, does."""

LOOK: Final = 256
"""Bytes of a command that are read, …"""
MOST: Final = 24
"""… and places around a match that are judged."""
_SCRIPT: Final = 3
"""Ends of lines from which on a value is a script, of which less is judged, …"""
_BEGINNING: Final = 64 * 1024  # … where so many bytes have them

START: Final = re.compile(
    rb"(?:\$\(|<\(|>\(|`|\|\|?&?|&&?|;+|\r?\n|\r|\{(?=[\s\w/$'\"]))[\s\x00(!{]*(?:(?:then|do|else|if|while"
    rb"|time|exec"
    rb"|eval|nohup|sudo|command|builtin|env|@|call|start(?:\s/\w)?)[\s(]+|\d?[<>]{1,2}\s?[\w/.&-]{1,64}\s+"
    rb"|[A-Za-z_]\w{0,16}=[\w/.:'\"$-]{0,64}[;\s]+){0,3}",
    re.I,
)
"""A separator or the opening of a substitution, with prefixes that leave the next word a command."""

SEPARATOR: Final = re.compile(rb"(?:[$<>]\(|[`|&;\r\n{]){1,64}+[\s\x00(!{]*")
CUT: Final = re.compile(rb"[;|`\r\n)]|&(?!\d)|$")
SECRET_READ: Final = re.compile(rb"<\s{0,4}/etc/(?:passwd|shadow|group)")

_PROBES: Final = frozenset(
    b"id ls dir whoami uname ifconfig ipconfig systeminfo tasklist printenv ps netstat sleep ping nslookup wget curl nc "
    b"ncat rm net cat tac nl head tail base64 crontab chmod type xxd strings sh bash zsh dash ksh python perl ruby php node powershell pwsh".split()
).union(b"python%d" % number for number in range(10))
"""What `shell_talk.begins_probe` looks for begins with one of these, or with a directory of programs."""
_WORDS: Final = frozenset({*COMMANDS, *RUNNERS, *_PROBES, b"for"})
_VERBS: Final = frozenset(
    b"iex invoke- new- start- get- set- add- out- remove- copy- convertto- select- test-".split()
)
"""How the commands of PowerShell in `SHELL_VERBS` begin."""

_TOKEN: Final = re.compile(rb"[\w.-]*")
_VERB: Final = re.compile(rb"[A-Za-z0-9_]*")
_ENDS: Final = b" \t\n\r\f\v;|`)&<>#+"
_DISGUISES: Final = b"'\"^$\\"


def is_idle(value: bytes, position: int, substituted: bool) -> bool:
    """No command stands at `position`, as is plain from what its first word begins with.

    False says nothing. Where none of the signs that a shell, or `plain`, takes out of a word came before, one that is in no
    command's name settles it, whatever follows. `substituted`: "$(" stands before.
    """
    text = value[position : position + LOOK]
    token = _TOKEN.match(text)
    assert token is not None  # nothing is enough
    word, end = token[0].lower(), token.end()
    sign, behind = text[end : end + 1], text[end + 1 : end + 2]
    if not end and (sign in (b"+", b"/", b"%") or (sign == b"<" and substituted)):
        return False
    if text[:1] == b"." or (sign and sign in _DISGUISES) or (sign == b"%" and behind == b"P"):
        return False
    if end == 1 and sign == b":" and behind and behind in b"\\/":  # a drive
        return False
    verb = _VERB.match(word)
    assert verb is not None
    if verb[0] in _VERBS or word[: verb.end() + 1] in _VERBS:
        return False
    known = word in _WORDS or (word.endswith(b".exe") and word[:-4] in _WORDS)
    if known and (not sign or sign in _ENDS):
        return False
    cut = CUT.search(text)
    raw = text[: cut.start()] if cut else text
    return not (sign == b"," and b"}" in raw) and not SECRET_READ.search(raw)


_NESTED: Final = b"$(" * 3


def find_starts(value: bytes, begin: int, end: int, most: int) -> list[Place]:
    """Of the first `most` places within the bounds where a command may begin those that are not idle. Those that have substitutions
    within substitutions there are none: what is in these is judged.

    In C: `starts` in `waf/_shell.c`.
    """
    matches = START.finditer(value, begin, end)
    return [
        match.span()
        for match in islice((one for one in matches if not value.startswith(_NESTED, one.end())), most)
        if not _all_idle(value, match.start(), match.end())
    ]


def _all_idle(value: bytes, begin: int, end: int) -> bool:
    substituted = value[begin : begin + 1] == b"$"
    if not is_idle(value, end, substituted):
        return False
    plain = SEPARATOR.match(value, begin)  # where what looked like a prefix begins
    return plain is None or plain.end() == end or is_idle(value, plain.end(), substituted)


_SEPARATES: Final = re.compile(rb"(?:;|\|\|?|&&?|\$\()[ \t]*(?=[a-z/])")


def find_probes(value: bytes, end: int, most: int) -> Iterator[Place]:
    """The same for whole commands by which one learns whether commands run. In C: `probes` in `waf/_shell.c`."""
    for match in islice(_SEPARATES.finditer(value, 0, end), most):
        position = match.end()
        word = _VERB.match(value, position)
        assert word is not None
        if word[0] in _PROBES or value.startswith((b"/bin/", b"/sbin/", b"/usr/"), position):
            yield match.span()


def _starts_in_c(value: bytes, begin: int, end: int, most: int) -> list[Place]:
    assert SHELL is not None
    found: list[Place] = SHELL.starts(value, begin, end, most, _WORDS, _VERBS)
    return found


def _probes_in_c(value: bytes, end: int, most: int) -> Iterable[Place]:
    assert SHELL is not None
    found: list[Place] = SHELL.probes(value, end, most, _PROBES)
    return found


starts: Final[Callable[[bytes, int, int, int], list[Place]]] = find_starts if SHELL is None else _starts_in_c
probes: Final[Callable[[bytes, int, int], Iterable[Place]]] = find_probes if SHELL is None else _probes_in_c


_FILLED: Final = re.compile(rb"\n(?:\s++|[#:]\s){0,64}+(?=\S)")


def is_script(value: bytes, ends: int = _SCRIPT) -> bool:
    """It has several lines: what it is made part of is no one line either. Of what is longer the beginning tells.

    Lines that run nothing are none, so that nobody makes a script of his command by blank ones.
    """
    if not has_times(value, b"\n", ends, _BEGINNING):
        return False
    text = value[:_BEGINNING].strip()  # so that each run of blanks ends, and none is read again
    return sum(1 for _ in islice(_FILLED.finditer(text), ends)) == ends


_GIVEN: Final = re.compile(
    rb"\s*+(?:(?:-[\w=-]*+|[a-z_.:/-]*+\d[\w.:/-]*+)(?:\s++|\Z))++(?:[#:](?:\s++|\Z))*+\Z", re.I
)


def is_given(before: bytes) -> bool:
    """What stands there are options, numbers and addresses, as a command is given them, and nothing that anybody says."""
    return _GIVEN.match(before) is not None


def places(value: bytes, end: int) -> int:
    """So many places `shell.confirm` reads around a match that ends there; with a brace behind any word it is done sooner, so four count as
    one. Of a script it reads few, and its lines besides.
    """
    if is_script(value):
        return 1 + min(len(value), 8 * LOOK) // LOOK
    found = starts(value, max(0, end - LOOK), end + LOOK, MOST)
    braces = sum(
        value[begin] == _BRACE and not leads_group(value[max(begin - LOOK, 0) : begin]) for begin, _ in found
    )
    return len(found) - braces + braces // 4


_BRACE: Final = ord("{")


_LEADING: Final = re.compile(rb"\b(?:then|do|else|time)\Z")


def leads_group(before: bytes) -> bool:
    """Behind any other word a brace is an argument, as it is behind the condition of another language."""
    stripped = before.rstrip()
    if not stripped or stripped[-1] in b";|&(`{'\"=" or b"\n" in before[len(stripped) :]:
        return True
    return _LEADING.search(stripped, max(len(stripped) - 5, 0)) is not None
