"""Every odd byte at every place of a message: what is no part of the grammar there must not pass, in either direction.

The places are those where RFC 9110 and 9112 name other characters: so a reader that skips, trims or splits at one byte more than
they allow is found, whichever byte that is.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from tests.e2e.smuggling.request_cases import Case
from tests.e2e.smuggling.response_cases import POISON, Answer

ODD: Final = (
    b"\x00", b"\x01", b"\x08", b"\t", b"\n", b"\x0b", b"\x0c", b"\r", b"\x1a", b"\x1c", b"\x1f", b" ", b"\x7f", b"\x80", b"\x85",
    b"\xa0", b"\xad", b"\xff", b"\xe2\x80\xa8", b"\xef\xbb\xbf", b"\xc4\x8a", b"\xe5\x98\x8a",
)  # fmt: skip
"""Controls, blanks of several character sets, and characters whose last byte is a line feed to who keeps only that."""

_BLANK: Final = (b" ", b"\t")
_OBS: Final = tuple(odd for odd in ODD if odd[0] >= 0x80)
_NONE: Final[tuple[bytes, ...]] = ()

_CANARY: Final = b"GET /CANARY-TAGID HTTP/1.1\r\nHost: a\r\n\r\n"
_PLACES: Final[dict[str, tuple[bytes, tuple[bytes, ...]]]] = {
    # `@` is where the byte stands; the bytes that may.
    "before the method": (b"@GET /TAGID HTTP/1.1\r\nHost: a\r\n\r\n", _NONE),
    "in the method": (b"GE@T /TAGID HTTP/1.1\r\nHost: a\r\n\r\n", _NONE),
    "behind the method": (b"GET@ /TAGID HTTP/1.1\r\nHost: a\r\n\r\n", _NONE),
    "for the first space": (b"GET@/TAGID HTTP/1.1\r\nHost: a\r\n\r\n", (b" ",)),
    "before the target": (b"GET @/TAGID HTTP/1.1\r\nHost: a\r\n\r\n", _NONE),
    "in the path": (b"GET /TAGID/a@b HTTP/1.1\r\nHost: a\r\n\r\n", _NONE),
    "behind the path": (b"GET /TAGID@ HTTP/1.1\r\nHost: a\r\n\r\n", _NONE),
    "in the query": (b"GET /TAGID?a=b@c HTTP/1.1\r\nHost: a\r\n\r\n", _NONE),
    "for the second space": (b"GET /TAGID@HTTP/1.1\r\nHost: a\r\n\r\n", (b" ",)),
    "in the version": (b"GET /TAGID HTTP@/1.1\r\nHost: a\r\n\r\n", _NONE),
    "behind the version": (b"GET /TAGID HTTP/1.1@\r\nHost: a\r\n\r\n", _NONE),
    "within the first line's end": (b"GET /TAGID HTTP/1.1\r@\nHost: a\r\n\r\n", _NONE),
    "before a name": (b"GET /TAGID HTTP/1.1\r\nHost: a\r\n@X-A: b\r\n\r\n", _NONE),
    "before the first name": (b"GET /TAGID HTTP/1.1\r\n@Host: a\r\n\r\n", _NONE),
    "in a name": (b"GET /TAGID HTTP/1.1\r\nHost: a\r\nX-@A: b\r\n\r\n", _NONE),
    "behind a name": (b"GET /TAGID HTTP/1.1\r\nHost: a\r\nX-A@: b\r\n\r\n", _NONE),
    "before a value": (b"GET /TAGID HTTP/1.1\r\nHost: a\r\nX-A:@b\r\n\r\n", (*_BLANK, *_OBS)),
    "in a value": (b"GET /TAGID HTTP/1.1\r\nHost: a\r\nX-A: b@c\r\n\r\n", (*_BLANK, *_OBS)),
    "behind a value": (b"GET /TAGID HTTP/1.1\r\nHost: a\r\nX-A: b@\r\n\r\n", (*_BLANK, *_OBS)),
    "in a cookie": (b"GET /TAGID HTTP/1.1\r\nHost: a\r\nCookie: a=b@c\r\n\r\n", (*_BLANK, *_OBS)),
    "before the host": (b"GET /TAGID HTTP/1.1\r\nHost:@a\r\n\r\n", _BLANK),
    "in the host": (b"GET /TAGID HTTP/1.1\r\nHost: a@b\r\n\r\n", _NONE),
    "behind the host": (b"GET /TAGID HTTP/1.1\r\nHost: a@\r\n\r\n", _BLANK),
    "before the port": (b"GET /TAGID HTTP/1.1\r\nHost: a:@80\r\n\r\n", _NONE),
    "before a length": (b"POST /TAGID HTTP/1.1\r\nHost: a\r\nContent-Length:@1\r\n\r\nx", _BLANK),
    "in a length": (b"POST /TAGID HTTP/1.1\r\nHost: a\r\nContent-Length: 1@1\r\n\r\nxxxxxxxxxxx", _NONE),
    "behind a length": (b"POST /TAGID HTTP/1.1\r\nHost: a\r\nContent-Length: 1@\r\n\r\nx", _BLANK),
    "before a coding": (b"POST /TAGID HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:@chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n", _BLANK),
    "behind a coding": (b"POST /TAGID HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked@\r\n\r\n1\r\nx\r\n0\r\n\r\n", _BLANK),
    "in an option": (b"GET /TAGID HTTP/1.1\r\nHost: a\r\nConnection: keep@alive\r\n\r\n", _NONE),
    "within the head's end": (b"GET /TAGID HTTP/1.1\r\nHost: a\r\n@\r\n", _NONE),
    "before a chunk": (b"POST /TAGID HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n@1\r\nx\r\n0\r\n\r\n", _NONE),
    "behind a size": (b"POST /TAGID HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1@\r\nx\r\n0\r\n\r\n", _NONE),
    "in an extension": (b"POST /TAGID HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;a=b@c\r\nx\r\n0\r\n\r\n", _NONE),
    "in a quoted extension": (
        b'POST /TAGID HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;a="b@c"\r\nx\r\n0\r\n\r\n', (*_BLANK, *_OBS)
    ),
    "within a size's end": (b"POST /TAGID HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r@\nx\r\n0\r\n\r\n", _NONE),
    "behind a chunk": (b"POST /TAGID HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx@\r\n0\r\n\r\n", _NONE),
    "behind the last size": (b"POST /TAGID HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0@\r\n\r\n", _NONE),
    "in a trailer's name": (b"POST /TAGID HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nX-@T: u\r\n\r\n", _NONE),
    "behind a trailer's name": (b"POST /TAGID HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nX-T@: u\r\n\r\n", _NONE),
    "in a trailer": (b"POST /TAGID HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nX-T: u@v\r\n\r\n", (*_BLANK, *_OBS)),
    "before the body's end": (b"POST /TAGID HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n@\r\n", _NONE),
}  # fmt: skip


def odd_requests() -> Iterator[Case]:
    for place, (text, may) in _PLACES.items():
        for odd in ODD:
            data = text.replace(b"@", odd, 1)
            if odd in may:
                method, target = data.split(b" ", 2)[:2]
                body = b"x" if method == b"POST" else b""
                yield Case("odd bytes", f"{place} {odd!r}", data, ((method, target, body),), refused=False)
            else:
                yield Case("odd bytes", f"{place} {odd!r}", data + _CANARY)


_HELLO: Final = b"5\r\nhello\r\n0\r\n\r\n"
_ANSWER_PLACES: Final[dict[str, tuple[bytes, tuple[bytes, ...]]]] = {
    "before the version": (b"@HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", _NONE),
    "in the version": (b"HTTP/1@.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", _NONE),
    "for the first space": (b"HTTP/1.1@200 OK\r\nContent-Length: 5\r\n\r\nhello", (b" ",)),
    "before the status": (b"HTTP/1.1 @200 OK\r\nContent-Length: 5\r\n\r\nhello", _NONE),
    "in the status": (b"HTTP/1.1 20@0 OK\r\nContent-Length: 5\r\n\r\nhello", _NONE),
    "in the reason": (b"HTTP/1.1 200 O@K\r\nContent-Length: 5\r\n\r\nhello", (*_BLANK, *_OBS)),
    "within the first line's end": (b"HTTP/1.1 200 OK\r@\nContent-Length: 5\r\n\r\nhello", _NONE),
    "before a name": (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n@X-A: b\r\n\r\nhello", _NONE),
    "in a name": (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-@A: b\r\n\r\nhello", _NONE),
    "behind a name": (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A@: b\r\n\r\nhello", _NONE),
    "in a value": (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: b@c\r\n\r\nhello", (*_BLANK, *_OBS)),
    "in a cookie": (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nSet-Cookie: a=b@c\r\n\r\nhello", (*_BLANK, *_OBS)),
    "in a location": (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nLocation: /b@c\r\n\r\nhello", (*_BLANK, *_OBS)),
    "before a length": (b"HTTP/1.1 200 OK\r\nContent-Length:@5\r\n\r\nhello", _BLANK),
    "behind a length": (b"HTTP/1.1 200 OK\r\nContent-Length: 5@\r\n\r\nhello", _BLANK),
    "before a coding": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding:@chunked\r\n\r\n" + _HELLO, _BLANK),
    "behind a coding": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked@\r\n\r\n" + _HELLO, _BLANK),
    "within the head's end": (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n@\r\nhello", _NONE),
}  # fmt: skip
_CHUNK_PLACES: Final[dict[str, tuple[bytes, tuple[bytes, ...]]]] = {
    "before a chunk": (b"@5\r\nhello\r\n0\r\n\r\n", _NONE),
    "behind a size": (b"5@\r\nhello\r\n0\r\n\r\n", _NONE),
    "in an extension": (b"5;a=b@c\r\nhello\r\n0\r\n\r\n", _NONE),
    "within a size's end": (b"5\r@\nhello\r\n0\r\n\r\n", _NONE),
    "behind a chunk": (b"5\r\nhello@\r\n0\r\n\r\n", _NONE),
    "behind the last size": (b"5\r\nhello\r\n0@\r\n\r\n", _NONE),
    "in a trailer's name": (b"5\r\nhello\r\n0\r\nX-@T: u\r\n\r\n", _NONE),
    "in a trailer": (b"5\r\nhello\r\n0\r\nX-T: u@v\r\n\r\n", (*_BLANK, *_OBS)),
    "before the body's end": (b"5\r\nhello\r\n0\r\n@\r\n", _NONE),
}  # fmt: skip


def odd_answers() -> Iterator[Answer]:
    """A third of the bytes at each place, at the next place the next third: each of these cases has a server of its own."""
    for turn, (place, (text, may)) in enumerate(_ANSWER_PLACES.items()):
        for odd in ODD[turn % 3 :: 3]:
            data = text.replace(b"@", odd, 1)
            if odd in may:
                yield Answer("odd bytes", f"{place} {odd!r}", (data,), 200, b"hello", reused=True)
            else:
                yield Answer("odd bytes", f"{place} {odd!r}", (data + POISON,))
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    for turn, (place, (text, may)) in enumerate(_CHUNK_PLACES.items()):
        for odd in ODD[turn % 3 :: 3]:
            data = chunked + text.replace(b"@", odd, 1)
            if odd in may:
                yield Answer("odd bytes", f"{place} {odd!r}", (data,), 200, b"hello", reused=True)
            else:
                yield Answer("odd bytes", f"{place} {odd!r}", (data + POISON,), None)
