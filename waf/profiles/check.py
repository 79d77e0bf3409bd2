"""A request held against the compiled profile. The hot path of this room.

What the profile does not know it leaves alone: no endpoint, no constraint, no finding. Each finding names the
endpoint and the constraint; `expected` says what would have been normal; the value is shown masked only.
Building these objects is `compile`'s business.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final, Protocol

import msgspec

from waf.findings import Field, Finding, Part
from waf.messages import Framing, Request
from waf.model import Mask
from waf.profiles.conforming import Conforming, ConformingBody
from waf.profiles.constraints import Constraint, Stage, cap_of, names_allow
from waf.profiles.endpoint import TRACKING, general_name
from waf.profiles.findings import about_field, about_place
from waf.profiles.model import method_of
from waf.profiles.observe import media_type
from waf.profiles.rules import ValueRule
from waf.profiles.sampling import Pace
from waf.profiles.segments import HARMLESS, SLOT, asked_anywhere, slot_of, split

UNKNOWN: Final = "_OTHER"
"""Route label of requests whose path is at no known place."""

Table = dict[str, ValueRule]


class Endpoint(msgspec.Struct, frozen=True, gc=False):
    """One compiled endpoint. `tables` and `names` are indexed by `Part`; None where nothing is to be
    checked."""

    template: str
    tables: tuple[Table | None, ...]
    names: tuple[Constraint | None, ...]
    required: tuple[tuple[int, Constraint], ...]  # (bit of the rule, constraint), of head and body
    head_required: int  # all those bits
    body_required: int
    types: Constraint | None
    needs_target: bool  # something is demanded of the query
    needs_cookies: bool
    needs_body: bool
    passed: Check  # the answer where nothing goes against it
    head: Conforming  # what is demanded of path, query and cookies
    body: ConformingBody
    body_is_free: bool  # nothing is demanded of the body


class Fields(Protocol):
    """A request as fields, each kind of them made when asked for: making them costs more than most checks."""

    @property
    def target(self) -> Sequence[Field]:
        """Those of path and query."""
        ...

    @property
    def cookies(self) -> Sequence[Field]: ...

    def body_fields(self) -> Sequence[Field]: ...

    @property
    def plain_body(self) -> tuple[bytes, bool]:
        """The body where it is plainly a form or a JSON document, and which; b"" where it is not, or has fields already."""
        ...


class Node(msgspec.Struct, gc=False):
    """One compiled place of the tree. Filled in by `compile`, then left alone."""

    template: str
    children: dict[bytes, Node]
    slots: dict[str, Node]
    endpoints: dict[bytes, Endpoint]
    path: Constraint | None = None  # which segments may follow
    methods: Constraint | None = None
    values: ValueRule | None = None  # what may stand in the untyped slot below


class Check(msgspec.Struct, gc=False):
    """What the profile says about one request. `endpoint` is its template, the bounded route label.

    `violations` are the ids of the constraints it goes against; `needs_body` says that the endpoint has
    constraints on bodies. `closed` is true where the endpoint's structure is learned and protected.
    """

    endpoint: str
    findings: Sequence[Finding]
    needs_body: bool = False
    known: bool = False
    tables: tuple[Table | None, ...] = ()
    pace: Pace | None = None  # how often the endpoint is learned; written by whoever chooses lessons

    def typed(self, field: Field) -> bool:
        """True if a closed and protected type proves the field's value harmless: no signature has to look."""
        tables = self.tables
        if not tables:
            return False
        part = field.part
        if part is Part.SEGMENT:
            return slot_of(field.value) in HARMLESS
        table = tables[part]
        if table is None:
            return False
        rule = table.get(field.name)
        return rule is not None and rule.harmless is not None and rule.harmless(field.value) is not None

    @property
    def violations(self) -> tuple[str, ...]:
        return tuple(finding.tags[0] for finding in self.findings)


