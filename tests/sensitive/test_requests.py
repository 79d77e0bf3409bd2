"""What requests carry, and the same requests with less in them."""

from __future__ import annotations

import gzip
import json
from urllib.parse import parse_qsl

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sensitive.messages import CARD, SSN, Reading, detector, request
from tests.together import together
from waf.config.schema import Limits, SensitiveRule
from waf.inspect.reading import read
from waf.model import Field, Part, Request, Severity
from waf.sensitive.detect import Detector, RequestHits
from waf.sensitive.requests import RequestCheck

GROUPED = "4539 1488 0343 6467"
PAIRS = [("Content-Type", "application/json"), ("User-Agent", "test/1.0"), ("X-Request-Id", "7")]


def check(found: Detector, target: str = "/x", body: bytes = b"", **headers: str) -> RequestHits | None:
    lines = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    asked = request(*lines, method=b"POST", target=target.encode(), length=len(body))
    return found.check_request(read(asked, body, Limits(), found.mask), asked.path)


def places(hits: RequestHits | None) -> set[tuple[str, str]]:
    return {(f.rule, f.address) for f in hits.findings} if hits else set()


def test_an_ordinary_request_carries_nothing_and_its_body_is_not_parsed() -> None:
    asked = request((b"User-Agent", b"curl/8"), target=b"/p?q=shoes&page=2")
    reading = Reading(asked, [Field(Part.ARG, "q", b"shoes")], body=b'{"name": "Jane", "n": 12}')
    assert detector().check_request(reading, b"/p") is None
    assert not reading.parsed


@together(
    ("target", "body", "headers", "place"),
    [
        (f"/x?card={CARD}", "", {}, ("sensitive.pan", "arg.card")),
        ("/x?card=4539+1488+0343+6467", "", {}, ("sensitive.pan", "arg.card")),
        ("/x?card=%34539148803436467", "", {}, ("sensitive.pan", "arg.card")),
        ("/x?ssn=536228145", "", {}, ("sensitive.us-ssn", "arg.ssn")),
        ("/x", "", {"X_Customer_Ssn": "536228145"}, ("sensitive.us-ssn", "header.x-customer-ssn")),
        ("/x", "", {"X_Note": f"card {CARD}"}, ("sensitive.pan", "header.x-note")),
        ("/x", "", {"Cookie": f"a=1; card={CARD}"}, ("sensitive.pan", "cookie.card")),
        ("/x", "a=1&card=4539+1488+0343+6467", {"Content_Type": "application/x-www-form-urlencoded"},
         ("sensitive.pan", "form.card")),
        ("/x", f'{{"a":{{"card":"{CARD}"}}}}', {"Content_Type": "application/json"}, ("sensitive.pan", "json.a.card")),
        ("/x", '{"card":"4539\\u00201488\\u00200343\\u00206467"}', {"Content_Type": "application/json"},
         ("sensitive.pan", "json.card")),
        ("/x", f"<a><card>{CARD}</card></a>", {"Content_Type": "application/xml"}, ("sensitive.pan", "xml.a.card")),
        ("/x", f"card {CARD}", {"Content_Type": "text/plain"}, ("sensitive.pan", "body")),
    ],
)  # fmt: skip
def test_found_wherever_it_stands(
    target: str, body: str, headers: dict[str, str], place: tuple[str, str]
) -> None:
    hits = check(detector(), target, body.encode(), **headers)
    found = places(hits)
    assert place[0] in {rule for rule, _ in found}
    if place[1].startswith("xml"):  # how elements are named is the reader's choice
        assert any(address.endswith("card") for _, address in found)
    else:
        assert place in found
    assert hits is not None
    assert not hits.alters
    assert not hits.blocks
    assert all(f.severity is Severity.INFO for f in hits.findings)
    assert CARD not in repr(hits.findings)


def test_secrets_where_they_belong_are_no_news() -> None:
    token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"
    assert check(detector(), Authorization=f"Bearer {token}", Cookie=f"session={token}") is None
    assert check(detector(), f"/x?t={token}") is not None


