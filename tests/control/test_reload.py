"""Reload: a good one swaps, a bad one changes nothing, and both are told."""

from __future__ import annotations

import asyncio
import json
import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from waf.config.load import load
from waf.control.reload import Reloader
from waf.errors import ConfigError, Problem
from waf.record.log import Log
from waf.record.metrics import Metrics


class Policy(msgspec.Struct, frozen=True):
    version: str
    mode: str = "protect"
    warnings: Sequence[Problem] = ()


class Bench:
    """A reloader with everything it touches in view. `build` is what the next build does."""

    def __init__(self) -> None:
        self.build: Callable[[], Policy] = lambda: Policy("v1")
        self.builds = 0
        self.policy: Policy | None = None
        self.lines: list[bytes] = []
        self.metrics = Metrics()
        self.reloader: Reloader[Policy] = Reloader(
            self._build, self._swap, self.metrics, Log(self.lines.append), clock=lambda: 1000.0 + self.builds
        )

    def _build(self) -> Policy:
        self.builds += 1
        return self.build()

    def _swap(self, policy: Policy) -> None:
        self.policy = policy

    def log(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.lines]

    def gauge(self, name: str) -> float:
        return next(family.samples[0][1] for family in self.metrics.families() if family.name == name)


async def test_the_first_load() -> None:
    bench = Bench()
    assert not bench.reloader.loaded
    result = await bench.reloader.reload("start")
    assert (result.ok, result.generation, result.version, result.reason) == (True, 1, "v1", "start")
    assert bench.reloader.loaded
    assert bench.policy == Policy("v1")
    assert bench.gauge("waf_config_last_reload_successful") == 1
    assert bench.gauge("waf_config_last_reload_success_timestamp_seconds") == 1001.0
    assert bench.log()[0]["log.level"] == "info"


def refuse() -> Policy:
    raise ConfigError([Problem("waf.yaml", 3, "mode", "is no choice here", "one of off")])


def missing() -> Policy:
    raise FileNotFoundError(2, "No such file or directory", "/etc/waf/waf.yaml")


def bug() -> Policy:
    raise KeyError("password=hunter2")


@pytest.mark.parametrize(
    ("build", "told"),
    [
        (refuse, "waf.yaml:3: mode: is no choice here (one of off)"),
        (missing, "/etc/waf/waf.yaml: No such file or directory"),
        (bug, "a bug of ours: KeyError at test_reload.py:"),
    ],
)
async def test_a_bad_one_never_replaces_a_good_one(build: Callable[[], Policy], told: str) -> None:
    bench = Bench()
    await bench.reloader.reload("start")
    bench.build = build
    result = await bench.reloader.reload("SIGHUP")
    assert not result.ok
    assert told in str(result.problems[0])
    assert (result.generation, result.version) == (1, "v1")
    assert bench.policy == Policy("v1")
    assert bench.gauge("waf_config_last_reload_successful") == 0
    assert bench.gauge("waf_config_last_reload_success_timestamp_seconds") == 1001.0
    entry = bench.log()[-1]
    assert (entry["log.level"], entry["waf.reason"]) == ("error", "SIGHUP")
    assert told in entry["waf.problems"][0]
    assert "hunter2" not in str(bench.lines)
    bench.build = lambda: Policy("v2")
    assert (await bench.reloader.reload("api")).generation == 2
    assert bench.gauge("waf_config_last_reload_successful") == 1


async def test_a_swap_that_fails_is_a_failed_reload() -> None:
    bench = Bench()

    def swap(_policy: Policy) -> None:
        raise RuntimeError

    bench.reloader._swap = swap
    result = await bench.reloader.reload("start")
    assert not result.ok
    assert not bench.reloader.loaded


async def test_warnings_are_told() -> None:
    bench = Bench()
    bench.build = lambda: Policy("v1", warnings=(Problem("waf.yaml", 1, "a", "suspicious"),))
    result = await bench.reloader.reload("start")
    assert (result.ok, len(result.warnings)) == (True, 1)
    assert "suspicious" in bench.log()[0]["waf.problems"][0]


class Gate:
    """A build that waits, so that others can ask meanwhile."""

    def __init__(self) -> None:
        self.entered = threading.Semaphore(0)
        self.may_go = threading.Semaphore(0)
        self.inside = 0
        self.most = 0

    def __call__(self) -> Policy:
        self.inside += 1
        self.most = max(self.most, self.inside)
        self.entered.release()
        assert self.may_go.acquire(timeout=60)
        self.inside -= 1
        return Policy("v")


async def test_a_storm_of_reloads_costs_two_builds() -> None:
    bench = Bench()
    bench.build = gate = Gate()
    first = asyncio.create_task(bench.reloader.reload("first"))
    await asyncio.to_thread(gate.entered.acquire)
    others = [asyncio.create_task(bench.reloader.reload(f"other {i}")) for i in range(20)]
    await asyncio.sleep(0)  # lets each of them ask
    gate.may_go.release(2)
    results = await asyncio.gather(first, *others)
    assert bench.builds == 2
    assert gate.most == 1
    assert [result.generation for result in results] == [1] + [2] * 20
    # Whoever asks after a build began must not get that build's result.
    assert results[1].reason == "other 0"


async def test_one_who_asked_and_left_does_not_stop_it() -> None:
    bench = Bench()
    bench.build = gate = Gate()
    asking = asyncio.create_task(bench.reloader.reload("api"))
    await asyncio.to_thread(gate.entered.acquire)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    following = asyncio.create_task(bench.reloader.reload("SIGHUP"))
    gate.may_go.release(2)
    assert (await following).generation == 2
    assert gate.most == 1


async def test_a_real_file_edited_badly_and_mended(tmp_path: Path) -> None:
    bench = Bench()
    path = tmp_path / "waf.yaml"

    def build() -> Policy:
        loaded = load([(path.read_text(), str(path))])
        return Policy(loaded.config.mode.value, loaded.config.mode.value, loaded.warnings)

    bench.build = build
    path.write_text("mode: monitor\n")
    await bench.reloader.reload("start")
    path.write_text("mode: protct\n")
    result = await bench.reloader.reload("watch")
    assert [(p.file, p.line, p.path) for p in result.problems] == [(str(path), 1, "mode")]
    assert bench.policy is not None
    assert bench.policy.mode == "monitor"
    path.write_text("mode: protect\n")
    await bench.reloader.reload("watch")
    assert bench.policy.mode == "protect"
    os.unlink(path)
    assert not (await bench.reloader.reload("watch")).ok
    assert bench.policy.mode == "protect"
