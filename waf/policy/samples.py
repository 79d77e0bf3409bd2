"""Requests from where people keep them: a curl command line, a raw request file, a HAR entry.

Gives the bytes that a client would send, so that what is explained or replayed takes the very path of
traffic: through the strict parser. Knows no files: text and parsed JSON in, `Sample` out. Raises ValueError
with the mend.
"""

from __future__ import annotations

import base64
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote, urlsplit

import msgspec

MAX_ENTRIES: Final = 1_000_000
_FORM: Final = "application/x-www-form-urlencoded"
_BODYLESS: Final = frozenset({"GET", "HEAD", "OPTIONS", "DELETE"})
_SAFE: Final = "!$&'()*+,/:;=?@[]{}|^`%~-._"


class Sample(msgspec.Struct, frozen=True):
    """One request as sent: `head` through its blank line, `body` as framed by Content-Length."""

    head: bytes
    body: bytes
    label: str


class _Draft:
    """A request while its options are read."""

    def __init__(self) -> None:
        self.method = ""
        self.url = ""
        self.headers: list[tuple[str, str]] = []
        self.data: list[str] = []
        self.form: list[tuple[str, str]] = []
        self.get = False

    def header(self, name: str, value: str) -> None:
        self.headers.append((name, value))

    def has(self, name: str) -> bool:
        return any(known.lower() == name for known, _ in self.headers)


