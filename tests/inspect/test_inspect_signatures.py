"""Rules against requests: places, views, levels, confirmers, limits; the fast way finds what the slow way does."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.inspect.inspect_samples import STORE, mask, reading, rule, rules, signatures
from tests.together import together
from waf.inspect.bodies.parsed import address
from waf.inspect.clean_lines import CleanLines
from waf.inspect.confirm import CONFIRMERS
from waf.inspect.cost import ORDINARY, in_any_text, pattern_costs, too_dear
from waf.inspect.decode import views
from waf.inspect.joining import among_others
from waf.inspect.questions import Outcome
from waf.inspect.reading import Reading
from waf.inspect.signatures import Signatures
from waf.inspect.views import View
from waf.model import Confidence, Engine, Finding, Part, Severity

JSON = b"application/json"
FORM = b"application/x-www-form-urlencoded"


def found(made: Reading, *files: str, level: int = 2) -> list[tuple[str, str, str]]:
    return [(one.rule, one.address, one.views) for one in signatures(*files).check(made, level)]


ATTACK = rule(pattern="attack", where=["values", "names", "headers"])


@together(
    ("made", "address"),
    [
        (lambda: reading(b"/an/attack"), "path"),
        (lambda: reading(b"/?q=an+attack"), "arg.q"),
        (lambda: reading(b"/?attack=1"), "arg-name.attack"),
        (lambda: reading(b"/?an+attack"), "query"),
        (lambda: reading(b"/", b"X-Note: attack"), "header.x-note"),
        (lambda: reading(b"/", b"Cookie: a=attack"), "cookie.a"),
        (lambda: reading(body=b'{"a": {"b": ["attack"]}}', content_type=JSON), "json.a.b[]"),
        (lambda: reading(body=b'{"a\\n": "attack"}', content_type=JSON), "json.a\n"),
        (lambda: reading(body=b'{"attack": 1}', content_type=JSON), "json-key.attack"),
        (lambda: reading(body=b'{"a": "{\\"b\\": \\"attack\\"}"}', content_type=JSON), "json.a{}.b"),
        (lambda: reading(body=b"a=%61ttack", content_type=FORM), "form.a"),
        (lambda: reading(body=b"<a b='attack'/>", content_type=b"text/xml"), "xml.a@b"),
        (lambda: reading(body=b"an attack", content_type=b"text/plain"), "body"),
        (lambda: reading(body=b"an attack"), "body"),
        (lambda: reading(body=b'{"query": "{ a(b: \\"attack\\") }"}', content_type=JSON), "graphql.literal"),
        (
            lambda: reading(
                body=b'--B\r\nContent-Disposition: form-data; name="f"; filename="attack"\r\n\r\nx\r\n--B--\r\n',
                content_type=b"multipart/form-data; boundary=B",
            ),
            "file-name.f",
        ),
    ],
)  # fmt: skip
def test_every_place_is_searched(made: object, address: str) -> None:
    assert callable(made)
    assert ("one", address, "") in found(made(), ATTACK)


def test_a_rule_looks_only_where_it_says() -> None:
    files = (rule(id="args", where=["arg"]), rule(id="named", where=["arg.q*", "header.referer"]))
    assert found(reading(b"/attack?a=attack"), *files) == [("args", "arg.a", "")]
    assert found(reading(b"/?query=attack"), *files) == [
        ("args", "arg.query", ""),
        ("named", "arg.query", ""),
    ]
    assert found(reading(b"/", b"Referer: attack", b"Origin: attack"), *files) == [
        ("named", "header.referer", "")
    ]
    assert found(reading(body=b'{"q": "attack"}', content_type=JSON), *files) == []


def test_files_of_a_message_ask_no_question_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bytes] = []

    def answer(value: bytes, span: tuple[int, int]) -> None:
        asked.append(value)

    monkeypatch.setitem(CONFIRMERS, "sql", answer)
    files = rule(id="asks", where=["files"], confirm="sql")
    part = b'--B\r\nContent-Disposition: form-data; name="f"; filename="x"\r\n\r\n%b attack\r\n'
    body = b"".join([part % text for text in (b"an", b"one", b"an", b"one", b"an")]) + b"--B--\r\n"
    checker = Signatures.build(rules(files), STORE, mask)
    assert not checker.check(reading(body=body, content_type=b"multipart/form-data; boundary=B"), 2)
    assert asked == [b"an attack", b"one attack"]


def test_files_are_for_rules_of_files_alone() -> None:
    body = b'--B\r\nContent-Disposition: form-data; name="f"; filename="x"\r\n\r\nan attack\r\n--B--\r\n'
    made = reading(body=body, content_type=b"multipart/form-data; boundary=B")
    assert found(made, rule(id="values"), rule(id="files", where=["files"])) == [("files", "file.f", "")]
    octets = reading(body=b"an attack\xff", content_type=b"application/octet-stream")
    assert found(octets, rule(id="values"), rule(id="files", where=["files"])) == [("files", "file", "")]


def test_an_attack_in_the_path_counts_once() -> None:
    assert found(reading(b"/a/attack/b"), ATTACK) == [("one", "path", "")]
    assert found(reading(b"/a/b?x=attack&y=attack"), ATTACK) == [("one", "arg.x", ""), ("one", "arg.y", "")]


def test_levels() -> None:
    files = (rule(id="low", level=1), rule(id="high", level=3))
    assert found(reading(b"/?a=attack"), *files) == [("low", "arg.a", "")]
    assert len(found(reading(b"/?a=attack"), *files, level=3)) == 2
    assert found(reading(b"/?a=1", b"X-A: 1"), rule(id="high", level=3, where=["headers"])) == []


SPOKEN = [
    ("%2561ttack", "percent"),
    ("&#x61;ttack", "html"),
    ("\\x61ttack", "js"),
    (base64.b64encode(b"this is an attack!").decode(), "base64"),
    (b"this is an attack".hex(), "hex"),
    ("att\0ack", "null"),
    ("ａｔｔａｃｋ", "unicode"),
]


@pytest.mark.parametrize(("value", "chain"), SPOKEN, ids=lambda text: text[:12].replace("\0", "0"))
def test_views_in_every_container(value: str, chain: str) -> None:
    coded = quote(value).encode() if chain != "percent" else value.encode()
    assert found(reading(b"/?q=" + coded), rule()) == [("one", "arg.q", chain)]
    plain = value.replace("%25", "%")
    assert found(reading(body=b"q=" + coded, content_type=FORM), rule()) == [("one", "form.q", chain)]
    body = json.dumps({"a": ["it's", {"q": plain}], "b": "x" * 300}).encode()
    assert found(reading(body=body, content_type=JSON), rule()) == [("one", "json.a[].q", chain)]
    assert found(reading(b"/?q=" + coded), rule(views=[])) == []


def test_a_view_counts_only_for_rules_that_name_it() -> None:
    folded = rule(id="folded", pattern="union select", views=["sqlspace"])
    both = rule(id="both", pattern="union select", views=["percent", "sqlspace"])
    assert found(reading(b"/?q=union/**/select"), folded, both) == [
        ("folded", "arg.q", "sqlspace"),
        ("both", "arg.q", "sqlspace"),
    ]
    assert found(reading(b"/?q=union%252f**/select"), folded, both) == [("both", "arg.q", "percent>sqlspace")]


def test_findings_say_what_a_person_needs() -> None:
    text = rule(title="Attack on all", severity="critical", confidence="medium", cwe=["CWE-1"], tags=["t"])
    (one,) = signatures(text).check(reading(b"/?q=" + b"x" * 100 + b"+%2561ttack+" + b"y" * 100), 2)
    assert one.engine is Engine.SIGNATURE
    assert (one.kind, one.severity, one.confidence) == ("sqli", Severity.CRITICAL, Confidence.MEDIUM)
    assert (one.detail, one.tags, one.address, one.views) == (
        "Attack on all",
        ("CWE-1", "t"),
        "arg.q",
        "percent",
    )
    assert "attack" in one.excerpt
    assert len(one.excerpt) < 60


def test_values_that_their_type_proves_harmless_are_passed_over() -> None:
    made = reading(b"/?q=attack&r=attack")
    checked = signatures(rule()).check(made, 2, lambda field: field.name == "q")
    assert [one.address for one in checked] == ["arg.r"]


def test_confirmers_decide() -> None:
    pattern = rule(id="p", pattern="att.{0,3}ck", confirm_pattern="(?<!no )attack\\b")
    assert found(reading(b"/?q=an+attack"), pattern) == [("p", "arg.q", "")]
    assert found(reading(b"/?q=no+attack"), pattern) == []
    assert found(reading(b"/?q=no+attack,+attick,+attack"), pattern) == [("p", "arg.q", "")]
    sql = rule(id="s", pattern="\\bor\\b", confirm="sql")
    assert [one[0] for one in found(reading(b"/?q=1'+or+'1'='1"), sql)] == ["s"]
    assert found(reading(b"/?q=this+or+that"), sql) == []


def test_explain_shows_all_that_was_looked_at() -> None:
    files = (
        rule(id="a", confirm_pattern="never"),
        rule(id="b", where=["cookie"]),
        rule(id="c", level=4),
        rule(id="d"),
    )
    explained = signatures(*files).explain(reading(b"/?q=%2561ttack"), 2)
    assert {one.rule.id: one.outcome for one in explained.candidates if one.text.chain} == {
        "a": Outcome.REJECTED,
        "b": Outcome.PLACE,
        "c": Outcome.LEVEL,
        "d": Outcome.FOUND,
    }
    assert [text.data for text in explained.decoded] == [b"attack"]
    assert [one.rule for one in explained.findings] == ["d"]
    assert "arg.q" in [field.address for field in explained.fields]


# ------------------------------------------------------------------------------------------- suspicious encodings


@pytest.mark.parametrize(
    ("target", "rule_id"),
    [
        (b"/?q=%2527", "protocol.double-encoding"),
        (b"/%2527", "protocol.double-encoding"),
        (b"/?q=%25u0027", "protocol.percent-u"),
        (b"/?q=%c0%ae%c0%ae/", "protocol.overlong-utf8"),
        (b"/?q=a%00b", "protocol.null-byte"),
        (b"/a%00.jpg", "protocol.null-byte-path"),
        (b"/?q=%2526lt%3bscript%2526gt%3b", "protocol.mixed-encoding"),
    ],
)
def test_suspicious_layers_are_noticed(target: bytes, rule_id: str) -> None:
    made = reading(target)
    signatures(rule()).check(made, 2)
    assert rule_id in [finding.rule for finding in made.findings]


@pytest.mark.parametrize(
    "target",
    [
        b"/?next=https%3A%2F%2Fa.example%2F%3Fb%3D%2520c",
        b"/?q=100%2525",
        b"/?q=%C3%A9t%C3%A9",
        b"/?q=%00%01%02%ff",
        b"/?q=AT%26T+%26amp%3B",
    ],
)
def test_ordinary_encodings_are_not(target: bytes) -> None:
    made = reading(target)
    signatures(rule()).check(made, 2)
    assert not made.findings


LIMITED = {
    "limit.matches": (rule(patterns=["a", "[ab]", "[ac]"]), b"a" * 70_000, b"text/plain"),
    "limit.candidates": (
        rule(confirm_pattern="never"),
        b"".join(b"%d attack " % number for number in range(3_000)),
        b"text/plain",
    ),
    "limit.questions": (
        rule(confirm_pattern="never"),
        json.dumps([f"{number} attack {'-' * 40}" for number in range(1_000)]).encode(),
        JSON,
    ),
    "limit.views": (
        rule(views=["decoded", "sqlspace", "shell", "pathnorm"]),
        b"".join(b"%d c'a't a/**/b //c/./d " % number for number in range(8_000)),
        b"text/plain",
    ),
    "limit.encodings": (
        rule(),
        json.dumps([f"%41&lt;\\x41'+'a//b/*{number}*/" for number in range(1_900)]).encode(),
        JSON,
    ),
}


@pytest.mark.parametrize("limit", LIMITED)
def test_limits_are_noticed(limit: str) -> None:
    text, body, content_type = LIMITED[limit]
    made = reading(body=body, content_type=content_type)
    signatures(text).check(made, 2)
    assert limit in [finding.rule for finding in made.findings]


def test_an_attack_behind_many_look_alikes_is_found_or_noticed() -> None:
    decoys = [f"{number} attack" for number in range(1_000)]
    made = reading(body=json.dumps([*decoys, "attack now"]).encode(), content_type=JSON)
    findings = signatures(rule(confirm_pattern="attack now")).check(made, 2)
    assert findings or {"limit.questions", "limit.matches"} & {finding.rule for finding in made.findings}
    text = " - - - ".join([*decoys[:500], "attack now"]).encode()
    long = reading(body=text, content_type=b"text/plain")
    assert signatures(rule(confirm_pattern="attack now")).check(long, 2), (
        "the last candidate is always asked about"
    )


# -------------------------------------------------------------------------------------------- remembered headers


def test_clean_header_lines_are_remembered_and_found_ones_are_not() -> None:
    checker = signatures(rule(id="h", where=["headers"]))
    for _ in range(2):
        assert found_headers(checker.check(reading(b"/", b"X-A: fine", b"X-B: an attack"), 2)) == [
            "header.x-b"
        ]
        assert found_headers(checker.check(reading(b"/?q=%2527", b"X-A: fine", b"X-B: another"), 2)) == []


def found_headers(findings: list[Finding]) -> list[str]:
    return [one.address for one in findings]


@together(
    ("line", "kept"),
    [
        (b"Accept: */*", True),
        (b"User-Agent: x", True),
        (b"Cookie: a=b", False),
        (b"Authorization: Basic eA==", False),
        (b"X-Api-Key: k", False),
        (b"X-CSRF-Token: k", False),
        (b"My-Session: k", False),
        (b"Referer: https://a.example/", True),
        (b"Referer: https://a.example/?token=k", False),
        (b"X-Long: " + b"x" * 600, False),
        (b"X-Request-Id: 1", False),
    ],
)
def test_nothing_secret_is_remembered(line: bytes, kept: bool) -> None:
    memory = CleanLines()
    lines = [one for one in reading(b"/", line).request.headers.lines if one[0] != b"host"]
    memory.add(lines)
    assert (memory.unknown(lines) == []) is kept


def test_the_memory_is_bounded() -> None:
    memory = CleanLines()
    for number in range(10_000):
        memory.add([(b"x-a", b"X-A", b"%d" % number)])
    assert len(memory.lines) <= 2048


# -------------------------------------------------------------------------------------- the fast way and the slow

_FILES = (
    rule(id="word", pattern="att[a4]ck", where=["values", "names"]),
    rule(id="anchored", pattern="^ls$|^\\s*drop", where=["values", "names"]),
    rule(
        id="folded", pattern="union select|cat /etc", where=["values"], views=["decoded", "sqlspace", "shell"]
    ),
    rule(id="as-given", pattern="[<']", where=["arg", "json", "form"], views=[]),
)
_WORDS = [
    "attack", "att", "ack", "ls", "drop", "union", "select", "/**/", " ", "\n", "'", '"', "<", "%61", "%2561",
    "&#97;", "\\x61", "\\", "cat", "c'a't", " /etc", "${IFS}", "ａ", "YXR0YWNr", "\0", "\x7f", "é", "{",
    "}", "&", "=", "it's",
]  # fmt: skip
_TEXTS = st.lists(st.sampled_from(_WORDS), max_size=6).map("".join)


_FLAGS = re.I | re.S


def _slowly(made: Reading) -> Iterator[tuple[str, str]]:
    """(rule, address) by every view of every field and the standard library's regular expressions."""
    for field in [*made.target, *made.body_fields()]:
        for chain, text in views(field.value):
            steps = View(0)
            for view in chain:
                steps |= view
            for one in rules(*_FILES):
                covered = any(place.covers(field.part, field.name) for place in one.where)
                if steps & ~one.views or not covered:
                    continue
                if any(re.search(among_others(pattern.encode()), text, _FLAGS) for pattern in one.patterns):
                    yield one.id, address(field.part, field.name, mask)


