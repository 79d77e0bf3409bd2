"""Hypothesis strategies for messages: well-formed ones, and ones that somebody tampered with."""

from __future__ import annotations

from hypothesis import strategies as st

TOKEN = "!#$%&'*+-.^_`|~0123456789abcXYZ"
_NAMES = (
    "Host", "Content-Length", "Transfer-Encoding", "Connection", "Upgrade", "Expect", "TE", "Cookie",
    "Accept",
    "Content-Type", "X-Forwarded-For", "Trailer", "Keep-Alive", "content_length", "X-A", "x-b", "Via",
    "Proxy",
)  # fmt: skip
_VALUES = (
    "", "a", "0", "5", "10", "chunked", "Chunked", "identity", "close", "keep-alive", "Upgrade",
    "websocket", "h2c",
    "100-continue", "example.com", "a:80", "[::1]", "a, b", "a\xe9b", "\ta \t", "x" * 40, "Content-Length",
)  # fmt: skip
METHODS = ("GET", "POST", "HEAD", "OPTIONS", "DELETE", "PUT", "PROPFIND", "QUERY")
TARGETS = (
    "/", "/a/b", "/a?b=c&d", "/?", "*", "http://a/", "http://a/b?c", "http://a?x", "/%41%e9", "/a;b=c", "//a",
    "/a?[x]={y}|z",
)  # fmt: skip

names = st.one_of(st.sampled_from(_NAMES), st.text(TOKEN, min_size=1, max_size=8))
_ANY_VALUE = "".join(map(chr, (9, *range(0x20, 0x7F), *range(0x80, 0x100))))
values = st.one_of(st.sampled_from(_VALUES), st.text(_ANY_VALUE, max_size=12))
lines = st.builds("{}:{}{}".format, names, st.sampled_from(["", " ", "\t ", "  "]), values)
field_blocks = st.lists(lines, max_size=6).map(lambda block: "".join(f"{line}\r\n" for line in block))

payloads = st.binary(max_size=40)
_extensions = st.sampled_from(["", ";a", ";a=b", ';a="b;\\"c"', ";a;b=c"])


@st.composite
def chunked(draw: st.DrawFn) -> bytes:
    """A well-formed chunked body."""
    out = b""
    for data in draw(st.lists(st.binary(min_size=1, max_size=20), max_size=4)):
        size = draw(st.sampled_from(["{:x}", "{:X}", "0{:x}", "000{:x}"])).format(len(data))
        out += f"{size}{draw(_extensions)}\r\n".encode() + data + b"\r\n"
    trailers = draw(st.lists(st.sampled_from(["X-T: 1", "x-u:", "Digest: \xe9"]), max_size=2))
    last = f"{draw(st.sampled_from(['0', '00']))}{draw(_extensions)}\r\n" + "".join(
        f"{t}\r\n" for t in trailers
    )
    return out + last.encode("latin-1") + b"\r\n"


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """A request that is mostly well-formed, framing included."""
    method, target = draw(st.sampled_from(METHODS)), draw(st.sampled_from(TARGETS))
    version = draw(st.sampled_from(["1.1", "1.1", "1.1", "1.0"]))
    head = f"{method} {target} HTTP/{version}\r\nHost: {draw(st.sampled_from(['a', 'a', 'A', 'b:80']))}\r\n"
    return (head + draw(_harmless_fields)).encode("latin-1") + draw(_framed_bodies())


@st.composite
def responses(draw: st.DrawFn) -> bytes:
    """A response that is mostly well-formed."""
    status = draw(st.sampled_from([200, 200, 200, 404, 204, 304, 500, 103]))
    reason = draw(st.sampled_from(["", " ", " OK", " Not Found", " \xe9"]))
    head = f"HTTP/{draw(st.sampled_from(['1.1', '1.1', '1.0']))} {status}{reason}\r\n"
    return (head + draw(_harmless_fields)).encode("latin-1") + draw(_framed_bodies())


_harmless = st.builds(
    "{}: {}".format,
    st.sampled_from(
        ["Accept", "Cookie", "X-A", "X-B", "Via", "Connection", "TE", "Content-Type", "Set-Cookie"]
    ),
    st.sampled_from(["", "a", "close", "keep-alive", "a=b; c=d", "x\xe9y", "a\tb", "a/b"]),
)
_harmless_fields = st.lists(_harmless, max_size=4).map(lambda block: "".join(f"{line}\r\n" for line in block))


@st.composite
def _framed_bodies(draw: st.DrawFn) -> bytes:
    kind = draw(st.sampled_from(["none", "length", "chunked"]))
    if kind == "none":
        return b"\r\n"
    if kind == "length":
        payload = draw(payloads)
        return b"Content-Length: %d\r\n\r\n%b" % (len(payload), payload)
    return b"Transfer-Encoding: chunked\r\n\r\n" + draw(chunked())


free_requests = st.builds(
    lambda method, target, fields, body: (
        f"{method} {target} HTTP/1.1\r\n{fields}\r\n".encode("latin-1") + body
    ),
    st.sampled_from(METHODS),
    st.sampled_from(TARGETS),
    field_blocks,
    st.one_of(payloads, chunked()),
)
"""Any fields of the grammar, framing among them, in any combination."""

free_responses = st.builds(
    lambda status, fields, body: f"HTTP/1.1 {status} OK\r\n{fields}\r\n".encode("latin-1") + body,
    st.sampled_from([200, 204, 304, 103]),
    field_blocks,
    st.one_of(payloads, chunked()),
)

# Bytes and texts on which parsers disagree.
_SPLINTERS = st.sampled_from(
    [
        b"\r", b"\n", b"\r\n", b"\n\n", b"\r\n\r\n", b"\r\n ", b" ", b"\t", b"\x00", b"\x0b", b"\x0c",
        b"\x1f",
        b"\x7f", b"\x80", b"\xa0", b"\xff", b":", b",", b";", b'"', b"\\", b"_", b"-", b"+", b"0", b"1",
        b"f", b"0x",
        b"#", b"%", b"?", b"/", b"*", b"//", b"@", b"Content-Length: 3\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Host: b\r\n", b"Connection: close\r\n", b"Upgrade: websocket\r\n", b"Connection: upgrade\r\n",
        b"chunked",
        b"HTTP/1.1", b"HTTP/1.0", b"GET / HTTP/1.1\r\n", b"0\r\n\r\n", b"1\r\nz\r\n",
        b"Expect: 100-continue\r\n",
    ]
)  # fmt: skip


@st.composite
def tampered(draw: st.DrawFn, messages: st.SearchStrategy[bytes]) -> bytes:
    """A message in which some places were cut out, doubled, or filled with splinters."""
    data = draw(messages)
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(data)))
        end = min(len(data), at + draw(st.integers(0, 4)))
        kind = draw(st.sampled_from(["insert", "replace", "cut", "double"]))
        if kind == "insert":
            data = data[:at] + draw(_SPLINTERS) + data[at:]
        elif kind == "replace":
            data = data[:at] + draw(_SPLINTERS) + data[end:]
        elif kind == "cut":
            data = data[:at] + data[end:]
        else:
            data = data[:end] + data[at:]
    return data