_SHELL: Final = re.compile(
    r"""\\\r?\n | \\. | (?<!\$)'[^']*' | "(?:\\.|[^"\\])*" | \$'(?P<ansi>(?:\\.|[^'\\])*)'""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE: Final = re.compile(
    r"\\(?:x([0-9a-fA-F]{1,2})|u([0-9a-fA-F]{1,4})|U([0-9a-fA-F]{1,8})|(.))", re.DOTALL
)
_LETTERS: Final = {
    "n": "\n",
    "t": "\t",
    "r": "\r",
    "a": "\a",
    "b": "\b",
    "f": "\f",
    "v": "\v",
    "e": "\x1b",
    "0": "\0",
}


def _plain_quotes(match: re.Match[str]) -> str:
    """What bash reads and shlex does not: $'...' as browsers write it for "Copy as cURL", and continued lines."""
    if match["ansi"] is None:
        return " " if match[0].startswith("\\") and match[0].endswith("\n") else match[0]
    return shlex.quote(_ESCAPE.sub(_escaped, match["ansi"]))


def _escaped(match: re.Match[str]) -> str:
    digits = match[1] or match[2] or match[3]
    if digits:
        number = int(digits, 16)
        return chr(number) if number < 0x110000 else "\ufffd"
    return _LETTERS.get(match[4], match[4])


def from_curl(line: str) -> Sample:
    """A sample from a curl-like line: "curl -X POST https://shop/api -H 'A: b' -d x=1"; "curl" may be left
    out.
    """
    try:
        words = shlex.split(_SHELL.sub(_plain_quotes, line))
    except ValueError as error:
        raise ValueError(f"the line cannot be split into words ({error}); quote it as for a shell") from None
    if words and words[0] == "curl":
        words = words[1:]
    draft = _Draft()
    rest = iter(words)
    for word in rest:
        _option(draft, word, rest)
    if not draft.url:
        raise ValueError('no URL in the line; write for example: curl "http://shop/search?q=x"')
    body = "&".join(draft.data).encode()
    url = draft.url if "://" in draft.url else "http://" + draft.url
    if draft.get and body:
        url += ("&" if "?" in url else "?") + body.decode()
        body = b""
    if draft.form:
        boundary = "----waf-explain-boundary"
        draft.header("Content-Type", f"multipart/form-data; boundary={boundary}")
        body = _multipart(draft.form, boundary)
    if body and not draft.has("content-type"):
        draft.header("Content-Type", _FORM)
    return _sample(draft.method or ("POST" if body else "GET"), url, draft.headers, body)


_IGNORED_LETTERS: Final = frozenset("sSivkLfgN#")
_IGNORED_FLAGS: Final = frozenset(
    {"--compressed", "--insecure", "--location", "--silent", "--show-error", "--include", "--verbose", "--fail",
     "--http1.1", "--http2", "--globoff", "--path-as-is", "--no-buffer"}
)  # fmt: skip
_IGNORED_VALUES: Final = frozenset({"-o", "--output", "--max-time", "-m", "--connect-timeout", "--cacert"})


def _option(draft: _Draft, word: str, rest: Iterator[str]) -> None:
    name, joined, value = word.partition("=") if word.startswith("--") else (word, "", "")
    if (
        word.startswith("-")
        and not word.startswith("--")
        and len(word) > 2
        and word[:2] in ("-X", "-H", "-d", "-b", "-A", "-F")
    ):
        name, joined, value = word[:2], "=", word[2:]  # fmt: skip

    def argument() -> str:
        if joined:
            return value
        following = next(rest, None)
        if following is None:
            raise ValueError(f"{name} needs a value")
        return following

    match name:
        case "-X" | "--request":
            draft.method = argument()
        case "-H" | "--header":
            key, colon, text = argument().partition(":")
            if not colon:
                raise ValueError('-H needs "Name: value"')
            draft.header(key, text.strip())
        case "--data-raw":
            draft.data.append(argument())
        case "-d" | "--data" | "--data-ascii" | "--data-binary":
            draft.data.append(_inline(argument()))
        case "--data-urlencode":
            key, equals, text = argument().partition("=")
            if not equals:
                key, text = "", _inline(key)
            draft.data.append((f"{key}=" if key else "") + quote(text, safe=""))
        case "--json":
            draft.data.append(_inline(argument()))
            draft.header("Content-Type", "application/json")
            draft.header("Accept", "application/json")
        case "-F" | "--form":
            name, _, value = argument().partition("=")
            draft.form.append((name, _inline(value, ("@", "<"))))
        case "-b" | "--cookie":
            draft.header("Cookie", argument())
        case "-A" | "--user-agent":
            draft.header("User-Agent", argument())
        case "-e" | "--referer":
            draft.header("Referer", argument())
        case "-u" | "--user":
            draft.header("Authorization", "Basic " + base64.b64encode(argument().encode()).decode())
        case "-G" | "--get":
            draft.get = True
        case "-I" | "--head":
            draft.method = "HEAD"
        case "--url":
            draft.url = argument()
        case _ if word in _IGNORED_FLAGS or (
            len(word) > 1 and word[0] == "-" and set(word[1:]) <= _IGNORED_LETTERS
        ):
            pass
        case _ if name in _IGNORED_VALUES:
            argument()
        case _ if word.startswith("-"):
            raise ValueError(f"the curl option {name} is not known here; leave it out")
        case _:
            draft.url = word


def _inline(value: str, marks: tuple[str, ...] = ("@",)) -> str:
    """The value itself; curl would read a file for "@name", and for "<name" in forms."""
    if value.startswith(marks):
        raise ValueError(f"{value[:100]}: data is not read from files here; write it into the line")
    return value


def from_raw(data: bytes, label: str = "") -> Sample:
    """A sample from a raw request as a text file holds it: line ends may be LF; framing is set by us."""
    head, _, body = data.replace(b"\r\n", b"\n").partition(b"\n\n")
    lines = head.split(b"\n")
    kept = [ln for ln in lines[1:] if not ln.lower().startswith((b"content-length:", b"transfer-encoding:"))]
    if body.endswith(b"\n") and not _is_text_body(kept):
        body = body[:-1]
    if body:
        kept.append(b"Content-Length: %d" % len(body))
    return Sample(
        b"\r\n".join([lines[0], *kept]) + b"\r\n\r\n", body, label or lines[0].decode("latin-1")[:100]
    )


def _is_text_body(lines: Sequence[bytes]) -> bool:
    return any(ln.lower().startswith(b"content-type: text/") for ln in lines)


def from_har(har: object) -> Iterator[Sample]:
    """The samples of a HAR document (HTTP Archive 1.2), in its order. HTTP/2 pseudo-headers are dropped."""
    log = har.get("log") if isinstance(har, Mapping) else None
    entries = log.get("entries") if isinstance(log, Mapping) else None
    if not isinstance(entries, list):
        raise ValueError("no log.entries: this is no HAR document")
    for entry in entries[:MAX_ENTRIES]:
        yield from_har_entry(entry)


def from_har_entry(entry: Any) -> Sample:
    """The request of one HAR entry."""
    try:
        return _from_har_request(entry["request"])
    except KeyError as error:
        raise ValueError(f"a HAR entry without {error}; export it again from the browser") from None
    except (TypeError, AttributeError):
        raise ValueError("a HAR entry of another shape; export it again from the browser") from None


def _from_har_request(request: Mapping[str, Any]) -> Sample:
    method, url = str(request["method"]), str(request["url"])
    listed = [(str(h["name"]), str(h["value"])) for h in request.get("headers") or []]
    skipped = {"content-length", "transfer-encoding", "connection", "host"}
    headers = [(n, v) for n, v in listed if not n.startswith(":") and n.lower() not in skipped]
    post = request.get("postData") or {}
    text = post.get("text") or ""
    if not text and isinstance(post.get("params"), list):
        text = _joined(post["params"])
        if _FORM not in str(
            post.get("mimeType")
        ):  # only the values of what was no form: they are sent as one
            headers = [(n, v) for n, v in headers if n.lower() != "content-type"]
            post = {**post, "mimeType": _FORM}
    if "?" not in url and isinstance(request.get("queryString"), list) and request["queryString"]:
        url += "?" + _joined(request["queryString"])  # our own captures hold the query there alone
    body = (
        base64.b64decode(text)
        if post.get("encoding") == "base64"
        else text.encode("utf-8", "surrogateescape")
    )
    if body and not any(n.lower() == "content-type" for n, _ in headers) and post.get("mimeType"):
        headers.append(("Content-Type", str(post["mimeType"])))
    return _sample(method, url, headers, body)


def _joined(pairs: Sequence[Mapping[str, Any]]) -> str:
    return "&".join(
        f"{quote(str(pair.get('name', '')), safe='')}={quote(str(pair.get('value', '')), safe='')}"
        for pair in pairs
    )


def _sample(method: str, url: str, headers: Sequence[tuple[str, str]], body: bytes) -> Sample:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise ValueError(f"not an http URL: {url[:100]!r}")
    target = quote(parts.path or "/", safe=_SAFE)
    if parts.query:
        target += "?" + quote(parts.query, safe=_SAFE)
    lines = [f"{method} {target} HTTP/1.1"]
    if not any(name.lower() == "host" for name, _ in headers):
        lines.append(f"Host: {parts.netloc.rpartition('@')[2]}")
    lines += [f"{name}: {value}" for name, value in headers if name.lower() != "content-length"]
    if body or method not in _BODYLESS:
        lines.append(f"Content-Length: {len(body)}")
    head = "\r\n".join(lines).encode("utf-8", "surrogateescape") + b"\r\n\r\n"
    return Sample(head, body, f"{method} {target}"[:200])


def _multipart(form: Sequence[tuple[str, str]], boundary: str) -> bytes:
    out = []
    for name, value in form:
        out.append(f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n')
    return ("".join(out) + f"--{boundary}--\r\n").encode()
