"""What honest clients really send, unusual as some of it looks: it must reach the app and be answered."""

from __future__ import annotations

from collections.abc import Iterator

from tests.e2e.smuggling.request_cases import GET, TE, Case, _chunked, head


def _good(
    name: str, data: bytes, method: bytes = b"GET", body: bytes = b"", target: bytes = b"/TAGID"
) -> Case:
    return Case("ordinary", name, data, ((method, target, body),), refused=False)


def ordinary() -> Iterator[Case]:
    for name, lines in {
        "curl": (b"User-Agent: curl/8.5.0", b"Accept: */*"),
        "wget": (b"User-Agent: Wget/1.21.4", b"Accept: */*", b"Accept-Encoding: identity", b"Connection: Keep-Alive"),
        "Chrome": (
            b"Connection: keep-alive", b"Cache-Control: max-age=0",
            b'sec-ch-ua: "Chromium";v="130", "Not?A_Brand";v="99"', b"sec-ch-ua-mobile: ?0",
            b'sec-ch-ua-platform: "Windows"', b"Upgrade-Insecure-Requests: 1",
            b"User-Agent: Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0",
            b"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8",
            b"Sec-Fetch-Site: none", b"Sec-Fetch-Mode: navigate", b"Sec-Fetch-User: ?1", b"Sec-Fetch-Dest: document",
            b"Accept-Encoding: gzip, deflate, br, zstd", b"Accept-Language: de-DE,de;q=0.9", b"DNT: 1", b"Sec-GPC: 1",
            b'If-None-Match: W/"abc"', b"If-Modified-Since: Sat, 29 Oct 2022 19:43:31 GMT", b"Priority: u=0, i",
        ),
        "Firefox": (b"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0", b"TE: trailers"),
        "Go": (b"User-Agent: Go-http-client/1.1", b"Accept-Encoding: gzip"),
        "Java": (b"User-Agent: Java-http-client/21", b"Connection: Upgrade, HTTP2-Settings",
                 b"HTTP2-Settings: AAEAAEAAAAIAAAAAAAMAAAAAAAQBAAAAAAUAAEAAAAYABgAA", b"Upgrade: h2c"),
        "HttpURLConnection": (b"User-Agent: Java/1.8.0", b"Accept: text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2"),
        "requests": (b"User-Agent: python-requests/2.32", b"Accept-Encoding: gzip, deflate", b"Accept: */*"),
        "undici": (b"connection: keep-alive", b"accept: */*", b"accept-language: *", b"sec-fetch-mode: cors", b"user-agent: node"),
        "lower-case names": (b"accept: */*", b"user-agent: x"), "upper-case names": (b"ACCEPT: */*", b"USER-AGENT: x"),
        "kube-probe": (b"User-Agent: kube-probe/1.31", b"Accept: */*", b"Connection: close"),
        "ELB": (b"User-Agent: ELB-HealthChecker/2.0", b"Connection: close"),
        "Prometheus": (b"User-Agent: Prometheus/2.54", b"X-Prometheus-Scrape-Timeout-Seconds: 10",
                       b"Accept: application/openmetrics-text;version=1.0.0;q=0.5,*/*;q=0.1"),
        "behind nginx": (b"X-Real-IP: 10.0.0.1", b"X-Forwarded-For: 10.0.0.1", b"X-Forwarded-Proto: https", b"Connection: close"),
        "behind Envoy": (b"x-request-id: 5b0e6a9c-0000-4000-8000-000000000000", b"x-envoy-attempt-count: 1",
                         b"x-b3-traceid: 80f198ee56343ba864fe8b2a57d3eff7", b"x-forwarded-for: 10.0.0.1,10.0.0.2"),
        "behind Cloudflare": (b"CF-RAY: 230b030023ae2822-SJC", b'CF-Visitor: {"scheme":"https"}', b"CDN-Loop: cloudflare",
                              b"CF-Connecting-IP: 10.0.0.1"),
        "empty values": (b"Accept:", b"X-Empty: ", b"Referer:", b"Cookie:"),
        "no space after the colon": (b"Accept:*/*", b"User-Agent:x"), "tabs around values": (b"Accept:\t*/*\t", b"X-A: \t b \t"),
        "obs-text in a value": (b"X-Name: J\xf6rg", b"X-U: \xe2\x82\xac"), "tab in a value": (b"X-A: a\tb",),
        "lists in several lines": (b"Accept: text/html", b"Accept: */*", b"Cache-Control: no-cache", b"Cache-Control: no-store",
                                   b"X-Forwarded-For: 10.0.0.1", b"X-Forwarded-For: 10.0.0.2", b"Via: 1.1 a", b"Via: 1.1 b"),
        "cookies in several lines": (b"Cookie: a=b", b"Cookie: c=d"), "long cookie": (b"Cookie: a=" + b"b" * 7000,),
        "many fields": tuple(b"X-F-%d: v" % i for i in range(80)), "symbols in a name": (b"X-!#$&'*+.^|~`%: a",),
        "underscores in names": (b"api_key: abc", b"session_id: 1", b"x_custom_field: 1"),
        "range": (b"Range: bytes=0-99,200-", b'If-Range: "abc"'), "basic auth": (b"Authorization: Basic dXNlcjpwYXNz",),
        "Connection of all sorts": (b"Connection: keep-alive, TE, ,", b"TE: trailers, deflate;q=0.5", b"Keep-Alive: timeout=5"),
        "nominated private field": (b"Connection: X-Hop", b"X-Hop: 1"), "Proxy-Connection": (b"Proxy-Connection: keep-alive",),
        "an offer of TLS": (b"Connection: Upgrade", b"Upgrade: TLS/1.2"), "an offer of h2c alone": (b"Upgrade: h2c",),
        "traceparent": (b"traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", b"tracestate: a=b"),
        "broken traceparent": (b"traceparent: zz",), "Content-Length: 0": (b"Content-Length: 0",),
        "Expect without a body": (b"Expect: 100-continue",), "If-Match": (b'If-Match: "a", "b"', b'If-None-Match: "c"'),
        "save data": (b"Save-Data: on", b"Viewport-Width: 1024", b"Sec-CH-UA-Full-Version-List: \"A\";v=\"1\""),
    }.items():  # fmt: skip
        yield _good(name, head(*lines, start=GET))
    for host in (b"a", b"a:8080", b"A.Example.COM", b"localhost", b"127.0.0.1", b"127.0.0.1:80", b"[::1]", b"[::1]:8080",
                 b"[2001:db8::1]:443", b"my_service", b"a.default.svc.cluster.local.", b"xn--bcher-kva.example", b"1a.b"):  # fmt: skip
        yield _good(f"Host {host!r}", head(start=GET, host=b"Host: " + host))
        yield _good(
            f"absolute {host!r}",
            head(start=b"GET http://" + host + b"/TAGID HTTP/1.1", host=b"Host: " + host),
        )
    for target in (
        b"/TAGID/", b"/TAGID?", b"/TAGID?a", b"/TAGID?a=b&c=d", b"/TAGID?a=b;c=d", b"/TAGID?q=caf%C3%A9+au+lait", b"/TAGID/caf%c3%a9",
        b"/TAGID;v=1", b"/TAGID;a=b/c;d", b"/TAGID/a.b-c_d~e", b"/TAGID/:colon@at", b"/TAGID/a+b", b"/TAGID/(x)", b"/TAGID/a,b",
        b"/TAGID?f[a]=b", b"/TAGID?a={b}", b"/TAGID?a|b", b"/TAGID?a/b?c", b"/TAGID?url=http://b/c", b"/TAGID/a//b", b"/TAGID/.",
        b"/TAGID?%20", b"/TAGID/*", b"/TAGID/$metadata", b"/TAGID/a'b", b"/TAGID/!", b"/TAGID?a=%E2%82%AC", b"/TAGID?" + b"a=b&" * 1500,
        b"/TAGID/a%20b", b"/TAGID?a=b=c", b"/TAGID?=&&", b"/TAGID/a=b&c", b"/TAGID?date=2024-01-01T00:00:00Z",
    ):  # fmt: skip
        yield _good(f"target {target[:40]!r}", head(start=b"GET " + target + b" HTTP/1.1"), target=target)
    yield _good("absolute without a path", head(start=b"GET http://a?/TAGID HTTP/1.1"), target=b"/?/TAGID")
    yield _good("absolute https", head(start=b"GET https://a/TAGID?x HTTP/1.1"), target=b"/TAGID?x")
    yield _good("upper-case scheme", head(start=b"GET HTTP://A/TAGID HTTP/1.1"))
    yield _good("two slashes first", head(start=b"GET //TAGID HTTP/1.1"))
    yield _good("one CRLF first", b"\r\n" + head(start=GET))
    for method in (b"HEAD", b"OPTIONS", b"DELETE", b"PROPFIND", b"MKCOL", b"COPY", b"MOVE", b"LOCK", b"UNLOCK", b"REPORT",
                   b"SEARCH", b"POST", b"PUT", b"PATCH", b"PURGE", b"QUERY"):  # fmt: skip
        yield _good(f"{method.decode()} without a body", head(start=method + b" /TAGID HTTP/1.1"), method)
    yield _good(
        "CORS preflight",
        head(b"Origin: https://b.example", b"Access-Control-Request-Method: PUT",
             b"Access-Control-Request-Headers: content-type,x-a", start=b"OPTIONS /TAGID HTTP/1.1"), b"OPTIONS",
    )  # fmt: skip
    dav = b'<?xml version="1.0"?><propfind xmlns="DAV:"><allprop/></propfind>'
    yield _good(
        "WebDAV", head(b"Depth: 1", b"Content-Type: application/xml", b"Content-Length: %d" % len(dav),
                       start=b"PROPFIND /TAGID HTTP/1.1") + dav, b"PROPFIND", dav,
    )  # fmt: skip
    for name, lines, body in (
        ("form", (b"Content-Type: application/x-www-form-urlencoded", b"Content-Length: 7"), b"a=b&c=d"),
        ("JSON", (b"Content-Type: application/json; charset=UTF-8", b"Content-Length: 7"), b'{"a":1}'),
        ("text", (b"Content-Type: text/plain", b"Content-Length: 3"), b"abc"),
        ("no type", (b"Content-Length: 3",), b"abc"), ("100-continue", (b"Content-Length: 3", b"Expect: 100-continue"), b"abc"),
        ("100-Continue", (b"Content-Length: 3", b"Expect: 100-Continue"), b"abc"), ("empty", (b"Content-Length: 0",), b""),
        ("h2c offer with a body", (b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAM",
                                   b"Content-Length: 3"), b"abc"),
        ("octets", (b"Content-Type: application/octet-stream", b"Content-Length: 4"), b"\x00\xff\r\n"),
        ("large", (b"Content-Type: text/plain", b"Content-Length: 200000"), b"lorem " * 33333 + b"ip"),
        ("octets beyond the window", (b"Content-Type: application/octet-stream", b"Content-Length: 1500000"), b"\xaa" * 1500000),
    ):  # fmt: skip
        yield _good(f"POST {name}", head(*lines) + body, b"POST", body)
    for name, body in {
        "one chunk": _chunked(b"abc"), "upper-case size": b"A\r\n0123456789\r\n0\r\n\r\n", "zeros": b"0003\r\nabc\r\n000\r\n\r\n",
        "extensions": b'3;a;b=c;d="e;\\"f"\r\nabc\r\n0;z\r\n\r\n', "trailers": b"3\r\nabc\r\n0\r\nX-Checksum: 1\r\nX-B:\r\n\r\n",
        "none": b"0\r\n\r\n", "many": b"1\r\na\r\n" * 500 + b"0\r\n\r\n", "signed": b"3;chunk-signature=ad80\r\nabc\r\n0;chunk-signature=b6\r\n\r\n",
    }.items():  # fmt: skip
        payload = {"upper-case size": b"0123456789", "none": b"", "many": b"a" * 500}.get(name, b"abc")
        yield _good(f"chunked {name}", head(TE, b"Content-Type: text/plain") + body, b"POST", payload)
        yield _good(
            f"chunked {name}, Expect",
            head(b"Expect: 100-continue", b"transfer-encoding:\tChunked ") + body,
            b"POST",
            payload,
        )
    for name, lines in {
        "bare": (),
        "ab": (b"Connection: Keep-Alive", b"User-Agent: ApacheBench/2.3"),
        "close": (b"Connection: close",),
    }.items():
        yield _good(f"1.0 {name}", head(*lines, start=b"GET /TAGID HTTP/1.0"))
    yield _good("1.0 without Host", head(start=b"GET /TAGID HTTP/1.0", host=b""))
    yield _good("1.0 HAProxy check", head(start=b"OPTIONS /TAGID HTTP/1.0", host=b""), b"OPTIONS")
    yield _good(
        "1.0 POST", head(b"Content-Length: 3", start=b"POST /TAGID HTTP/1.0") + b"abc", b"POST", b"abc"
    )
