"""Views: the table, and what holds for any value."""

from __future__ import annotations

from html.entities import html5
from typing import Any
from urllib.parse import quote_from_bytes, unquote_to_bytes

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.inspect.inspect_samples import raw, table
from tests.together import together
from waf.inspect.decode import MAX_FOLDS, MAX_LAYERS, MAX_TEXTS, STEPS, Text, can_differ, views
from waf.inspect.layers import NAMED, has_overlong, is_text, unpercent
from waf.inspect.views import FOLDS, LAYERS, View, chain_label

CASES = table("decode.yaml")

# What encodings are made of, so that random values decode at all.
_PIECES = st.sampled_from(
    [
        b"%", b"27", b"%25", b"%u0027", b"&#x", b"&lt;", b"\\x41", b"\\u0061", b"\\", b"+ADw-", b"\xc0\xaf",
        b"\xef\xbc\x9c", b"\0", b"/*", b"*/", b"--", b"\n", b"'", b'"', b"${IFS}", b"../", b";", b"{a,b}",
        b"javascript:", b"PHNjcmlwdD4=", b"data:;base64,", b"eyJ", b" ", b"\x7f", b"select",
    ]
)  # fmt: skip
VALUES = st.one_of(st.binary(max_size=80), st.lists(_PIECES, max_size=20).map(b"".join))


@together("case", CASES, ids=lambda case: case["value"][:40])
def test_table(case: dict[str, Any]) -> None:
    assert not set(case) - {"value", "gives", "never"}
    value = raw(case["value"])
    found = [(chain_label(chain), text) for chain, text in views(value)]
    for chain, text in case.get("gives", {}).items():
        assert (chain, raw(text)) in found
    never = case.get("never", [])
    if never == ["x"]:
        assert found == [("", value)]
    for text in never:
        assert raw(text) not in [text for _, text in found]


def test_every_step_is_in_the_table() -> None:
    tried = {label for case in CASES for chain in case.get("gives", {}) for label in chain.split(">")}
    assert tried == {view.label for view in View}
    assert [step.view for step in STEPS] == list(View)
    assert not LAYERS & FOLDS


@given(VALUES)
@settings(max_examples=300)
def test_decoding_never_raises_and_is_bounded(value: bytes) -> None:
    found = list(views(value))
    assert found[0] == ((), value)
    texts = [text for _, text in found]
    assert len(set(texts)) == len(texts) <= MAX_TEXTS
    for chain, text in found[1:]:
        layers = [view for view in chain if view & LAYERS]
        folds = [view for view in chain if view & FOLDS]
        assert list(chain) == layers + folds
        assert len(layers) <= MAX_LAYERS
        assert len(folds) <= MAX_FOLDS
        assert text
        assert len(text) <= (len(value) * 4 + 64) * 4 ** len(chain)


# Their hints look for ASCII in the coded text; what else it may hold hides nothing.
_NARROW = View.UNICODE | View.UTF7 | View.BASE64 | View.HEX


@given(VALUES)
@settings(max_examples=300)
def test_a_layer_without_its_hint_changes_nothing(value: bytes) -> None:
    for step in STEPS:
        if not step.fold and not step.view & _NARROW and not can_differ(step, value):
            assert not Text(0, value).after(step), step.view


@given(st.one_of(st.binary(max_size=200), st.lists(_PIECES, min_size=10, max_size=60).map(b"".join)))
@settings(max_examples=300)
def test_percent_decoding_equals_the_standard_librarys(value: bytes) -> None:
    assert unpercent(value) == unquote_to_bytes(value)
    coded = quote_from_bytes(value).encode()
    assert unpercent(coded) == value
    assert unpercent(coded * 20) == value * 20


@given(st.text(max_size=60))
@settings(max_examples=100)
def test_text_is_never_overlong(text: str) -> None:
    assert not has_overlong(text.encode("utf-8", "replace"))


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"plain", True),
        ("höflich".encode(), True),
        (b"line\r\n\tline\0", True),
        (b"", False),
        (b"\x01\x02", False),
        (b"\xff\xfe\xfd", False),
        ("ö\x01".encode(), False),
    ],
)
def test_what_is_text(data: bytes, expected: bool) -> None:
    assert is_text(data) is expected


def test_every_named_reference_to_ascii_is_known() -> None:
    shown = {name.rstrip(";").encode(): value.replace("\xa0", " ") for name, value in html5.items()}
    assert {name: value.encode() for name, value in shown.items() if value.isascii()} == NAMED
