"""A request as named fields: what signatures, profiles and the detector of sensitive data look at.

Owns the order of reading: the head at once, the body's parser at once (it finds what is ambiguous), the body's
fields when somebody asks. Decides nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final, overload

from waf.config.schema import Limits
from waf.http1.speed import HEADS
from waf.inspect.bodies import graphql, plain
from waf.inspect.bodies.choose import open_body, parse_body
from waf.inspect.bodies.content_type import NO_TYPE, parse_content_type
from waf.inspect.bodies.parsed import BodyKind, BodyLines, Notes, Parsed, Sheet
from waf.inspect.effort import Effort
from waf.inspect.fields import cookie_fields, header_fields, path_fields, query_fields
from waf.inspect.notices import doubtful
from waf.model import Field, Finding, HeaderLine, Mask, Part, Request

if TYPE_CHECKING:
    from waf._speed import Values

__all__ = ["BodyKind", "Reading", "look_at_head", "read"]

_NO_BODY: Final = BodyKind.NONE
_ARGUMENTS: Final = (BodyKind.FORM, BodyKind.JSON)


class Reading(Sequence[Field]):
    """One request read, and the sequence of its fields, made when asked for: most are judged by `head_text` alone.

    `body` is the body without its content codings; `findings` what was noticed so far, and grows while body
    fields are made: take it last.
    """

    # What most readings never have is left to the class: to set it on each would cost as much as all the rest.
    body = b""
    body_kind = _NO_BODY
    _parsed: Parsed | None = None
    _sheet: Sheet | None = None
    _away = False
    charged = 0  # units of `inspect.effort` that other searches than that for signatures cost
    tolerated = (
        False  # what is ambiguous in it does not refuse it, so that all of the budget is for what might
    )
    _spelled = False  # it is held, and has strings with escapes
    noticed: Notes | None = None  # `notes`, once somebody asked for them
    _target: list[Field] | None = None
    _cookies: list[Field] | None = None
    _head: list[Field] | None = None
    _headers: list[Field] | None = None
    _body_fields: list[Field] | None = None

    def __init__(self, request: Request, limits: Limits, mask: Mask) -> None:
        self.request = request
        self._limits = limits
        self._mask = mask

    def __len__(self) -> int:
        return len(self._all())

    @overload
    def __getitem__(self, index: int) -> Field: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Field]: ...

    def __getitem__(self, index: int | slice) -> Field | Sequence[Field]:
        return self._all()[index]

    def __iter__(self) -> Iterator[Field]:
        return iter(self._all())

    def _all(self) -> list[Field]:
        return [*self.head, *self.body_fields()]

    @property
    def target(self) -> list[Field]:
        """Path, segments, parameters."""
        fields = self._target
        if fields is None:
            request = self.request
            fields = path_fields(request.path)
            if request.query:
                fields += query_fields(request.query)
            if len(fields) > self._limits.fields:
                self.notes.add("limit.fields", Part.ARG)
            self._target = fields
        return fields

    @property
    def cookies(self) -> list[Field]:
        fields = self._cookies
        if fields is None:
            headers = self.request.headers
            fields = self._cookies = (
                cookie_fields(headers.all(b"cookie")) if b"cookie" in headers.index else []
            )
        return fields

    def head_text(
        self, known: set[HeaderLine], values: Values, program: bytes | None = None
    ) -> tuple[bytes, bool, bytes] | None:
        """The values of target, cookies and header lines that are in neither memory, with `MARK` between them.

        Nor are those there that `program` proves to be clean (see `prefilter.program`).

        And whether no header line is new, and what `values.add` takes once nothing was found in the text. None where
        only the fields tell: the head is not of the plain form.
        """
        request = self.request
        headers = request.headers
        cookies = headers.index.get(b"cookie")
        assert HEADS is not None
        return HEADS.text(
            request.path, request.query, cookies, headers.lines, known, self._limits.fields, values, program
        )

    @property
    def length(self) -> int:
        """Bytes of target, header values and body."""
        request = self.request
        return len(request.target) + sum([len(line[2]) for line in request.headers.lines]) + len(self.body)

    @property
    def effort(self) -> Effort:
        """What the search for signatures may cost, anew each time."""
        bodiless = self.body_kind is _NO_BODY
        half = not self.tolerated and doubtful(self.findings)
        return Effort(self.length, self.charged, bodiless=bodiless, doubtful=half)

    @property
    def findings(self) -> list[Finding]:
        return self.noticed.findings if self.noticed is not None else []

    @property
    def notes(self) -> Notes:
        """Where those who look further write what they notice."""
        notes = self.noticed
        if notes is None:
            notes = self.noticed = Notes(self._limits, self._mask)
        return notes

    @property
    def headers(self) -> list[Field]:
        """Headers but cookies, in wire order."""
        if self._headers is None:
            self._headers = header_fields(self.request.headers.lines)
        return self._headers

    @property
    def head(self) -> Sequence[Field]:
        """Method, path, segments, parameters, headers, cookies."""
        if self._head is None:
            method = Field(Part.METHOD, "", self.request.method)
            self._head = [method, *self.target, *self.headers, *self.cookies]
        return self._head

    def body_fields(self) -> Sequence[Field]:
        """Every field of the body; made on first use, then kept."""
        fields = self._body_fields
        if fields is None:
            parsed = self._parsed
            fields = self._body_fields = self._fields_anew() if parsed is None else parsed.fields()
        return fields

    def body_lines(self) -> BodyLines | None:
        """The body's fields in lines behind their names, much cheaper than `body_fields`; None where only those tell."""
        parsed = self._parsed
        if self._away:
            return None
        if parsed is None:  # what is held has no odd things
            if self.body_kind is BodyKind.FORM:
                return plain.form_lines(self.body, self._limits)
            if self.body_kind is BodyKind.JSON:
                return plain.json_lines(self.body, self._limits)
            parsed = self._parsed = self._parsed_anew()
        return None if parsed.lines is None else parsed.lines()

    @property
    def plain_body(self) -> tuple[bytes, bool]:
        """The body where it is plainly a form or a JSON document, and which; b"" where it is not, or has fields already."""
        parsed = self._parsed
        if self._body_fields is not None or self._away or self._spelled:
            return b"", False
        if parsed is None:  # what is held is plain
            kind = self.body_kind
            return self.body if kind in _ARGUMENTS else b"", kind is BodyKind.FORM
        return parsed.plain, parsed.kind is BodyKind.FORM

    def body_sheet(self) -> Sheet | None:
        """All of the body's values in one text where that is cheaper than its fields; None where it is not."""
        if self._sheet is not None:
            return self._sheet
        parsed = self._parsed
        if self._body_fields is not None or parsed is None or parsed.sheet is None:
            return None
        return parsed.sheet()

    def put_away(self) -> None:
        """Forget what was made of the body, which is several times as large; who asks for it later has it made again.

        An exchange waits for the app, and then perhaps to be learned, and few are.
        """
        self._parsed = self._sheet = self._body_fields = None
        self._away = True

    def open(self, body: bytes) -> None:
        """Read `body`, and notice what there is to be noticed."""
        self.body, parsed = open_body(self.request, body, self.notes)
        self._parsed = parsed
        self.body_kind = parsed.kind

    def hold(self, body: bytes, kind: BodyKind, sheet: Sheet | None, *, plain: bool = True) -> None:
        """Take it as known that `body` is of this kind, without codings, and that there is nothing to be noticed in it.

        `sheet` has the values of which is not known whether anything is to be found in them; None: there are none.
        `plain`: no string is spelled with escapes.
        """
        self.body = body
        self.body_kind = kind
        self._sheet = sheet
        if not plain:
            self._spelled = True

    def _parsed_anew(self) -> Parsed:
        """A body that was held, or put away: what there was to notice was noticed then."""
        line = self.request.headers.get(b"content-type")
        content_type = parse_content_type(line) if line else NO_TYPE
        notes = Notes(self._limits, self._mask) if self._away else self.notes
        return parse_body(self.body, content_type, notes)

    def _fields_anew(self) -> list[Field]:
        return self._parsed_anew().fields() if self.body else []


def read(request: Request, body: bytes, limits: Limits, mask: Mask) -> Reading:
    """The request as fields. Never raises on what a client can send: what cannot be read is a finding."""
    reading = Reading(request, limits, mask)
    if body:
        reading.open(body)
    look_at_head(reading)
    return reading


def look_at_head(reading: Reading) -> None:
    """Notice what is not a matter of single fields."""
    request = reading.request
    if request.query is not None and b"query=" in request.query:
        _check_graphql(reading)
    if b"$" in request.headers.index.get(b"cookie", b""):
        for field in reading.cookies:
            if field.name.lower() in ("$version", "$path", "$domain", "$port"):
                reading.notes.add("protocol.legacy-cookie", Part.COOKIE, field.name)


def _check_graphql(reading: Reading) -> None:
    """GraphQL over GET (GraphQL over HTTP, section 6.2)."""
    for field in reading.target:
        if field.part is Part.ARG and field.name == "query":
            text = field.value.decode("utf-8", "replace")
            if graphql.looks_like(text):
                graphql.check_text(text, reading.notes)