class Profile:
    """A compiled profile; immutable. Made by `compile.build`."""

    def __init__(
        self,
        root: Node,
        common: tuple[Table | None, ...],
        headers: tuple[tuple[bytes, ValueRule], ...],
        *,
        version: str,
        mask: Mask,
        cap: Stage = Stage.PROTECT,
    ) -> None:
        self.version: Final = version
        self.cap: Final = cap
        self._root: Final = root
        self._direct: Final = dict(_direct(root))
        self._common: Final = common
        self._common_cookies: Final = common[Part.COOKIE] is not None
        self._headers: Final = headers
        self._mask: Final = mask

    def check(self, request: Request, fields: Fields, content_type: bytes, quick: bool = True) -> Check:
        """Hold a request against the profile. Without being `quick` it goes by the fields alone, and finds the same.

        Of `fields` only those are asked for of which something is demanded here (headers are taken from the request
        itself). `content_type` is the header as it stands, b"" for none.
        """
        findings: list[Finding] = []
        direct = self._direct.get(request.path)
        at_once = direct.get(request.method) if direct is not None else None
        place = at_once or self._find(request, findings)
        if self._headers:
            self._check_headers(request, findings)
        if place is None or isinstance(place, str):
            if self._common_cookies and b"cookie" in request.headers.index:
                self._fields(fields.cookies, self._common, _NO_NAMES, findings)
            return Check(place or UNKNOWN, findings)
        head = place.head
        if quick and not findings and head.holds(request):
            bare = request.framing is _NONE and not content_type and not place.body_required
            if place.body_is_free or bare:
                return place.passed
            types = place.types
            if types is None or media_type(content_type) in types.allowed:
                plain, form = fields.plain_body
                if plain and place.body.holds(plain, form=form):
                    return place.passed
        check = Check(place.template, findings, place.needs_body, True, place.tables)
        met = 0
        if place.needs_target and request.query:
            met = self._fields(fields.target, place.tables, place.names, findings)
        if place.needs_cookies and b"cookie" in request.headers.index:
            met |= self._cookies(request, fields, place, findings)
        if met & place.head_required != place.head_required:
            self._missing(place, met | place.body_required, findings)
        # Without a body there is nothing of a type; what is missing then is told by name.
        carries = request.framing is not _NONE and (request.framing is _CHUNKED or request.length > 0)
        typed = carries or content_type
        if place.types is not None and typed and media_type(content_type) not in place.types.allowed:
            findings.append(about_place(place.types, media_type(content_type)))
        elif place.needs_body:
            body = fields.body_fields()
            if body or not carries:
                met = self._fields(body, place.tables, place.names, findings)
                if met & place.body_required != place.body_required:
                    self._missing(place, met | place.head_required, findings)
        return check

    def _cookies(self, request: Request, fields: Fields, place: Endpoint, findings: list[Finding]) -> int:
        """Check the cookies, and remember a header that conforms; gives the bits of the rules that were met."""
        before = len(findings)
        met = self._fields(fields.cookies, place.tables, place.names, findings)
        headers, cookies = request.headers, place.head.cookies
        if len(findings) == before and cookies is not None and len(headers.lines) == len(headers.index):
            cookies.remember(headers.index[b"cookie"], met)
        return met

    def held(self, findings: Sequence[Finding], cap: Stage | None, *, loosens: bool) -> Sequence[Finding]:
        """What `check` found, as far as constraints come at a route; see `constraints.cap_of`."""
        cap = cap_of(self.cap, cap, loosens=loosens)
        if cap is Stage.DISCOVER:
            return ()
        if cap is Stage.PROTECT:
            return findings
        return [msgspec.structs.replace(f, enforced=False) if f.enforced else f for f in findings]

    def _check_headers(self, request: Request, findings: list[Finding]) -> None:
        """Headers of the app's own. Looked up by name: most requests have a dozen of which none has a rule."""
        headers = request.headers
        index = headers.index
        doubled = len(headers.lines) != len(index)  # then the index has the last of several lines
        for name, rule in self._headers:
            last = index.get(name)
            if last is None:
                continue
            for value in headers.all(name) if doubled else (last,):
                if not rule.fast(value):
                    field = Field(Part.HEADER, name.decode("latin-1"), value)
                    findings.extend(about_field(broken, field, self._mask) for broken in rule.broken(field))

    def _find(self, request: Request, findings: list[Finding]) -> Endpoint | str | None:
        """The endpoint of a request; else the template of the place it went beyond, None for no place."""
        segments = split(request.path)
        if segments is None:
            return None
        node = self._root
        for number, segment in enumerate(segments, 1):
            child = node.children.get(segment)
            if child is None:
                child = self._slot(node, segment, number, findings) if node.slots else None
                if child is None:
                    return self._nowhere(request, node, segment, findings)
            parent, node = node, child
        endpoint = node.endpoints.get(request.method)
        if endpoint is not None:
            return endpoint
        if not node.endpoints:
            return self._nowhere(request, parent, segments[-1], findings)
        # OPTIONS is the browser's own question (CORS, RFC 9110 section 9.3.7): whoever answers it with an error is
        # asked all the same, and does nothing.
        if (
            node.methods is not None
            and request.method != b"OPTIONS"
            and method_of(request.method) not in node.methods.allowed
        ):
            findings.append(about_place(node.methods, request.method.decode("latin-1")))
        return node.template

    def _nowhere(self, request: Request, node: Node, segment: bytes, findings: list[Finding]) -> str:
        if node.path is not None and not (
            request.method in _READING and request.query is None and asked_anywhere(request.path)
        ):
            findings.append(about_place(node.path, self._mask(segment)))
        return f"{node.template}/**"

    def _slot(self, node: Node, segment: bytes, number: int, findings: list[Finding]) -> Node | None:
        """The slot that a segment enters. A wider slot takes what a narrower one would: ids may look like
        numbers."""
        slots = node.slots
        name = slot_of(segment)
        if name is not None:
            child = slots.get(name)
            if child is not None:
                return child
            if name == "{int}" and len(segment) >= 12 and (child := slots.get("{hex}")) is not None:
                return child
        if len(segment) >= 16 and segment.isascii() and (child := slots.get("{token}")) is not None:
            return child
        child = slots.get(SLOT) if segment else None
        if child is not None and (rule := node.values) is not None and not rule.fast(segment):
            field = Field(Part.SEGMENT, str(number), segment)
            findings.extend(about_field(c, field, self._mask) for c in rule.broken(field))
        return child

    def _fields(
        self,
        fields: Sequence[Field],
        tables: tuple[Table | None, ...],
        names: tuple[Constraint | None, ...],
        findings: list[Finding],
    ) -> int:
        """Check fields; give the bits of the rules that were met."""
        met = 0
        again: list[ValueRule] | None = None
        for field in fields:
            table = tables[field.part]
            if table is None:
                continue
            name = field.name
            rule = table.get(name)
            if rule is None:
                constraint = names[field.part]
                rule = table.get(general_name(name))
                if rule is None:
                    if constraint is not None and _unknown(constraint, name):
                        findings.append(about_field(constraint, field, self._mask))
                    continue
            bit = rule.bit
            if met & bit and rule.repeats is not None:
                again = again or []
                again.append(rule)
            met |= bit
            if rule.fast(field.value) and rule.kinds >> field.kind & 1:
                continue
            findings.extend(about_field(broken, field, self._mask) for broken in rule.broken(field))
        if again:
            self._repeated(fields, tables, again, findings)
        return met

    def _repeated(
        self,
        fields: Sequence[Field],
        tables: tuple[Table | None, ...],
        again: list[ValueRule],
        findings: list[Finding],
    ) -> None:
        for rule in {rule.bit: rule for rule in again}.values():
            constraint = rule.repeats
            if constraint is None:
                continue
            times = sum(
                1
                for field in fields
                if (table := tables[field.part]) is not None
                and (table.get(field.name) or table.get(general_name(field.name))) is rule
            )
            if times > int(constraint.allowed[0]):
                findings.append(about_place(constraint, f"{times} times"))

    def _missing(self, place: Endpoint, met: int, findings: list[Finding]) -> None:
        findings.extend(
            about_place(constraint, "absent") for bit, constraint in place.required if not met & bit
        )


_NONE: Final = Framing.NONE
_CHUNKED: Final = Framing.CHUNKED
_READING: Final = frozenset({b"GET", b"HEAD"})
_PLAIN: Final = re.compile(rb"[A-Za-z0-9_.~-]*").fullmatch


def _direct(node: Node, path: bytes = b"") -> Iterator[tuple[bytes, dict[bytes, Endpoint]]]:
    """The places that are reached by literals alone, under the one way in which their path is usually written."""
    if node.endpoints and path:
        yield path, node.endpoints
    for segment, child in node.children.items():
        if _PLAIN(segment):
            yield from _direct(child, path + b"/" + segment)


_NO_NAMES: Final[tuple[Constraint | None, ...]] = (None,) * len(Part)


def _unknown(constraint: Constraint, name: str) -> bool:
    allowed = constraint.allowed
    if names_allow(allowed, name) or general_name(name) in allowed or TRACKING.fullmatch(name):
        return False
    # What a string holds as JSON stands below it as "name{}.inner": that is the string's own content.
    outer, within, _ = name.partition("{}")
    return not within or outer not in allowed
