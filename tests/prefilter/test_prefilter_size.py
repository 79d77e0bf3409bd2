"""How many expressions a program has room for: values of a policy that outgrows it are all searched by the engine."""

from __future__ import annotations

import pytest

from waf.prefilter import program


def test_more_expressions_than_there_is_room_for_make_no_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "_MOST_ATOMS", 3)
    assert program.build([b"select=", b"insert=", b"update="], None) is not None
    assert program.build([b"select=", b"insert=", b"update=", b"delete="], None) is None
