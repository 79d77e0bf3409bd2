"""Several workers behind one port: joined answers, and what happens when one has gone."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import AsyncIterator
from typing import Any

import pytest

from waf.config.schema import Events
from waf.control.reload import Reloader
from waf.control.site import LocalSite
from waf.control.workers import WorkerLink, WorkersSite, answer
from waf.errors import ConfigError, Problem
from waf.model import Exchange, Outcome, Peer
from waf.record.capture import Wanted
from waf.record.log import Log
from waf.record.metrics import Metrics
from waf.record.recorder import Recorder


class Policy:
    version = "v1"
    mode = "protect"
    warnings: tuple[Problem, ...] = ()


class Worker:
    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.drained = False
        self.recorder = Recorder(Events(), Metrics(), lambda _: None, lambda data: data.decode("latin-1"))
        self.reloader: Reloader[Any] = Reloader(
            self.build, lambda _: None, self.recorder.metrics, Log(lambda _: None)
        )
        self.site = LocalSite(self.recorder, self.reloader, lambda: {"config": {}}, self.drain)
        self.others: list[asyncio.Task[None]] = []
        self.builds = 0
        self.may_build = threading.Event()
        self.may_build.set()
        self.link = self.connect()
        self.answering = self.others.pop()

    def connect(self) -> WorkerLink:
        """One more link to it."""
        ours, theirs = socket.socketpair()
        self.others.append(asyncio.create_task(answer(theirs, self.site)))
        return WorkerLink(ours)

    def build(self) -> Policy:
        self.builds += 1
        assert self.may_build.wait(60)
        if self.problems:
            raise ConfigError(self.problems)
        return Policy()

    def drain(self) -> None:
        self.drained = True

    def record(self, id: str, wall: float) -> None:
        made = Exchange(id, Peer("192.0.2.1", 1, "192.0.2.1", "http"), 1.0, wall)
        made.outcome = Outcome.CLIENT_GONE
        self.recorder.record(made)


@pytest.fixture
async def workers() -> AsyncIterator[list[Worker]]:
    made = [Worker(), Worker(), Worker()]
    yield made
    for worker in made:
        worker.link.close()
        await asyncio.gather(worker.answering, *worker.others)


@pytest.fixture
def site(workers: list[Worker]) -> WorkersSite:
    return WorkersSite(lambda: [worker.link for worker in workers])


def sample(families: Any, name: str) -> float:
    return float(sum(value for family in families if family.name == name for _, value in family.samples))


async def test_ready_when_all_are(workers: list[Worker], site: WorkersSite) -> None:
    assert (await site.readiness()).reason == "no policy was loaded yet"
    result = await site.reload("start")
    assert (result.ok, result.generation) == (True, 1)
    assert (await site.readiness()).ready
    workers[1].site.draining = True
    assert (await site.readiness()).reason == "draining"


async def test_metrics_and_events_of_all_are_joined(workers: list[Worker], site: WorkersSite) -> None:
    workers[0].record("b", 2000.0)
    workers[1].record("a", 1000.0)
    workers[2].record("c", 3000.0)
    families = await site.families()
    assert sample(families, "waf_requests_total") == 3
    assert sample(families, "waf_workers") == 3
    assert [json.loads(line)["http.request.id"] for line in await site.events()] == ["a", "b", "c"]
    status = await site.status()
    assert (status["requests"], len(status["workers"])) == (3, 3)
    assert await site.config() == {"config": {}}


async def test_a_reload_that_one_refuses_is_refused(workers: list[Worker], site: WorkersSite) -> None:
    await site.reload("start")
    workers[2].problems = [Problem("waf.yaml", 1, "mode", "is no choice here")]
    result = await site.reload("api")
    assert (result.ok, result.problems[0].line) == (False, 1)


async def test_whether_they_are_ready_is_told_while_they_build(workers: list[Worker]) -> None:
    """On links of their own, which are closed in the end: a probe that waits would take a worker for silent."""
    made: list[WorkerLink] = []

    def connect() -> list[WorkerLink]:
        made.extend(worker.connect() for worker in workers)
        return made

    site = WorkersSite(lambda: [worker.link for worker in workers], connect=connect)
    await site.reload("start")
    assert not any(link.alive for link in made)
    made.clear()
    for worker in workers:
        worker.may_build.clear()
    reload = asyncio.create_task(site.reload("api"))
    async with asyncio.timeout(60):
        while not all(worker.builds == 2 for worker in workers):  # noqa: ASYNC110
            await asyncio.sleep(0.001)
    assert (await site.readiness()).ready
    assert not reload.done()
    for worker in workers:
        worker.may_build.set()
    assert (await reload).generation == 2
    assert not any(link.alive for link in made)
    assert all(worker.link.alive for worker in workers)


async def test_drain_and_captures_reach_all(workers: list[Worker], site: WorkersSite) -> None:
    assert await site.captured() is None
    await site.capture(Wanted(exchanges=5))
    workers[0].record("b", 2000.0)
    workers[1].record("a", 1000.0)
    har = await site.captured()
    assert har is not None
    assert [entry["_id"] for entry in har["log"]["entries"]] == ["a", "b"]
    await site.forget_capture()
    assert await site.captured() is None
    await site.drain()
    assert all(worker.drained for worker in workers)


async def test_a_worker_that_has_gone_is_missed_and_the_others_answer(
    workers: list[Worker], site: WorkersSite
) -> None:
    await site.reload("start")
    workers[0].answering.cancel()
    await asyncio.wait([workers[0].answering])
    assert sample(await site.families(), "waf_workers") == 2
    assert not (await site.readiness()).ready
    result = await site.reload("api")
    assert (result.ok, result.problems[-1].message) == (False, "1 workers did not answer")
    assert not workers[0].link.alive
    workers[0].answering = asyncio.create_task(asyncio.sleep(0))  # type: ignore[arg-type]


async def test_a_worker_that_has_not_started_is_missed(workers: list[Worker]) -> None:
    site = WorkersSite(lambda: [worker.link for worker in workers], expected=4)
    result = await site.reload("start")
    assert (result.ok, result.problems[-1].message) == (False, "1 workers did not answer")
    assert (await site.readiness()).reason == "1 of 4 workers do not answer"


async def test_without_workers() -> None:
    site = WorkersSite(list)
    assert not (await site.readiness()).ready
    assert not (await site.reload("api")).ok
    assert await site.events() == []


async def test_a_silent_worker_is_given_up() -> None:
    ours, theirs = socket.socketpair()
    link = WorkerLink(ours)
    with pytest.raises(ConnectionError):
        await link.ask("status", patience=0.01)
    assert not link.alive
    with pytest.raises(ConnectionError):
        await link.ask("status")
    theirs.close()


async def test_many_asks_at_once_get_their_own_answers(workers: list[Worker], site: WorkersSite) -> None:
    answers = await asyncio.gather(*(site.status() if i % 2 else site.config() for i in range(20)))
    assert all(("workers" in shown) == bool(i % 2) for i, shown in enumerate(answers))
