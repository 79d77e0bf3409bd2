"""The shipped rules: each hit is found and each miss passes in whole messages; no pattern stands without need."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.patterns import patterns_made
from tests.together import together
from waf.config.schema import Limits
from waf.inspect.confirm import CONFIRMERS
from waf.inspect.decode import views
from waf.inspect.reading import read
from waf.inspect.rules import Rule, parse_rules
from waf.inspect.signatures import Signatures
from waf.inspect.views import View
from waf.model import Confidence, Finding, Part, Request, Response, Severity
from waf.policy.placing import as_bytes, placed

_DIRECTORY = Path(__file__).parents[2] / "rules" / "signatures"
_LIMITS = Limits(head=1 << 20, line=1 << 20)


def _shipped() -> list[Rule]:
    return [
        rule
        for path in sorted(_DIRECTORY.glob("*.yaml"))
        for rule in parse_rules(path.read_text(), path.name)
    ]


RULES = _shipped()
REQUEST_RULES = [rule for rule in RULES if not rule.response]
RESPONSE_RULES = [rule for rule in RULES if rule.response]


def _mask(data: bytes) -> str:
    return data[:120].decode("latin-1")


@pytest.fixture(scope="module")
def signatures() -> Signatures:
    return Signatures.build(RULES, patterns_made(), _mask)


def _check(signatures: Signatures, request: Request, body: bytes, level: int) -> list[Finding]:
    return signatures.check(read(request, body, _LIMITS, _mask), level)


@together("rule", REQUEST_RULES, ids=lambda rule: rule.id)
def test_hits_are_found_in_every_place(rule: Rule, signatures: Signatures) -> None:
    tried = 0
    for sample in rule.hits:
        for where, request, body in placed(rule, sample):
            tried += 1
            found = _check(signatures, request, body, max(rule.level, 2))
            if where.part is Part.BODY:  # a body which is JSON or XML after all is read as that
                assert any(finding.kind == rule.kind for finding in found), (sample, where)
                continue
            best = max((one.confidence for one in found if one.rule == rule.id), default=None)
            assert best is not None, (sample, where.address)
            assert best >= rule.confidence or rule.confirm, (sample, where.address, best)
    assert tried


@together("rule", [rule for rule in REQUEST_RULES if rule.misses], ids=lambda rule: rule.id)
def test_misses_pass(rule: Rule, signatures: Signatures) -> None:
    for sample in rule.misses:
        for where, request, body in placed(rule, sample):
            found = _check(signatures, request, body, max(rule.level, 2))
            assert rule.id not in {finding.rule for finding in found}, (sample, where.address)


def _answer(text: str) -> tuple[Response, bytes]:
    head, _, body = text.partition("\n\n")
    lines = [as_bytes(line) for line in head.split("\n")] + [b"Content-Length: %d" % len(as_bytes(body))]
    from waf.http1.parse import response_head

    return response_head(b"\r\n".join(lines) + b"\r\n\r\n", Limits(), b"GET"), as_bytes(body)


def _leaks(signatures: Signatures, text: str, size: int) -> set[str]:
    from waf.http1.parse import request_head

    asked = request_head(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", Limits())
    answer, body = _answer(text)
    scan = signatures.response_stream(asked, answer, 2)
    assert scan is not None
    found = [one for start in range(0, len(body), size) for one in scan.feed(body[start : start + size])]
    return {finding.rule for finding in found + scan.finish()}


@pytest.mark.parametrize("rule", RESPONSE_RULES, ids=lambda rule: rule.id)
def test_leaks_are_found_whole_and_in_pieces(rule: Rule, signatures: Signatures) -> None:
    for sample in rule.hits:
        for size in (1 << 20, 7, 1):
            assert rule.id in _leaks(signatures, sample.text, size), (sample, size)
    for sample in rule.misses:
        assert rule.id not in _leaks(signatures, sample.text, 1 << 20), sample


# ------------------------------------------------------------------------------------------------ patterns and need


def _fits(rule: Rule, pattern: re.Pattern[bytes], text: bytes) -> bool:
    for match in pattern.finditer(text):
        if rule.confirm:
            if CONFIRMERS[rule.confirm](text, match.span()) is not None:
                return True
        elif rule.confirm_pattern:
            if re.search(rule.confirm_pattern.encode(), text, re.S | re.M | (0 if rule.case else re.I)):
                return True
        else:
            return True
    return False


def _texts(rule: Rule, value: bytes) -> Iterator[bytes]:
    for chain, text in views(value):
        steps = View(0)
        for step in chain:
            steps |= step
        if not steps & ~rule.views:
            yield text


@together("rule", [rule for rule in RULES if len(rule.patterns) > 1], ids=lambda rule: rule.id)
def test_each_pattern_finds_what_no_other_of_its_rule_finds(rule: Rule) -> None:
    # "^" and "$" are the ends of a value, and of lines in responses
    flags = re.S | (re.M if rule.response else 0) | (0 if rule.case else re.I)
    patterns = [re.compile(pattern.encode(), flags) for pattern in rule.patterns]
    needed: set[int] = set()
    for sample in rule.hits:
        text = as_bytes(sample.text)
        if rule.response:
            text = text.partition(b"\n\n")[2]
        fitting = {
            number
            for number, pattern in enumerate(patterns)
            if any(_fits(rule, pattern, view) for view in _texts(rule, text))
        }
        if len(fitting) == 1:
            needed |= fitting
    unneeded = [rule.patterns[number] for number in range(len(patterns)) if number not in needed]
    assert not unneeded


def test_every_rule_says_what_it_is_about() -> None:
    ids = [rule.id for rule in RULES]
    assert len(ids) == len(set(ids))
    for rule in RULES:
        assert rule.hits, rule.id
        assert rule.misses, rule.id
        assert rule.attack, rule.id
        assert rule.cwe, rule.id


_NEEDS_COMPANY = {"xss-xml-name"}  # says where something stands; another rule says what it is


def test_a_sure_finding_refuses_and_a_leak_that_docs_may_quote_does_not() -> None:
    for rule in RULES:
        if rule.response or rule.id in _NEEDS_COMPANY:
            continue
        if rule.level <= 2:
            assert rule.severity >= Severity.HIGH, rule.id
            assert rule.confidence is Confidence.HIGH, rule.id
