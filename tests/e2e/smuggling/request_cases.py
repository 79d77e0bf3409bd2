"""Requests that two servers may read differently, by class, and ordinary ones that look unusual.

`TAGID` in the bytes becomes a target of the case's own; `CANARY-TAGID` marks a request that nobody but a confused
reader can see: it must never become a request line at the app.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

CANARY = b"GET /CANARY-TAGID HTTP/1.1\r\nHost: a\r\n\r\n"
AFTER = b"GET /TAGID?after HTTP/1.1\r\nHost: a\r\n\r\n"


@dataclass(frozen=True)
class Case:
    """`forwards`: (method, target, body) of what the app gets, in this order. `refused`: then comes a 4xx or 5xx
    of ours and the connection ends. `ends`: the client closes its side after the last byte, which leaves
    something incomplete."""

    kind: str
    name: str
    data: bytes
    forwards: tuple[tuple[bytes, bytes, bytes], ...] = ()
    refused: bool = True
    ends: bool = False


def head(*lines: bytes, start: bytes = b"POST /TAGID HTTP/1.1", host: bytes = b"Host: a") -> bytes:
    every = (start, host, *lines) if host else (start, *lines)
    return b"".join(line + b"\r\n" for line in every) + b"\r\n"


def _chunked(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n0\r\n\r\n" % (len(data), data)


def _bad(kind: str, name: str, data: bytes) -> Case:
    return Case(kind, name, data + CANARY)


TE = b"Transfer-Encoding: chunked"
# Each is meant to be seen as "chunked" by one server and overlooked by another.
DISGUISES = [
    b"Transfer-Encoding : chunked", b"Transfer-Encoding\t: chunked", b" Transfer-Encoding: chunked",
    b"\tTransfer-Encoding: chunked", b"Transfer-Encoding:\x0bchunked", b"Transfer-Encoding:\x0cchunked",
    b"Transfer-Encoding: \x00chunked", b"Transfer-Encoding: chunked\x00", b"Transfer-Encoding: chunked\x0b",
    b"Transfer-Encoding\x00: chunked", b"Transfer-Encoding: chunked\x7f", b"Transfer-Encoding: \x01chunked",
    b"Transfer-Encoding: xchunked", b"Transfer-Encoding: chunkedx", b"Transfer-Encoding: chunk",
    b"Transfer-Encoding: chunked, identity", b"Transfer-Encoding: identity, chunked",
    b"Transfer-Encoding: chunked, chunked", b"Transfer-Encoding: chunked,", b"Transfer-Encoding: ,chunked",
    b"Transfer-Encoding: gzip, chunked", b"Transfer-Encoding: chunked, gzip", b"Transfer-Encoding: gzip",
    b"Transfer-Encoding: deflate", b"Transfer-Encoding: compress", b"Transfer-Encoding: identity",
    b"Transfer-Encoding: br", b"Transfer-Encoding: ", b"Transfer-Encoding:", b"Transfer-Encoding: cow",
    b"Transfer-Encoding: \"chunked\"", b"Transfer-Encoding: 'chunked'", b"Transfer-Encoding: chunked;q=1",
    b"Transfer-Encoding: chunked; a=b", b"Transfer-Encoding: chunked ;", b"Transfer-Encoding: chunked;",
    b"Transfer-Encoding: chunked chunked", b"Transfer-Encoding: chunked x", b"Transfer-Encoding: x chunked",
    b"Transfer-Encoding: chun\tked", b"Transfer-Encoding: chu nked", b"Transfer-Encoding: chunke\xc4\x91",
    b"Transfer-Encoding: \xefchunked", b"Transfer-Encoding: chunked\xa0", b"Transfer-Encoding: \xa0chunked",
    b"Transfer-Encoding: \xe2\x84\xaahunked", b"Transfer-Encoding: chun\xe2\x84\xaaed",
    b"Transfer-Encoding:\n chunked", b"Transfer-Encoding: \r chunked", b"Transfer-Encoding:\r\n chunked",
    b"Transfer-Encoding:\r\n\tchunked", b"X: y\nTransfer-Encoding: chunked", b"X: y\rTransfer-Encoding: chunked",
    b"X: y\r\n Transfer-Encoding: chunked", b"X:\r\n\r\tTransfer-Encoding: chunked",
    b"Transfer-Encoding: chunked\r", b"Transfer-Encoding: chunked\n", b"\x00Transfer-Encoding: chunked",
    b"Transfer_Encoding: chunked", b"TRANSFER_ENCODING: chunked", b"Transfer.Encoding: chunked",
    b"Transfer~Encoding: chunked", b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
    b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
    b"Transfer-Encoding: identity\r\nTransfer-Encoding: chunked",
    b"Transfer-Encoding: x\r\nTransfer-encoding: chunked", b"Transfer-Encoding chunked", b"Transfer-Encoding",
    b": chunked", b"Transfer\xadEncoding: chunked", b"Tran\xc5\xbffer-Encoding: chunked",
    b"(Transfer-Encoding): chunked", b"Transfer-Encoding=: chunked"[:-10] + b" = chunked",
    b"Foo: bar\r\n\rTransfer-Encoding: chunked", b"Transfer-Encoding: chunked\x1f", b"Transfer-Encoding/: chunked",
    b"\xef\xbb\xbfTransfer-Encoding: chunked", b"Transfer Encoding: chunked", b"Transfer-Encoding\x85: chunked",
    b"Transfer-Encod\xc4\xb1ng: chunked", b"Transfer-Encoding:: chunked", b"Transfer-Encoding: :chunked",
    b"Transfer-Encoding: %63hunked", b"Transfer-Encoding: =?utf-8?q?chunked?=", b"Transfer-Encoding: c\\hunked",
    b"Transfer-Encoding: 0chunked", b"Transfer-Encoding: {chunked}", b"Transfer-Encoding: chunked\\r\\n",
]  # fmt: skip


def framing() -> Iterator[Case]:
    smuggled = b"0\r\n\r\n" + CANARY
    for cl in (
        b"Content-Length: %d" % len(smuggled),
        b"content-length:%d" % len(smuggled),
        b"Content-Length: 0",
    ):
        for te in (
            TE,
            b"transfer-encoding:CHUNKED",
            b"Transfer-Encoding:\tchunked ",
            b"TRANSFER-ENCODING: Chunked",
        ):
            yield Case("CL.TE", f"{cl!r} {te!r}", head(cl, te) + smuggled)
            yield Case("TE.CL", f"{te!r} {cl!r}", head(te, cl) + _chunked(CANARY))
    yield Case(
        "CL.TE", "far apart", head(b"Content-Length: 4", *[b"X-%d: y" % i for i in range(40)], TE) + smuggled
    )
    for start in (b"GET", b"PUT", b"DELETE", b"OPTIONS", b"HEAD"):
        yield Case(
            "CL.TE",
            start.decode(),
            head(b"Content-Length: 6", TE, start=start + b" /TAGID HTTP/1.1") + smuggled,
        )
    for disguise in DISGUISES:
        yield Case("TE.TE", f"alone {disguise!r}", head(disguise) + smuggled)
        yield Case("TE.TE", f"after CL {disguise!r}", head(b"Content-Length: 5", disguise) + smuggled)
        yield Case("TE.TE", f"before CL {disguise!r}", head(disguise, b"Content-Length: 5") + smuggled)
        yield Case("TE.TE", f"after TE {disguise!r}", head(TE, disguise) + smuggled)
    for line in (
        b"+6", b"-6", b"0x6", b"6,6", b"6, 6", b"6 6", b"6;", b"6.0", b"06", b"0006", b"6e0", b"", b" ", b"six",
        b"6\x00", b"\x006", b"\xb2", b"\xd9\xa6", b"6_", b"0b110", b"1_0", b"9999999999999999", b"18446744073709551622",
        b"99999999999999999999999999", b"6\t6", b"\"6\"", b"6\x0b", b"NaN", b"Infinity", b"6,", b",6",
        b"6\r\n 7", b"6\r\n\t", b"+0", b"-0", b"00", b"-1", b"6\xa0", b"0 6", b"6\x0c", b"1e1", b"0o6", b"6h", b"#6",
    ):  # fmt: skip
        yield Case("CL", repr(line), head(b"Content-Length: " + line) + b"abcdef" + CANARY)
    for lines in (
        (b"Content-Length: 6", b"Content-Length: 6"), (b"Content-Length: 6", b"Content-Length: 0"),
        (b"Content-Length: 0", b"Content-Length: 38"), (b"Content-Length: 6", b"content-length: 38"),
        (b"Content_Length: 38", b"Content-Length: 6"), (b"Content.Length: 38",), (b"CONTENT_LENGTH: 6",),
        (b"Content-Length : 6",), (b"Content-Length\t:6",), (b" Content-Length: 6",), (b"Content-Length: 6\x00",),
        (b"Content-Length\x00: 6",), (b"Content-Length",), (b"Content-Length 6",), (b"X: y\nContent-Length: 6",),
        (b"X: y\rContent-Length: 6",), (b"X: y\r\n Content-Length: 6",), (b"Content-Length:\r\n 6",),
        (b"Content\xadLength: 6",), (b"Content Length: 6",), (b"(Content-Length): 6",), (b"Content-Length:6\n",),
    ):  # fmt: skip
        yield Case("CL", repr(lines), head(*lines) + b"abcdef" + CANARY)
    for minor in (b"POST /TAGID HTTP/1.0",):
        yield Case("versions", "1.0 with TE", head(TE, start=minor) + smuggled)
        yield Case(
            "versions", "1.0 with TE kept", head(TE, b"Connection: keep-alive", start=minor) + smuggled
        )
        yield Case("versions", "1.0 with both", head(TE, b"Content-Length: 5", start=minor) + smuggled)
    for method in (b"GET", b"HEAD", b"DELETE", b"OPTIONS", b"PROPFIND"):
        yield Case(
            "CL.0", method.decode(),
            head(b"Content-Length: %d" % len(CANARY), start=method + b" /TAGID HTTP/1.1") + CANARY + AFTER,
            ((method, b"/TAGID", CANARY), (b"GET", b"/TAGID?after", b"")), refused=False,
        )  # fmt: skip
        yield Case(
            "CL.0", method.decode() + " chunked",
            head(TE, start=method + b" /TAGID HTTP/1.1") + _chunked(CANARY) + AFTER,
            ((method, b"/TAGID", CANARY), (b"GET", b"/TAGID?after", b"")), refused=False,
        )  # fmt: skip
    yield Case(
        "CL.0", "POST", head(b"Content-Length: %d" % len(CANARY)) + CANARY + AFTER,
        ((b"POST", b"/TAGID", CANARY), (b"GET", b"/TAGID?after", b"")), refused=False,
    )  # fmt: skip
    yield Case(
        "CL.0", "body without a length", head() + b"x=1" + CANARY, ((b"POST", b"/TAGID", b""),)
    )  # "x=1GET" is no method


SIZES = [
    b"0x5", b"0X5", b"+5", b"-5", b"5 ", b" 5", b"\t5", b"5\t", b"5_0", b"_5", b"5,", b"5.", b"5h", b"5g", b"", b"x",
    b"\x005", b"5\x00", b"5\x0b", b"\xb5", b"\xd9\xa5", b"000000005", b"0000000000000005", b"100000005",
    b"10000000000000005", b"ffffffffffffffff", b"FFFFFFFFFFFFFFFB", b"-0", b"5;\x00", b"5;a\x00b", b"5;a\x01",
    b"5;a=\x7f", b"5;a=\"\x00\"", b"5;\ra", b"5;a\rb", b"5;a\nb", b"5;\n", b"5;a=\"b", b"5;a=b\"", b"5;a b", b"5 ;a",
    b"5; a", b"5;a =b", b"5;a= b", b"5;;a", b"5;", b"5;=b", b"5;a=", b"5;a=b;", b"5;a=\"b\"c", b"5;\xff", b"5;a=\\",
    b"5;" + b"a" * 300, b"5\r", b"5\n", b"5\r\r", b"#5", b"5#", b"5%", b"{5}", b"'5'", b"\"5\"", b"5e", b"5:a", b"5/a",
    b"5;a=\"\\\x01\"", b"5;a=\"\r\n\"", b"5;a=\"\n\"", b"5,5", b"5&", b"0o1", b"5\xa0", b"\xa05", b"5\x85",
]  # fmt: skip


def chunks() -> Iterator[Case]:
    for size in SIZES:
        if size == b"5e":
            continue  # is 94 in hex: an honest size
        yield Case("chunk size", repr(size[:40]), head(TE) + size + b"\r\nabcde\r\n0\r\n\r\n" + CANARY)
    for name, body in {
        "LF after the size": b"5\nabcde\r\n0\r\n\r\n", "CR after the size": b"5\rabcde\r\n0\r\n\r\n",
        "LF after the data": b"5\r\nabcde\n0\r\n\r\n", "CR after the data": b"5\r\nabcde\r0\r\n\r\n",
        "two bytes after the data": b"5\r\nabcdeXX0\r\n\r\n", "nothing after the data": b"5\r\nabcde0\r\n\r\n",
        "LF CR after the data": b"5\r\nabcde\n\r0\r\n\r\n", "more data than said": b"5\r\nabcdefg\r\n0\r\n\r\n",
        "less data than said": b"7\r\nabcde\r\n0\r\n\r\n", "LF ends the last chunk": b"5\r\nabcde\r\n0\n\r\n",
        "LF ends the body": b"5\r\nabcde\r\n0\r\n\n", "LF LF": b"5\nabcde\n0\n\n", "CR ends the body": b"0\r\n\r\r",
        "garbage after the last chunk": b"0\r\nX\r\n\r\n", "trailer without a colon": b"0\r\nabc\r\n\r\n",
        "trailer with LF": b"0\r\nX-A: b\n\r\n", "trailer with CR": b"0\r\nX-A: b\rc\r\n\r\n",
        "folded trailer": b"0\r\nX-A: b\r\n c\r\n\r\n", "space before the colon": b"0\r\nX-A : b\r\n\r\n",
        "NUL in a trailer": b"0\r\nX-A: \x00\r\n\r\n", "blank line before the size": b"\r\n5\r\nabcde\r\n0\r\n\r\n",
        "second blank line": b"5\r\nabcde\r\n\r\n0\r\n\r\n", "request for a trailer": b"0\r\n" + CANARY,
        "a size for a trailer": b"0\r\n5\r\nabcde\r\n0\r\n\r\n", "trailer name empty": b"0\r\n: b\r\n\r\n",
        "trailer too long": b"0\r\nX-A: " + b"b" * 9000 + b"\r\n\r\n",
        "extensions without end": b"1;" + b"a" * 250 + b"\r\nx\r\n" + (b"1;" + b"a" * 240 + b"\r\nx\r\n") * 100,
    }.items():  # fmt: skip
        yield _bad("chunks", name, head(TE) + body)
    for line in (
        b"Content-Length: 5", b"Transfer-Encoding: chunked", b"Host: b", b"Authorization: x", b"Cookie: a=b",
        b"Content-Type: text/html", b"Connection: close", b"Expect: 100-continue", b"Content-Encoding: gzip",
        b"X-Forwarded-For: 1.2.3.4", b"X-Forwarded-Host: b", b"Content_Length: 5", b"Trailer: a", b"TE: trailers",
        b"Upgrade: websocket", b"Set-Cookie: a=b", b"Forwarded: for=1", b"Range: bytes=0-", b"X-Real-IP: 1",
        b"X-Original-URL: /admin",
    ):  # fmt: skip
        yield _bad("trailers", line.decode(), head(TE) + b"1\r\nx\r\n0\r\n" + line + b"\r\n\r\n")


NAMES = [
    b"X y: z", b"X\ty: z", b": z", b"X\x00: z", b"X\x01: z", b"X\x7f: z", b"X\xe9: z", b"\xc3\xa9: z", b"X(: z",
    b"X[: z", b"X]: z", b"X{: z", b"X}: z", b"X\": z", b"X/: z", b"X\\: z", b"X,: z", b"X;: z", b"X=: z", b"X?: z",
    b"X@: z", b"X<: z", b"X>: z", b"X : z", b"X\t: z", b"X", b"X z", b"Ho\xc5\xbft: b", b" X: z", b"\tX: z",
    b"X: a\r\n b", b"X: a\r\n\tb", b"X: a\r\n ", b"X: a\nb: c", b"X: a\rb: c", b"X: a\r\r\nb: c", b"X: a\n\r\nb: c",
    b"X: \x00", b"X: \x01", b"X: \x08", b"X: \x0b", b"X: \x0c", b"X: \x1b[0m", b"X: \x7f", b"X: a\x00b", b"X: \n",
    b"\x0bX: z", b"\x0cX: z", b"X\x0b: z", b"X\x85: z", b"X\xa0: z", b"\x00: z", b"\r: z", b"X:\x00", b"X\r: z",
    b"X-Forwarded_For: 1", b"X_Forwarded_For: 1", b"x_forwarded_proto: https", b"Host_: a"[:4] + b"\x00: a",
    b"Content_Type: text/html", b"X_Real_IP: 1", b"Remote_Addr: 1", b"Authorization_: a"[:13] + b" : a",
    b"Cookie\x00: a", b"User_Agent: z", b"X-A: b\r\nX_A: c", b"X_Request_Id: 1", b"Transfer-Encoding\r\n: chunked",
]  # fmt: skip

TARGETS = [
    b"", b"a", b"TAGID", b"//TAGID@b:80/ x", b"/TAGID#f", b"/TAGID#", b"/TAGID b", b"/TAGID\tb", b"/TAGID\x00", b"/TAGID\x01",
    b"/TAGID\x7f", b"/TAGID\xc3\xa9", b"/TAGID\xff", b"/TAGID<", b"/TAGID>", b"/TAGID\"", b"/TAGID\\", b"/TAGID{}", b"/TAGID^", b"/TAGID`",
    b"/TAGID%", b"/TAGID%2", b"/TAGID%zz", b"/TAGID%u0041", b"/TAGID?%", b"/TAGID?\"", b"/TAGID?<", b"/TAGID?\\", b"/TAGID?#", b"*",
    b"a:80", b"a", b"http:/TAGID", b"http:///TAGID", b"http://", b"http://b/TAGID", b"http://a@b/TAGID", b"http://a:81/TAGID",
    b"http://user@a/TAGID", b"http://a\\@b/TAGID", b"http://a#/TAGID", b"http://a b/TAGID", b"ftp://a/TAGID", b"ws://a/TAGID",
    b"file:///TAGID", b"javascript:TAGID", b"//a/TAGID b", b"http://[::1/TAGID", b"http://a:/TAGID", b"http://a:x/TAGID",
    b"http://a,b/TAGID", b"?TAGID", b"./TAGID", b"../TAGID", b"\\TAGID", b"%2fTAG", b"/TAGID\x0b", b"/TAGID\x0c", b"/TAGID\x85",
    b"/TAGID\xa0x", b"@a/TAGID", b":/TAGID", b"http://a%00/TAGID", b"http://a/TAGID#x", b"HTTP://b/TAGID", b"/\x00TAG",
]  # fmt: skip

STARTS = [
    b"GET /TAGID", b"GET  /TAGID HTTP/1.1", b"GET /TAGID  HTTP/1.1", b" GET /TAGID HTTP/1.1", b"GET\t/TAGID\tHTTP/1.1",
    b"GET /TAGID HTTP/1.1 ", b"GET /TAGID HTTP/1.1\t", b"GET /TAGID HTTP/1.1 x", b"GET\x0b/TAGID HTTP/1.1",
    b"GET\x0c/TAGID HTTP/1.1", b"GET\xa0/TAGID HTTP/1.1", b"GET /TAGID\rHTTP/1.1", b"\x00GET /TAGID HTTP/1.1",
    b"\xef\xbb\xbfGET /TAGID HTTP/1.1", b"GET /TAGID HTTP/0.9", b"GET /TAGID HTTP/1.2", b"GET /TAGID HTTP/2.0",
    b"GET /TAGID HTTP/2", b"GET /TAGID HTTP/3.0", b"GET /TAGID HTTP/1", b"GET /TAGID HTTP/1.", b"GET /TAGID HTTP/.1",
    b"GET /TAGID HTTP/1.10", b"GET /TAGID HTTP/01.1", b"GET /TAGID HTTP/1.01", b"GET /TAGID http/1.1", b"GET /TAGID Http/1.1",
    b"GET /TAGID HTTP /1.1", b"GET /TAGID HTTP/ 1.1", b"GET /TAGID HTTP/1 .1", b"GET /TAGID HTTPS/1.1", b"GET /TAGID HTP/1.1",
    b"GET /TAGID ICY/1.1", b"GET /TAGID HTTP/+1.1", b"GET /TAGID HTTP/1,1", b"GET /TAGID HTTP/1.1\x00", b"GET /TAGID HTTP/1.x",
    b"GET /TAGID HTTP/\xd9\xa1.1", b"GET /TAGID HTTP/11", b"GET /TAGID HTTP/9.9", b"GET /TAGID HTTP/1.1HTTP/1.1",
    b"get /TAGID HTTP/1.1", b"Get /TAGID HTTP/1.1", b"GET/TAGID HTTP/1.1", b"CONNECT /TAGID HTTP/1.1",
    b"CONNECT a:80 HTTP/1.1", b"TRACE /TAGID HTTP/1.1", b"TRACK /TAGID HTTP/1.1", b"PRI * HTTP/2.0", b"FOO /TAGID HTTP/1.1",
    b"G\x00ET /TAGID HTTP/1.1", b"GET\x00 /TAGID HTTP/1.1", b"GE T /TAGID HTTP/1.1", b"GET: /TAGID HTTP/1.1",
    b"G-E-T /TAGID HTTP/1.1", b"G_T /TAGID HTTP/1.1", b"GET1 /TAGID HTTP/1.1", b"(GET) /TAGID HTTP/1.1",
    b"\xc3\x89GET /TAGID HTTP/1.1", b"GETGETGETGETGETGETGETGETGETGET /TAGID HTTP/1.1", b"*GET /TAGID HTTP/1.1", b"", b"X",
    b"GET", b"GET ", b"HTTP/1.1 200 OK", b"\rGET /TAGID HTTP/1.1", b"\nGET /TAGID HTTP/1.1", b"GET /TAGID HTTP/1.1\n",
    b"GET http://a/TAGID http/1.1", b"DEBUG /TAGID HTTP/1.1", b"DESCRIBE rtsp://a/TAGID RTSP/1.0", b"GET /TAGID SIP/2.0",
]  # fmt: skip

HOSTS = [
    b"Host:", b"Host: ", b"Host: a b", b"Host: a,b", b"Host: a@b", b"Host: a/b", b"Host: a?b", b"Host: a#b",
    b"Host: a\\b", b"Host: a:", b"Host: a:x", b"Host: a:0", b"Host: a:99999", b"Host: a:80:80", b"Host: :80",
    b"Host: a:-1", b"Host: a:+80", b"Host: a: 80", b"Host: a :80", b"Host: http://a", b"Host: a\x00b", b"Host: a\x00",
    b"Host: [::1", b"Host: ::1", b"Host: [::1]x", b"Host: [a]", b"Host: []", b"Host: [::1%25eth0]", b"Host: a..b",
    b"Host: .a", b"Host: -", b"Host: a%41", b"Host: \xc3\xa9.com", b"Host: a<b", b"Host: a;b", b"Host: (a)",
    b"Host: a\"b", b"Host: {a}", b"Host: *", b"Host: ${a}", b"Host: 127.1", b"Host: 0x7f000001", b"Host: 1.2.3.4.5",
    b"Host: 256.1.1.1", b"Host: " + b"a" * 300, b"Host : a", b" Host: a", b"Host: a\r\nHost: a",
    b"Host: a\r\nHost: b", b"Host: a\r\nhost: b", b"Host: a\r\n b", b"Host:\r\n a", b"Host\x00: a", b"HOST_: a", b"",
    b"X-Host: a", b"Host: a\r\nHo\xc5\xbft: b", b"Host: a\tb", b"Host: a|b", b"Host: a'b", b"Host: a&b=c",
]  # fmt: skip

GET = b"GET /TAGID HTTP/1.1"


def heads() -> Iterator[Case]:
    for line in NAMES:
        yield _bad("header lines", repr(line), head(line, start=GET))
    for line in NAMES[:5]:
        yield _bad("header lines", f"first: {line!r}", head(b"Host: a", start=GET, host=line))
    for target in TARGETS:
        yield _bad("targets", repr(target), head(start=b"GET " + target + b" HTTP/1.1"))
    for start in STARTS:
        yield _bad("request lines", repr(start), head(start=start))
    for host in HOSTS:
        yield _bad("hosts", repr(host), head(start=GET, host=host))
    for name, data in {
        "LF only": b"GET /TAGID HTTP/1.1\nHost: a\n\n", "LF after the request line": b"GET /TAGID HTTP/1.1\nHost: a\r\n\r\n",
        "LF after a field": b"GET /TAGID HTTP/1.1\r\nHost: a\n\r\n", "LF ends the head": b"GET /TAGID HTTP/1.1\r\nHost: a\r\n\n",
        "CR only": b"GET /TAGID HTTP/1.1\rHost: a\r\r", "CR after a field": b"GET /TAGID HTTP/1.1\r\nHost: a\rX: y\r\n\r\n",
        "CR CR LF": b"GET /TAGID HTTP/1.1\r\r\nHost: a\r\n\r\n", "LF CR": b"GET /TAGID HTTP/1.1\n\rHost: a\n\r\n\r",
        "blank lines": b"\r\n\r\nGET /TAGID HTTP/1.1\r\nHost: a\r\n\r\n", "LF first": b"\nGET /TAGID HTTP/1.1\r\nHost: a\r\n\r\n",
        "LF flood": b"\n" * 1000, "CRLF flood": b"\r\n" * 1000, "spaces first": b"   GET /TAGID HTTP/1.1\r\nHost: a\r\n\r\n",
        "fold on the first field": b"GET /TAGID HTTP/1.1\r\n Host: a\r\n\r\n",
        "white space line": b"GET /TAGID HTTP/1.1\r\nHost: a\r\n \r\n\r\n", "NUL line": b"GET /TAGID HTTP/1.1\r\n\x00\r\nHost: a\r\n\r\n",
        "HTTP/0.9": b"GET /TAGID\r\n", "an answer": b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "NUL": b"\x00" * 32 + b"\r\n\r\n",
        "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "SSH": b"SSH-2.0-OpenSSH_9.6\r\n", "SOCKS": b"\x05\x01\x00",
        "PROXY v1": b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\nGET /TAGID HTTP/1.1\r\nHost: a\r\n\r\n",
        "PROXY v2": b"\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c", "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "line too long": head(start=b"GET /TAGID?" + b"a" * 9000 + b" HTTP/1.1"),
        "field too long": head(b"X: " + b"a" * 9000, start=GET), "head too large": head(*[b"X: " + b"a" * 900] * 40, start=GET),
        "too many fields": head(*[b"X-%d: a" % i for i in range(120)], start=GET),
    }.items():  # fmt: skip
        yield _bad("line ends and blanks", name, data)


def connections() -> Iterator[Case]:
    for option in (
        b"Host", b"Content-Length", b"Transfer-Encoding", b"Authorization", b"Cookie", b"X-Forwarded-For",
        b"X-Forwarded-Host", b"X-Forwarded-Proto", b"close, Host", b"keep-alive, cookie", b"X-Real-IP", b"Forwarded",
        b"Content-Type", b"Content-Encoding", b"Expect", b"Origin", b"\"close\"", b"close; a", b"a b", b"close,\x00",
        b"a/b", b"close\r\n keep-alive", b"(close)", b"TRANSFER-ENCODING", b"x-forwarded-anything", b"authorization",
    ):  # fmt: skip
        yield _bad("connection options", repr(option), head(b"Connection: " + option, start=GET))
        yield _bad(
            "connection options", f"second line {option!r}",
            head(b"Connection: keep-alive", b"Connection: " + option, start=GET),
        )  # fmt: skip
    for value in (
        b"200-ok", b"100-continue, 100-continue", b"100 continue", b"100-continue;q=1", b"", b"100-continue x", b"x",
        b"100-continue\r\nExpect: 100-continue", b"100-continue,", b"\"100-continue\"", b"100", b"\x00100-continue",
    ):  # fmt: skip
        yield _bad("expect", repr(value), head(b"Expect: " + value, b"Content-Length: 3") + b"abc")
    websocket = (b"Connection: Upgrade", b"Upgrade: websocket", b"Sec-WebSocket-Version: 13")
    key = b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
    for name, lines, start in (
        ("with a body", (*websocket, key, b"Content-Length: 5"), GET), ("chunked", (*websocket, key, TE), GET),
        ("POST", (*websocket, key), b"POST /TAGID HTTP/1.1"), ("1.0", (*websocket, key), b"GET /TAGID HTTP/1.0"),
        ("not in Connection", (websocket[1], websocket[2], key), GET), ("twice", (*websocket, key, websocket[1]), GET),
        ("no key", websocket, GET), ("short key", (*websocket, b"Sec-WebSocket-Key: abc"), GET),
        ("empty key", (*websocket, b"Sec-WebSocket-Key:"), GET), ("two keys", (*websocket, key, key), GET),
        ("other version", (*websocket[:2], b"Sec-WebSocket-Version: 777", key), GET),
        ("no version", (*websocket[:2], key), GET),
        ("TLS/1.0 with a body", (b"Connection: Upgrade", b"Upgrade: TLS/1.0", b"Content-Length: 5"), b"POST /TAGID HTTP/1.1"),
        ("anything with a body", (b"Connection: Upgrade", b"Upgrade: foo", b"Content-Length: 5"), b"POST /TAGID HTTP/1.1"),
    ):  # fmt: skip
        yield _bad("upgrade", name, head(*lines, start=start) + b"abcde")


def pipelines() -> Iterator[Case]:
    first = head(start=GET)
    one = ((b"GET", b"/TAGID", b""),)
    for disguise in (
        b"Transfer-Encoding : chunked",
        b"X y: z",
        b"Content-Length: +5",
        b"X: a\r\n b",
        b"Host: b",
    ):
        yield Case(
            "pipelining",
            f"second malformed {disguise!r}",
            first + head(disguise) + b"0\r\n\r\n" + CANARY,
            one,
        )
    for junk in (
        b"x",
        b"\x00",
        b"0\r\n\r\n",
        b"\r\n\r\n",
        b"\n",
        b" ",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"\x16\x03\x01",
        b"a=b&c=d",
    ):
        yield Case("pipelining", f"junk after a request {junk!r}", first + junk + CANARY, one)
        posted = head(b"Content-Length: 3") + b"abc"
        yield Case(
            "pipelining",
            f"junk after a body {junk!r}",
            posted + junk + CANARY,
            ((b"POST", b"/TAGID", b"abc"),),
        )
        chunked = head(TE) + _chunked(b"abc")
        yield Case(
            "pipelining",
            f"junk after chunks {junk!r}",
            chunked + junk + CANARY,
            ((b"POST", b"/TAGID", b"abc"),),
        )
    for line in (
        b"Connection: close",
        b"Connection: Close, TE",
        b"Connection: keep-alive\r\nConnection: close",
    ):
        yield Case("pipelining", f"after {line!r}", head(line, start=GET) + CANARY, one, refused=False)
    yield Case("pipelining", "after 1.0", head(start=b"GET /TAGID HTTP/1.0") + CANARY, one, refused=False)
    yield Case(
        "pipelining", "after a half request line", first + b"GET /TAGID?cut HT", one, refused=False, ends=True
    )
    many = b"".join(head(start=b"GET /TAGID?%d HTTP/1.1" % i) for i in range(30))
    yield Case(
        "pipelining", "thirty", many, tuple((b"GET", b"/TAGID?%d" % i, b"") for i in range(30)), refused=False
    )  # fmt: skip
    yield Case(
        "pipelining", "bodies of all kinds",
        head(b"Content-Length: 3") + b"abc" + head(TE) + _chunked(CANARY) + head() + head(b"Content-Length: 0") + AFTER,
        ((b"POST", b"/TAGID", b"abc"), (b"POST", b"/TAGID", CANARY), (b"POST", b"/TAGID", b""), (b"POST", b"/TAGID", b""),
         (b"GET", b"/TAGID?after", b"")), refused=False,
    )  # fmt: skip
    yield Case("TransferEncoding", "another name", head(b"TransferEncoding: chunked") + b"0\r\n\r\n" + CANARY,
               ((b"POST", b"/TAGID", b""),))  # fmt: skip
    yield Case("TransferEncoding", "X- before it", head(b"X-Transfer-Encoding: chunked") + b"0\r\n\r\n" + CANARY,
               ((b"POST", b"/TAGID", b""),))  # fmt: skip


def cuts() -> Iterator[Case]:
    whole = head(b"Content-Length: 5", b"X-A: b") + b"abcde"
    for at in range(1, len(whole)):
        yield Case("early close", f"after {at} bytes", whole[:at], refused=False, ends=True)
    whole = head(TE) + b"5;a=b\r\nabcde\r\n0\r\nX-T: u\r\n\r\n"
    for at in range(len(head(TE)), len(whole)):
        yield Case("early close", f"chunked, after {at} bytes", whole[:at], refused=False, ends=True)


def malformed() -> list[Case]:
    return [*framing(), *chunks(), *heads(), *connections(), *pipelines(), *cuts()]
