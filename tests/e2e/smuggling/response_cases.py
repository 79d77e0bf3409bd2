"""Answers of an app that a client could take for something else, by class, and honest ones that look unusual.

`GONE` as the last piece closes the app's connection, `RESET` resets it; else it stays open.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from dataclasses import dataclass

from tests.e2e.smuggling.request_cases import DISGUISES, SIZES

POISON = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"
PAUSE = b"<pause>"
GONE = b"<gone>"
RESET = b"<reset>"


@dataclass(frozen=True)
class Answer:
    """`status` and `body` are what the client must get; None for a status: nothing that it could take for whole.
    `reused`: the app's connection may serve the next request; False: it must not."""

    kind: str
    name: str
    pieces: tuple[bytes, ...]
    status: int | None = 502
    body: bytes | None = None
    request: bytes = b"GET /TAGID HTTP/1.1\r\nHost: a\r\n\r\n"
    reused: bool = False


def head(*lines: bytes, start: bytes = b"HTTP/1.1 200 OK") -> bytes:
    return b"".join(line + b"\r\n" for line in (start, *lines)) + b"\r\n"


TE = b"Transfer-Encoding: chunked"
HEAD = b"HEAD /TAGID HTTP/1.1\r\nHost: a\r\n\r\n"
OLD = b"GET /TAGID HTTP/1.0\r\nHost: a\r\n\r\n"
CHUNKS = b"5\r\nhello\r\n0\r\n\r\n"


