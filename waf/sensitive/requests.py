"""Requests: what they carry, and the same request with less in it.

A first scan over the raw text tells whether there is anything at all; only then are fields made and looked at one by
one. Names matter as much as values ("ssn=536228145"), and stand before them there too.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import unquote_to_bytes

import msgspec
from msgspec import structs

from waf.http1 import speed
from waf.model import Field, Finding, Headers, Part, Request
from waf.sensitive.candidates import Candidate
from waf.sensitive.coding import codings, unfolded
from waf.sensitive.containers import Container, container_of, readable_charset, sniffed
from waf.sensitive.find import Finder
from waf.sensitive.gathered import gathered
from waf.sensitive.heads import undigested
from waf.sensitive.lines import Lines, Told
from waf.sensitive.mask import Key
from waf.sensitive.orders import ALTERS, Orders
from waf.sensitive.places import safe_name
from waf.sensitive.stream import Redactor
from waf.sensitive.tally import MAX_PLACES, Sighting, Tally, remark
from waf.sensitive.views import view

if TYPE_CHECKING:
    from waf._speed import Values


class Readable(Protocol):
    """A request as `inspect.reading.Reading` gives it; header and body fields are dear, so asked for late."""

    request: Request
    body: bytes  # without its content codings
    charged: int  # units of `inspect.effort` that the search for sensitive data cost

    @property
    def body_kind(self) -> enum.Enum: ...  # as what it was read: "form", "json" …

    @property
    def head(self) -> Sequence[Field]: ...

    def body_fields(self) -> Sequence[Field]: ...

    def body_lines(self) -> Told | None: ...  # None where only the fields tell


class RequestHits(msgspec.Struct, frozen=True):
    """What a request carries. `alters`: policy wants it changed; `blocks`: refused."""

    findings: tuple[Finding, ...]
    tally: Tally
    orders: Orders
    alters: bool = False
    blocks: bool = False


_QUIET_HEADERS: Final = frozenset(
    {
        "host", "connection", "accept", "accept-encoding", "accept-language", "accept-charset",
        "cache-control", "pragma", "te", "dnt", "content-type", "content-length", "transfer-encoding",
        "upgrade-insecure-requests", "if-modified-since", "if-none-match", "sec-fetch-site",
        "sec-fetch-mode", "sec-fetch-dest", "sec-fetch-user", "sec-ch-ua", "sec-ch-ua-mobile",
        "sec-ch-ua-platform", "sec-gpc", "priority", "expect", "date", "x-request-id", "traceparent",
        "tracestate",
    }
)  # fmt: skip
"""Headers that carry no one's data and stand in nearly every request."""

_QUIET_LINES: Final = frozenset(name.encode() for name in _QUIET_HEADERS)
_CREDENTIALS: Final = frozenset({b"authorization", b"proxy-authorization", b"cookie"})
_TOKEN: Final = re.compile(rb"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_.-]*")
"""A JSON web token. Where credentials belong it is no news (see `orders.CREDENTIALS`), and stands in every request."""

_PART_TYPE: Final = re.compile(rb"(?i)\r\ncontent-(?:type|length|transfer-encoding):[^\r\n]*")
_UNCODED: Final = frozenset({"json", "xml", "multipart", "graphql"})
"""Kinds of bodies in which "%" and "+" stand for themselves."""


_QUIET_PARTS: Final = frozenset({Part.METHOD, Part.PATH, Part.HEADER_NAME, Part.COOKIE_NAME, Part.STATUS})
"""PATH is looked at by its segments."""


_PAIRS: Final = frozenset({Part.FORM_NAME, Part.FORM})

_COUNTED: Final = 2048  # places where a value may be that are looked at where all are only counted, …
_PER_COUNTED: Final = 24  # … and one more for so many bytes of the body: a table of addresses has one in 100
_PER_NAME: Final = 6  # units of `inspect.effort` to tell of a field in which there is something
_DENSE: Final = "there is more of it in the request than is counted"


