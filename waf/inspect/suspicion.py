"""Layers of encoding that honest clients do not use: notes of what the decoded texts show.

Owns the judgement of how a value was written. Knows no attack: a note says that something was hidden, not what.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Final

from waf.inspect.bodies.parsed import Notes
from waf.inspect.decode import Text
from waf.inspect.layers import has_overlong, is_text
from waf.inspect.views import Chain, View
from waf.model import Field, Part

# Characters by which data becomes more than data somewhere, but for those of nested URLs; and all others.
_META: Final = b"<>\"'`;|${}\\\0\r\n"
_PLAIN: Final = bytes(code for code in range(256) if code not in _META)
_HIDING: Final = (View.PERCENT, View.HTML, View.JS, View.UNICODE)  # whose members are faster found than flags
_TELLING: Final = sum(map(int, _HIDING))
_NULL: Final = int(View.NULL)
_MOST: Final = 32  # notes on decoded texts of one message; more say no more
_BINARY_PARTS: Final = frozenset({Part.FILE, Part.BODY})


def note_layers(fields: Sequence[Field], decoded: Sequence[Text], steps: int, notes: Notes) -> None:
    """Notes on values whose decoded texts (`Text.owner` is an index into `fields`) show what was hidden.

    `steps` are the bits of the steps that some of the values may have needed.
    """
    if steps & _NULL:
        noted = (field for field in fields if b"\0" in field.value and _note_null(field, notes))
        for _ in itertools.islice(noted, _MOST):  # to name a field is dear, and more say no more
            pass
    most = len(notes.findings) + _MOST
    told: set[tuple[Chain, Part, str]] = set()  # of values of one name what one of them showed
    for text in decoded:
        if text.folds or not text.mask & _TELLING:
            continue
        if len(notes.findings) >= most:
            return
        field = fields[text.owner]
        match text.chain:
            case (View.PERCENT,):
                _note_percent(field, text, notes)
            case (View.UNICODE,):
                key = (text.chain, field.part, field.name)
                if key not in told and has_overlong(field.value):
                    told.add(key)
                    notes.add("protocol.overlong-utf8", field.part, field.name)
            case (first, second) if first is not second and first in _HIDING and second in _HIDING:
                key = (text.chain, field.part, field.name)
                if key not in told and _reveals(text.data, field.value):
                    told.add(key)
                    notes.add("protocol.mixed-encoding", field.part, field.name)
            case _:
                pass


def _note_percent(field: Field, text: Text, notes: Notes) -> None:
    lowered = field.value.lower()
    if b"%u00" in lowered:
        notes.add("protocol.percent-u", field.part, field.name)
    # Only what the container was percent-encoded in already is encoded twice now.
    if field.raw is not None and b"%" in field.raw and _reveals(text.data, field.value):
        notes.add("protocol.double-encoding", field.part, field.name)


def _note_null(field: Field, notes: Notes) -> bool:
    """Whether there was something to note: what may hold any bytes shall not use up the notes of what may not."""
    if field.part is Part.PATH:
        notes.add("protocol.null-byte-path", field.part)
    elif field.part not in _BINARY_PARTS and field.part is not Part.SEGMENT and is_text(field.value):
        notes.add("protocol.null-byte", field.part, field.name)
    else:
        return False
    return True


def _reveals(decoded: bytes, value: bytes) -> bool:
    """Whether the decoded text has such a character that the value shows nowhere."""
    metas = decoded.translate(None, _PLAIN)
    return any(meta not in value for meta in frozenset(metas))
