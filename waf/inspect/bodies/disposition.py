"""Content-Disposition of a multipart part, read raw: what names a part, and in how many ways.

Owns the grammar (RFC 7578 section 4.2, RFC 6266, RFC 5987) and the list of what parsers read differently. The value
is bytes as they stood on the wire.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from waf.inspect.native import unpercent

_PARAMETER: Final = re.compile(
    rb"[ \t]*;[ \t]*(?:([!#$%&'+.^_`|~0-9A-Za-z-]+\*?)[ \t]*(=)[ \t]*"
    rb'(?:"((?:[^"\\]++|\\.)*+)"|([^\s";]*)))?',
    re.S,
)
_PLAIN: Final = re.compile(rb'form-data; name="([^"\\\0]*+)"(?:; filename="([^"\\\0]*+)")?')
"""As every client writes it: nothing in it is ambiguous."""
_KIND: Final = re.compile(rb"[ \t]*([!#$%&'*+.^_`|~0-9A-Za-z-]+)")


class Disposition(msgspec.Struct, frozen=True):
    """`kind` in lower case ("form-data"); `name` and `filename` None where absent. `trick` says what is ambiguous."""

    kind: bytes
    name: bytes | None = None
    filename: bytes | None = None
    trick: str = ""


def parse_disposition(value: bytes) -> Disposition:
    """Never raises. Of doubles the first counts; that there are doubles is the trick."""
    plain = _PLAIN.fullmatch(value)
    if plain is not None:
        return Disposition(b"form-data", plain[1], plain[2])
    kind = _KIND.match(value)
    if kind is None:
        return Disposition(b"", trick="no disposition type")
    found: dict[bytes, bytes] = {}
    trick = ""
    position = kind.end()
    while position < len(value):
        match = _PARAMETER.match(value, position)
        if match is None or match.end() == position:
            trick = trick or "parameters that do not follow the grammar"
            break
        position = match.end()
        if not match[1]:
            continue
        key = match[1].lower()
        quoted, token = match[3], match[4]
        if key in found:
            trick = f"{_label(key)} is given twice"
            continue
        if quoted is not None and b'\\"' in quoted and b"name" in quoted.lower():
            trick = "an escaped quote before another name"
        if token is not None and (not token or b"=" in token):
            trick = f"{_label(key)} is not quoted"
        found[key] = _unescaped(quoted) if quoted is not None else token
    name, filename = found.get(b"name"), found.get(b"filename")
    if b"name*" in found:
        trick = "the name is given in extended notation"
        name = name if name is not None else _extended(found[b"name*"])
    if b"filename*" in found:
        extended = _extended(found[b"filename*"])
        # Some clients send both, the plain one with what does not fit into ASCII replaced.
        if filename is not None and filename != extended and _extension(filename) != _extension(extended):
            trick = "two file names of different kinds"
        filename = extended if filename is None else filename
    if any(key.startswith((b"name*0", b"filename*0", b"name*1", b"filename*1")) for key in found):
        trick = "a name in pieces"
    if any(b"\0" in part for part in found.values()):
        trick = "a null byte in a name"
    return Disposition(kind[1].lower(), name, filename, trick)


def _unescaped(quoted: bytes) -> bytes:
    """Browsers escape the quote alone; a backslash before anything else belongs to an old Windows path."""
    return quoted.replace(b'\\"', b'"')


def _extended(value: bytes) -> bytes:
    """charset'language'percent-encoded (RFC 5987 section 3.2); UTF-8 is taken for granted."""
    return unpercent(value.rpartition(b"'")[2])


def _extension(name: bytes) -> bytes:
    return name.rpartition(b".")[2].lower()


def _label(key: bytes) -> str:
    return (
        "the file name"
        if key.startswith(b"filename")
        else "the name"
        if key.startswith(b"name")
        else "a parameter"
    )
