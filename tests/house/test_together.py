"""What is judged together is judged case by case, and each that fails is named."""

from __future__ import annotations

import pytest

from tests.together import Case, judge_all, together


@together("number", range(7), ids=str)
@together("text", ["a", "b"])
def _odd_is_refused(text: str, number: int, bound: int) -> None:
    assert number % 2 == 0 or number > bound, text


def test_every_case_that_fails_is_named_with_what_it_said() -> None:
    with pytest.raises(pytest.fail.Exception) as caught:
        _odd_is_refused(bound=4)
    said = str(caught.value)
    assert said.startswith("4 of 14 cases failed")
    assert [line for line in said.splitlines() if line.startswith("---")] == [
        "--- a-1",
        "--- b-1",
        "--- a-3",
        "--- b-3",
    ]
    assert said.count("test_together.py") == 4
    assert "AssertionError: b" in said
    _odd_is_refused(bound=0)


def test_what_is_neither_a_failed_assertion_nor_right_is_told_too() -> None:
    def judge(work: object) -> None:
        with pytest.raises(TypeError):
            work()  # type: ignore[operator]

    works = {
        "right": 1,
        "divides": lambda: 1 / 0,
        "raises nothing": dict,
        "skips": lambda: pytest.skip("left out"),
    }
    with pytest.raises(pytest.fail.Exception, match="3 of 4") as caught:
        judge_all(judge, [Case(name, {"work": work}) for name, work in works.items()], {})
    for said in ("ZeroDivisionError", "DID NOT RAISE", "left out"):
        assert said in str(caught.value)


def test_one_case_can_be_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WAF_CASE", "b-3")
    with pytest.raises(pytest.fail.Exception, match="1 of 1"):
        _odd_is_refused(bound=4)
    monkeypatch.setenv("WAF_CASE", "no such case")
    with pytest.raises(pytest.skip.Exception):
        _odd_is_refused(bound=4)


def test_families_are_tests_of_their_own() -> None:
    seen: list[int] = []

    @together("number", [pytest.param(1, id="one"), 2, 3], families=lambda number: f"odd {number % 2}")
    def judged(number: int) -> None:
        seen.append(number)

    assert [mark.args for mark in judged.pytestmark] == [("family", ["odd 1", "odd 0"])]  # type: ignore[attr-defined]
    judged(family="odd 1")
    assert seen == [1, 3]
    with pytest.raises(KeyError):
        judged(family="odd 3")


def test_a_test_of_nothing_or_of_what_it_does_not_take_is_refused() -> None:
    with pytest.raises(ValueError, match="no cases"):
        together("number", [])
    with pytest.raises(TypeError, match="plain"):

        @together("number", [1])
        async def waits(number: int) -> None: ...

    with pytest.raises(TypeError, match="does not take"):

        @together("number", [1])
        def takes(text: str) -> None: ...