def test_every_number_that_is_looked_at_is_charged() -> None:
    """What a body full of numbers costs here is not there for signatures, so that no message is dear twice."""
    found = detector()
    for count in (0, 1, 500):
        body = b"\n".join([b"536-22-%04d" % number for number in range(1000, 1000 + count)])
        reading = read(request((b"Content-Type", b"text/plain"), method=b"POST"), body, Limits(), found.mask)
        found.check_request(reading, b"/x")
        assert count // 2 <= reading.charged <= 2 * count + 6 * bool(count)


def dense(count: int, rules: tuple[SensitiveRule, ...] = ()) -> RequestHits | None:
    """What is found in so many card numbers and, behind them, a number of another kind."""
    found = detector(rules=rules)
    body = b" ".join([GROUPED.encode()] * count) + b"\nssn 536-22-8145"
    reading = read(request((b"Content-Type", b"text/plain"), method=b"POST"), body, Limits(), found.mask)
    return found.check_request(reading, b"/x")


def test_where_values_are_only_counted_the_first_are_enough() -> None:
    assert places(dense(100)) == {("sensitive.pan", "body"), ("sensitive.us-ssn", "body")}
    hits = dense(4000)
    assert places(hits) == {("sensitive.pan", "body"), ("sensitive.dense", "")}
    assert hits is not None
    assert not hits.alters
    assert 500 < sum(count.count for count in hits.tally) < 4000


@pytest.mark.parametrize("action", ["mask", "block"])
def test_where_something_is_done_about_values_all_are_looked_at(action: str) -> None:
    rule = SensitiveRule(action=action, direction="request", entities=("us-ssn",))  # type: ignore[arg-type]
    hits = dense(4000, (rule,))
    assert hits is not None
    assert places(hits) == {("sensitive.pan", "body"), ("sensitive.us-ssn", "body")}
    assert (hits.alters, hits.blocks) == (action == "mask", action == "block")
    assert sum(count.count for count in hits.tally) == 4001


@pytest.mark.parametrize("literal", [f'"{CARD}"', CARD, f'"""\n{CARD}\n"""'])
def test_a_document_of_graphql_is_looked_at_once(literal: str) -> None:
    query = f"query {{ a(card: {literal}) {{ id }} }}"
    body = json.dumps({"query": query, "variables": {"b": "c"}}).encode()
    found = check(detector(), "/graphql", body, Content_Type="application/json")
    assert places(found) == {("sensitive.pan", "json.query")}
    found = check(detector(), "/graphql", query.encode(), Content_Type="application/graphql")
    assert places(found) == {("sensitive.pan", "graphql")}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (f"a=1&card={CARD}", {"form.card"}),
        (f'{{"card": {CARD}, "b": "x"}}', {"json.card"}),
        (f"a card {CARD}", {"body"}),
    ],
)
def test_a_form_of_no_type_is_looked_at_once(body: str, expected: set[str]) -> None:
    assert places(check(detector(), "/x", body.encode())) == {("sensitive.pan", place) for place in expected}


def test_a_form_that_is_no_text_is_looked_at_once() -> None:
    body = b"b=\xc0\xaf&card=" + CARD.encode()
    found = check(detector(), "/x", body, Content_Type="application/x-www-form-urlencoded")
    assert places(found) == {("sensitive.pan", "form.card")}


def test_a_literal_with_escapes_is_looked_at_as_well() -> None:
    query = f'query {{ a(card: "\\u0034{CARD[1:]}") {{ id }} }}'
    found = check(detector(), "/graphql", query.encode(), Content_Type="application/graphql")
    assert ("sensitive.pan", "graphql.literal") in places(found)


def test_policy_alone_lets_a_request_be_changed() -> None:
    body = f"card={CARD}".encode()
    hits = check(detector(), "/x", body, Content_Type="application/x-www-form-urlencoded")
    assert hits is not None
    asked = request(length=len(body))
    assert detector().redact_request(asked, body, hits) == (asked, body)


