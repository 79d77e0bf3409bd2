"""Many small cases as one test: what pytest does for a test takes many times as long as such a case does.

`@together` is written as `@pytest.mark.parametrize` is, above another one as well. All cases are judged, whatever others gave, and every one that fails
is listed with its name. Fixtures are shared by the cases of a test, so one that a case leaves its traces in (`tmp_path`,
`monkeypatch`) is none for these. With `WAF_CASE=text`, only cases whose name contains the text are judged:

    WAF_CASE='chunk sizes' pytest tests/e2e/smuggling -k off
"""

from __future__ import annotations

import functools
import inspect
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

FAMILY = "family"
SHOWN = 10
"""So many failures are shown with where they happened; of the rest there is only what was said."""


@dataclass(frozen=True)
class Case:
    name: str
    values: dict[str, Any]

    def crossed(self, other: Case) -> Case:
        return Case("-".join(filter(None, (self.name, other.name))), self.values | other.values)


def together(
    names: str | Sequence[str],
    cases: Iterable[Any],
    *,
    ids: Sequence[object] | Callable[[Any], object] | None = None,
    families: Callable[..., str] | None = None,
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Judge all `cases` in one test; `families`, which gets what a case consists of, names the test that a case is in.

    Raises ValueError where there is no case: a test of nothing cannot fail.
    """
    keys = [name.strip() for name in names.split(",")] if isinstance(names, str) else list(names)
    named = list(_named(keys, cases, ids))
    if not named:
        raise ValueError(f"no cases of {keys}")

    def decorate(test: Callable[..., None]) -> Callable[..., None]:
        inner: list[Case]
        test, inner = getattr(test, "judged", (test, [Case("", {})]))
        every = [one.crossed(other) for other in named for one in inner]
        return _judging(test, every, families)

    return decorate


def _judging(
    test: Callable[..., None], cases: list[Case], families: Callable[..., str] | None
) -> Callable[..., None]:
    if inspect.iscoroutinefunction(test) or hasattr(test, "hypothesis"):
        raise TypeError(f"{test.__name__} is no plain function")
    if missing := set(cases[0].values) - set(inspect.signature(test).parameters):
        raise TypeError(f"{test.__name__} does not take {missing}")
    groups: dict[str, list[Case]] = {}
    for case in cases:
        groups.setdefault(families(*case.values.values()) if families else "", []).append(case)

    @functools.wraps(test)
    def judge(**fixtures: Any) -> None:
        group = groups[fixtures.pop(FAMILY, "")]
        judge_all(test, [case for case in group if os.environ.get("WAF_CASE", "") in case.name], fixtures)

    signature = inspect.signature(test)
    kept = [parameter for name, parameter in signature.parameters.items() if name not in cases[0].values]
    if families:
        kept.append(inspect.Parameter(FAMILY, inspect.Parameter.POSITIONAL_OR_KEYWORD))
    judge.__signature__ = signature.replace(parameters=kept)  # type: ignore[attr-defined]
    judge.judged = (test, cases)  # type: ignore[attr-defined]
    return pytest.mark.parametrize(FAMILY, list(groups))(judge) if families else judge


def judge_all(test: Callable[..., None], cases: Sequence[Case], fixtures: dict[str, Any]) -> None:
    """Raises pytest.fail.Exception with the name of each case that fails; skips where WAF_CASE leaves none."""
    if not cases:
        pytest.skip("no case of this name")
    failed: list[str] = []
    for case in cases:
        try:
            test(**fixtures, **case.values)
        except (Exception, pytest.fail.Exception, pytest.skip.Exception) as error:
            info = pytest.ExceptionInfo.from_exception(error)
            info.traceback = info.traceback[1:]
            said = str(info.getrepr(style="short")) if len(failed) < SHOWN else info.exconly(tryshort=True)
            failed.append(f"--- {case.name}\n{said}")
    if failed:
        listed = "\n\n".join(failed)
        pytest.fail(f"{len(failed)} of {len(cases)} cases failed\n\n{listed}", pytrace=False)


def _named(
    keys: Sequence[str], cases: Iterable[Any], ids: Sequence[object] | Callable[[Any], object] | None
) -> Iterator[Case]:
    taken: set[str] = set()
    for number, case in enumerate(cases):
        name: object = None
        if isinstance(case, type(pytest.param())):
            if case.marks:
                raise ValueError(f"a case with marks: {case}")
            name, values = case.id, case.values
        else:
            values = (case,) if len(keys) == 1 else tuple(case)
        if name is None and callable(ids):
            name = "-".join(str(ids(value)) for value in values)
        elif name is None and ids is not None:
            name = ids[number]
        elif name is None:
            name = "-".join(f"{value if isinstance(value, str) else repr(value):.60}" for value in values)
        name = f"{name}" if f"{name}" not in taken else f"{name}, number {number}"
        taken.add(name)
        yield Case(name, dict(zip(keys, values, strict=True)))
