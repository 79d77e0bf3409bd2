"""Forms that desync attacks of the last years were made of, and honest ones that look like them."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from tests.e2e.smuggling.request_cases import AFTER, CANARY, GET, TE, Case, head
from tests.e2e.smuggling.response_cases import GONE, HEAD, PAUSE, POISON, Answer
from tests.e2e.smuggling.response_cases import TE as CODING
from tests.e2e.smuggling.response_cases import head as answer

GETS = ((b"GET", b"/TAGID", b""),)
X = ((b"POST", b"/TAGID", b"x"),)


def _refused(kind: str, cases: dict[str, bytes]) -> Iterator[Case]:
    for name, data in cases.items():
        yield Case(kind, name, data + CANARY)


def further_requests() -> Iterator[Case]:
    chunked = head(TE)
    yield from _refused("chunk lines that end twice", {
        # One reader ends an extension at a bare line feed, the other at CRLF; one skips two bytes behind a chunk, the other looks.
        "extension, LF, size": chunked + b"2;\nxx\r\n4c\r\n0\r\n\r\n", "extension ends at LF": chunked + b"1;a\nx\r\n0\r\n\r\n",
        "extension ends at CR": chunked + b"1;a\rx\r\n0\r\n\r\n", "quoted LF": chunked + b'1;a="\n"\r\nx\r\n0\r\n\r\n',
        "quoted CRLF size": chunked + b'1;a="\r\n3\r\n"\r\nx\r\n0\r\n\r\n', "quoted pair of CR": chunked + b'1;a="\\\r"\r\nx\r\n0\r\n\r\n',
        "last chunk's extension has LF": chunked + b"1\r\nx\r\n0;a\nb\r\n\r\n", "quote never ends": chunked + b'1;a="b\r\nx\r\n0\r\n\r\n',
        "chunk of one more": chunked + b"1\r\nxy\r\n0\r\n\r\n", "size for an end": chunked + b"1\r\nx35\r\n0\r\n\r\n",
        "size within the end": chunked + b"1\r\nx\r0\r\n\r\n", "only CR ends data": chunked + b"1\r\nx\r\r0\r\n\r\n",
        "two sizes": chunked + b"1 2\r\nx\r\n0\r\n\r\n", "size, comma": chunked + b"1,2\r\nx\r\n0\r\n\r\n",
        "size of 2^32": chunked + b"100000001\r\nx\r\n0\r\n\r\n", "size of 2^64": chunked + b"10000000000000001\r\nx\r\n0\r\n\r\n",
        "full-width digit": chunked + b"\xef\xbc\x91\r\nx\r\n0\r\n\r\n",
        "zeros beyond the limit": chunked + b"1\r\nx\r\n000000000\r\n\r\n", "trailer is a request": chunked + b"0\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "no last chunk": chunked + b"1\r\nx\r\n\r\n", "head's rest in the body": chunked + b"0\r\nContent-Length: 5\r\nHost: b\r\n\r\n",
        "percent size": chunked + b"%31\r\nx\r\n0\r\n\r\n", "size with a sign in the middle": chunked + b"0-1\r\nx\r\n0\r\n\r\n",
        "size and equals": chunked + b"1=\r\nx\r\n0\r\n\r\n", "BWS tab before semicolon": chunked + b"1\t;a\r\nx\r\n0\r\n\r\n",
        "extension of an empty name": chunked + b'1;="b"\r\nx\r\n0\r\n\r\n', "backslash at the end": chunked + b'1;a="\\\r\nx\r\n0\r\n\r\n',
    })  # fmt: skip
    # Four gibibytes to us, and the client ends: else both wait until a slow client has had its time.
    yield Case(
        "chunk lines that end twice", "negative in two's complement",
        chunked + b"ffffffff\r\nx\r\n0\r\n\r\n" + CANARY, refused=False, ends=True,
    )  # fmt: skip
    yield from _refused("lengths", {
        name: head(*lines) + b"abcde" for name, lines in {
            "with plus twice": (b"Content-Length: ++5",), "hex of five": (b"Content-Length: 0x05",), "list of same": (b"Content-Length: 5,5,5",),
            "list with blanks": (b"Content-Length: , 5",), "semicolon": (b"Content-Length: 5;q=1",), "full-width": (b"Content-Length: \xef\xbc\x95",),
            "superscript": (b"Content-Length: \xe2\x81\xb5",), "exponent": (b"Content-Length: 5e0",), "unit": (b"Content-Length: 5 bytes",),
            "comment": (b"Content-Length: 5 (five)",), "16 digits": (b"Content-Length: 0000000000000005",), "2^63": (b"Content-Length: 9223372036854775808",),
            "2^32 + 5": (b"Content-Length: 00000004294967301",), "thousands": (b"Content-Length: 5'000",), "minus zero": (b"Content-Length: -00",),
            "three lines": (b"Content-Length: 5",) * 3, "second is empty": (b"Content-Length: 5", b"Content-Length:"),
            "second in a list": (b"Content-Length: 5", b"Content-Length: 5, 5"), "true": (b"Content-Length: true",), "octal": (b"Content-Length: 05",),
            "float": (b"Content-Length: 5.",), "a variable": (b"Content-Length: $5",), "encoded": (b"Content-Length: %35",),
        }.items()
    })  # fmt: skip
    yield from _refused("codings", {
        name: head(*lines) + b"0\r\n\r\n" for name, lines in {
            "empty member": (b"Transfer-Encoding: chunked, ",), "x-chunked": (b"Transfer-Encoding: x-chunked",), "trailing comma first": (b"Transfer-Encoding: , chunked",),
            "gzip in a line of its own": (b"Transfer-Encoding: gzip", TE), "empty line before": (b"Transfer-Encoding:", TE),
            "empty line after": (TE, b"Transfer-Encoding:"), "parameter": (b"Transfer-Encoding: chunked;level=1",), "three times": (TE,) * 3,
            "x-gzip": (b"Transfer-Encoding: x-gzip, chunked",), "trailers": (b"Transfer-Encoding: trailers",), "in parentheses": (b"Transfer-Encoding: (x) chunked",),
            "with CL of zero": (b"Content-Length: 0", TE), "with CL of zero, after": (TE, b"Content-Length: 0"), "with CL empty": (TE, b"Content-Length:"),
            "with a bad CL": (TE, b"Content-Length: x"), "with a list": (TE, b"Content-Length: 5, 5"), "with a twin of CL": (TE, b"Content_Length: 5"),
            "aws": (b"Content-Length: 5", b"Transfer-Encoding: aws-chunked"), "two, one twin": (TE, b"Transfer_Encoding: x"),
        }.items()
    })  # fmt: skip
    yield from _refused("fields that may stand once", {
        name.decode(): head(name + b": " + first, name + b": " + second, start=GET) for name, first, second in (
            (b"Authorization", b"Basic YTpi", b"Basic YTpj"), (b"Content-Type", b"text/plain", b"application/json"), (b"Host", b"a", b"A"),
            (b"Expect", b"100-continue", b"100-continue"), (b"Upgrade", b"websocket", b"h2c"), (b"Origin", b"http://a", b"http://b"),
        )
    })  # fmt: skip
    yield from _refused("authorities", {
        name: head(start=b"GET " + target + b" HTTP/1.1", host=host) for name, target, host in (
            ("other port", b"http://a:8080/TAGID", b"Host: a"), ("other port in Host", b"http://a/TAGID", b"Host: a:8080"),
            ("prefix", b"http://a.b/TAGID", b"Host: a"), ("suffix", b"http://a/TAGID", b"Host: a.b"), ("no Host", b"http://a/TAGID", b"X: y"),
            ("empty Host", b"http://a/TAGID", b"Host:"), ("two Hosts", b"http://a/TAGID", b"Host: a\r\nHost: a"), ("user", b"http://a:b@a/TAGID", b"Host: a"),
            ("encoded dot", b"http://a%2eb/TAGID", b"Host: a.b"), ("backslash", b"http://b\\@a/TAGID", b"Host: a"), ("no slashes", b"http:a/TAGID", b"Host: a"),
            ("three slashes", b"http:///a/TAGID", b"Host: a"), ("gopher", b"gopher://a/TAGID", b"Host: a"), ("empty port", b"http://a:/TAGID", b"Host: a"),
            ("fragment", b"http://a/#/TAGID", b"Host: a"), ("authority alone", b"a/TAGID", b"Host: a"), ("percent-encoded slash", b"http://a%2fTAGID", b"Host: a"),
            ("semicolon", b"http://a;b/TAGID", b"Host: a"), ("IPv6 without brackets", b"http://::1/TAGID", b"Host: [::1]"),
        )
    })  # fmt: skip
    yield from _refused("request lines", {
        name: head(start=start) for name, start in {
            "tunnel": b"CONNECT a:443 HTTP/1.1", "tunnel to a path": b"CONNECT /TAGID HTTP/1.1", "asterisk for GET": b"GET * HTTP/1.1",
            "asterisk for POST": b"POST * HTTP/1.1", "asterisk and path": b"OPTIONS */TAGID HTTP/1.1", "TRACE with an asterisk": b"TRACE * HTTP/1.1",
            "two requests in one line": b"GET /TAGID HTTP/1.1 GET /x HTTP/1.1", "1.1 twice": b"GET /TAGID HTTP/1.1 HTTP/1.1", "minor 11": b"GET /TAGID HTTP/1.11",
            "major 0": b"GET /TAGID HTTP/0.1", "lower-case method": b"post /TAGID HTTP/1.1", "method with a colon": b"GET: /TAGID HTTP/1.1",
            "a field for a line": b"Host: a", "status line": b"HTTP/1.1 200 OK", "quoted target": b'GET "/TAGID" HTTP/1.1', "angle brackets": b"GET </TAGID> HTTP/1.1",
            "pipe in the path": b"GET /TAGID|x HTTP/1.1", "IPP": b"GET /TAGID IPP/1.1", "spaces in the query": b"GET /TAGID?a=b c HTTP/1.1",
        }.items()
    })  # fmt: skip
    yield from _refused("upgrades", {
        name: head(*lines, start=start) for name, lines, start in (
            ("Upgrade twice", (b"Connection: Upgrade", b"Upgrade: websocket", b"Upgrade: websocket"), GET),
            ("extended CONNECT", (b"Connection: Upgrade", b"Upgrade: connect-udp"), b"CONNECT a:443 HTTP/1.1"),
        )
    })  # fmt: skip
    yield from _refused("expectations", {
        name: head(b"Expect: " + value, b"Content-Length: 1") + b"x" for name, value in {
            "obfuscated": b"y 100-continue", "in a list": b"100-continue, x", "underscore": b"100_continue", "with a comment": b"100-continue (x)", "200": b"200-ok",
        }.items()
    })  # fmt: skip
    for name, data, forwards in (
        ("0.CL with GET", head(b"Content-Length: 1", start=GET) + b"x" + AFTER, ((b"GET", b"/TAGID", b"x"), (b"GET", b"/TAGID?after", b""))),
        ("Expect on a GET", head(b"Expect: 100-continue", start=GET), GETS), ("Expect in capitals", head(b"EXPECT: 100-Continue", b"Content-Length: 1") + b"x", X),
        ("Expect, chunked", head(b"Expect: 100-continue", TE) + b"1\r\nx\r\n0\r\n\r\n", X), ("Expect and no body", head(b"Expect: 100-continue", b"Content-Length: 0"), ((b"POST", b"/TAGID", b""),)),
        ("Expect in 1.0", head(b"Expect: 100-continue", b"Content-Length: 1", start=b"POST /TAGID HTTP/1.0") + b"x", X),
        ("blanks around a length", head(b"Content-Length: \t 1 \t") + b"x", X), ("a length of many digits", head(b"Content-Length: 1") + b"x", X),
        ("chunked in capitals", head(b"TRANSFER-ENCODING: CHUNKED") + b"1\r\nx\r\n0\r\n\r\n", X),
        ("eight digits of size", head(TE) + b"00000001\r\nx\r\n00000000\r\n\r\n", X), ("size in capitals", head(TE) + b"A\r\n0123456789\r\n0\r\n\r\n", ((b"POST", b"/TAGID", b"0123456789"),)),
        ("extension on the last chunk", head(TE) + b"1\r\nx\r\n0;a=b\r\n\r\n", X), ("quoted extension", head(TE) + b'1;a="b;c \\" d"\r\nx\r\n0\r\n\r\n', X),
        ("extension without a value", head(TE) + b"1;a;b=c;d\r\nx\r\n0\r\n\r\n", X), ("chunks of one byte", head(TE) + b"1\r\nx\r\n" * 300 + b"0\r\n\r\n", ((b"POST", b"/TAGID", b"x" * 300),)),
        ("data that look like chunks", head(TE) + b"9\r\n0\r\n\r\nGET \r\n0\r\n\r\n", ((b"POST", b"/TAGID", b"0\r\n\r\nGET "),)),
        ("trailers", head(TE, b"Trailer: X-Sum") + b"1\r\nx\r\n0\r\nX-Sum: 1\r\nX-Other:\t2 \r\n\r\n", X), ("a body of zeros", head(b"Content-Length: 5") + b"0\r\n\r\n" + AFTER, ((b"POST", b"/TAGID", b"0\r\n\r\n"), (b"GET", b"/TAGID?after", b""))),
        ("CRLF behind a body", head(b"Content-Length: 1") + b"x\r\n" + AFTER, (*X, (b"GET", b"/TAGID?after", b""))), ("CRLF between requests", head(start=GET) + b"\r\n" + AFTER, (*GETS, (b"GET", b"/TAGID?after", b""))),
        ("absolute", head(start=b"GET http://a/TAGID HTTP/1.1"), GETS), ("absolute in capitals", head(start=b"GET HTTP://A/TAGID HTTP/1.1"), GETS),
        ("absolute with the usual port", head(start=b"GET http://a:80/TAGID HTTP/1.1", host=b"Host: a:80"), GETS), ("absolute with a query", head(start=b"GET http://a/TAGID?a=b HTTP/1.1"), ((b"GET", b"/TAGID?a=b", b""),)),
        ("IPv6", head(start=GET, host=b"Host: [2001:db8::1]:8443"), GETS), ("IPv4", head(start=GET, host=b"Host: 192.0.2.1:8080"), GETS), ("punycode", head(start=GET, host=b"Host: xn--bcher-kva.example"), GETS),
        ("underscore in a host", head(start=GET, host=b"Host: my_service.default.svc"), GETS), ("host in capitals", head(start=GET, host=b"HOST: EXAMPLE.com"), GETS), ("root dot", head(start=GET, host=b"Host: a.example."), GETS),
        ("Host last", head(b"Accept: */*", b"Host: a", start=GET, host=b""), GETS), ("no Host in 1.0", head(start=b"GET /TAGID HTTP/1.0", host=b""), GETS),
        ("Connection of nothing", head(b"Connection:", start=GET), GETS), ("Connection of commas", head(b"Connection: ,, keep-alive ,,", start=GET), GETS), ("Connection in capitals", head(b"CONNECTION: Keep-Alive", start=GET), GETS),
        ("nominated TE", head(b"Connection: TE", b"TE: trailers", start=GET), GETS), ("nominated twice", head(b"Connection: X-A, X-A", b"X-A: 1", start=GET), GETS), ("nominated and not there", head(b"Connection: X-None", start=GET), GETS),
        ("an offer of h2c", head(b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABk", start=GET), GETS), ("offers of several", head(b"Connection: upgrade", b"Upgrade: h2c, TLS/1.2", start=GET), GETS),
        # As Java's client does: whoever answers 200 has declined the offer, and the body is the request's.
        ("an offer of h2c with a body", head(b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABk", b"Content-Length: 1") + b"x" + AFTER, (*X, (b"GET", b"/TAGID?after", b""))),
        ("path parameters", head(start=b"GET /TAGID;v=1.1;s=a,b HTTP/1.1"), ((b"GET", b"/TAGID;v=1.1;s=a,b", b""),)), ("sub-delimiters", head(start=b"GET /TAGID/!$&'()*+,;=:@ HTTP/1.1"), ((b"GET", b"/TAGID/!$&'()*+,;=:@", b""),)),
        ("empty query", head(start=b"GET /TAGID? HTTP/1.1"), ((b"GET", b"/TAGID?", b""),)), ("question marks", head(start=b"GET /TAGID?a=?&b=/ HTTP/1.1"), ((b"GET", b"/TAGID?a=?&b=/", b""),)),
        ("encoded UTF-8", head(start=b"GET /TAGID/caf%C3%A9 HTTP/1.1"), ((b"GET", b"/TAGID/caf%C3%A9", b""),)), ("plus and blanks", head(start=b"GET /TAGID?q=a+b%20c HTTP/1.1"), ((b"GET", b"/TAGID?q=a+b%20c", b""),)),
        ("empty segments", head(start=b"GET /TAGID//a/ HTTP/1.1"), ((b"GET", b"/TAGID//a/", b""),)), ("a colon in the path", head(start=b"GET /TAGID/urn:isbn:123 HTTP/1.1"), ((b"GET", b"/TAGID/urn:isbn:123", b""),)),
        ("brackets in a query", head(start=b"GET /TAGID?f[a]=1&f[]=2 HTTP/1.1"), ((b"GET", b"/TAGID?f[a]=1&f[]=2", b""),)), ("pipes in a query", head(start=b"GET /TAGID?family=A|B HTTP/1.1"), ((b"GET", b"/TAGID?family=A|B", b""),)),
        ("OPTIONS of a path", head(b"Origin: http://a", b"Access-Control-Request-Method: PUT", start=b"OPTIONS /TAGID HTTP/1.1"), ((b"OPTIONS", b"/TAGID", b""),)), ("DELETE with a body", head(b"Content-Length: 1", start=b"DELETE /TAGID HTTP/1.1") + b"x", ((b"DELETE", b"/TAGID", b"x"),)),
        ("PATCH", head(b"Content-Length: 1", b"Content-Type: text/plain", start=b"PATCH /TAGID HTTP/1.1") + b"x", ((b"PATCH", b"/TAGID", b"x"),)), ("HEAD", head(start=b"HEAD /TAGID HTTP/1.1"), ((b"HEAD", b"/TAGID", b""),)),
        ("POST with no length", head() + AFTER, ((b"POST", b"/TAGID", b""), (b"GET", b"/TAGID?after", b""))), ("1.0 kept alive", head(b"Connection: keep-alive", start=b"GET /TAGID HTTP/1.0") + AFTER, (*GETS, (b"GET", b"/TAGID?after", b""))),
        ("a digest's commas", head(b'Authorization: Digest username="a", realm="b, c", uri="/x", qop=auth, nc=00000001', start=GET), GETS), ("quotes in a cookie", head(b'Cookie: a="b c"; d=e; $Version=1', start=GET), GETS),
        ("the same name as a value", head(b"X-Note: Transfer-Encoding: chunked", start=GET), GETS), ("a length within a value", head(b"X-Note: a, Content-Length: 5", start=GET), GETS),
        ("names that begin alike", head(b"Content-Length-Hint: 5", b"X-Content-Length: 7", b"Transfer-Encoding-Hint: chunked", b"Hosts: b", start=GET), GETS), ("a long name", head(b"X-" + b"a" * 200 + b": b", start=GET), GETS),
        ("a value of 8,000", head(b"X-A: " + b"a" * 8000, start=GET), GETS), ("a hundred fields", head(*[b"X-%d: y" % i for i in range(98)], start=GET), GETS), ("a blank line before", b"\r\n" + head(start=GET), GETS),
        ("digits and dots in names", head(b"X.1-a_2: b", b"9: c", start=GET), GETS), ("languages", head(b"Accept-Language: de-CH-1996, en;q=0.8, *;q=0.1", start=GET), GETS),
        ("dates twice", head(b"If-Modified-Since: Sat, 29 Oct 2022 19:43:31 GMT", b'If-None-Match: "a", W/"b"', start=GET), GETS), ("Via and Forwarded", head(b"Via: 1.1 a, 1.0 b (c)", b'Forwarded: for="[2001:db8::1]:80";proto=https, for=_x', start=GET), GETS),
    ):  # fmt: skip
        yield Case("ordinary", name, data, forwards, refused=False)


def further_answers() -> Iterator[Answer]:
    hello = b"5\r\nhello\r\n0\r\n\r\n"
    for name, data in {
        "length in a list of same": answer(b"Content-Length: 5, 5"), "length twice, other case": answer(b"Content-Length: 5", b"CONTENT-LENGTH: 5"), "length with a sign": answer(b"Content-Length: +05"),
        "full-width length": answer(b"Content-Length: \xef\xbc\x95"), "length of 2^63": answer(b"Content-Length: 9223372036854775813"), "length and coding": answer(CODING, b"Content-Length: 0"),
        "coding of nothing": answer(b"Transfer-Encoding:"), "coding and an empty one": answer(CODING, b"Transfer-Encoding:"), "coding in a list": answer(b"Transfer-Encoding: gzip, chunked"), "coding with a parameter": answer(b"Transfer-Encoding: chunked;a=b"),
        "coding of 1.0": answer(CODING, start=b"HTTP/1.0 200 OK"), "type twice": answer(b"Content-Type: text/html", b"Content-Type: text/plain", b"Content-Length: 5"), "coding of content twice, one odd": answer(b"Content-Length: 5", b"Content Encoding: gzip"),
        "nominated length": answer(b"Connection: close, Content-Length", b"Content-Length: 5"), "status of four": answer(b"Content-Length: 5", start=b"HTTP/1.1 0200 OK"), "status of two lines": b"HTTP/1.1 200 OK\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
        "a request": b"GET /TAGID HTTP/1.1\r\nHost: a\r\n\r\n", "version 3": answer(b"Content-Length: 5", start=b"HTTP/3 200"), "version 1": answer(b"Content-Length: 5", start=b"HTTP/1 200 OK"), "status 100 forever": b"HTTP/1.1 100 Continue\r\n\r\n" * 30,
        "interim with a coding": answer(CODING, start=b"HTTP/1.1 102 Processing") + hello, "interim with a length": answer(b"Content-Length: 5", start=b"HTTP/1.1 103 X") + b"hello", "switch to h2c": answer(b"Connection: Upgrade", b"Upgrade: h2c", start=b"HTTP/1.1 101 X"),
        "switch to nothing": answer(start=b"HTTP/1.1 101 Switching Protocols"), "no content with a length": answer(b"Content-Length: 5", start=b"HTTP/1.1 204 X"),
    }.items():  # fmt: skip
        yield Answer("further", name, (data + b"hello" + POISON,))
    for name, body in {
        "quoted LF": b'5;a="\n"\r\nhello\r\n0\r\n\r\n', "extension ends at LF": b"5;a\nhello\r\n0\r\n\r\n", "last size with a sign": b"5\r\nhello\r\n-0\r\n\r\n", "second size missing": b"5\r\nhello\r\n\r\n",
        "trailer of a coding": b"5\r\nhello\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n", "trailer of a status": b"5\r\nhello\r\n0\r\nHTTP/1.1 200 OK\r\n\r\n", "nine zeros": b"5\r\nhello\r\n000000000\r\n\r\n",
    }.items():  # fmt: skip
        yield Answer("further", name, (answer(CODING) + body + POISON,), None)
        yield Answer(
            "further", f"later, {name}", (answer(CODING) + b"2\r\nhi\r\n", PAUSE, body + POISON), None
        )
    for name, start in {"205": b"HTTP/1.1 205 Reset Content", "206": b"HTTP/1.1 206 Partial Content", "226": b"HTTP/1.1 226 IM Used", "303": b"HTTP/1.1 303 See Other", "401": b"HTTP/1.1 401 Unauthorized", "451": b"HTTP/1.1 451 X", "503": b"HTTP/1.1 503 X"}.items():  # fmt: skip
        status = int(start[9:12])
        if status != 205:
            yield Answer(
                "ordinary",
                name,
                (answer(b"Content-Length: 5", start=start) + b"hello",),
                status,
                b"hello",
                reused=True,
            )
        yield Answer(
            "ordinary",
            f"{name} of nothing",
            (answer(b"Content-Length: 0", start=start),),
            status,
            b"",
            reused=True,
        )
    for name, lines in {
        "size in eight digits": (CODING,), "capitals": (b"TRANSFER-ENCODING: CHUNKED",), "two tabs": (b"Transfer-Encoding:\t\tchunked\t",), "trailer told": (CODING, b"Trailer: X-Sum"),
        "authentication twice": (CODING, b'WWW-Authenticate: Basic realm="a"', b"WWW-Authenticate: Bearer"), "link lists": (CODING, b'Link: </a>; rel="next", </b>; rel=prev'), "odd cookies": (CODING, b"Set-Cookie: a=b; Expires=Wed, 21 Oct 2026 07:28:00 GMT", b'Set-Cookie: c="d e"'),
        "warning": (CODING, b'Warning: 110 - "stale"'), "empty names of no meaning": (CODING, b"X-A:", b"X-B:\t"), "two dates": (CODING, b"Date: a", b"Last-Modified: b"), "proxy fields": (CODING, b"Proxy-Connection: keep-alive"),
    }.items():  # fmt: skip
        trailer = b"X-Sum: 1\r\n" if b"Trailer: X-Sum" in lines else b""
        yield Answer(
            "ordinary",
            name,
            (answer(*lines) + b"00000005\r\nhello\r\n0\r\n" + trailer + b"\r\n",),
            200,
            b"hello",
            reused=True,
        )
    packed = zlib.compress(b"hello")
    yield Answer(
        "ordinary",
        "deflate",
        (answer(b"Content-Encoding: deflate", b"Content-Length: %d" % len(packed)) + packed,),
        200,
        None,
        reused=True,
    )
    yield Answer(
        "ordinary",
        "HEAD with a length of nothing",
        (answer(b"Content-Length: 0"),),
        200,
        b"",
        request=HEAD,
        reused=True,
    )
    yield Answer(
        "ordinary",
        "two interim answers",
        (
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
            + answer(b"Content-Length: 5")
            + b"hello",
        ),
        200,
        b"hello",
        reused=True,
    )
    yield Answer(
        "ordinary",
        "close, then more",
        (answer(b"Connection: close", b"Content-Length: 5") + b"hello" + POISON, GONE),
        200,
        b"hello",
    )
