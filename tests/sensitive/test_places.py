"""Where a value stands, and what policy wants done with it there."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sensitive.messages import CARD, ENTITIES, SSN, detector, request, response
from tests.together import together
from waf.config.schema import Sensitive, SensitiveRule
from waf.sensitive.containers import Container
from waf.sensitive.orders import Policy, path_pattern
from waf.sensitive.places import LONGEST, MAX_NAME, JsonPath, named, safe_name
from waf.sensitive.whereabouts import _Names

BY_ID = {e.id: e for e in ENTITIES}


def addresses(body: bytes, kind: str = "application/json", size: int = 0, **config: object) -> set[str]:
    passed = detector(**config).response_filter(request(), response((b"Content-Type", kind.encode())))
    assert passed is not None
    step = size or max(1, len(body))
    for start in range(0, len(body), step):
        passed.feed(body[start : start + step])
    passed.finish()
    return {count.address for count in passed.hits}


@together("size", [0, 1, 13])
@together(
    ("body", "address"),
    [
        (f'{{"card":"{CARD}"}}', "json.card"),
        (f'{{"a":{{"b":1,"c":[{{"x":"y"}},{{"d":"{CARD}"}}]}}}}', "json.a.c[].d"),
        (f'[{{"a":1}},{{"card":{CARD}}}]', "json.[].card"),
        (f'{{"a":{{"b":{{}}}},"c":"{CARD}"}}', "json.c"),
        (f'{{"a":"}}]\\"{{","c":"x {CARD}"}}', "json.c"),
        (f'{{"a":1}}\n{{"b":{{"c":"{CARD}"}}}}\n', "json.b.c"),
        (f'"{CARD}"', "json"),
        (f'data: {{"n":1}}\n\ndata: {{"c":"{CARD}"}}\n\n', "json.c"),
    ],
)
def test_in_json(body: str, address: str, size: int) -> None:
    assert addresses(body.encode(), size=size) == {address}


@settings(max_examples=100, deadline=None)
@given(
    st.recursive(
        st.integers(0, 9) | st.text('ab{}[]"\\:, ', max_size=6),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["a", "b", "c d"]), inner, max_size=3)
        ),
        max_leaves=12,
    ),
    st.integers(1, 30),
)
def test_what_came_before_does_not_lead_astray(before: object, size: int) -> None:
    body = json.dumps({"x": before, "deep": [{"card": "4539 1488 0343 6467"}]}).encode()
    assert addresses(body, size=size) == {"json.deep[].card"}


def test_what_ends_without_structure_is_not_looked_at_again_from_its_middle() -> None:
    path = JsonPath()
    path.follow(b'{"rows":[1,2, "a", "b{c", "d:[e", ')
    assert path.address(b"", 0) == "json.rows[]"


def test_long_strings_are_stepped_over() -> None:
    path = JsonPath()
    path.follow(b'{"a":"' + b"x" * 10_000)
    path.follow(b"y" * 10_000 + b"\\")
    path.follow(b'" still", "b": {"c": "')
    assert path.address(b"", 0) == "json.b.c"


def test_other_containers() -> None:
    assert addresses(f"id,pan\n1,{CARD}\n".encode(), "text/csv") == {"csv.pan"}
    assert addresses(f"<r><pan>{CARD}</pan></r>".encode(), "application/xml") == {"xml.pan"}
    assert addresses(f"a=1&pan={CARD}".encode(), "application/x-www-form-urlencoded") == {"form.pan"}
    assert addresses(f"<p>{CARD}</p>".encode(), "text/html") == {"html"}
    assert addresses(f"{CARD}, {CARD}\n{CARD},x\n".encode(), "text/csv") == {"csv"}


def test_far_into_a_body_the_nearest_name_is_told() -> None:
    body = (
        b'{"a":['
        + b'{"x":"yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy"},' * 5000
        + f'{{"card":"{CARD}"}}]}}'.encode()
    )
    assert addresses(body, size=10_000) == {"json.**.card"}
    eager = {"rules": (SensitiveRule(action="mask", fields=("json.a[].card",)),)}
    assert addresses(body, size=10_000, **eager) == {"json.a[].card"}


def test_names_are_safe_to_show() -> None:
    assert named(Container.JSON, f"a.{CARD}") == "json.a.*"
    assert named(Container.JSON, "a b<c>\n") == "json.a_b_c_"
    assert len(named(Container.CSV, "x" * 500)) < 130


@pytest.mark.parametrize("lost", [False, True])
def test_a_document_nested_without_end_has_names(lost: bool) -> None:
    names = _Names(Container.JSON, lost)
    for depth in (1, 2, 30, 80, 200):
        name = ".deep" * depth
        text = f"**.{name}" if lost else name[1:]
        for _ in range(2):
            assert names[name.encode()] == named(Container.JSON, text)
    assert len(names) == 3  # what is longer is kept by what is looked at, …
    assert len(names._long) == 1
    long = f".{'x' * 300}.{CARD}"
    assert names[long.encode()] == named(Container.JSON, f"**.{long}" if lost else long[1:])
    for number in range(200):
        assert names[f".{number:04}{'y' * 300}".encode()]
    assert len(names._long) <= 64  # … and of that a few


@pytest.mark.parametrize(
    ("template", "yes", "no"),
    [
        ("/a/*", ["/a/b", "/a/b/"], ["/a", "/a/b/c", "/b/a/b"]),
        ("/a/{id}/c", ["/a/1/c"], ["/a/1/d"]),
        ("/a/**", ["/a", "/a/b", "/a/b/c"], ["/ab"]),
        ("/**", ["/", "/x/y"], []),
        ("/", ["/"], ["/x"]),
        ("/a/x-*.json", ["/a/x-1.json"], ["/a/x-1/2.json"]),
    ],
)
def test_path_templates(template: str, yes: list[str], no: list[str]) -> None:
    pattern = path_pattern(template)
    assert all(pattern.fullmatch(path) for path in yes)
    assert not any(pattern.fullmatch(path) for path in no)


def test_the_last_rule_that_fits_wins() -> None:
    policy = Policy(
        Sensitive(
            rules=(
                SensitiveRule(action="tokenise", entities=("pci",)),
                SensitiveRule(
                    action="report", entities=("pan",), direction="response", fields=("json.shown[].*",)
                ),
                SensitiveRule(action="ignore", direction="request", entities=("email",)),
                SensitiveRule(action="mask", entities=("email",), path="/people/*"),
            )
        )
    )
    answers = policy.orders("response", b"/x")
    assert answers.action(BY_ID["pan"], "json.card") == "tokenise"
    assert answers.action(BY_ID["pan"], "json.shown[].card") == "report"
    assert answers.action(BY_ID["email"], "json.mail") == "report"
    assert answers.action(BY_ID["us-ssn"], "json.ssn") == "mask"
    assert answers.lengthens
    assert policy.orders("request", b"/x").action(BY_ID["email"], "arg.mail") == "ignore"
    assert policy.orders("request", b"/people/7").action(BY_ID["email"], "arg.mail") == "mask"
    assert policy.orders("request", b"/x").action(BY_ID["us-ssn"], "arg.ssn") == "report"
    assert policy.wants(BY_ID["pan"])
    assert not policy.wants(BY_ID["ip-address"])


def test_what_a_rule_names_is_looked_for_though_its_group_is_off() -> None:
    policy = Policy(Sensitive(entities=("pci",), rules=(SensitiveRule(action="mask", entities=("us-ssn",)),)))
    assert policy.wants(BY_ID["us-ssn"])
    assert not policy.wants(BY_ID["iban"])
    found = detector(entities=("pci",))
    passed = found.response_filter(request(), response((b"Content-Type", b"text/plain")))
    assert passed is not None
    text = f"{SSN} and {CARD}\n".encode()
    assert passed.feed(text) + passed.finish() == f"{SSN} and 453914******6467\n".encode()


_TELLING = re.compile(
    r"(?<![\w.+%-])[\w.+%-]++@[\w.-]+|[A-Z]{0,2}[0-9](?:[ ./-]?[A-Z]?[0-9]){4,}[A-Za-z0-9]*"
    r"|(?=[A-Za-z_-]*[0-9])[A-Za-z0-9_-]{20,}"
)
"""What tells of a person or a secret in a name, as it reads best: a key is looked for from each letter."""


@given(
    st.lists(
        st.sampled_from(["a", "bcdefg", "-", "_", "1", "12345", "A", ".", " ", "@", "x" * 19, "é", "/"]),
        max_size=14,
    ).map("".join)
)
def test_names_are_made_safe_as_the_reference_does(name: str) -> None:
    assert safe_name(name) == _TELLING.sub("*", name[:LONGEST])[:MAX_NAME]
