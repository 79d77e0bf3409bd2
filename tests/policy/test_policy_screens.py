"""The shortest way through a policy: what it lets pass is what the engines find nothing in."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.policy.rig import JSON, PROTECT, Walk, Workshop
from waf.config.schema import Limits
from waf.http1.speed import HEADS
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
    reference.signatures._searcher.program = None  # type: ignore[misc]
    reference._read_body._json = None  # type: ignore[misc]
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
]
KINDS = [
    JSON, "application/json; charset=utf-8", "application/problem+json", "application/json; charset=utf-7",
    "application/json; charset", "text/plain",
]  # fmt: skip


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
    st.lists(
        st.sampled_from(SAMPLES).flatmap(
            lambda text: st.tuples(st.integers(0, max(len(text) - 3, 0)), st.integers(3, 80)).map(
                lambda cut: text[cut[0] : cut[0] + cut[1]].decode("utf-8", "replace")
            )
        )
        | st.sampled_from(
            ["card 4539148803436467", "O'Neill's", "plain words", "&#x3c;", "it's \u2013", " "]
        ),
        max_size=3,
    ).map(" ".join),
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


@pytest.mark.skipif(HEADS is None, reason="without the accelerator there is no screen")
@pytest.mark.parametrize(
    ("body", "kind", "clear"),
    [
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
        (b'{"note":"\\u0061"}', JSON, 0),
        (b'{"note":"plain"}', "text/plain", 0),
        (b'{"note":"plain"}', "application/json; charset=utf-16", 0),
        (b'{"note":"plain"}', "application/json; a=b=c", 0),
        (b'{"note":"' + b"plain " * 2000 + b'"}', JSON, 0),
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
