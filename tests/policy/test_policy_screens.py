"""The shortest way through a policy: what it lets pass is what the engines find nothing in."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote, quote_plus
from xml.sax.saxutils import escape, quoteattr

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.policy.rig import JSON, PROTECT, Walk, Workshop
from tests.together import together
from waf.config.schema import Limits
from waf.http1.speed import HEADS
from waf.inspect import torn
from waf.inspect.bodies import multipart_body, plain, xml_body
from waf.inspect.reading import BodyKind, Reading
from waf.inspect.rules import parse_rules
from waf.model import PASSED, Admitted
from waf.policy.policy import Policy
from waf.policy.screens import DATA_CLEAR, RULES_CLEAR

RULES = Path(__file__).parents[2] / "rules" / "signatures"
SAMPLES = [
    str(sample).encode("utf-8", "surrogateescape")
    for path in sorted(RULES.glob("*.yaml"))
    for rule in parse_rules(path.read_text("utf-8"), path.name)
    for sample in (*rule.hits, *rule.misses)
]
BOTH = RULES_CLEAR | DATA_CLEAR
FORM = "application/x-www-form-urlencoded"


def in_parts(name: str, value: bytes) -> bytes:
    return b'--B\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n--B--\r\n' % (name.encode(), value)


def base64_of(text: bytes) -> str:
    return quote(base64.b64encode(text))


PLACES: list[Callable[[bytes], tuple[str, dict[str, str]]]] = [
    lambda text: (f"/?q={quote_plus(text)}", {}),
    lambda text: (f"/?q={base64_of(text)}", {}),
    lambda text: (f"/?{quote(text)}=1&b=2", {}),
    lambda text: (f"/?{quote(text)}", {}),
    lambda text: (f"/a/{quote(text, safe='')}/b", {}),
    lambda text: ("/", {"Cookie": f"a={quote(text, safe='')}; b=c"}),
    lambda text: ("/", {"Referer": f"https://shop.example/?q={quote_plus(text)}&x=1"}),
    lambda text: ("/", {"Referer": f"https://shop.example/?x=1&q={base64_of(text)}"}),
    lambda text: ("/", {"Referer": f"https://shop.example/?q={text.decode('latin-1').replace(' ', '+')}"}),
    lambda text: ("/", {"X-Note": quote(text)}),
    lambda text: ("/", {"User-Agent": f"me {text.decode('latin-1')}"}),
]


@pytest.fixture(scope="module")
def policies(tmp_path_factory: pytest.TempPathFactory, pattern_cache: Path) -> tuple[Policy, Policy]:
    """The policy, and the same by the reference alone."""
    workshop = Workshop(tmp_path_factory.mktemp("screens"), pattern_cache)
    made, reference = (workshop.policy(PROTECT | {"inspection": {"level": 4}}) for _ in range(2))
    reference._screens.clear()
    assert reference.signatures is not None
    reference.signatures._clean_values = None  # type: ignore[misc]
    reference.signatures.searcher.program = None  # type: ignore[misc]
    reference._read_body._json = reference._read_body._form = None  # type: ignore[misc]
    reference._read_body._xml = reference._read_body._parts = None  # type: ignore[misc]
    reference.detector._requests._clean = None  # type: ignore[misc]
    return made, reference


def told(policy: Policy, target: str, headers: dict[str, str]) -> object:
    walk = Walk(policy, target, **headers)
    walk.admit()
    verdict = walk.exchange.verdict
    return verdict.action, sorted((f.rule, f.address, f.views) for f in verdict.findings)


@settings(max_examples=600, deadline=None)
@given(
    st.sampled_from(SAMPLES).flatmap(
        lambda text: st.tuples(st.integers(0, max(len(text) - 3, 0)), st.integers(3, 80)).map(
            lambda cut: text[cut[0] : cut[0] + cut[1]]
        )
    )
    | st.sampled_from(["card 4539148803436467", "mary@example.com", "plain words"]).map(str.encode),
    st.sampled_from(PLACES),
)
def test_verdicts_are_those_of_the_reference(
    policies: tuple[Policy, Policy], text: bytes, place: Callable[[bytes], tuple[str, dict[str, str]]]
) -> None:
    target, headers = place(bytes(byte for byte in text if 32 <= byte < 127).strip())
    made, reference = policies
    assert told(made, target, headers) == told(reference, target, headers)


# A document is plain, or it is not: what it holds is looked at either way.
DOCUMENTS: list[Callable[[str], object]] = [
    lambda text: {"order": 4711, "note": text, "items": [{"sku": "steel-443", "price": 8.07, "gift": False}]},
    lambda text: {text[:60]: [text, None, -1.5, {"a": text}], "b": ["plain words"] * 40},
    lambda text: [text, f"it's {text}, isn't it", text.replace(" ", "'")],
    lambda text: {"a": base64.b64encode(text.encode()).decode(), "b": text.encode().hex(), "card": text},
    lambda text: {"email": "mary@example.com", "name": "Mary O'Neill", "text": [[[text]]]},
    lambda text: {"a": text, "b": "x" * 9000},
    lambda text: {
        "query": f"query Q($id: ID!) {{ a(b: {json.dumps(text)}) {{ id }} }}",
        "variables": {"id": text},
    },
    lambda text: [{"query": f"{{ a {text} }}"}, {"query": 'mutation M { b(c: "x") }'}],
    lambda text: {"a": json.dumps({"note": text, text[:20]: [text, 1]}), "query": text},
    lambda text: [json.dumps([{"note": "plain words"}, text]), "[plain words]", "{" + text + "}"],
]
KINDS = [
    JSON, "application/json; charset=utf-8", "application/problem+json", "application/json; charset=utf-7",
    "application/json; charset", "text/plain",
]  # fmt: skip


def texts(others: list[str]) -> st.SearchStrategy[str]:
    """Up to three pieces of attacks and of honest texts, and others."""
    pieces = st.sampled_from(SAMPLES).flatmap(
        lambda text: st.tuples(st.integers(0, max(len(text) - 3, 0)), st.integers(3, 80)).map(
            lambda cut: text[cut[0] : cut[0] + cut[1]].decode("utf-8", "replace")
        )
    )
    return st.lists(pieces | st.sampled_from(others), max_size=3).map(" ".join)


def told_of_body(policy: Policy, body: bytes, kind: str, **headers: str) -> object:
    walk = Walk(policy, "/orders?page=2", method="POST", body=body, kind=kind, **headers)
    answer = walk.admit(1 << 20)
    verdict = walk.exchange.verdict
    sent = answer.body if isinstance(answer, Admitted) else None
    reading = walk.exchange.fields
    return (
        verdict.action, sent, sorted((f.rule, f.address, f.views) for f in verdict.findings), reading.body_kind,
        [(f.part, f.name, f.value) for f in reading.body_fields()],
    )  # fmt: skip


@settings(max_examples=500, deadline=None)
@given(
    texts(["card 4539148803436467", "O'Neill's", "plain words", "&#x3c;", "it's \u2013", " "]),
    st.sampled_from(DOCUMENTS),
    st.sampled_from(KINDS),
    st.booleans(),
)
def test_verdicts_on_documents_are_those_of_the_reference(
    policies: tuple[Policy, Policy],
    text: str,
    document: Callable[[str], object],
    kind: str,
    escaped: bool,
) -> None:
    body = json.dumps(document(text), ensure_ascii=escaped).encode("utf-8", "surrogatepass")
    made, reference = policies
    assert told_of_body(made, body, kind) == told_of_body(reference, body, kind)


FORMS: list[Callable[[str], list[tuple[str, str]]]] = [
    lambda text: [("name", text)],
    lambda text: [("name", "Mary O'Neill"), ("note", text), ("ok", "on")],
    lambda text: [(text[:40], "1"), ("b", "2")],
    lambda text: [("card", text), ("card", text[::-1])],
    lambda text: [("a", quote(text)), ("b", base64.b64encode(text.encode()).decode())],
    lambda text: [("a", text), ("b", "x " * 4000)],
    lambda text: [(text[:1], text)] * 1100,
]
FORM_KINDS = [FORM, FORM + "; charset=utf-8", FORM + "; charset=utf-7", FORM + "; charset", "text/plain"]


@settings(max_examples=500, deadline=None)
@given(
    texts(
        [
            "card 4539148803436467",
            "mary@example.com",
            "plain words",
            "&nbsp;",
            "it's \u2013",
            "\x7f",
            "%41",
            "\r\n",
        ]
    ),
    st.sampled_from(FORMS),
    st.sampled_from(FORM_KINDS),
    st.sampled_from(["", "{", "_charset_=x&", "&", "=", "a&"]),
    st.booleans(),
)
def test_verdicts_on_forms_are_those_of_the_reference(
    policies: tuple[Policy, Policy],
    text: str,
    form: Callable[[str], list[tuple[str, str]]],
    kind: str,
    before: str,
    quoted: bool,
) -> None:
    pairs = [(quote_plus(name), quote_plus(value)) if quoted else (name, value) for name, value in form(text)]
    body = (before + "&".join("=".join(pair) for pair in pairs)).encode("utf-8", "surrogatepass")
    made, reference = policies
    assert told_of_body(made, body, kind) == told_of_body(reference, body, kind)


PARTS = "multipart/form-data; boundary=B"
PART_FORMS: list[Callable[[str], list[tuple[str, str]]]] = [
    lambda text: [("name", text)],
    lambda text: [("name", "Mary O'Neill"), ("note", text), ("ok", "on")],
    lambda text: [(text[:40].translate(dict.fromkeys(map(ord, '"\\\r\n\0'))), "1"), ("b", "2")],
    lambda text: [("a", quote(text)), ("b", base64.b64encode(text.encode()).decode())],
    lambda text: [("card", text), ('f"; filename="a.txt', text)],
    lambda text: [('a"\r\nContent-Type: "text/plain', text)],
    lambda text: [("a", text), ("b", "x " * 4000)],
    lambda text: [("a", text)] * 1100,
]
OF_PARTS = [
    "card 4539148803436467",
    "mary@example.com",
    "plain words",
    "&nbsp;",
    "it's \u2013",
    "\x7f",
    "%41",
    "\r\n",
    "\\u0027",
]
PART_KINDS = [
    PARTS,
    "multipart/form-data;boundary=B",
    PARTS + "; charset=utf-8",
    "multipart/mixed; boundary=B",
    "text/plain",
]


@settings(max_examples=400, deadline=None)
@given(
    texts(OF_PARTS),
    st.sampled_from(PART_FORMS),
    st.sampled_from(PART_KINDS),
    st.sampled_from(["", "x", "\r\n"]),
)
def test_verdicts_on_forms_in_parts_are_those_of_the_reference(
    policies: tuple[Policy, Policy],
    text: str,
    form: Callable[[str], list[tuple[str, str]]],
    kind: str,
    before: str,
) -> None:
    parts = [
        f'--B\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in form(text)
    ]
    body = f"{before}{''.join(parts)}--B--\r\n".encode("utf-8", "surrogatepass")
    made, reference = policies
    with pytest.MonkeyPatch.context() as patch:
        told = told_of_body(made, body, kind)
        patch.setattr(multipart_body, "PLAIN_SHEET", None)
        assert told == told_of_body(reference, body, kind)


TREES: list[Callable[[str], str]] = [
    lambda text: f"<order><note>{escape(text)}</note><n>1</n></order>",
    lambda text: f"<order note={quoteattr(text)} n='1'><item/><item>plain words</item></order>",
    lambda text: (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<a><!--{text}-->{escape(text[::-1])}<b>x</b>{escape(text)}</a>'
    ),
    lambda text: f"<a><b><![CDATA[{text}]]></b><email>{escape(text)}</email></a>",
    lambda text: f"<a>{base64.b64encode(text.encode()).decode()}<b c={quoteattr(quote(text))}/></a>",
    lambda text: f"<a>{text}</a>",
    lambda text: f"<!DOCTYPE a><a>{escape(text)}</a>",
    lambda text: f"<a>{escape(text)}<b>{'x ' * 4500}</b></a>",
    lambda text: f"<a>{f'<b>{escape(text)}</b>' * 1100}</a>",
]
XML_KINDS = [
    "application/xml",
    "text/xml; charset=utf-8",
    "image/svg+xml",
    "application/xml; charset=utf-16",
    "text/plain",
]


@settings(max_examples=400, deadline=None)
@given(texts(OF_PARTS), st.sampled_from(TREES), st.sampled_from(XML_KINDS))
def test_verdicts_on_xml_are_those_of_the_reference(
    policies: tuple[Policy, Policy], text: str, tree: Callable[[str], str], kind: str
) -> None:
    body = tree(text).encode("utf-8", "replace")
    made, reference = policies
    with pytest.MonkeyPatch.context() as patch:
        told = told_of_body(made, body, kind)
        patch.setattr(xml_body, "PLAIN_SHEET", None)
        assert told == told_of_body(reference, body, kind)


@pytest.mark.skipif(HEADS is None, reason="without the accelerator there is no screen")
@together(
    ("body", "kind", "clear"),
    [
        (in_parts("name", b"Mary"), PARTS, BOTH),
        (in_parts("note", b"a &amp; b"), PARTS, 0),
        (in_parts("note", b"a\\b"), PARTS, 0),
        (in_parts("password", b"Tr0ub4dor"), PARTS, RULES_CLEAR),
        (in_parts("note", b"1' or 1=1--"), PARTS, DATA_CLEAR),
        (in_parts("note", b"plain"), PARTS + "; charset=utf-8", 0),
        (in_parts("note", b"plain")[:-2], PARTS, BOTH),
        (in_parts("note", b"plain") + b"x", PARTS, 0),
        (in_parts("note", b"plain " * 2000), PARTS, 0),
        (b"<a><name>Mary</name><n x='1'>2</n></a>", "application/xml", BOTH),
        (b"<a><name>Mary</name></a>", "application/soap+xml; charset=utf-8", BOTH),
        (b"<a><password>Tr0ub4dor</password></a>", "text/xml", RULES_CLEAR),
        (b"<a>1' or 1=1--</a>", "text/xml", DATA_CLEAR),
        (b"<a>x &amp; y</a>", "text/xml", RULES_CLEAR),
        (b"<a>plain</a>", "text/xml; charset=utf-16", 0),
        (b"<a>plain", "text/xml", 0),
        (b'{"note":"Mary","n":[1]}', JSON, BOTH),
        (b'{"note":"plain"}', "application/json;charset=UTF-8", BOTH),
        # What is in nearly every document: a rule that could match it alone would have all of them searched.
        (
            b'{"gift":false,"paid":true,"until":null,"count":0,"price":12.5,"none":"","id":"1","no":[]}',
            JSON,
            BOTH,
        ),
        (b'{"password":"Tr0ub4dor"}', JSON, RULES_CLEAR),
        (b'{"note":"a &amp; b"}', JSON, 0),
        (b'{"note":"1\' or 1=1--"}', JSON, DATA_CLEAR),
        (b'{"note":"x","note":"y"}', JSON, 0),
        (b'{"note":"\\u0061"}', JSON, RULES_CLEAR),
        (b'{"note":"plain"}', "text/plain", 0),
        (b'{"note":"plain"}', "application/json; charset=utf-16", 0),
        (b'{"note":"plain"}', "application/json; a=b=c", 0),
        (b'{"note":"' + b"plain " * 2000 + b'"}', JSON, 0),
        (b"name=Mary&note=plain+words%2C+and+more&n=1", FORM, BOTH),
        (b"name=Mary", FORM + "; charset=UTF-8", BOTH),
        (b"note=a%26nbsp%3Bb", FORM, 0),
        (b"note=J%C3%BCrgen", FORM, RULES_CLEAR),
        (b"password=Tr0ub4dor", FORM, RULES_CLEAR),
        (b"note=1%27+or+1%3D1--", FORM, DATA_CLEAR),
        (b"a=1&b", FORM, 0),
        (b"a=1=2", FORM, 0),
        (b"&a=1", FORM, 0),
        (b"a=1&", FORM, 0),
        (b"=1", FORM, BOTH),
        (b"-a=1", FORM, 0),
        (b"a=%7f", FORM, 0),
        (b"a=\xc3\xa9", FORM, 0),
        (b"_charset_=utf-8", FORM, 0),
        (b"note=plain", FORM + "; charset=utf-16", 0),
        (b"note=" + b"plain+" * 2000, FORM, 0),
    ],
)
def test_what_is_clear_of_a_body(policies: tuple[Policy, Policy], body: bytes, kind: str, clear: int) -> None:
    request = Walk(policies[0], "/", method="POST", body=body, kind=kind).exchange.request
    assert request is not None
    reading = Reading(request, Limits(), repr)
    assert policies[0]._read_body.read(reading, body) == clear
    assert reading.body
    assert reading.body_kind is not BodyKind.NONE


def test_a_coding_is_for_the_reference(policies: tuple[Policy, Policy]) -> None:
    body = gzip.compress(b'{"note":"plain"}', mtime=0)
    made, reference = (told_of_body(one, body, JSON, **{"Content-Encoding": "gzip"}) for one in policies)
    assert made == reference


@pytest.mark.skipif(plain.FORM_SCREEN is None, reason="without the accelerator there is no screen")
@settings(max_examples=1500, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            ["a", "b=", "=", "&", "&lt;", "&#39;", "%20", "+", " ", "'", "%27", "%3c", ";", "%2", "%28", "(", "<", "&%20", "&+",
             "%3D", "x%2fy", "&&", "&quot;", "c=1", "%09", "%22", "lt;", "tab;"]
        ),
        min_size=1, max_size=7,
    ).map("".join)
)  # fmt: skip
def test_no_form_is_screened_that_was_torn(text: str) -> None:
    body = text.encode()
    assert plain.FORM_SCREEN is not None
    if plain.FORM_SCREEN(body, 100, None, None) is not None:
        assert not list(torn.pairs(body))


@pytest.mark.skipif(HEADS is None, reason="without the accelerator there is no screen")
def test_forms_of_all_sizes_around_those_that_are_screened_without_more_memory(
    policies: tuple[Policy, Policy],
) -> None:
    for size in (2040, 2047, 2048, 2049, 2060, 8191, 8192, 8193):
        body = b"note=" + b"a+" * (size // 2 - 3)
        body += b"b" * (size - len(body))
        request = Walk(policies[0], "/", method="POST", body=body, kind=FORM).exchange.request
        assert request is not None
        reading = Reading(request, Limits(), repr)
        assert policies[0]._read_body.read(reading, body) == (BOTH if size <= 8192 else 0)
        assert [field.value for field in reading.body_fields()][1] == body[5:].replace(b"+", b" ")


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (json.dumps({"note": "x" * 2000}).encode(), JSON),
        (b"note=" + b"x" * 2000, FORM),
        (json.dumps([{f"{a}{b}": {f"{c}": 1 for c in range(40)} for a in "ab"} for b in range(14)]).encode(), JSON),
        (b"a=1&" * 1030 + b"a=1", FORM),
    ],
)  # fmt: skip
def test_limits_hold_where_bodies_are_screened(
    tmp_path: Path, pattern_cache: Path, body: bytes, kind: str
) -> None:
    workshop = Workshop(tmp_path, pattern_cache)
    policy = workshop.policy(PROTECT | {"limits": {"value": "1KiB", "fields": 1000}})
    verdict = told_of_body(policy, body, kind)
    assert "limit." in str(verdict), verdict


def test_limits_of_fields_are_noticed_whoever_asks_for_them(policies: tuple[Policy, Policy]) -> None:
    body = b"[" + b",".join(b"1" for _ in range(2500)) + b"]"
    request = Walk(policies[0], "/", method="POST", body=body, kind=JSON).exchange.request
    assert request is not None
    reading = Reading(request, Limits(), repr)
    policies[0]._read_body.read(reading, body)
    assert [finding.rule for finding in reading.findings] == ["limit.fields"]
    assert len(reading.body_fields()) == Limits().fields + 1
    assert [finding.rule for finding in reading.findings] == ["limit.fields"]


@pytest.mark.skipif(HEADS is None, reason="without the accelerator there is no screen")
@pytest.mark.parametrize(
    ("target", "headers", "clear"),
    [
        ("/search?q=Coffee+grinder&page=17&ref=6f1c0d2e9b7a", {}, BOTH),
        ("/a/b.html?sort=name", {"Cookie": "session=6f1c0d2e9b7a4f55a1d3; theme=dark"}, BOTH),
        ("/?q=a&email=mary%40example.com", {}, RULES_CLEAR),
        ("/?q=%27+or+1%3D1--", {}, DATA_CLEAR),
        ("/?query=%7Busers%7D", {}, DATA_CLEAR),
        ("/", {"Cookie": "$Version=1; a=b"}, DATA_CLEAR),
        ("/", {"Referer": "https://a.example/?q=PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg"}, DATA_CLEAR),
    ],
)
def test_what_is_clear(
    policies: tuple[Policy, Policy], target: str, headers: dict[str, str], clear: int
) -> None:
    # What no program proves (the host, the address) is known from a search on; twice, as the memory is bounded.
    for _ in range(2):
        told(policies[0], "/?email=mary%40example.com", {})
    walk = Walk(policies[0], target, **headers)
    assert walk.exchange.request is not None
    assert policies[0]._screens[2](walk.exchange.request) == clear


def test_what_is_clear_is_still_read(policies: tuple[Policy, Policy]) -> None:
    walk = Walk(policies[0], "/search?q=Coffee+grinder")
    assert isinstance(walk.admit(), Admitted)
    assert walk.exchange.verdict is PASSED
    assert [field.value for field in walk.exchange.fields][:4] == [b"GET", b"/search", b"search", b"q"]
    assert walk.exchange.fields[-1].name == "host"
    assert len(walk.exchange.fields[1:3]) == 2


def test_an_attack_in_a_referer_s_parameter_is_found(policies: tuple[Policy, Policy]) -> None:
    attack = base64_of(b"<script>alert(document.cookie)</script>")
    walk = Walk(policies[0], "/", Referer=f"https://shop.example/?q={attack}")
    walk.admit()
    assert {f.address for f in walk.exchange.verdict.findings} == {"header.referer"}