@given(
    st.lists(st.tuples(st.sampled_from("ab"), _TEXTS), max_size=4),
    st.sampled_from(["get", "form", "json", "deep"]),
)
@settings(max_examples=300, deadline=None)
def test_nothing_is_lost_on_the_fast_way(pairs: list[tuple[str, str]], container: str) -> None:
    listed = "&".join(f"{name}={quote(value)}" for name, value in pairs).encode()
    match container:
        case "get":
            made = reading(b"/p?" + listed)
        case "form":
            made = reading(body=listed, content_type=FORM)
        case "json":
            made = reading(body=json.dumps(dict(pairs)).encode(), content_type=JSON)
        case _:
            document = {"x": [{name: value} for name, value in pairs], **{value: 1 for _, value in pairs}}
            made = reading(body=json.dumps(document, ensure_ascii=False).encode(), content_type=JSON)
    fast = {(one.rule, one.address) for one in signatures(*_FILES).check(made, 2)}
    if container == "get" and ("segment" in str(fast) or b"=" not in listed):
        return
    assert fast == set(_slowly(made))


@pytest.mark.parametrize(
    ("body", "noted"),
    [
        (b"a=%253Cb%253E", ["protocol.double-encoding"]),
        (b"a=b%00c", ["protocol.null-byte"]),
        (b"a=%25u003cb", ["protocol.double-encoding", "protocol.percent-u"]),
        (b"a=x&b=%C0%BCscript", ["protocol.overlong-utf8"]),
        (b"a=it%27s+fine", []),
    ],
)
def test_forms_are_noticed_as_arguments_are(body: bytes, noted: list[str]) -> None:
    for made in (reading(body=body, content_type=FORM), reading(b"/?" + body)):
        signatures(*_FILES).check(made, 2)
        assert sorted({finding.rule for finding in made.findings}) == noted


