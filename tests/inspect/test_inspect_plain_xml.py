"""Plain documents of XML in C hold to the reference, which is expat."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.chance import by_chance, several
from tests.inspect.inspect_samples import alike, mask
from tests.together import together
from waf.config.schema import Limits
from waf.inspect.bodies import plain, xml_body
from waf.inspect.bodies.parsed import MARK, BodyKind, Notes
from waf.inspect.native import BODIES
from waf.model import Field

pytestmark = pytest.mark.skipif(BODIES is None, reason="the accelerator is not built or not wanted")
MANY = 1 << 30


def sheet(body: bytes, depth: int = Limits().depth, longest: int = MANY) -> tuple[bytes, int] | None:
    assert plain.XML_SHEET is not None
    return plain.XML_SHEET(body, depth, longest)


def reference(body: bytes, limits: Limits) -> tuple[list[Field] | None, set[str]]:
    notes = Notes(limits, mask)
    parsed = xml_body.read(body, notes)
    fields = None if parsed is None else parsed.fields()
    return fields, {finding.rule for finding in notes.findings}


def made(body: bytes, limits: Limits) -> tuple[list[Field] | None, set[str]]:
    notes = Notes(limits, mask)
    parsed = xml_body.parse(body, notes)
    assert parsed is None or parsed.kind is BodyKind.XML
    fields = None if parsed is None else parsed.fields()
    return fields, {finding.rule for finding in notes.findings}


@together(
    ("body", "text"),
    [
        (b"<a/>", b"\x7fa"),
        (b"<a>x</a>", b"\x7fa\x7fx"),
        (b' <a b="1" c = \'2"\' >x</a >\n', b'\x7fa\x7f1\x7fb\x7f2"\x7fc\x7fx'),
        (b"<a><a>x</a><a> y\t</a></a>", b"\x7fa\x7fx\x7fy"),
        (b"<a>x<b>y</b>z</a>", b"\x7fa\x7fb\x7fy\x7fxz"),
        (b"<a>&lt;&#65;&#x20ac;&amp;&quot;&apos;&gt;</a>", "\x7fa\x7f<A€&\"'>".encode()),
        (b"<a><![CDATA[<b>&lt;]]]]></a>", b"\x7fa\x7f<b>&lt;]]"),
        (b"<a>x<!-- - -->y</a>", b"\x7fa\x7f - \x7fxy"),
        (b"<!----><a/><!--x-->", b"\x7f\x7fa\x7fx"),
        (b'<a b="x\r\ny\tz&#10;"/>', b"\x7fa\x7fx y z\n\x7fb"),
        (b"<a>x\r\ny\rz</a>", b"\x7fa\x7fx\ny\nz"),
        (b'<?xml version="1.0" encoding="UTF-8"?><x:a-1.b/>', b"\x7fx:a-1.b"),
    ],
)
def test_plain(body: bytes, text: bytes) -> None:
    assert sheet(body) == (text, text.count(MARK))


@together(
    "body",
    [
        b"", b" ", b"x", b"<", b"<a", b"<a>", b"<a/", b"<a></b>", b"</a>", b"<a/>x", b"<a/><b/>", b"<a></a", b"< a/>", b"<a / >", b"<a b/>",
        b"<a b=1/>", b'<a b="1"c="2"/>', b'<a b="1" b="2"/>', b'<a b="<"/>', b'<a b="1/>', b"<a>]]></a>", b"<a>&x;</a>", b"<a>&#0;</a>",
        b"<a>&#xd800;</a>", b"<a>&#xffff;</a>", b"<a>&#x110000;</a>", b"<a>&#99999999;</a>", b"<a>&#127;</a>", b"<a>& </a>", b"<a>&#;</a>",
        b"<a>\x7f</a>", b"<a>\0</a>", b"<a>\x0b</a>", b"<a>\xff</a>", b"<a>\xef\xbf\xbe</a>", b"<a>\xed\xa0\x80</a>", b"<a>\xc3</a>",
        b"<!DOCTYPE a><a/>", b'<?xml version="1.1"?><a/>', b'<?xml version="1.0" encoding="latin1"?><a/>', b"<?x?><a/>", b"<a><?x?></a>",
        b' <?xml version="1.0"?><a/>', b"\xef\xbb\xbf<a/>", b"<!-- -- --><a/>", b"<!--->", b"<a><!--", b"<![CDATA[x]]><a/>", b"<a><![CDATA[x",
        "<ä/>".encode(), "<a>\u3000x</a>".encode(), "<a>x\u2028</a>".encode(), "<a>\u00a0</a>".encode(), b"<-a/>", b"<1/>", b"<a 1='x'/>",
        b"<a %s/>" % b" ".join(b"b%d='1'" % number for number in range(65)),
    ],
)  # fmt: skip
def test_all_else_is_for_the_reference(body: bytes) -> None:
    assert sheet(body) is None
    assert plain.xml_lines(body, Limits()) is None


def test_depth() -> None:
    assert sheet(b"<a>" * 64 + b"</a>" * 64, 64) is not None
    assert sheet(b"<a>" * 65 + b"</a>" * 65, 64) is None
    assert sheet(b"<a>" * 128 + b"</a>" * 128, 1000) is not None
    assert sheet(b"<a>" * 129 + b"</a>" * 129, 1000) is None
    assert sheet(b"<a>" * 100_000, 1 << 40) is None


def test_longest() -> None:
    for body in (b"<a>%b</a>", b'<a b="%b"/>', b"<a><!--%b--></a>", b"<%b/>"):
        assert sheet(body % (b"x" * 9), longest=9) is not None
        assert sheet(body % (b"x" * 10), longest=9) is None


def test_many_names_are_for_the_reference() -> None:
    assert sheet(b"<r>" + b"".join(b"<a%d/>" % number for number in range(2000)) + b"</r>") is not None
    assert sheet(b"<r>" + b"".join(b"<a%d/>" % number for number in range(2100)) + b"</r>") is None


_NAMES = ["a", "b", "order", "x:y", "_", "ä", "n" * 200]
_PIECES = [
    "x", " ", "\n", "\r\n", "\r", "\t", "&lt;", "&#65;", "&#x1F600;", "&#9;", "&#13;", "&x;", "&", "]]", "]]&gt;", ">", '"', "'", "é", "€",
    "\u3000", "\u00a0", "\u2028", "\x7f", "\ufffd", "-", "--", "=", "some words", "' or 1=1--", "<", "<![CDATA[", "]]>", "<!--", "-->",
]  # fmt: skip


def _text(chance: Random) -> str:
    return "".join(chance.choices(_PIECES, k=chance.randint(0, 4)))


def _element(chance: Random, depth: int = 0) -> str:
    name, blank = chance.choice(_NAMES), chance.choice([" ", "  ", "\n", "\r\n"])
    attributes = ""
    for _ in range(chance.randint(0, 2)):
        quote = chance.choice("\"'")
        attributes += (
            f"{blank}{chance.choice(_NAMES)}{chance.choice(['=', ' = '])}{quote}{_text(chance)}{quote}"
        )
    if chance.random() < 0.5:
        return f"<{name}{attributes}{chance.choice(['', ' '])}/>"
    inner = ""
    for _ in range(chance.randint(0, 3)):
        kind = chance.choice(["{}", "<!--{}-->", "<![CDATA[{}]]>", ""])
        inner += kind.format(_text(chance)) if kind else _element(chance, depth + 1) if depth < 4 else ""
    return f"<{name}{attributes}>{inner}</{name}>"


def _body(chance: Random) -> bytes:
    """A document, in two of five cases damaged."""
    before = chance.choice(
        [
            "", " ", "\n", '<?xml version="1.0"?>', '<?xml version="1.0" encoding="utf-8"?>\n', "<!--x-->", "<?a?>",
        ]
    )  # fmt: skip
    body = (before + _element(chance) + chance.choice(["", "\n", "<!--x-->", "x"])).encode()
    for _ in range(chance.choice([0, 0, 0, 1, 2])):
        start = chance.randint(0, len(body))
        piece = chance.choice([_text(chance), chance.choice(["</a>", "<a>", "/", "b='1'", ""])]).encode()
        body = body[:start] + piece + body[start + chance.randint(0, 3) :]
    return body


@settings(max_examples=300)
@given(several(_body))
def test_what_is_read_is_read_so_by_the_reference(bodies: list[bytes]) -> None:
    for body in bodies:
        found = sheet(body)
        if found is None:
            continue
        fields, rules = reference(body, Limits())
        assert fields is not None, body
        assert not rules, body
        assert {field.part for field in fields} <= set(xml_body.PARTS)
        assert found == (b"".join(MARK + field.value for field in fields), len(fields)), body


@settings(max_examples=600)
@given(
    by_chance(_body),
    st.sampled_from([100, 2000]),
    st.sampled_from([1024, 65536]),
    st.sampled_from([1, 3, 60]),
    st.sampled_from([5, 64]),
)
def test_fields_and_notes_are_those_of_the_reference(
    body: bytes, most: int, longest: int, times: int, depth: int
) -> None:
    if times > 1:
        body = b"<r>" + body * times + b"</r>"
    limits = Limits(fields=most, value=longest, depth=depth)
    found, expected = made(body, limits), reference(body, limits)
    assert found[1] == expected[1]
    if found[0] is None or expected[0] is None:
        assert found == expected
    else:
        assert alike(found[0], expected[0], most)


def test_most_generated_documents_are_plain() -> None:
    """That the two above hold says something."""
    order = b"<order><item n='1'>some words</item><note><![CDATA[a < b]]></note></order>"
    for before in (b"", b'<?xml version="1.0"?>', b'<?xml version="1.0" encoding="UTF-8"?>\n'):
        assert sheet(before + order) is not None
        assert plain.xml_lines(before + order, Limits()) is not None


@pytest.mark.parametrize("arguments", [(), (b"", "1", 1), ("", 1, 1), (b"", 1, None), (b"", 1)])
def test_what_are_no_documents(arguments: tuple[object, ...]) -> None:
    assert BODIES is not None
    for function in (BODIES.xml_sheet, BODIES.xml_lines):
        with pytest.raises(TypeError):
            function(*arguments)
    with pytest.raises(TypeError):
        BODIES.xml_screen(*arguments, None, None)


def slot_of(name: bytes) -> int:
    """As in waf/_bodies_lines.h."""
    value = 2166136261
    for byte in name:
        value = (value ^ byte) * 16777619 % (1 << 32)
    return (value ^ value >> 16) % 4096


def test_names_made_to_meet_in_the_table_are_for_the_reference() -> None:
    names = [name for name in (b"n%x" % number for number in range(14_000)) if slot_of(name) < 64]
    assert len(names) > 150
    names.sort(key=slot_of, reverse=True)
    body = b"<a>%b</a>" % b"".join(b"<%b>x</%b>" % (name, name) for name in names)
    limits = Limits()
    assert sheet(body) is None
    assert plain.xml_lines(body, limits) is None
    assert made(body, limits) == reference(body, limits)
