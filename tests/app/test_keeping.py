"""What was learned outlives the process: within a minute of it, whole, whenever it dies."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.app.rig import RawApp, Site, on_uvloop, serving, write
from tests.app.test_learning import KEY, TRUSTED, observation, post
from tests.app.test_process import ANY, until, waf
from waf.config.schema import Profiles
from waf.control import files
from waf.memory import LEFT, Memory
from waf.schedule import SAVE, Schedule

TICK = 2.0


@given(st.lists(st.tuples(st.floats(0, 15), st.floats(0, 1)), min_size=1, max_size=60))
def test_a_crash_costs_less_than_a_minute_of_lessons(works: list[tuple[float, float]]) -> None:
    """Lessons all the time, a look every two seconds; each compilation and each save takes its time."""
    now, lessons, kept = 0.0, 0, 0.0
    schedule = Schedule(now, lessons)
    for compiling, saving in works * 3:
        now, lessons = now + TICK, lessons + 1
        if schedule.saves(now, lessons):
            assert now + saving - kept < 60
            schedule.saved(now, saving, lessons, kept=True)
            kept, now = now, now + saving
        if schedule.compiles(now, lessons, urgent=False):
            schedule.compiled(now, compiling)
            now += compiling


def test_nothing_is_saved_without_need() -> None:
    schedule = Schedule(0.0, 7)
    assert not schedule.saves(SAVE, 7)
    assert schedule.saves(SAVE, 8)
    schedule.saved(SAVE, 0.1, 8, kept=False)
    assert not schedule.saves(SAVE + 1, 8, urgent=True), "a full disk is not tried every moment"
    assert schedule.saves(2 * SAVE, 8)
    schedule.saved(2 * SAVE, 0.1, 8, kept=True)
    assert not schedule.saves(9 * SAVE, 8)
    assert schedule.saves(9 * SAVE, 8, urgent=True)


class Died(BaseException):
    """As if the process had been killed."""


STEPS = ("fsync", "link", "replace", "close")


@pytest.mark.parametrize("links", [True, False])
@pytest.mark.parametrize("step", STEPS)
def test_whoever_dies_while_saving_has_the_new_state_or_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, links: bool
) -> None:
    """Whichever call of the operating system is the last one."""
    if not links:
        monkeypatch.setattr(files.os, "link", refuse)
    genuine: Callable[..., Any] = getattr(os, step)
    mine = threading.get_ident()
    died = 0
    for last in range(1, 12):
        directory = tmp_path / str(last)
        memory = Memory(str(directory), Profiles(), KEY)
        for turn in range(2):
            memory.learner.observe(observation(turn), 1e9)
            memory.save()
        memory.learner.observe(observation(2), 1e9)
        calls = 0

        def dying(*args: Any, last: int = last, **more: Any) -> Any:
            nonlocal calls
            if threading.get_ident() != mine:  # other threads of this process use files as well
                return genuine(*args, **more)
            calls += 1
            if calls >= last:
                raise Died
            return genuine(*args, **more)

        monkeypatch.setattr(files.os, step, dying)
        try:
            memory.save()
        except Died:
            died += 1
        finally:
            monkeypatch.setattr(files.os, step, genuine if step != "link" or links else refuse)
        again = Memory(str(directory), Profiles(), KEY)
        again.load()
        assert not again.problems
        assert again.learner.state.common.n in (2, 3)
        again.save()  # and what is left of the former one hinders nobody
    assert died


def refuse(*_args: Any, **_more: Any) -> None:
    raise PermissionError


def test_what_a_writer_left_that_died_is_swept_away(tmp_path: Path) -> None:
    old, young = tmp_path / ".profile.state.abc.tmp", tmp_path / ".profile.state.def.tmp"
    for path, age in ((old, 2 * LEFT), (young, 0.0)):
        path.write_bytes(b"x")
        os.utime(path, (path.stat().st_mtime - age,) * 2)
    Memory(str(tmp_path), Profiles(), KEY).load()
    assert [path.name for path in tmp_path.iterdir()] == [young.name]


@on_uvloop
async def test_a_killed_sidecar_remembers_what_it_answered_for(tmp_path: Path, pattern_cache: Path) -> None:
    """An edit that was answered is on disk with all that was learned until then; so is a rollback of it."""
    settings = {
        "mode": "protect",
        "state_dir": str(tmp_path / "state"),
        "profiles": {"mode": "protect", "sources": 1, "hours": 1, "epsilon": 0.02},
    }
    config = write(tmp_path / "waf.yaml", settings)
    pin = {"operation": "pin", "pattern": "GET /items arg.id length", "text": "0\n2"}
    async with RawApp() as app, aiohttp.ClientSession() as session:
        for life in range(2):
            async with waf(pattern_cache, app.url, "-c", str(config), *ANY) as process:
                told = await process.message("serving")
                base, control = f"http://{told['waf.listen']}", f"http://{told['waf.control']}"
                if not life:
                    for number in range(60):
                        async with session.get(f"{base}/items?id={number}") as answer:
                            assert answer.status == 200
                    await until(session, f"{control}/v1/status", lambda _, text: _learned(text) == 60)
                    async with session.post(f"{control}/v1/profile", json=pin) as answer:
                        assert answer.status == 200, await answer.text()
                async with session.get(f"{base}/items?id=123") as answer:
                    assert answer.status == 403
                async with session.get(f"{control}/v1/profile/status") as answer:
                    (place,) = (await answer.json())["places"]
                    assert place["requests"] == 60
                process.signal(signal.SIGKILL)
                assert await process.ends() == -signal.SIGKILL


def _learned(status: str) -> int:
    """Exchanges that are over, once nothing of them waits to be learned."""
    told = json.loads(status)
    return 0 if told["learning"]["queued"] else int(told["requests"])


@on_uvloop
async def test_who_cannot_keep_an_edit_says_so(
    pattern_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_args: Any, **_more: Any) -> None:
        raise OSError(28, "No space left on device")

    settings = {**TRUSTED, "state_dir": str(tmp_path)}
    async with RawApp() as app, serving(pattern_cache, app.url, **settings) as site:
        monkeypatch.setattr("waf.memory.atomic_write", full)
        assert await ignore(site) == ["ignored GET /x", "not kept over a restart: No space left on device"]
        monkeypatch.undo()
        assert await ignore(site) == ["ignored GET /x"]
        await asyncio.to_thread(Memory(str(tmp_path), Profiles(), KEY).load)


async def ignore(site: Site) -> list[str]:
    status, answer = await post(site, "/v1/profile", {"operation": "ignore", "pattern": "GET /x"})
    assert status == 200
    changed: list[str] = answer["changed"]
    return changed
