"""One budget for all that a message leads to: it grows with the message, and nothing hides behind it."""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest

from tests.inspect.inspect_samples import STORE, reading, rule, signatures
from tests.together import together
from waf.inspect import questions
from waf.inspect.confirm import shell_starts
from waf.inspect.databases import Pattern
from waf.inspect.decode import Text
from waf.inspect.effort import BASE, COUNTED, PER_KB, Effort, given
from waf.inspect.hits import Hit
from waf.inspect.notices import NOTICES
from waf.inspect.questions import Armed, Questions
from waf.inspect.rulebook import arm
from waf.inspect.rules import parse_rules
from waf.inspect.search import Searcher
from waf.model import Confidence, Severity

JUNK = {
    "layers": "%41&lt;\\x41 {} ",
    "layers on layers": "%2541&amp;lt;\\\\x41{} ",
    "short words": "c'a't /**/ //a/./b {} ",
    "look-alikes": "{} an attac behind %61ttac ",
    "text": "Nothing in line {} is written in another way than it is meant.\n",
}
HIDDEN = {
    "as it is": "attack",
    "percent": "%61ttack",
    "twice": "%2561ttack",
    "references": "&#97;ttack",
    "an escape": "\\x61ttack",
    "an escape, percent": "%5Cx61ttack",
}


def test_it_grows_with_the_message_and_no_further() -> None:
    assert Effort(0).left == BASE
    assert Effort(10 * 1024).left == given(10 * 1024) < BASE + 10 * PER_KB
    assert Effort(500 * 1024).left == BASE // 2 + 500 * PER_KB
    assert all(given(size) < given(size + 1024) for size in range(0, COUNTED, 1024))
    assert Effort(COUNTED * 9).left == Effort(COUNTED).left
    assert Effort(1024, glance=True).left < Effort(1024, bodiless=True).left < Effort(0).left


def test_what_is_refused_for_its_form_has_half() -> None:
    for size in (0, 5_000, 100_000):
        assert Effort(size, 20, doubtful=True).left == given(size) // 2 - 20