def redact(found: Detector, target: str, body: bytes, **headers: str) -> tuple[str, bytes, dict[str, str]]:
    lines = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    asked = request(*lines, method=b"POST", target=target.encode(), length=len(body))
    hits = found.check_request(read(asked, body, Limits(), found.mask), asked.path)
    assert hits is not None
    assert hits.alters
    changed, out = found.redact_request(asked, body, hits)
    assert changed.length == len(out)
    return changed.target.decode(), out, {n.decode(): v.decode() for n, _, v in changed.headers.lines}


def test_redaction_of_every_part() -> None:
    found = detector(request_action="mask")
    target, body, headers = redact(
        found, f"/x?a=1&card={CARD}&b=%20", f"x=1&ssn=536-22-8145&card={GROUPED.replace(' ', '+')}".encode(),
        Content_Type="application/x-www-form-urlencoded", Cookie=f"a=1; card={CARD}; b=2", X_Note=f"card {CARD}.",
        Content_MD5="x", Digest="y",
    )  # fmt: skip
    assert target == "/x?a=1&card=453914******6467&b=%20"
    assert body == b"x=1&ssn=***-**-8145&card=4539+14**+****+6467"
    assert headers["cookie"] == "a=1; card=453914******6467; b=2"
    assert headers["x-note"] == "card 453914******6467."
    assert "content-md5" not in headers
    assert "digest" not in headers


def test_json_stays_json_and_tokens_change_the_length() -> None:
    found = detector(request_action="tokenise")
    body = json.dumps({"a": [{"card": CARD}], "n": int(CARD), "s": SSN, "x": "y"}).encode()
    _, out, _ = redact(found, "/x", body, Content_Type="application/json")
    data = json.loads(out)
    assert data["a"][0]["card"].startswith("tok_pan_")
    assert data["s"].startswith("tok_us-ssn_")
    assert data["x"] == "y"
    assert isinstance(data["n"], int)
    assert data["n"] != int(CARD)


def test_multipart_text_is_redacted_and_files_that_are_no_text_are_not() -> None:
    found = detector(request_action="mask")
    binary = b"\x89PNG\x00\x01" + CARD.encode() + b"\xff\x00 "
    body = (
        b'--B\r\nContent-Disposition: form-data; name="ssn"\r\n\r\n536228145\r\n'
        b'--B\r\nContent-Disposition: form-data; name="f"; filename="a.png"\r\nContent-Type: image/png\r\n\r\n'
        + binary
        + b'\r\n--B\r\nContent-Disposition: form-data; name="g"; filename="a.txt"\r\nContent-Type: text/plain\r\n\r\n'
        + f"card {CARD}".encode()
        + b"\r\n--B--\r\n"
    )
    _, out, _ = redact(found, "/x", body, Content_Type="multipart/form-data; boundary=B")
    assert b"\r\n*****8145\r\n" in out
    assert binary in out
    assert b"card 453914******6467\r\n--B--" in out
    assert len(out) == len(body)


def test_a_coded_body_is_sent_on_without_its_coding() -> None:
    found = detector(request_action="mask")
    plain = f'{{"card":"{CARD}"}}'.encode()
    _, out, headers = redact(
        found, "/x", gzip.compress(plain, mtime=0), Content_Type="application/json", Content_Encoding="gzip"
    )
    assert out == b'{"card":"453914******6467"}'
    assert "content-encoding" not in headers


def test_rules_by_field_and_path() -> None:
    found = detector(
        rules=(
            SensitiveRule(action="mask", direction="request", fields=("form.note",), path="/pay/*"),
            SensitiveRule(action="block", direction="request", entities=("us-ssn",)),
        )
    )
    form = {"Content_Type": "application/x-www-form-urlencoded"}
    hits = check(found, "/pay/1", f"note={CARD}&card={CARD}".encode(), **form)
    assert hits is not None
    assert {(c.address, c.action) for c in hits.tally} == {("form.note", "mask"), ("form.card", "report")}
    asked = request((b"Content-Type", b"application/x-www-form-urlencoded"), target=b"/pay/1")
    _, out = found.redact_request(asked, f"note={CARD}&card={CARD}".encode(), hits)
    assert dict(parse_qsl(out.decode())) == {"note": "453914******6467", "card": CARD}
    elsewhere = check(found, "/other", f"note={CARD}".encode(), **form)
    assert elsewhere is not None
    assert not elsewhere.alters
    blocked = check(found, f"/x?a={SSN}")
    assert blocked is not None
    assert blocked.blocks
    assert [f.severity for f in blocked.findings] == [Severity.CRITICAL]