def mixed() -> Iterator[Answer]:
    for lines in (
        (b"Content-Length: 5", TE), (TE, b"Content-Length: 5"), (b"Content-Length: 5", b"Content-Length: 5"),
        (b"Content-Length: 5", b"Content-Length: 50"), (b"Content-Length: 5, 5",), (b"Content-Length: +5",),
        (b"Content-Length: -5",), (b"Content-Length: 0x5",), (b"Content-Length: 5 5",), (b"Content-Length: five",),
        (b"Content-Length:",), (b"Content-Length: 5;",), (b"Content-Length: 05",), (b"Content-Length : 5",),
        (b" Content-Length: 5",), (b"X: y\r\n Content-Length: 5",), (b"Content-Length: 5\x00",), (b"Content-Length: 5.0",),
        (b"Content-Length: 99999999999999999999",), (b"X: y\nContent-Length: 5",), (b"X: y\rContent-Length: 5",),
        (b"X: \x00", b"Content-Length: 5"), (b"X: \x1b[0m", b"Content-Length: 5"), (b"X y: z", b"Content-Length: 5"),
        (b": z", b"Content-Length: 5"), (b"X\xe9: z", b"Content-Length: 5"), (b"X: a\r\n b", b"Content-Length: 5"),
        (b"no colon", b"Content-Length: 5"), (b"X: \x7f", b"Content-Length: 5"), (b"X: a\x0bb", b"Content-Length: 5"),
        (b"Location: /a", b"Location: /b", b"Content-Length: 5"), (b"Connection: content-length", b"Content-Length: 5"),
        (b"Connection: close\x00", b"Content-Length: 5"), (b"Connection: a b", b"Content-Length: 5"),
        (b"Content-Type: a/b", b"Content-Type: text/html", b"Content-Length: 5"), (b"X: " + b"a" * 70000, b"Content-Length: 5"),
        tuple(b"X-%d: a" % i for i in range(200)), (b"Content-Length: 5\r", b"X: y"), (b"\tX: y", b"Content-Length: 5"),
        (b"Set-Cookie: a=b\nX: y", b"Content-Length: 5"), (b"Set-Cookie: a=b\rX: y", b"Content-Length: 5"),
    ):  # fmt: skip
        yield Answer("framing", repr(lines)[:70], (head(*lines) + b"hello" + POISON,))
    for disguise in DISGUISES:
        if disguise.lower().startswith((b"transfer_", b"transfer.", b"transfer~")):
            continue  # no client maps names to variables
        yield Answer("transfer codings", repr(disguise), (head(disguise) + CHUNKS + POISON,))
        yield Answer(
            "transfer codings",
            f"with CL {disguise!r}",
            (head(b"Content-Length: 5", disguise) + CHUNKS + POISON,),
        )
    yield Answer("framing", "TE in 1.0", (head(TE, start=b"HTTP/1.0 200 OK") + CHUNKS, GONE))
    for start in (
        b"HTTP/1.1 20 OK", b"HTTP/1.1 2000 OK", b"HTTP/1.1 OK", b"HTTP/1.1", b"HTTP/1.1  200 OK", b"HTTP/1.1 200\tOK",
        b"HTTP/1.1 +20 OK", b"HTTP/1.1 2x0 OK", b"HTTP/1.1 000 OK", b"HTTP/1.1 099 OK", b"HTTP/1.1 600 X", b"HTTP/1.1 999 X",
        b"HTTP/1.1 -200 OK", b"HTTP/2 200", b"HTTP/2.0 200 OK", b"HTTP/1.2 200 OK", b"HTTP/0.9 200 OK", b"http/1.1 200 OK",
        b"HTTP/1.1\t200 OK", b"ICY 200 OK", b"HTTPS/1.1 200 OK", b" HTTP/1.1 200 OK", b"HTTP /1.1 200 OK", b"HTTP/1,1 200 OK",
        b"HTTP/1.1 200 O\x00K", b"HTTP/1.1 200 OK\r", b"HTTP/1.1 200 \x1b", b"HTTP/11 200 OK", b"HTTP/1.1 \xb2\xb2\xb2 OK",
        b"HTTP/1.1 200OK", b"\xef\xbb\xbfHTTP/1.1 200 OK", b"<html>hi</html>", b"SSH-2.0-OpenSSH", b"GET / HTTP/1.1", b"",
        b"\x00\x00\x12\x04\x00\x00\x00\x00\x00", b"\x15\x03\x01\x00\x02\x02\x46", b"220 mail ESMTP", b"X" * 200, b"HTTP/1.1 200 OK\n",
    ):  # fmt: skip
        yield Answer(
            "status lines", repr(start)[:60], (head(b"Content-Length: 5", start=start) + b"hello" + POISON,)
        )
    for name, data in {
        "LF only": b"HTTP/1.1 200 OK\nContent-Length: 5\n\nhello", "LF ends the head": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\nhello",
        "LF after the status line": b"HTTP/1.1 200 OK\nContent-Length: 5\r\n\r\nhello", "CR only": b"HTTP/1.1 200 OK\rContent-Length: 5\r\rhello",
        "blank line first": b"\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "blank lines first": b"\r\n\r\n" + POISON,
        "garbage first": b"xx" + POISON, "NUL first": b"\x00" + POISON, "a body first": b"hello" + POISON,
        "fold first": b"HTTP/1.1 200 OK\r\n X: y\r\nContent-Length: 5\r\n\r\nhello", "head without end": b"HTTP/1.1 200 OK\r\nX: " + b"a" * 70000,
        "white space line": b"HTTP/1.1 200 OK\r\n \r\nContent-Length: 5\r\n\r\nhello",
    }.items():  # fmt: skip
        yield Answer("line ends", name, (data,))
        yield Answer(
            "line ends", f"slowly {name}", (*[data[i : i + 1] for i in range(min(len(data), 60))], data[60:])
        )
    interim = b"HTTP/1.1 100 Continue\r\n\r\n"
    for name, pieces in {
        "flood of 100": (interim * 200 + POISON,), "flood of 103": (b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 50 + POISON,),
        "101 unasked": (b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n" + POISON,),
        "101 bare": (b"HTTP/1.1 101 X\r\n\r\n" + POISON,), "100 with a body": (b"HTTP/1.1 100 Continue\r\nContent-Length: 5\r\n\r\nhello" + POISON,),
        "103 chunked": (head(TE, start=b"HTTP/1.1 103 X") + CHUNKS + POISON,), "only 100": (interim, GONE), "only 103": (interim, RESET),
        "204 with a length": (head(b"Content-Length: 5", start=b"HTTP/1.1 204 No Content") + b"hello",),
        "204 chunked": (head(TE, start=b"HTTP/1.1 204 No Content") + CHUNKS,), "100 then garbage": (interim + b"garbage\r\n\r\n",),
        "nothing, closed": (GONE,), "nothing, reset": (RESET,), "half a head, closed": (b"HTTP/1.1 200 OK\r\nX: y\r\n", GONE),
        "half a status line, closed": (b"HTTP/1.", GONE), "half a head, reset": (b"HTTP/1.1 200 OK\r\nX: y\r\n", RESET),
    }.items():  # fmt: skip
        yield Answer("interim and bodiless", name, pieces)
    for size in SIZES:
        if size not in (b"5e", b"0o1"):
            chunked = size + b"\r\nhello\r\n0\r\n\r\n"
            yield Answer("chunk size", repr(size[:40]), (head(TE) + chunked + POISON,), None)
    for name, body in {
        "LF after the size": b"5\nhello\r\n0\r\n\r\n", "LF after the data": b"5\r\nhello\n0\r\n\r\n", "no end": b"5\r\nhello0\r\n\r\n",
        "bytes after the data": b"5\r\nhelloXX0\r\n\r\n", "LF ends": b"5\r\nhello\r\n0\n\n", "trailer framing": b"0\r\nContent-Length: 5\r\n\r\n",
        "trailer cookie": b"5\r\nhello\r\n0\r\nSet-Cookie: a=b\r\n\r\n", "trailer malformed": b"5\r\nhello\r\n0\r\nX y\r\n\r\n",
        "an answer for a chunk": b"5\r\nhello\r\n" + POISON, "blank line first": b"\r\n5\r\nhello\r\n0\r\n\r\n",
        "trailer without end": b"5\r\nhello\r\n0\r\nX-A: " + b"a" * 9000,
    }.items():  # fmt: skip
        yield Answer("chunks", name, (head(TE) + body,), None)
        yield Answer("chunks", f"late, {name}", (head(TE) + b"1\r\nx\r\n", PAUSE, body + POISON), None)
    for ending, name in ((GONE, "closed"), (RESET, "reset")):
        yield Answer("cut", f"length, {name}", (head(b"Content-Length: 50") + b"hello", ending), None)
        yield Answer("cut", f"length, no byte, {name}", (head(b"Content-Length: 50"), ending), None)
        yield Answer(
            "cut", f"length late, {name}", (head(b"Content-Length: 50"), PAUSE, b"hello", PAUSE, ending), None
        )
        yield Answer("cut", f"chunked, {name}", (head(TE) + b"5\r\nhello\r\n", ending), None)
        yield Answer("cut", f"within a chunk, {name}", (head(TE) + b"5\r\nhe", ending), None)
        yield Answer(
            "cut", f"before the last chunk's end, {name}", (head(TE) + b"5\r\nhello\r\n0\r\n", ending), None
        )
        yield Answer("cut", f"chunked late, {name}", (head(TE) + b"5\r\nhello\r\n", PAUSE, ending), None)
        yield Answer(
            "cut", f"chunked to 1.0, {name}", (head(TE) + b"5\r\nhello\r\n", PAUSE, ending), None, request=OLD
        )
    yield Answer("cut", "until close, reset", (head() + b"hello", PAUSE, RESET), None)


def beyond() -> Iterator[Answer]:
    """Whole answers with something after them: they pass, what follows reaches nobody."""
    hello = head(b"Content-Length: 5") + b"hello"
    for name, pieces in {
        "an answer": (hello + POISON,), "an answer in a piece of its own": (hello, POISON), "garbage": (hello + b"garbage",),
        "a late answer": (hello, PAUSE, POISON), "CRLF": (hello + b"\r\n",), "NUL": (hello + b"\x00",),
        "an answer after chunks": (head(TE) + CHUNKS + POISON,), "a late answer after chunks": (head(TE) + CHUNKS, PAUSE, POISON),
        "an interim answer": (hello + b"HTTP/1.1 100 Continue\r\n\r\n",), "a longer body": (hello + b"hello hello",),
    }.items():  # fmt: skip
        yield Answer("beyond the end", name, pieces, 200, b"hello")
    for name, start, request in (
        ("HEAD", b"HTTP/1.1 200 OK", HEAD), ("304", b"HTTP/1.1 304 Not Modified", None), ("204", b"HTTP/1.1 204 No Content", None)
    ):  # fmt: skip
        more = {} if request is None else {"request": request}
        status = int(start[9:12])
        for body in (b"hello", POISON, CHUNKS):
            yield Answer(
                "bodiless", f"{name} and {body[:9]!r}", (head(start=start) + body,), status, b"", **more
            )
            yield Answer(
                "bodiless", f"{name}, then {body[:9]!r}", (head(start=start), body), status, b"", **more
            )
            if status != 204:
                lines = (b"Content-Length: %d" % len(body),)
                yield Answer(
                    "bodiless",
                    f"{name}, length, {body[:9]!r}",
                    (head(*lines, start=start) + body,),
                    status,
                    b"",
                    **more,
                )
                yield Answer("bodiless", f"{name}, length, then {body[:9]!r}",
                             (head(*lines, start=start), PAUSE, body), status, b"", **more)  # fmt: skip
                yield Answer(
                    "bodiless",
                    f"{name}, chunked, then {body[:9]!r}",
                    (head(TE, start=start), body),
                    status,
                    b"",
                    **more,
                )


def honest() -> Iterator[Answer]:
    for name, start in {
        "empty reason": b"HTTP/1.1 200 ", "no reason": b"HTTP/1.1 200", "long reason": b"HTTP/1.1 200 " + b"Very Well " * 9,
        "UTF-8 reason": b"HTTP/1.1 200 \xc3\x96k", "404": b"HTTP/1.1 404 Not Found", "500": b"HTTP/1.1 500 Oops",
        "418": b"HTTP/1.1 418 I'm a teapot", "299": b"HTTP/1.1 299 X", "599": b"HTTP/1.1 599 X", "1.0": b"HTTP/1.0 200 OK",
    }.items():  # fmt: skip
        status = int(start[9:12])
        yield Answer("ordinary", name, (head(b"Content-Length: 5", start=start) + b"hello",), status, b"hello",
                     reused=b"1.0" not in start)  # fmt: skip
    for name, lines in {
        "many cookies": tuple(b"Set-Cookie: c%d=v; Path=/; HttpOnly; SameSite=Lax" % i for i in range(30)), "no type": (),
        "obs-text": (b"X-Name: J\xf6rg", b"Content-Disposition: attachment; filename=\"\xc3\xa4.txt\""), "empty value": (b"X-E:", b"X-F: "),
        "no space": (b"Server:x",), "twice Server": (b"Server: a", b"Server: b", b"Vary: a", b"Vary: b", b"Date: x", b"Date: y"),
        "underscores": (b"X_Runtime: 1", b"content_type: a"), "keep-alive": (b"Connection: keep-alive", b"Keep-Alive: timeout=5, max=100"),
        "long CSP": (b"Content-Security-Policy: " + b"default-src 'self' https://a.example; " * 200,), "tab": (b"X-A: a\tb",),
        "HTML": (b"Content-Type: text/html; charset=utf-8",), "JSON": (b"Content-Type: application/json",), "wrong type": (b"Content-Type: zzz",),
        "Upgrade offered": (b"Connection: Upgrade", b"Upgrade: h2,h2c"), "Trailer": (b"Trailer: X-T",), "Alt-Svc": (b'Alt-Svc: h3=":443"',),
    }.items():  # fmt: skip
        yield Answer(
            "ordinary", name, (head(b"Content-Length: 5", *lines) + b"hello",), 200, b"hello", reused=True
        )
    zipped = gzip.compress(b"hello", mtime=0)
    slow = tuple(head(b"Content-Length: 5")[i : i + 1] for i in range(len(head(b"Content-Length: 5"))))
    for name, pieces, body in (
        ("chunked", (head(TE) + CHUNKS,), b"hello"), ("chunked in capitals", (head(b"TRANSFER-ENCODING:  Chunked") + CHUNKS,), b"hello"),
        ("trailers", (head(TE) + b"5;a=b\r\nhello\r\n0\r\nX-T: u\r\n\r\n",), b"hello"), ("empty chunked", (head(TE) + b"0\r\n\r\n",), b""),
        ("slow chunks", (head(TE) + b"5\r\nhel", PAUSE, b"lo\r\n", PAUSE, b"0\r\n\r", b"\n"), b"hello"),
        ("gzip", (head(b"Content-Encoding: gzip", b"Content-Length: %d" % len(zipped)) + zipped,), None),
        ("early hints", (b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n", head(b"Content-Length: 5") + b"hello"), b"hello"),
        ("100 first", (b"HTTP/1.1 100 Continue\r\n\r\n" + head(b"Content-Length: 5") + b"hello",), b"hello"),
        ("empty", (head(b"Content-Length: 0"),), b""), ("slow length", (head(b"Content-Length: 5") + b"he", PAUSE, b"llo"), b"hello"),
        ("byte by byte", (*slow, b"hello"), b"hello"),
    ):  # fmt: skip
        yield Answer("ordinary", name, pieces, 200, body, reused=True)
    for start, name in ((b"HTTP/1.0 200 OK", "1.0"), (b"HTTP/1.1 200 OK", "1.1")):
        yield Answer("ordinary", f"until close, {name}", (head(start=start) + b"hello", GONE), 200, b"hello")
        yield Answer(
            "ordinary",
            f"until close, slowly, {name}",
            (head(start=start), PAUSE, b"hel", PAUSE, b"lo", GONE),
            200,
            b"hello",
        )
        yield Answer(
            "ordinary",
            f"closes, {name}",
            (head(b"Connection: close", b"Content-Length: 5", start=start) + b"hello", GONE),
            200,
            b"hello",
        )
    yield Answer(
        "ordinary",
        "304 with ETag",
        (head(b'ETag: "a"', start=b"HTTP/1.1 304 Not Modified"),),
        304,
        b"",
        reused=True,
    )
    yield Answer(
        "ordinary",
        "304 with a length",
        (head(b"Content-Length: 5", start=b"HTTP/1.1 304 Not Modified"),),
        304,
        b"",
    )
    yield Answer("ordinary", "204", (head(start=b"HTTP/1.1 204 No Content"),), 204, b"", reused=True)
    yield Answer(
        "ordinary",
        "204 with length 0",
        (head(b"Content-Length: 0", start=b"HTTP/1.1 204 No Content"),),
        204,
        b"",
        reused=True,
    )
    yield Answer("ordinary", "HEAD with a length", (head(b"Content-Length: 5"),), 200, b"", request=HEAD)
    yield Answer("ordinary", "HEAD chunked", (head(TE),), 200, b"", request=HEAD)
    yield Answer("ordinary", "HEAD without a length", (head(),), 200, b"", request=HEAD, reused=True)
    yield Answer(
        "ordinary",
        "302",
        (head(b"Location: /x?y=z", b"Content-Length: 0", start=b"HTTP/1.1 302 Found"),),
        302,
        b"",
        reused=True,
    )


def all_answers() -> list[Answer]:
    return [*mixed(), *beyond(), *honest()]
