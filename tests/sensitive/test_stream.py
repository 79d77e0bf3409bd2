"""Bodies redacted as they pass: wherever they are cut, whatever they are, and nothing else changed."""

from __future__ import annotations

import json
import re
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.patterns import patterns_made
from tests.sensitive.messages import CARD, ENTITIES, KEY, SSN, detector, request, response, through
from tests.together import together
from waf.config.schema import SensitiveRule
from waf.model import Action, BodyRefused
from waf.sensitive.detect import Detector
from waf.sensitive.places import MAX_NAME
from waf.sensitive.stream import HOLD

GROUPED = "4539 1488 0343 6467"
PEM = (
    "-----BEGIN PRIVATE KEY-----\n"
    + "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7\n" * 40
    + "-----END PRIVATE KEY-----"
)

BODIES: dict[str, tuple[str, str, str]] = {
    "json string": ("application/json", '{"a":1,"card":"4539148803436467","b":[2]}', '{"a":1,"card":"453914******6467","b":[2]}'),
    "json number": ("application/json", '{"card":4539148803436467,"n":1}', '{"card":4539140000006467,"n":1}'),
    "json number at the end": ("application/json", '[1, 4539148803436467\n]', '[1, 4539140000006467\n]'),
    "json number without a kept start": ("application/json", '{"ssn":536228145}', '{"ssn":100008145}'),
    "json escapes": ("application/json", '{"c":"4539\\u00201488\\u00200343\\u00206467\\n"}', '{"c":"4539\\u002014**\\u0020****\\u00206467\\n"}'),
    "json escaped digits": ("application/json", '{"c":"\\u0034539148803436\\u003467"}', '{"c":"\\u003453914******6\\u003467"}'),
    "json in one string": ("application/json", '{"c":"{\\"card\\":\\"4539148803436467\\"}"}', '{"c":"{\\"card\\":\\"453914******6467\\"}"}'),
    "json behind a newline": ("application/json", '{"c":"x\\n4539148803436467"}', '{"c":"x\\n453914******6467"}'),
    "json as html": ("text/html", '{"card":4539148803436467}', '{"card":4539140000006467}'),
    "lines of json": ("application/x-ndjson", '{"c":4539148803436467}\n{"c":"x"}\n', '{"c":4539140000006467}\n{"c":"x"}\n'),
    "html": ("text/html", "<p>Card: 4539&nbsp;1488&nbsp;0343&nbsp;6467</p>", "<p>Card: 4539&nbsp;14**&nbsp;****&nbsp;6467</p>"),
    "html references": ("text/html", "<b>&#52;539&#45;1488&#45;0343&#45;6467</b>", "<b>&#52;539&#45;14**&#45;****&#45;6467</b>"),
    "html script": ("text/html", "<p>1</p><script>let c={card:4539148803436467};</script>", "<p>1</p><script>let c={card:4539140000006467};</script>"),
    "html attribute": ("text/html", '<input name="ssn" value="536228145">', '<input name="ssn" value="*****8145">'),
    "script": ("application/javascript", "var card = 4539148803436467; f(4539148803436467)", "var card = 4539140000006467; f(4539140000006467)"),
    "script string": ("text/javascript", "var card = '4539148803436467';", "var card = '453914******6467';"),
    "xml": ("application/xml", "<a><ssn>536228145</ssn><o n='536228145'/></a>", "<a><ssn>*****8145</ssn><o n='536228145'/></a>"),
    "text": ("text/plain", "My SSN is 536-22-8145.", "My SSN is ***-**-8145."),
    "csv": ("text/csv", "id,ssn,order\n1,536228145,536228145\n", "id,ssn,order\n1,*****8145,536228145\n"),
    "csv without a last newline": ("text/csv", "id,ssn\n1,536228145\n2,536228145", "id,ssn\n1,*****8145\n2,*****8145"),
    "csv in quotes": ("text/csv", '"id";"card"\n"1;2";"4539148803436467"\n', '"id";"card"\n"1;2";"453914******6467"\n'),
    "form": ("application/x-www-form-urlencoded", "a=b&card=4539+1488+0343+6467&c=%34539148803436467", "a=b&card=4539+14**+****+6467&c=%3453914******6467"),
    "events": ("text/event-stream", 'id: 1\ndata: {"card":4539148803436467}\n\n', 'id: 1\ndata: {"card":4539140000006467}\n\n'),
    "track": ("text/plain", "swipe %B4539148803436467^DOE/JANE^29121011000012300000? end", "swipe " + "*" * 49 + " end"),
    "code beside a card": ("application/json", '{"cvv":"123","pan":"4539148803436467"}', '{"cvv":"***","pan":"453914******6467"}'),
    "code alone": ("application/json", '{"cvv":"123","pan":"none"}', '{"cvv":"123","pan":"none"}'),
    "password in a url": ("text/plain", "postgres://app:tr0ub4dor@db/x", "postgres://app:*********@db/x"),
    "key": ("text/plain", PEM, PEM[:28] + re.sub("[A-Za-z0-9+/]", "*", PEM[28:-25]) + PEM[-25:]),
    "unicode around": ("application/json", '{"ä":"ü€😀 4539148803436467 ß"}', '{"ä":"ü€😀 453914******6467 ß"}'),
}  # fmt: skip


