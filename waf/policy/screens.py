"""The shortest way through a policy: messages in which nothing is to be found, told by the accelerator alone.

Owns the putting together of what both engines say. Where it says no, the engines look themselves; so it may say no to
anything.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

from waf.config.schema import Limits
from waf.http1.memo import Memo
from waf.http1.speed import HEADS, plain_answer, values
from waf.inspect.bodies import multipart_body, plain, xml_body
from waf.inspect.bodies.choose import (
    CHARSET_FIELD,
    FORM_PARTS,
    OTHER_FORMATS,
    PLAIN_KIND,
    plain_boundary,
)
from waf.inspect.bodies.json_body import PARTS
from waf.inspect.bodies.parsed import BodyKind, Sheet, most_pairs
from waf.inspect.reading import Reading
from waf.inspect.signatures import Signatures
from waf.messages import Framing, Request, Response
from waf.sensitive.detect import Detector
from waf.sensitive.headers import QUIET

RULES_CLEAR: Final = 1
DATA_CLEAR: Final = 2
_ESCAPED: Final = 4  # of a document, or a form: its values are not what stands there
Screen = Callable[[Request], int]
"""`RULES_CLEAR` is set where signatures find nothing in the head of the request, nor is there anything else to be noticed
in it; `DATA_CLEAR` where there is no sensitive data in it. For bodies the same."""


def screens(signatures: Signatures | None, detector: Detector, limits: Limits) -> dict[int, Screen]:
    """A screen for each level of rules; none without the accelerator, or where one of the engines is off."""
    data = detector.screened
    if HEADS is None or signatures is None or data is None:
        return {}
    made: dict[int, Screen] = {}
    for level in range(1, 5):
        rules = signatures.screened(level)
        if rules is not None:
            known, methods, values, program = rules
            made[level] = partial(HEADS.clear, known, limits.fields, methods, values, program, *data)
    return made


LONG: Final = 8 * 1024  # bytes of a body from which on the engines cost less
_JSON: Final = BodyKind.JSON
_FORM: Final = BodyKind.FORM
_XML: Final = BodyKind.XML
_MULTIPART: Final = BodyKind.MULTIPART
_IN_PARTS: Final = b"multipart/form-data;"


class BodyScreen:
    """Reads bodies, and tells of short plain ones whether the engines have to look at them."""

    def __init__(self, signatures: Signatures | None, detector: Detector, limits: Limits) -> None:
        rules = signatures.screened(1) if signatures is not None else None
        data = detector.screened
        self._rules: Final = rules[3] if rules is not None else None
        self._data: Final = data[2] if data is not None else None
        self._depth: Final = limits.depth
        self._fields: Final = limits.fields
        self._pairs: Final = most_pairs(limits)
        self._longest: Final = min(LONG, limits.value)
        knows = self._rules is not None or self._data is not None
        self._json: Final = plain.SCREEN if knows else None
        self._form: Final = plain.FORM_SCREEN if knows else None
        self._xml: Final = plain.XML_SCREEN if knows else None
        self._parts: Final = plain.PARTS_SCREEN if knows else None

    def read(self, reading: Reading, body: bytes) -> int:
        """Reads the body; what of `RULES_CLEAR` and `DATA_CLEAR` is known of it."""
        request = reading.request
        headers = request.headers
        index = headers.index
        if (
            len(body) > self._longest
            or b"content-encoding" in index
            or len(index) != len(headers.lines)  # perhaps two types
        ):
            reading.open(body)
            return 0
        line = index.get(b"content-type", b"")
        if line.startswith(_IN_PARTS):
            parts = self._parts
            found = None
            if parts is not None and (boundary := plain_boundary(line)):
                found = parts(body, boundary, self._fields, self._rules, self._data)
            if found is None:
                reading.open(body)
                return 0
            clear, left = found
            reading.hold(body, _MULTIPART, Sheet(left, multipart_body.PARTS) if left else None)
            return clear
        kind = PLAIN_KIND[line]
        if kind is _JSON and self._json is not None:
            # What has no more commas and colons than there may be fields, has no more fields.
            few = len(body) <= self._fields or body.count(b",") + body.count(b":") < self._fields
            found = self._json(body, self._depth, self._rules, self._data) if few else None
            if found is not None:
                clear, left = found
                escaped = clear & _ESCAPED
                reading.hold(body, _JSON, Sheet(left, PARTS) if left else None, plain=not escaped)
                return clear - escaped
        elif kind is _FORM and self._form is not None:
            odd = body[:1] in OTHER_FORMATS or CHARSET_FIELD in body
            found = None if odd else self._form(body, self._pairs, self._rules, self._data)
            if found is not None:
                clear, left = found
                coded = clear & _ESCAPED
                reading.hold(body, _FORM, Sheet(left, FORM_PARTS, coded != 0) if left else None)
                return clear - coded
        elif kind is _XML and self._xml is not None:
            found = self._xml(body, self._depth, self._fields, self._rules, self._data)
            if found is not None:
                clear, left = found
                reading.hold(body, _XML, Sheet(left, xml_body.PARTS) if left else None)
                return clear
        reading.open(body)
        return 0


SHORT: Final = 1024  # bytes of an answer up to which this is cheaper than the engines
_NONE: Final = Framing.NONE


class AnswerScreen:
    """Tells of short answers that are here whole whether they may go on as they are."""

    def __init__(self, signatures: Signatures, detector: Detector) -> None:
        def programs(content_type: bytes) -> tuple[bytes, bytes] | None:
            leaks, values = signatures.clears_answer(content_type), detector.clears_answer(content_type)
            return None if leaks is None or values is None else (leaks, values)

        self._programs: Final = Memo(programs, capacity=256, longest=128)
        self._memory: Final = values()  # of which names are quiet

    def clears(self, response: Response, body: bytes) -> bool:
        """True: neither engine finds anything in head or body."""
        if self._memory is None or response.framing is _NONE or response.status == 206:
            return False
        index = response.headers.index
        programs = self._programs[index.get(b"content-type", b"")]
        if programs is None:
            return False
        leaks, values = programs
        return plain_answer(leaks, values, QUIET, self._memory, index, body)