def test_a_published_number_never_blocks() -> None:
    found = detector(request_action="block")
    hits = check(found, "/x?card=4111111111111111")
    assert hits is not None
    assert not hits.blocks
    assert hits.alters
    assert "test" in hits.findings[0].tags


JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"
NAMES = ["q", "ssn", "card_no", "customer[iban]", "note", "a.b", "x%5Fssn", "pass+port"]
VALUES = [
    "shoes", "12", CARD, GROUPED.replace(" ", "+"), GROUPED.replace(" ", "%20"), "536228145", "536-22-8145", "%35" + "36228145",
    "DE89370400440532013000", "jane%40example.org", "+49%2030%20901820", JWT, "postgres://app:tr0ub4dor@db", "2024-03-18",
    "A-1", "order+4539148803436467", "%C3%A9t%C3%A9", "C01X00T47", "3.14", "",
]  # fmt: skip
LINES = [
    ("User-Agent", "Mozilla/5.0 (+http://x.example)"), ("Cookie", f"sid={JWT}; ssn=536228145"), ("X-Ssn", "536228145"),
    ("Cookie", "card=4539%201488%200343%206467; b=2"), ("Authorization", f"Bearer {JWT}"), ("X-Note", f"paid by {CARD}"),
    ("Referer", "https://shop.example/p?card=4539148803436467"), ("Accept", "*/*"), ("Cookie", f"a={CARD}"),
    ("Authorization", "Basic cGFuOjQ1MzkxNDg4MDM0MzY0Njc="),
]  # fmt: skip
PAIR = st.tuples(st.sampled_from(NAMES), st.sampled_from(VALUES))
FORM = "application/x-www-form-urlencoded"


@settings(max_examples=300, deadline=None)
@given(
    st.lists(PAIR, max_size=4),
    st.lists(st.sampled_from(LINES), max_size=4, unique_by=lambda line: line[0]),
    st.lists(PAIR, max_size=4),
    st.sampled_from([FORM, "application/json", "text/plain", "multipart/form-data; boundary=B"]),
    st.booleans(),
)
def test_the_first_scan_overlooks_nothing(
    args: list[tuple[str, str]],
    lines: list[tuple[str, str]],
    form: list[tuple[str, str]],
    kind: str,
    named: bool,
) -> None:
    rules = (SensitiveRule(action="report", fields=("cookie.sid",)),) if named else ()
    found = detector(rules=rules)
    target = "/a/536-22-8145/b?" if len(args) % 2 else "/a?"
    target += "&".join(f"{name}={value}" for name, value in args)
    if kind == FORM:
        body = "&".join(f"{name}={value}" for name, value in form)
    elif kind == "application/json":
        body = json.dumps(dict(form))
    elif kind == "text/plain":
        body = " ".join(f"{name} {value}" for name, value in form)
    else:
        head = '--B\r\nContent-Disposition: form-data; name="{}"\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{}\r\n'
        body = "".join(head.format(name, value) for name, value in form) + "--B--\r\n"
    pairs = [(n.encode(), v.encode()) for n, v in [*lines, ("Content-Type", kind)]]
    asked = request(*pairs, method=b"POST", target=target.encode(), length=len(body))

    def findings(check: RequestCheck) -> set[tuple[str, str]]:
        reading = read(asked, body.encode(), Limits(), found.mask)
        return places(check.check(reading, lambda: found.policy.orders("request", asked.path)))

    assert findings(found._requests) == findings(Thorough(found._finder, found.key, by_field=named))


class Thorough(RequestCheck):
    """Makes and looks at all fields of every request."""

    def _suspects_body(self, body: bytes, kind: str) -> bool:
        return True

    def _head_text(self, request: Request) -> bytes:
        return b" 4539148803436467 "