@together("name", BODIES)
def test_redacted_whole(name: str) -> None:
    kind, body, out = BODIES[name]
    assert through(detector(), kind, body.encode()).decode() == out
    assert len(out) == len(body)


@together("name", BODIES)
def test_redacted_alike_wherever_it_is_cut(name: str) -> None:
    kind, body, out = BODIES[name]
    data, wanted = body.encode(), out.encode()
    for cut in range(1, len(data), 1 if len(data) < 400 else 37):
        assert through(detector(), kind, data, [cut]) == wanted, cut
    assert through(detector(), kind, data, [1] * len(data)) == wanted
    assert through(detector(), kind, data, [3] * (len(data) // 3)) == wanted


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_cuts_of_all_bodies_together(data: st.DataObject) -> None:
    body = "\n".join(b for k, b, _ in BODIES.values() if k in ("text/plain", "text/html")).encode()
    whole = through(detector(), "text/plain", body)
    sizes = data.draw(st.lists(st.integers(1, 900), max_size=30))
    assert through(detector(), "text/plain", body, sizes) == whole


LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(-(10**6), 10**6), st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=12), st.sampled_from([CARD, GROUPED, SSN, int(CARD), 536228145]),
)  # fmt: skip
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["card", "ssn", "note", "x", "a b"]), inner, max_size=4)
    ),
    max_leaves=15,
)


def shape(value: object) -> object:
    """A document without its scalars, but for those that nothing may change."""
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [shape(inner) for inner in value]
    return type(value).__name__ if isinstance(value, (str, int)) and not isinstance(value, bool) else value


