"""What tests remember of the rules is what the functions give."""

from __future__ import annotations

import importlib

import pytest

from tests.remembered import PURE, afresh
from waf.inspect.hints import usual
from waf.prefilter import factors, leads, program
from waf.prefilter.factors import sets_of


@pytest.mark.parametrize(("module", "name"), PURE)
def test_every_function_has_a_memory(module: str, name: str) -> None:
    assert hasattr(getattr(importlib.import_module(module), name), "__wrapped__")


def test_others_ask_the_memory_as_well() -> None:
    assert usual.__globals__["sets_of"] is sets_of
    assert {module.sets_of for module in (leads, program) if hasattr(module, "sets_of")} <= {sets_of}


def test_lists_are_one_s_own() -> None:
    first = sets_of(rb"remembered [0-9]+ times")
    first.clear()
    assert sets_of(rb"remembered [0-9]+ times")


def test_what_is_changed_besides_the_arguments_is_asked_afresh(monkeypatch: pytest.MonkeyPatch) -> None:
    before = sets_of(rb"[abc][abc][abc]")
    monkeypatch.setattr(factors, "_MOST", 3)
    assert sets_of(rb"[abc][abc][abc]") == before
    with afresh():
        assert sets_of(rb"[abc][abc][abc]") != before
    assert sets_of(rb"[abc][abc][abc]") == before
