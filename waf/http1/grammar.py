"""The grammar of heads, field lines and chunk lines as compiled regular expressions (RFC 9110, 9112, 3986).

Every repetition is possessive: after a byte was taken by one part of the grammar no other part may claim it,
so matching is linear and a message has at most one reading. What stands here is the whole of what is
accepted.
"""

from __future__ import annotations

import re
from typing import Final

TOKEN: Final = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]"
VALUE: Final = rb"[\t\x20-\x7e\x80-\xff]"
PATH: Final = rb"(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/]++|%[0-9A-Fa-f]{2})"
# Browsers send these raw in a query (WHATWG URL, query state) and no server gives them a meaning of its own.
QUERY: Final = rb"(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/?\[\]{}|^`]++|%[0-9A-Fa-f]{2})"

_FIELDS: Final = rb"(?:" + TOKEN + rb"++:" + VALUE + rb"*+\r\n)*+\r\n\Z"

REQUEST: Final = re.compile(
    rb"(?:\r\n)?+"
    rb"([A-Z]{1,24}+) "  # 1 method
    rb"(\*|"  # 2 target
    rb"(?:[Hh][Tt][Tt][Pp][Ss]?+://([A-Za-z0-9\-._:\[\]]++))?+"  # 3 authority
    rb"((?:/" + PATH + rb"*+)?+)"  # 4 path
    rb"(?:\?(" + QUERY + rb"*+))?+"  # 5 query
    rb") HTTP/1\.([01])\r\n()" + _FIELDS  # 6 minor, 7 where the fields begin
)
RESPONSE: Final = re.compile(
    rb"HTTP/1\.([01]) "  # 1 minor
    rb"([1-5][0-9]{2})"  # 2 status
    rb"(?: (" + VALUE + rb"*+))?+\r\n()" + _FIELDS  # 3 reason, 4 where the fields begin
)

LENGTH: Final = re.compile(rb"(?:0|[1-9][0-9]{0,14})\Z")
"""Content-Length. No leading zeros: some readers take them for octal."""

WEBSOCKET_KEY: Final = re.compile(rb"[A-Za-z0-9+/]{22}==\Z")
"""Sec-WebSocket-Key: 16 bytes in Base64 (RFC 6455 4.2.1)."""

OPTIONS: Final = re.compile(
    rb"(?:[\t ]*+(?:" + TOKEN + rb"++[\t ]*+)?+,)*+[\t ]*+(?:" + TOKEN + rb"++[\t ]*+)?+\Z"
)
"""Connection: a list of tokens, empty elements allowed (RFC 9110 5.6.1.2)."""

_QUOTED: Final = rb'"(?:[\t \x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t\x20-\x7e\x80-\xff])*+"'
CHUNK_LINE: Final = re.compile(
    rb"([0-9A-Fa-f]{1,8}+)((?:;" + TOKEN + rb"++(?:=(?:" + TOKEN + rb"++|" + _QUOTED + rb"))?+)*+)\r\n"
)
"""Chunk size and extensions. Without the grammar's "bad white space", which some readers take and some
do not."""

CHUNK_LINE_PREFIX: Final = re.compile(rb"[0-9A-Fa-f]{1,8}+(?:\r|;[\t\x20-\x7e\x80-\xff]*+\r?+)?+\Z")
"""What may still become a chunk line."""

_TRAILER_LINES: Final = rb"(?:" + TOKEN + rb"++:" + VALUE + rb"*+\r\n)*+"
TRAILERS: Final = re.compile(_TRAILER_LINES + rb"\r\n\Z")
TRAILERS_PREFIX: Final = re.compile(
    _TRAILER_LINES + rb"(?:\r|" + TOKEN + rb"++(?::" + VALUE + rb"*+\r?+)?+)?+\Z"
)
"""What may still become a trailer section."""
