"""The engine's face: what the policy calls."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import msgspec

from waf.config.schema import Sensitive
from waf.model import (
    PASSED,
    Action,
    Confidence,
    Engine,
    Field,
    Finding,
    Headers,
    PatternStore,
    Request,
    Response,
    Severity,
    Verdict,
)
from waf.sensitive.containers import Container, container_of
from waf.sensitive.entities import Entity
from waf.sensitive.find import Finder, Hit
from waf.sensitive.mask import masked
from waf.sensitive.stream import Redactor


class RequestHits(msgspec.Struct, frozen=True):
    """`alter`: policy wants the request changed; `block`: refused."""

    findings: tuple[Finding, ...] = ()
    alter: bool = False
    block: bool = False


NOTHING = RequestHits()


class ResponseFilter:
    """A `model.BodyFilter`; `response` is the head to send."""

    def __init__(self, response: Response, redactor: Redactor, inflate: bool) -> None:
        self.response = response
        self.changes_length = inflate
        self._redactor = redactor
        self._inflate = zlib.decompressobj(47) if inflate else None

    @property
    def hits(self) -> Sequence[Hit]:
        return self._redactor.hits

    def feed(self, data: bytes) -> bytes:
        if self._inflate is not None:
            data = self._inflate.decompress(data)
        return self._redactor.feed(data)

    def idle(self) -> bytes:
        return self._redactor.idle()

    def finish(self) -> bytes:
        if self._inflate is not None:
            return self._redactor.feed(self._inflate.flush()) + self._redactor.finish()
        return self._redactor.finish()

    def verdict(self) -> Verdict:
        hits = self._redactor.hits
        if not hits:
            return PASSED
        action = Action.REDACT if self._redactor.altered else Action.FORWARD
        return Verdict(action, action, findings=tuple(_finding(hit, "response") for hit in hits[:50]))


class Detector:
    def __init__(self, config: Sensitive, finder: Finder) -> None:
        self._config = config
        self._finder = finder

    @classmethod
    def build(
        cls, config: Sensitive, entities: Sequence[Entity], store: PatternStore | None, key: bytes
    ) -> Detector:
        return cls(config, Finder.build(entities, store))

    def mask(self, data: bytes) -> str:
        """`model.Mask`: for our own records."""
        data = data[:512]
        out = bytearray(data)
        for hit in self._finder.find(data):
            out[hit.start : hit.end] = masked(data[hit.start : hit.end], hit.entity.mask)
        text = bytes(out).decode("utf-8", "backslashreplace")
        shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text[:121])
        return shown if len(shown) <= 120 else shown[:119] + "…"

    def check_request(self, fields: Sequence[Field], path: bytes) -> RequestHits:
        findings = []
        for field in fields:
            for hit in self._finder.find(field.value):
                findings.append(_finding(hit, field.address))
        return RequestHits(tuple(findings)) if findings else NOTHING

    def redact_request(self, request: Request, body: bytes, hits: RequestHits) -> tuple[Request, bytes]:
        return request, body

    def prepare_request(self, request: Request) -> Request:
        """What goes to the app where responses are masked: codings that we can read, no ranges."""
        lines = [line for line in request.headers.lines if line[0] not in (b"range", b"if-range")]
        lines = [
            (low, name, b"gzip, identity" if low == b"accept-encoding" and b"gzip" in value else
             b"identity" if low == b"accept-encoding" else value)
            for low, name, value in lines
        ]  # fmt: skip
        return msgspec.structs.replace(request, headers=Headers.of(lines))

    def response_filter(self, request: Request, response: Response) -> ResponseFilter | None:
        container = container_of(response.headers.get(b"content-type"))
        if container is None or request.method == b"HEAD" or response.status in (204, 304):
            return None
        coding = (response.headers.get(b"content-encoding") or b"identity").strip().lower()
        if coding not in (b"identity", b"gzip", b"x-gzip", b"deflate"):
            return None
        inflate = coding != b"identity"
        gone = {b"content-md5", b"digest", b"repr-digest", b"content-digest", b"accept-ranges"}
        if inflate:
            gone |= {b"content-encoding", b"content-length"}
        lines = [
            (low, name, b"W/" + value if low == b"etag" and not value.startswith(b"W/") else value)
            for low, name, value in response.headers.lines
            if low not in gone
        ]
        head = msgspec.structs.replace(response, headers=Headers.of(lines))
        return ResponseFilter(head, Redactor(self._finder, container, self._acts), inflate)

    def _acts(self, hit: Hit) -> bool:
        return hit.acts and self._config.response_action == "mask"


def _finding(hit: Hit, address: str) -> Finding:
    return Finding(
        rule=f"sensitive.{hit.entity.id}",
        kind=hit.entity.id,
        engine=Engine.SENSITIVE,
        severity=Severity.MEDIUM,
        confidence=Confidence.HIGH if hit.acts else Confidence.MEDIUM,
        address=address,
        detail=hit.entity.title,
        tags=(*hit.entity.tags, "test") if hit.test else hit.entity.tags,
        enforced=False,
    )


__all__ = ["Container", "Detector", "RequestHits", "ResponseFilter"]