class RequestCheck:
    """Finds and redacts in requests; immutable but for the memory of names."""

    def __init__(self, finder: Finder, key: Key, by_field: bool = False) -> None:
        """`by_field`: a rule of policy names fields, so credentials are looked at too."""
        self._finder = finder
        self._key = key
        self._by_field = by_field
        self._clean: Final = speed.values()  # header lines that say nothing

    def check(
        self,
        reading: Readable,
        orders: Callable[[], Orders],
        head_clear: bool = False,
        body_clear: bool = False,
    ) -> RequestHits | None:
        """What `reading` carries; None for nothing. `orders` is asked only if there is something.

        `head_clear`: it is known that there is nothing in the head, `body_clear` the same of the body.
        """
        fields: list[Field] = []
        if not head_clear and self._suspects_head(reading.request):
            fields += [
                f
                for f in reading.head
                if f.part not in _QUIET_PARTS and not (f.part == Part.HEADER and f.name in _QUIET_HEADERS)
            ]
        told = None
        body = reading.body
        if body and not body_clear and self._suspects_body(body, reading.body_kind.value):
            told = reading.body_lines()
            if told is None:
                fields += _once(reading.body_fields(), reading.body_kind.value, body)
        if not fields and told is None:
            return None
        lines = Lines(fields, told)
        candidates = self._finder.candidates(lines.text)
        if not candidates:
            return None
        most = _COUNTED + len(body) // _PER_COUNTED
        dense = len(candidates) > most and not orders().acts  # whatever it is, it is only counted
        if dense:
            del candidates[most:]
        reading.charged = len(candidates) * 2 // 3
        hits = self._look(reading, lines, candidates, orders)
        if not dense:
            return hits
        told_more = remark("sensitive.dense", _DENSE, "dense")
        if hits is None:
            return RequestHits((told_more,), Tally(self._key), orders())
        return structs.replace(hits, findings=(*hits.findings, told_more))

    @property
    def screened(self) -> tuple[frozenset[bytes], Values, bytes | None] | None:
        """What `Heads.clear` is told: the headers that say nothing, lines known to be clean, and what proves others to
        be; None without the accelerator.
        """
        return None if self._clean is None else (_QUIET_LINES, self._clean, self._finder.program)

    def _suspects_head(self, request: Request) -> bool:
        """False: there is nothing in target, cookies and headers."""
        values = self._clean
        if values is not None and speed.HEADS is not None:
            pairs = speed.HEADS.pairs(
                request.target, request.headers.lines, _QUIET_LINES, values, self._finder.program
            )
            if pairs is not None:
                text, fresh = pairs
                if text and self._finder.suspects(text):
                    return True
                if fresh:
                    values.add(fresh)
                return False
        return self._finder.suspects(self._head_text(request))

    def _head_text(self, request: Request) -> bytes:
        """Target, cookies and headers as one text, names before their values; the target and cookies decoded as fields are.

        Nothing is in the fields that is not in here, so a scan of it spares making them.
        """
        path, mark, query = request.target.partition(b"?")
        parts = [unquote_to_bytes(path), mark, unquote_to_bytes(query.replace(b"+", b" "))]
        cookies = b""
        for lower, _, value in request.headers.lines:
            if lower in _QUIET_LINES:
                continue
            if lower == b"cookie":
                cookies = value if not cookies else cookies + b"\n" + value
            if b"eyJ" in value and not self._by_field and lower in _CREDENTIALS:
                parts += (b"\n", lower, b"=", _TOKEN.sub(b"", value))
            else:
                parts += (b"\n", lower, b"=", value)
        if b"%" in cookies:
            parts += (b"\n", view(cookies, form=True).text)
        return b"".join(parts)

    def _suspects_body(self, body: bytes, kind: str) -> bool:
        """False: there is nothing in the fields of `body`; `kind` is as what it was read."""
        if kind == "form":
            return self._finder.suspects(view(body, form=True).text)
        if kind == "multipart":
            body = _PART_TYPE.sub(b"", body)  # which would stand between a name and its value
        if self._finder.suspects(view(body).text):
            return True
        if kind in _UNCODED or not (b"%" in body or b"+" in body):
            return False
        return self._finder.suspects(view(body, form=True).text)

    def _look(
        self,
        reading: Readable,
        lines: Lines,
        candidates: list[Candidate],
        make_orders: Callable[[], Orders],
    ) -> RequestHits | None:
        found = gathered(self._finder, lines, candidates)
        reading.charged += _PER_NAME * len(found)
        if not found:
            return None
        orders = make_orders()
        tally = Tally(self._key)
        places: dict[tuple[str, str, str], Sighting] = {}
        names: dict[str, str] = {}  # addresses as they are shown
        for number, entity, acts, test, count, values in found:
            address = lines.address(number)
            shown = names.get(address)
            if shown is None:
                # To make a name safe costs more than all the rest; of so many none would be shown any more.
                shown = names[address] = "*" if len(names) >= MAX_PLACES else safe_name(address)
            action = orders.action(entity, address)
            if action == "ignore":
                continue
            if not acts:
                action = "report"
            elif action == "block" and test:
                action = "mask"
            place = (shown, entity.id, action)
            seen = places.get(place)
            if seen is None:
                seen = places[place] = Sighting(entity, shown, action, values)
            else:
                seen.values |= values
            seen.count += count
            seen.test += count if test else 0
            seen.sure |= acts
        for seen in places.values():
            tally.add_all(seen)
        if not tally:
            return None
        done = {count.action for count in tally}
        return RequestHits(
            tally.findings("request"),
            tally,
            orders,
            alters=not done.isdisjoint(ALTERS),
            blocks="block" in done,
        )

    # ------------------------------------------------------------------------------------------------
    # redaction

    def redact(self, request: Request, body: bytes, hits: RequestHits) -> tuple[Request, bytes]:
        """`request` and `body` with the values taken out that policy wants out; nothing else changed."""
        if not hits.alters:
            return request, body
        orders = hits.orders.without_refusals()
        path = self._run(request.path, Container.FORM, orders, "segment", b"")
        query = request.query
        if query:
            query = self._run(query, Container.FORM, orders, "", b"", "arg")
        lines = []
        for lower, name, old in request.headers.lines:
            new = old
            if lower == b"cookie":
                new = b"; ".join(self._cookie(pair, orders) for pair in old.split(b"; "))
            elif lower.decode("latin-1") not in _QUIET_HEADERS:
                address = f"header.{lower.decode('latin-1')}"
                new = self._run(old, Container.TEXT, orders, address, lower)
            lines.append((lower, name, new))
        changed = request.altered(
            path=path,
            query=query,
            target=path if query is None else path + b"?" + query,
            headers=Headers.of(lines),
        )
        names = codings(request.headers.get(b"content-encoding"))
        plain = unfolded(body, names)
        if not body or plain is None:
            return changed, body
        redacted = self._body(plain, request.headers.get(b"content-type"), orders)
        if redacted == plain:
            return changed, body
        return undigested(changed, len(redacted)), redacted

    def _body(self, body: bytes, content_type: bytes | None, orders: Orders) -> bytes:
        container = container_of(content_type)
        if container is Container.MULTIPART:
            return self._multipart(body, content_type or b"", orders)
        container = sniffed(container, body) if container is not None else None
        if container is None or not readable_charset(content_type):
            return body
        return self._run(body, container, orders, "", b"")

    def _multipart(self, body: bytes, content_type: bytes, orders: Orders) -> bytes:
        """Part by part: text fields and text files; all else as it was."""
        boundary = re.search(rb"(?i)boundary=(?:\"([^\"]{1,200})\"|([^\s;,]{1,200}))", content_type)
        if boundary is None:
            return body
        mark = b"--" + (boundary[1] or boundary[2])
        parts = body.split(mark)
        for number, part in enumerate(parts[1:], 1):
            head, blank, content = part.partition(b"\r\n\r\n")
            if not blank:
                continue
            name = re.search(rb"(?i)[;\s]name=(?:\"([^\"]*)\"|([^\s;]+))", head)
            kind = re.search(rb"(?im)^content-type:[ \t]*([^\r\n]+)", head)
            container = container_of(kind[1] if kind else None)
            container = sniffed(container, content) if container is not None else None
            if container is None or container is Container.MULTIPART:
                continue
            label = (name[1] or name[2] or b"") if name else b""
            part_of = "file" if re.search(rb"(?i)[;\s]filename\*?=", head) else "form"
            address = f"{part_of}.{label.decode('utf-8', 'replace')}"
            value, end = content[:-2], content[-2:]  # CRLF before the next boundary
            parts[number] = head + blank + self._run(value, container, orders, address, label) + end
        return mark.join(parts)

    def _cookie(self, pair: bytes, orders: Orders) -> bytes:
        name, equals, value = pair.partition(b"=")
        if not equals:
            return pair
        address = f"cookie.{name.decode('utf-8', 'replace')}"
        return name + equals + self._run(value, Container.FORM, orders, address, name)

    def _run(
        self, data: bytes, container: Container, orders: Orders, address: str, label: bytes, part: str = ""
    ) -> bytes:
        redactor = Redactor(
            self._finder, container, orders, self._key, address=address, label=label, part=part
        )
        return redactor.feed(data) + redactor.finish()


def _once(fields: Sequence[Field], kind: str, body: bytes) -> Sequence[Field]:
    """Of the fields of a body of this kind those that say something new.

    A form of no type, or with bytes that are no text, is there as it is, too, and its pairs have every byte of it; a document of GraphQL stands in a string of JSON, and all literals without escapes
    stand in it as they are.
    """
    if len(fields) > 1 and (kind == "form" or fields[0].part in _PAIRS):
        return [field for field in fields if field.part is not Part.BODY or field.value != body]
    if kind != "graphql":
        return fields
    strings = {field.value for field in fields if field.part is Part.JSON}
    documents = [field.value for field in fields if field.part is Part.GRAPHQL and not field.name]
    literals = any(b"\\" in document for document in documents)
    return [
        field
        for field in fields
        if field.part is not Part.GRAPHQL or (literals if field.name else field.value not in strings)
    ]
