"""MessagePack and CBOR: what they pack is read as JSON would be, and nothing that is no document raises or is lost."""

from __future__ import annotations

import struct
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.inspect.inspect_samples import mask, noticed, reading
from tests.together import together
from waf.config.schema import Limits
from waf.inspect.bodies import json_body, packed_body
from waf.inspect.bodies.parsed import Notes
from waf.model import Kind, Part

_TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
# A name of "{}" is how JSON tells of an empty object.
_KEYS = _TEXTS.filter(lambda text: text != "" and "{}" not in text)
_DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**31), 2**40) | st.floats(allow_nan=False) | _TEXTS,
    lambda inner: st.lists(inner, max_size=20) | st.dictionaries(_KEYS, inner, max_size=20),
    max_leaves=30,
)


def _cbor(value: Any, open_ends: bool) -> bytes:
    if isinstance(value, str):
        coded = value.encode()
        return _sized(3, len(coded)) + coded
    if isinstance(value, list):
        items = b"".join(_cbor(one, open_ends) for one in value)
        return b"\x9f" + items + b"\xff" if open_ends else _sized(4, len(value)) + items
    if isinstance(value, dict):
        items = b"".join(_cbor(key, open_ends) + _cbor(one, open_ends) for key, one in value.items())
        return b"\xbf" + items + b"\xff" if open_ends else _sized(5, len(value)) + items
    if isinstance(value, bool) or value is None:
        return b"\xf6" if value is None else b"\xf5" if value else b"\xf4"
    if isinstance(value, float):
        return b"\xfb" + struct.pack(">d", value)
    return _sized(1, -1 - value) if value < 0 else _sized(0, value)


def _sized(major: int, size: int) -> bytes:
    for low, form in ((24, ">B"), (25, ">H"), (26, ">I"), (27, ">Q")):
        if size < 24:
            return bytes([major << 5 | size])
        if size < 1 << 8 * struct.calcsize(form):
            return bytes([major << 5 | low]) + struct.pack(form, size)
    raise AssertionError


def _as_json(document: Any) -> list[tuple[Part, str, bytes]]:
    parsed = json_body.parse(msgspec.json.encode([document]), Notes(Limits(), mask))
    assert parsed is not None
    fields = [field for field in parsed.fields() if not field.name.endswith("{}")]
    return [
        (field.part, field.name, field.value)
        for field in fields
        if field.part is Part.JSON_KEY or (field.kind is Kind.STRING and field.value)
    ]


def _as_packed(data: bytes, media: bytes) -> list[tuple[Part, str, bytes]]:
    notes = Notes(Limits(), mask)
    fields = packed_body.parse(data, media, notes).fields()
    assert notes.findings == []
    return [(field.part, field.name, field.value) for field in fields]


@given(_DOCUMENTS)
@settings(max_examples=300)
def test_a_document_is_read_as_the_json_of_it(document: Any) -> None:
    expected = _as_json(document)
    assert _as_packed(msgspec.msgpack.encode([document]), b"application/msgpack") == expected
    for open_ends in (False, True):
        assert _as_packed(_cbor([document], open_ends), b"application/cbor") == expected


@pytest.mark.parametrize("media", [b"application/msgpack", b"application/cbor"])
@given(st.binary(max_size=300))
@settings(max_examples=500)
def test_any_bytes_are_read(media: bytes, data: bytes) -> None:
    packed_body.parse(data, media, Notes(Limits(), mask)).fields()


@together("media", [b"application/msgpack", b"application/cbor"])
@together(
    "unit", [b"\x81", b"\xa1a", b"\x91", b"\x9f", b"\xdf", b"\xc1", b"\x7f", b"\xd9\xff", b"\x80", b"\x01"]
)
def test_what_is_behind_a_bound_is_searched_as_one_text(media: bytes, unit: bytes) -> None:
    made = reading(b"/", body=unit * 20_000 + b"\xb0' union select 1", content_type=media)
    fields = made.body_fields()
    assert len(fields) <= Limits().fields + 1
    assert any(b"union select" in field.value for field in fields)
    assert noticed(made)