@pytest.mark.parametrize(
    ("body", "kind", "half"),
    [
        (b'{"a": 1, "a": 2}', b"application/json", True),
        (b'{"a": 1} {"a": 2}', b"application/json", True),
        (b"no document", b"application/json", True),  # a mismatch
        (b'{"a": 1, "b": 2}', b"application/json", False),
        (b'{"a": NaN}', b"application/json", False),  # odd, and no more
    ],
)
def test_what_was_noticed_while_it_was_read_tells_whether_it_has(
    body: bytes, kind: bytes, half: bool
) -> None:
    read = reading(body=body, content_type=kind)
    whole = given(read.length)
    assert read.effort.left == (whole // 2 if half else whole)


def test_matches_in_doubt_are_paid_for() -> None:
    effort = Effort(0)
    effort.doubts(10)
    assert effort.left == BASE - 60


def test_what_is_spent_is_the_same_every_time() -> None:
    spent = []
    for _ in range(2):
        effort = Effort(10_000)
        while effort.looks:
            effort.step(1000, aside=False)
            effort.text(1000, fold=False, aside=False)
        spent.append(effort.left)
    assert spent[0] == spent[1] > 0


def test_folds_have_a_part_of_it_and_questions_what_is_left() -> None:
    effort = Effort(100_000)
    while effort.folds:
        effort.text(10_000, fold=True, aside=True)
    assert effort.looks
    while effort.looks:
        effort.text(10_000, fold=False, aside=False)
    assert effort.left > Effort(100_000).left // 7
    effort.ask(10**6)
    assert effort.left <= 0
    effort.allow(10**9)
    assert effort.left > 0


def _refuses(rules: str) -> bool:
    notice = NOTICES[rules]
    return notice.severity is Severity.HIGH and notice.confidence is Confidence.HIGH


@together("size", [3_000, 90_000])
@together("place", [0.0, 0.5, 1.0])
@together("hidden", HIDDEN)
@together("junk", JUNK)
def test_an_attack_behind_padding_is_found_or_the_message_refused(
    junk: str, hidden: str, place: float, size: int
) -> None:
    unit = JUNK[junk]
    pieces = [unit.format(number) for number in range(size // len(unit))]
    cut = int(len(pieces) * place)
    texts = "".join([*pieces[:cut], " ", HIDDEN[hidden], " ", *pieces[cut:]])
    bodies = [
        (texts.encode(), b"text/plain"),
        (json.dumps([*pieces[:cut], HIDDEN[hidden], *pieces[cut:]]).encode(), b"application/json"),
        (b"a=" + quote(texts).encode(), b"application/x-www-form-urlencoded"),
        (
            b"a=" + quote("".join(pieces)).encode() + b"&b=" + quote(HIDDEN[hidden]).encode(),
            b"application/x-www-form-urlencoded",
        ),
    ]
    checker = signatures(rule(patterns=["attack"]))
    for body, content_type in bodies:
        made = reading(body=body, content_type=content_type)
        findings = checker.check(made, 2)
        assert findings or any(_refuses(one.rule) for one in made.findings), content_type


def test_what_questions_cost_is_looked_up_once_for_a_text(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [
        Text(0, b"%d" % start + b"".join(b" %d" % number for number in range(2000))) for start in range(3)
    ]
    hits = [Hit(text, (0, end)) for text in texts for end in range(3, 8000, 9)]
    asked: list[int] = []
    cost = questions._cost

    def counted(armed: Armed, text: bytes, end: int, short: bool) -> int:
        asked.append(len(text))
        return cost(armed, text, end, short)

    monkeypatch.setattr(questions, "_cost", counted)
    (one,) = parse_rules(rule(patterns=["attack"], confirm="template"), "rules.yaml")
    chosen, complete = Questions(None, Effort(100_000)).chosen(arm(one, []), hits)
    assert len(asked) == len(texts)
    assert chosen
    assert not complete


def test_a_candidate_in_a_file_that_nobody_is_asked_about_is_told() -> None:
    checker = signatures(rule(where=["file"], patterns=["attack"], confirm_pattern="attack"))
    effort = Effort(0)
    for spent, told in ((False, "one"), (True, "limit.candidates")):
        if spent:
            effort.ask(10**6)
        scan = checker.file_stream("f", 2, effort)
        assert scan is not None
        found = [*scan.feed(b"an attack" + b" " * 3000), *scan.finish()]
        assert [one.rule for one in found] == [told]


def test_files_of_one_message_share_its_budget() -> None:
    checker = signatures(rule(where=["file"], patterns=["attack"], confirm="template"))
    part = b'--B\r\nContent-Disposition: form-data; name="f"; filename="%d.txt"\r\n\r\nattack {{%d}}, and an attack {{%d}}\r\n'
    body = b"".join(part % (number, number, number) for number in range(660)) + b"--B--\r\n"
    made = reading(body=body, content_type=b"multipart/form-data; boundary=B")
    assert "limit.candidates" in [one.rule for one in checker.check(made, 2)]


def test_what_is_read_and_what_is_judged_is_paid() -> None:
    effort = Effort(100_000, 2000)
    assert effort.left == Effort(100_000).left - 2000
    before = effort.left
    effort.read(1000)
    assert effort.left == before - 1500
    effort.judge(10)
    assert effort.left == before - 1520


def test_a_question_about_sql_costs_by_the_quotes_from_which_it_is_read() -> None:
    (one,) = parse_rules(rule(patterns=["attack"], confirm="sql"), "rules.yaml")
    none, few, many, long, huge = (
        questions._cost(arm(one, []), text, 3, False)
        for text in (b"a " * 40, b"'a \"b" * 16, b"'a \"b`" * 13, b"a " * 2000, b"a" * 768_000)
    )
    assert (few, many) == (none + 2 * questions._TRIES, none + 3 * questions._TRIES)
    assert none < long <= none + 4096 // questions._TRIED["sql"] + 4000 // 768
    assert huge == 3 + 4096 // questions._TRIED["sql"] + 1000, "all of it is rewritten"


def test_a_question_about_sql_costs_by_what_may_begin_a_statement() -> None:
    (one,) = parse_rules(rule(patterns=["attack"], confirm="sql"), "rules.yaml")
    none, condition, statement, run, many = (
        questions._cost(arm(one, []), text, 3, False)
        for text in (b"a " * 60, b"a and b " * 15, b"a; " * 40, b"exec a " * 17, b"EXEC a " * 2 + b"a " * 53)
    )
    assert (condition, statement, run, many) == (none + 3, none + 6, none + 18, none + 12)


def test_a_question_about_commands_costs_by_the_places_that_are_judged() -> None:
    (one,) = parse_rules(rule(patterns=["attack"], confirm="shell"), "rules.yaml")
    none, few, many, script = (
        questions._cost(arm(one, []), text, 3, False)
        for text in (b"a b" * 80, b";id " * 4 + b"a b" * 80, b";id " * 90, b"a\n" * 3 + b";id " * 90)
    )
    most, alone = shell_starts.MOST, questions._ALONE
    assert few == none + 4 * questions._PER_PLACE
    assert many == none + (2 * most - alone) * questions._PER_PLACE, (
        "where there are many, most are read to their end"
    )
    assert none < script < few


def test_a_question_about_html_costs_by_the_tags_around() -> None:
    (one,) = parse_rules(rule(patterns=["attack"], confirm="html"), "rules.yaml")
    none, few, many = (
        questions._cost(arm(one, []), text, 3, False)
        for text in (b"abc" * 100, b"<a " * 4 + b"abc" * 96, b"<a " * 100)
    )
    assert (few, many) == (none + 6, none + questions._TAGS * 3 // 2)


def test_a_question_about_lookups_costs_by_those_that_can_spell_what_is_looked_for() -> None:
    (one,) = parse_rules(rule(patterns=["attack"], confirm="jndi"), "rules.yaml")
    none, many = (
        questions._cost(arm(one, []), text, 3, False) for text in (b"${lower:a}" * 40, b"${lower:jndi}" * 40)
    )
    assert many > none == questions._cost(arm(one, []), b"jndi", 3, False)


def test_what_another_search_cost_is_not_there_for_signatures() -> None:
    checker = signatures(rule(patterns=["attack"], confirm_pattern="attack"))
    for charged, told in ((0, ["one"]), (10**6, ["limit.questions"])):
        made = reading(body=b"a=an attack", content_type=b"application/x-www-form-urlencoded")
        made.charged = charged
        findings = checker.check(made, 2)
        assert [one.rule for one in [*findings, *made.findings]] == told


def test_what_a_head_is_made_of_and_what_was_searched_in_it_is_paid() -> None:
    checker = signatures(rule(patterns=["attack"], where=["arg"], confirm_pattern="attack"))
    for cookies, charged, told in (
        (2, 0, ["one"]),
        (2, 10**6, ["limit.questions"]),
        (3000, 0, ["limit.questions"]),
    ):
        made = reading(b"/a?b=an+attack", b"Cookie: " + b"; ".join([b"c=1"] * cookies))
        made.charged = charged
        findings = checker.check(made, 2)
        assert [one.rule for one in [*findings, *made.findings]] == told


def test_the_budget_does_not_depend_on_what_is_remembered() -> None:
    checker = signatures(rule(patterns=["attack"]))
    lengths = []
    for _ in range(3):  # header lines that were clean once are not looked at again
        made = reading(b"/a?b=%2541", b"X-A: " + b"fine " * 50, body=b"c=1", content_type=b"text/plain")
        checker.check(made, 2)
        lengths.append(made.length)
    assert len(set(lengths)) == 1
    assert lengths[0] > 250


def test_matches_that_are_expected_in_what_is_decoded_are_paid_before_they_are_found_and_once() -> None:
    effort, plain = Effort(100_000), Effort(100_000)
    for one in (effort, plain):
        one.text(1024, fold=False, aside=False)
    assert effort.left == plain.left
    effort.first_matches(100, 50, 1024)
    before = effort.left
    assert before == plain.left - 100
    effort.text(2048, fold=False, aside=False)
    plain.text(2048, fold=False, aside=False)
    assert effort.left == plain.left - 100 - 200
    effort.text(2048, fold=True, aside=False)
    plain.text(2048, fold=True, aside=False)
    assert effort.left == plain.left - 100 - 200  # few patterns look at folds
    before = effort.left
    effort.matches(100, 50)
    assert effort.left == before
    effort.matches(150, 75)
    assert effort.left == before - 50


def test_nothing_is_searched_that_is_not_paid_for() -> None:
    effort = Effort(1000)
    effort.left = 1000
    assert not effort.text(36 * 1001, fold=False, aside=False)
    assert effort.left == 1000
    assert effort.text(36 * 1000, fold=False, aside=False)
    assert effort.left == 0
    effort.left = 1000
    effort.first_matches(100, 50, 1024)  # 100 units for each KiB of what is decoded
    assert not effort.text(10 * 1024, fold=False, aside=False)
    assert effort.text(10 * 1024, fold=True, aside=False)


def test_what_is_not_decoded_for_that_is_told() -> None:
    searcher = Searcher.build([Pattern(b"' or 1=1")], STORE)
    values = [b"%27 or 1=1 word" * 4000]
    scan = searcher.scan_all(values)
    rich, poor = Effort(1_000_000), Effort(0)
    poor.left = 700
    assert not searcher.search(values, scan, rich).exhausted
    told = searcher.search(values, scan, poor)
    assert told.exhausted
    assert told.unopened
    assert not told.decoded
    assert poor.left > 0


@pytest.mark.parametrize("whole", [False, True])
def test_whatever_the_budget_what_is_not_found_is_told(whole: bool) -> None:
    """Of patterns that are judged by the whole text, too, for which an excerpt of it may be searched once more."""
    patterns = [Pattern(b"word"), Pattern(b"' or 1=1"), Pattern(b"end")]
    searcher = Searcher.build(patterns, STORE, whole=[whole] * 3)
    value = b"some text with a word %253C " * 400 + b"%2527 or 1=1 \\u0065nd"
    scan = searcher.scan_all([value])

    def search(left: int | None) -> tuple[set[int], bool]:
        effort = Effort(len(value))
        effort.left = effort.left if left is None else left
        result = searcher.search([value], scan, effort)
        return {hit.match[0] for hit in result.hits}, result.exhausted

    assert search(None) == ({0, 1, 2}, False)
    outcomes = [search(left) for left in range(0, 4000, 37)]
    assert all(exhausted or found == {0, 1, 2} for found, exhausted in outcomes)
    assert {exhausted for _, exhausted in outcomes} == {False, True}


@pytest.mark.parametrize("attack", range(9))
def test_a_rule_asks_about_all_of_its_matches_where_there_is_budget_for_them(attack: int) -> None:
    """Four rules have a share of six questions each of the budget of a short message, which pays for all nine of each."""
    names = [f"rule-{name}" for name in "abcd"]
    checker = signatures(*[rule(id=name, confirm_pattern="attack now") for name in names])
    harmless = [b"%d+attack+told+of" % number for number in range(9)]
    hostile = [b"5+attack+now" if number == attack else text for number, text in enumerate(harmless)]
    for texts, told in ((harmless, []), (hostile, names)):
        body = b"a=" + (b"+" + b"-" * 20).join(texts)
        made = reading(body=body, content_type=b"application/x-www-form-urlencoded")
        found = checker.check(made, 2)
        assert [one.rule for one in [*found, *made.findings]] == told