# ----------------------------------------------------------------------------------------------------------- cost


def test_costs_are_measured_by_the_clock_given() -> None:
    ticks = iter(range(10_000))
    costs = pattern_costs(rules(rule(patterns=["attack", "order"])), lambda: next(ticks) * 1e-6)
    kibibytes = sum(len(text) for text in ORDINARY) / 1024
    assert [round(one.microseconds_per_kb * kibibytes) for one in costs] == [1, 1]
    assert {one.pattern: one.matches_per_kb > 0 for one in costs} == {"attack": False, "order": True}
    assert all(one.size for one in costs)


def test_dear_patterns_are_refused_unless_marked() -> None:
    dear, marked = rule(id="dear", pattern="x"), rule(id="marked", pattern="x", dear=True)
    ticks = iter(range(10_000))
    costs = pattern_costs(rules(dear, marked), lambda: float(next(ticks)))
    (problem,) = too_dear(costs)
    assert str(problem).startswith("0.yaml:1: dear.pattern: 'x' costs ")
    assert too_dear(costs, limit=1e12) == []


def test_rules_with_which_no_value_can_be_passed_without_the_engine() -> None:
    usual, any_text = rule(id="usual", pattern="attack"), rule(id="any", patterns=["order", "(?:x=|[^y])z?"])
    assert signatures(usual).searcher.program is not None
    assert signatures(usual, any_text).searcher.program is None
    (problem,) = in_any_text(rules(usual, any_text))
    assert str(problem).startswith("1.yaml:1: any.pattern: '(?:x=|[^y])z?' needs no byte")
    (problem,) = in_any_text(rules(usual))  # so they are too many
    assert str(problem).startswith("signatures: rules: have more words and signs together than")


def test_rules_in_force() -> None:
    built = signatures(rule(id="a"), rule(id="b", where=["files"]), rule(id="c", where=["response"]))
    assert {one.id for one in built.rules} == {"a", "b", "c"}
    assert built.size > 0
    assert Part.FILE in {place.part for one in built.rules for place in one.where}


def test_values_that_may_hold_nulls_do_not_use_up_the_notes_of_others() -> None:
    made = reading(b"/a/" + b"%00/" * 64 + b"b?" + b"&".join([b"x=%00%01%02%03"] * 64) + b"&q=a%00b")
    found = signatures(rule(id="r", pattern="zzz")).check(made, 2)
    assert not found
    assert "protocol.null-byte" in [one.rule for one in made.findings]
