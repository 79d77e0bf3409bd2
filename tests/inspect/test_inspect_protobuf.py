"""Messages of protocol buffers in C are read as by the reference."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.inspect.inspect_samples import mask
from tests.together import together
from waf.config.schema import Limits
from waf.inspect.bodies import protobuf_body
from waf.inspect.bodies.parsed import Notes
from waf.inspect.layers import is_text
from waf.inspect.native import BODIES
from waf.model import Field

pytestmark = pytest.mark.skipif(BODIES is None, reason="the accelerator is not built or not wanted")


def varint(number: int) -> bytes:
    out = b""
    while number > 0x7F:
        out += bytes([number & 0x7F | 0x80])
        number >>= 7
    return out + bytes([number])


def told(body: bytes, limits: Limits) -> tuple[list[Field], int]:
    walk = protobuf_body._Walk(Notes(limits, mask))
    walk.read(body)
    return walk.into.done(), walk._left


def agrees(body: bytes, limits: Limits = Limits()) -> bool:  # noqa: B008 (it is frozen)
    """Whether C reads it; that it reads it as the reference is asserted."""
    assert BODIES is not None
    made = told(body, limits)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(protobuf_body, "_STRINGS_IN", None)
        assert made == told(body, limits)
    return BODIES.protobuf_strings(body, limits.depth, 4 * limits.fields) is not None


STRINGS = (
    st.sampled_from([b"", b"a", b"some words", "\u00e4".encode(), b"\xc3 \xa4", b"\xff", b"\x7f", b"\0", b"\x1bab", b"\t\n\x0b\r", b"\x12\x01a", b"bin\x01ary\x02text"])
    | st.binary(max_size=6)
)  # fmt: skip
NUMBERS = st.sampled_from([0, 1, 2, 15, 16, 2**29, 2**57, 2**60, 2**61])


def field(number: int, kind: int, held: bytes | int) -> bytes:
    tag = varint(number << 3 | kind)
    if isinstance(held, int):
        return tag + (varint(held) if kind == 0 else held.to_bytes(8 if kind == 1 else 4, "little"))
    return tag + varint(len(held)) + held


VALUES = st.builds(field, NUMBERS, st.sampled_from([0, 1, 5]), st.integers(0, 2**31)) | st.builds(
    field, NUMBERS, st.sampled_from([2, 2, 2, 3, 6]), STRINGS
)
MESSAGES = st.recursive(
    st.lists(VALUES, max_size=4).map(b"".join),
    lambda inner: st.lists(VALUES | st.builds(field, NUMBERS, st.just(2), inner), max_size=4).map(b"".join),
    max_leaves=12,
)


@settings(max_examples=2000)
@given(
    MESSAGES,
    st.integers(0, 60),
    st.integers(0, 4),
    st.binary(max_size=3),
    st.sampled_from([1, 2, 2000]),
    st.sampled_from([1, 3, 64]),
)
def test_as_the_reference(body: bytes, place: int, gone: int, more: bytes, most: int, depth: int) -> None:
    agrees(body, Limits(fields=most, depth=depth))
    agrees(body[:place] + more + body[place + gone :], Limits(fields=most, depth=depth))


@given(st.binary(max_size=60))
def test_any_bytes(body: bytes) -> None:
    agrees(body)


@together(
    "body",
    [
        b"", field(1, 2, b"words"), field(2**59, 2, b"words"), field(2**60, 2, b"words"), field(2**66, 2, field(2**66 - 1, 2, b"words")), b"\xff" * 10,
        b"\xff" * 9 + b"\x01", b"\x08" + b"\xff" * 9 + b"\x01", b"\x08" + b"\xff" * 8 + b"\x7f", b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\x7f", b"\x0a\x80",
        b"\x08" + b"\xff" * 9 + b"\x7f" + field(10**20, 2, b"words"),
    ],
)  # fmt: skip
def test_numbers(body: bytes) -> None:
    assert agrees(body)


def test_depth() -> None:
    body = b"words"
    for _ in range(70):
        body = field(1, 2, body)
    assert agrees(body)
    for _ in range(80):
        body = field(1, 2, body)
    assert agrees(body)
    assert not agrees(body, Limits(depth=1000))


def test_texts_that_are_messages_are_not_told_as_often_as_they_are_nested() -> None:
    body = b"words " * 25_000
    for _ in range(60):
        while not is_text(size := varint(len(body))) or size[-1] < 9:
            body += field(4, 2, b"w" * 33)
        body = field(1, 2, body)
    assert agrees(body)
    fields, _ = told(body, Limits())
    assert any(one.value.count(b"words ") == 25_000 for one in fields)
    assert sum(len(one.value) for one in fields) < 12 * len(body)


@pytest.mark.parametrize("arguments", [(), (b"", 1), ("", 1, 1), (b"", None, 1)])
def test_what_are_no_messages(arguments: tuple[object, ...]) -> None:
    assert BODIES is not None
    with pytest.raises(TypeError):
        BODIES.protobuf_strings(*arguments)
