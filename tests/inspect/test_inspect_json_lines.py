"""Lines of JSON are read together as each would be by itself."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.inspect.inspect_samples import mask
from tests.together import together
from waf.config.schema import Limits
from waf.inspect.bodies import json_body
from waf.inspect.bodies.json_values import Pairs, read_scalars, scalars
from waf.inspect.bodies.parsed import BodyKind, Notes, Parsed
from waf.inspect.native import BODIES
from waf.model import Part


class Broken(list[object]):
    """A list that is said to be one of pairs."""


NAMES = st.sampled_from(["a", "b", "query", "ä", '"', "\\", "[", "]}", ""])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-99, 99) | NAMES | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)
WRITTEN = VALUES.map(lambda value: json.dumps(value).encode()) | st.sampled_from(
    [
        b'{"a":1,"a":2}',
        b'[{"b":"[","b":{"c":1,"c":2}}]',
        b"[[[[[[1]]]]]]",
        b'[[["[[[[{"]]]',
        b"1",
        b'" "',
        b" [1] \r",
    ]
)
BROKEN = st.sampled_from([b"[1", b"2],[3", b"1,2", b"1]", b"{", b'"a', b'":1}', b"NaN", b"[1] [2]", b"\xff"])


def notes(depth: int = 5, fields: int = 2000) -> Notes:
    return Notes(Limits(depth=depth, fields=fields), mask)


def rules(of: Notes) -> set[str]:
    return {finding.rule for finding in of.findings}


@given(st.lists(WRITTEN, max_size=6))
def test_as_each_by_itself(lines: list[bytes]) -> None:
    apart, together = notes(), notes()
    documents: list[Any] = [json_body._strict(line, apart)[0] for line in lines]
    found = json_body._strictly(lines, together)
    assert found == documents
    assert [*map(type, found)] == [*map(type, documents)]
    assert rules(together) == rules(apart)


@given(st.lists(WRITTEN, max_size=3), BROKEN, st.lists(WRITTEN, max_size=3))
def test_a_line_that_is_no_document_is_not_mended_by_its_neighbours(
    before: list[bytes], broken: bytes, after: list[bytes]
) -> None:
    with pytest.raises(orjson.JSONDecodeError):
        json_body._strictly([*before, broken, *after], notes())


def parsed(data: bytes, of: Notes) -> Parsed:
    found = json_body.parse(data, of, by_line=True)
    assert found is not None
    return found


def test_what_is_beyond_the_fields_is_one_text() -> None:
    told = notes(fields=100)
    data = b"\n".join(b'{"key%d":"value%d","n":%d}' % (n, n, n) for n in range(500))
    fields = parsed(data, told).fields()
    assert rules(told) == {"limit.fields"}
    assert len(fields) == 101
    rest = fields[-1].value.split(b"\n")
    assert fields[-1].part is Part.BODY
    assert {b"key499", b"value499", b"499"} <= {*rest}
    shown = {field.value for field in fields[:-1]} | {*rest}
    assert all({b"key%d" % n, b"value%d" % n, b"%d" % n} <= shown for n in range(500))


def test_more_lines_than_are_read_are_looked_at_as_they_are() -> None:
    told = notes()
    data = b"1\n" * 10_000 + b'{"a":"the last"}'
    fields = parsed(data, told).fields()
    assert "limit.fields" in rules(told)
    assert fields[-1].value.endswith(b"the last") or any(b"the last" in field.value for field in fields)


@together("depth", [200, 250, 300, 1000])
@together("nested", [199, 249, 251, 400])
@together("lines", [False, True])
def test_what_nests_deeper_than_can_be_written_is_too_deep_under_any_limit(
    depth: int, nested: int, lines: bool
) -> None:
    told = notes(depth)
    document = b"[" * nested + b"1e2" + b"]" * nested
    found = json_body.parse(b'{"a":"\\u0061"}\n' * lines + document, told, by_line=lines)
    assert found is not None
    assert found.kind is BodyKind.JSON
    assert ("limit.depth" in rules(told)) == (nested > min(depth, 250))


PAIRS = st.lists(st.tuples(NAMES, VALUES), max_size=3).map(Pairs)
DOCUMENTS = st.lists(
    st.recursive(
        VALUES | PAIRS | st.floats(),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(NAMES, inner, max_size=2)
            | st.lists(st.tuples(NAMES, inner), max_size=2).map(Pairs)
        ),
        max_leaves=12,
    ),
    max_size=4,
)


@given(DOCUMENTS)
def test_keys_strings_and_numbers_as_the_reference(documents: list[Any]) -> None:
    found, expected = (read(documents, Pairs) for read in (scalars, read_scalars))
    assert repr(found) == repr(expected)  # where there is no number, none is equal to itself


@pytest.mark.skipif(BODIES is None, reason="not built")
@pytest.mark.parametrize(
    "arguments", [((), list), ([], dict), ([], None), ([[1]],), ([Broken(["a"])], Broken)]
)
def test_what_are_no_documents(arguments: tuple[object, ...]) -> None:
    assert BODIES is not None
    with pytest.raises(TypeError):
        BODIES.json_scalars(*arguments)