@settings(max_examples=200, deadline=None)
@given(VALUES, st.booleans(), st.sampled_from([None, 2]), st.integers(1, 40))
def test_json_stays_json(value: object, ascii_only: bool, indent: int | None, size: int) -> None:
    body = json.dumps({"doc": value}, ensure_ascii=ascii_only, indent=indent).encode()
    out = through(detector(), "application/json", body, [size] * (len(body) // size))
    assert len(out) == len(body)
    assert shape(json.loads(out)) == shape(json.loads(body))
    text = out.decode()
    assert CARD not in text
    assert GROUPED not in text
    assert SSN not in text


def test_xml_stays_xml() -> None:
    body = f'<?xml version="1.0"?><r a="{CARD}"><![CDATA[{GROUPED} < 5]]><e>{SSN}</e></r>'.encode()
    out = through(detector(), "application/xml", body)
    assert len(out) == len(body)
    root = ElementTree.fromstring(out)
    assert (root.attrib["a"], root.text) == ("453914******6467", "4539 14** **** 6467 < 5")


def test_what_is_clean_comes_out_as_it_was() -> None:
    body = (
        '{"id":"3f2504e0-4f89-41d3-9a0c-0305e82c3301","n":0.4539148803436467,"t":1706704245123}' * 200
    ).encode()
    assert through(detector(), "application/json", body, [1000, 7, 5000]) == body


def test_no_more_than_a_little_is_held_back() -> None:
    passed = detector().response_filter(request(), response((b"Content-Type", b"text/plain")))
    assert passed is not None
    taken = given = 0
    for _ in range(200):
        taken += 1000
        given += len(passed.feed(b"word " * 200))
        assert taken - given <= HOLD + 1000
    assert taken == given + len(passed.finish())


def test_a_long_table_needs_no_more_memory_than_its_lines() -> None:
    passed = detector().response_filter(request(), response((b"Content-Type", b"text/csv")))
    assert passed is not None
    out = passed.feed(b"id,name,card\n")
    row = f"7,Jane Doe,{CARD}\n".encode() * 400
    total = 0
    for _ in range(100):
        out = passed.feed(row)
        assert CARD.encode() not in out
        total += len(out)
    assert total == 100 * len(row)
    assert [f.rule for f in passed.verdict().findings] == ["sensitive.pan", "sensitive.dense"]
    (count,) = passed.hits
    assert (count.entity.id, count.address, count.count) == ("pan", "csv.card", 40_000)


def test_blanks_behind_a_value_hold_nothing_back() -> None:
    passed = detector().response_filter(request(), response((b"Content-Type", b"text/plain")))
    assert passed is not None
    out = passed.feed(CARD.encode())
    for _ in range(100):
        out += passed.feed(b" " * 100)
        assert len(passed._redactor._held) <= HOLD + 100
    assert (out + passed.finish()).rstrip() == b"453914******6467"


def test_pages_of_groups_are_not_dear() -> None:
    body = b"4111 " * 40_000
    assert through(detector(), "text/plain", body) == body


def test_an_event_goes_out_at_once() -> None:
    passed = detector().response_filter(request(), response((b"Content-Type", b"text/event-stream")))
    assert passed is not None
    assert passed.feed(b'data: {"n": 1}\n\n') == b'data: {"n": 1}\n\n'


def test_a_pause_lets_go_what_cannot_be_a_value() -> None:
    passed = detector().response_filter(request(), response((b"Content-Type", b"text/plain")))
    assert passed is not None
    out = passed.feed(b"Hello there, what is ") + passed.idle()
    assert out == b"Hello there, what is "
    assert passed.feed(b"up? 4539 1488") + passed.idle() == b"up? "
    assert passed.feed(b" 0343 6467") + passed.idle() == b""
    assert passed.feed(b" ok") + passed.finish() == b"4539 14** **** 6467 ok"


def test_a_key_without_end_is_not_held() -> None:
    passed = detector().response_filter(request(), response((b"Content-Type", b"text/plain")))
    assert passed is not None
    out = passed.feed(b"-----BEGIN PRIVATE KEY-----\n")
    for _ in range(50):
        out += passed.feed(b"MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7" * 20)
        assert len(passed._redactor._held) < 4000
    out += passed.feed(b"\n-----END PRIVATE KEY-----\nafter") + passed.finish()
    assert b"MII" not in out
    assert out.endswith(b"*\n-----END PRIVATE KEY-----\nafter")


def rules(*made: SensitiveRule, **config: object) -> Detector:
    return detector(rules=made, **config)


@pytest.mark.parametrize(
    ("action", "kind", "body", "pattern"),
    [
        ("tokenise", "application/json", f'{{"a":"x {GROUPED} y"}}', r'\{"a":"x tok_pan_[a-z2-7]{16} y"\}'),
        ("tokenise", "application/json", f'{{"a":{CARD}}}', r'\{"a":[1-9]\d{15}\}'),
        ("hash", "text/plain", f"card {CARD}.", r"card [0-9a-f]{32}\."),
        (
            "drop",
            "application/json",
            f'{{"a":"x {GROUPED} y","b":{CARD},"c":1}}',
            r'\{"a":"","b":null,"c":1\}',
        ),
        ("drop", "application/xml", f"<a><b>card {CARD}</b></a>", r"<a><b></b></a>"),
        ("drop", "text/csv", f"a,card\n1,{CARD}\n2,x\n", r"a,card\n1,\n2,x\n"),
        ("drop", "application/x-www-form-urlencoded", f"a=1&b={CARD}&c=2", r"a=1&b=&c=2"),
        ("report", "text/plain", CARD, CARD),
        ("ignore", "text/plain", CARD, CARD),
    ],
)
def test_actions(action: str, kind: str, body: str, pattern: str) -> None:
    found = detector(response_action=action)
    for sizes in ([], [7] * (len(body) // 7), [1] * len(body)):
        assert re.fullmatch(pattern, through(found, kind, body.encode(), sizes).decode())


def test_equal_values_get_equal_tokens_and_other_keys_others() -> None:
    body = f"{CARD}\n{GROUPED}\n4024007198964305\n".encode()
    one = through(detector(response_action="tokenise"), "text/plain", body).split()
    assert one[0] == one[1] != one[2]
    from waf.config.schema import Sensitive

    other = Detector.build(Sensitive(response_action="tokenise"), ENTITIES, patterns_made(), KEY[::-1])
    assert through(other, "text/plain", body).split()[0] != one[0]


def test_what_must_not_be_kept_is_never_tokenised() -> None:
    body = f'{{"pan":"{CARD}","cvv":"123"}}'.encode()
    assert b'"cvv":"***"' in through(detector(response_action="tokenise"), "application/json", body)


def test_rules_by_field_path_and_entity() -> None:
    found = rules(
        SensitiveRule(action="report", fields=("json.shown.*",)),
        SensitiveRule(action="drop", entities=("us-ssn",), path="/customers/*"),
    )
    body = f'{{"shown":{{"card":"{CARD}"}},"other":{{"card":"{CARD}"}},"s":"{SSN}"}}'.encode()
    at_customers = through(found, "application/json", body)
    assert json.loads(at_customers) == {
        "shown": {"card": CARD},
        "other": {"card": "453914******6467"},
        "s": "",
    }
    elsewhere = through(found, "application/json", body, path=b"/other")
    assert json.loads(elsewhere)["s"] == "***-**-8145"


def test_a_block_ends_the_body() -> None:
    found = rules(SensitiveRule(action="block", entities=("us-ssn",)))
    passed = found.response_filter(request(), response((b"Content-Type", b"text/plain")))
    assert passed is not None
    assert passed.may_block
    with pytest.raises(BodyRefused) as caught:
        passed.feed(f"SSN {SSN}, next\n".encode())
    verdict = caught.value.verdict
    assert (verdict.action, verdict.status) == (Action.BLOCK, 502)
    assert passed.verdict() == verdict
    assert SSN not in repr(verdict)


def test_a_published_number_is_masked_but_never_blocks() -> None:
    found = rules(SensitiveRule(action="block"))
    out = through(found, "text/plain", b"4111 1111 1111 1111 is for tests\n")
    assert out == b"4111 11** **** 1111 is for tests\n"


def test_watching_changes_nothing_and_says_what_would_be() -> None:
    passed = detector().response_filter(
        request(), response((b"Content-Type", b"text/plain"), (b"ETag", b'"x"')), enforce=False
    )
    assert passed is not None
    body = f"card {CARD} ".encode()
    assert passed.feed(body) + passed.idle() + passed.finish() == body
    assert passed.response.headers.get(b"etag") == b'"x"'
    verdict = passed.verdict()
    assert (verdict.action, verdict.would) == (Action.FORWARD, Action.REDACT)


def test_more_than_the_ceiling_is_refused() -> None:
    passed = detector().response_filter(
        request(), response((b"Content-Type", b"text/csv")), ceilings={"pan": 3}
    )
    assert passed is not None
    passed.feed(f"id,card\n{CARD},{CARD}\n".encode())
    with pytest.raises(BodyRefused):
        passed.feed(f"1,{CARD}\n2,{CARD}\n".encode())


def test_findings_name_the_field_and_never_the_value() -> None:
    passed = detector().response_filter(request(), response((b"Content-Type", b"application/json")))
    assert passed is not None
    passed.feed(f'{{"items":[{{"card":"{CARD}"}},{{"card":"{GROUPED}","{CARD}":"{SSN}"}}]}}'.encode())
    passed.finish()
    findings = passed.verdict().findings
    assert ("sensitive.pan", "json.items[].card") in [(f.rule, f.address) for f in findings]
    text = repr(findings)
    assert CARD not in text
    assert SSN not in text
    assert all(len(f.address) <= MAX_NAME + 10 for f in findings)


@pytest.mark.slow
@settings(max_examples=3000, deadline=None)
@given(st.binary(max_size=300), st.lists(st.integers(1, 60), max_size=12))
def test_any_bytes_come_out_with_the_same_length(body: bytes, sizes: list[int]) -> None:
    for kind in ("application/json", "text/html", "text/csv", "application/x-www-form-urlencoded"):
        assert len(through(detector(), kind, body, sizes)) == len(body)
