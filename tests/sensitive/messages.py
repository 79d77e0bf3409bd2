"""What the tests of this room share: all entities, detectors, messages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tests.patterns import patterns_made
from waf.config.schema import Sensitive
from waf.inspect.reading import BodyKind
from waf.model import Field, Framing, Headers, Part, Request, Response
from waf.sensitive.detect import Detector
from waf.sensitive.entities import Entity, parse_entities
from waf.sensitive.find import Finder

RULES = Path(__file__).resolve().parents[2] / "rules" / "sensitive"
KEY = b"a key for tests, thirty-two bytes"
CARD = "4539148803436467"
SSN = "536-22-8145"


def all_entities() -> tuple[Entity, ...]:
    return tuple(
        e for path in sorted(RULES.glob("*.yaml")) for e in parse_entities(path.read_text(), path.name)
    )


ENTITIES = all_entities()
FINDER = Finder.build(ENTITIES, patterns_made())
_BUILT: dict[str, Detector] = {}


class Reading:
    """A request as fields, as the inspection hands it over."""

    def __init__(
        self,
        asked: Request,
        target: Sequence[Field] = (),
        cookies: Sequence[Field] = (),
        body: bytes = b"",
        fields: Sequence[Field] = (),
    ) -> None:
        self.request = asked
        self.target = list(target)
        self.cookies = list(cookies)
        headers = [Field(Part.HEADER, n.decode(), v) for n, _, v in asked.headers.lines if n != b"cookie"]
        self.head = [Field(Part.METHOD, "", asked.method), *target, *headers, *cookies]
        self.body = body
        self.body_kind = BodyKind.TEXT
        self._fields = fields
        self.parsed = False

    def body_fields(self) -> Sequence[Field]:
        self.parsed = True
        return self._fields

    def body_lines(self) -> None:
        return None


def detector(**config: Any) -> Detector:
    """A detector by configuration; building one costs time, so equal ones are shared."""
    name = repr(sorted(config.items()))
    if name not in _BUILT:
        _BUILT[name] = Detector.build(Sensitive(**config), ENTITIES, patterns_made(), KEY)
    return _BUILT[name]


def request(
    *headers: tuple[bytes, bytes], method: bytes = b"GET", target: bytes = b"/customers/7", length: int = 0
) -> Request:
    path, mark, query = target.partition(b"?")
    return Request(
        method=method, target=target, path=path, query=query if mark else None, minor=1,
        headers=Headers.make((b"Host", b"shop"), *headers), host=b"shop",
        framing=Framing.LENGTH if length else Framing.NONE, length=length, keep_alive=True, expects_continue=False,
        upgrade=None,
    )  # fmt: skip


def response(*headers: tuple[bytes, bytes], status: int = 200, length: int = 0) -> Response:
    return Response(
        status=status, reason=b"OK", minor=1, headers=Headers.make(*headers), framing=Framing.LENGTH, length=length,
        keep_alive=True,
    )  # fmt: skip


Through = Callable[..., bytes]


def through(
    found: Detector, kind: str, body: bytes, sizes: Sequence[int] = (), path: bytes = b"/customers/7"
) -> bytes:
    """`body` through a response filter, in chunks of `sizes` and the rest at once."""
    passed = found.response_filter(
        request(target=path), response((b"Content-Type", kind.encode()), length=len(body))
    )
    assert passed is not None
    out = []
    place = 0
    for size in sizes:
        out.append(passed.feed(body[place : place + size]))
        place += size
    out += [passed.feed(body[place:]), passed.finish()]
    return b"".join(out)
