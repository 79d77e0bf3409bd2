"""One sidecar: constructs its parts once, wires them, and obeys signals.

SIGTERM and SIGINT drain; SIGHUP reloads, reopens the log file and renews the certificate. How many processes there
are is for `waf.processes`.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import waf
from waf import heap
from waf.assembly import Bundle, Files, Kept, build, keep
from waf.config.address import parse_endpoint
from waf.config.load import effective
from waf.config.schema import Config
from waf.control.api import Api, Route
from waf.control.files import read_token
from waf.control.guard import Guard
from waf.control.reload import Reloader, Result
from waf.control.site import LocalSite, Site
from waf.control.watch import Watch
from waf.control.wire import ControlServer
from waf.control.workers import answer
from waf.crew import Crew, leader_socket
from waf.errors import ConfigError
from waf.learning import Learning
from waf.policy.policy import Policy
from waf.profile_api import profile_routes, serve_to_parent
from waf.proxy.server import Server
from waf.record.log import Log
from waf.record.metrics import Metrics
from waf.record.recorder import Recorder
from waf.record.sink import Sink

if TYPE_CHECKING:
    from waf.kube.fleet.member import Member
    from waf.kube.fleet.terms import Report

ENGINE: Final = "uvloop"


def opened_otherwise(running: Config, config: Config) -> list[str]:
    """The settings that differ and decide what a start opens: a reload leaves that as it is."""
    pairs = {
        "listen.address": (running.listen.address, config.listen.address),
        "listen.workers": (running.listen.workers, config.listen.workers),
        "listen.tls": (running.listen.tls, config.listen.tls),
        "upstream.url": (running.upstream.url, config.upstream.url),
        "control.listen": (running.control.listen, config.control.listen),
    }
    return [name for name, (before, now) in pairs.items() if before != now]


class Sidecar:
    """One process's proxy and what stands at its side. `start`, then `run` until told to end."""

    def __init__(
        self, files: Files, environ: Mapping[str, str], *,
        worker: int | None = None, crew: str = "", key: bytes = b"",
    ) -> None:  # fmt: skip
        """`worker` is the number of one of several; they share the directory `crew` and the secret `key`."""
        self.files = files
        self._environ = dict(environ)
        self._worker = worker is not None
        self._number = worker if crew else None
        self._leader: asyncio.Server | None = None  # of the worker that answers for the learning of all
        config = self.config = files.load().config
        self.metrics = Metrics(waf.__version__, ENGINE)
        self._sink = Sink(config.events.output, config.events.queue)
        # Events in a file are for machines; what we say of ourselves is for those who look at the container.
        self.log = Log(self._sink.put if config.events.output in ("stdout", "stderr") else None)
        self._kept: Kept = keep(config, environ, key)
        self._bundle: Bundle | None = None
        self._policy: Policy | None = None
        self._generation = 0
        self._end = asyncio.Event()
        self.server = Server(config, self._current, self._record)
        self.recorder = Recorder(
            config.events, self.metrics, self._sink.put, self._mask, service=config.profiles.workload
        )
        self.reloader: Reloader[Bundle] = Reloader(self._build, self._swap, self.metrics, self.log)
        self.member: Member | None = None
        if config.fleet.address:
            from waf.membership import member_of  # what it loads is heavy, and most sidecars are in no fleet

            self.member = member_of(config, self._report, self.log, worker or 0)
        self.learning = Learning(
            config, self._kept, self._renew_profile, self.log, environ.get("POD_NAME", ""),
            self.member.key if self.member else None, follows=worker or 0 if crew and not self.member else 0,
        )  # fmt: skip
        self.crew: Crew | None = None
        if crew and worker is not None and self.member is None:  # else the fleet leads each of them
            self.crew = Crew(crew, worker, self.learning, self.log)
        self._crew_directory = crew
        self.site = LocalSite(
            self.recorder, self.reloader, self._effective, self.end, self._facts, waf.__version__,
            unready=self._unready,
        )  # fmt: skip
        self.control: ControlServer | None = None
        self._tasks: list[asyncio.Task[Any]] = []

    # ---------------------------------------------------------------------------------------------- policy

    def _current(self) -> Policy:
        policy = self._policy
        assert policy is not None  # start() loads one before it listens
        return policy

    def _build(self) -> Bundle:
        return build(self.files, self._kept, self._generation + 1, samples=False)

    def _swap(self, bundle: Bundle) -> None:
        """Put a bundle into force; what was opened (addresses, outputs) stays as it was."""
        first = self._bundle is None
        self._generation += 1
        self._bundle = bundle
        self._policy = bundle.policy.with_profile(self._kept.profile, self._generation)
        self.learning.reconfigure(bundle.loaded.config)
        self.learning.pin(bundle.documents)
        self.recorder.configure(bundle.loaded.config.events)
        if not first:
            self._note_policy()
            self.server.reconfigure(bundle.loaded.config)
            try:
                self.server.reload_tls()
            except ConfigError as error:
                problems = [str(problem) for problem in error.problems]
                self.log("error", "the old certificate stays", problems=problems)
            if opened := opened_otherwise(self.config, bundle.loaded.config):
                self.log("warning", "these settings are in force from the next start on", settings=opened)

    def _note_policy(self) -> None:
        policy = self._current()
        self.learning.memory.policy_in_force(policy.version, policy.config.mode.value, time.time())

    def _renew_profile(self) -> None:
        """The learner compiled a profile: put it into force, from the next exchange on."""
        if self._policy is not None:
            self._generation += 1
            self._policy = self._policy.with_profile(self._kept.profile, self._generation)

    def _mask(self, data: bytes) -> str:
        return self._current().detector.mask(data)

    def _record(self, exchange: Any) -> None:
        self.recorder.record(exchange)

    # ------------------------------------------------------------------------------------------------ life

    async def start(self, *, signals: bool = False) -> None:
        """Load, then listen; with `signals` those of the process are heard once it says that it serves.

        Raises ConfigError for configuration that cannot be used, OSError for addresses.
        """
        # What is changed while this reads and compiles is to be noticed.
        watch = Watch(lambda: self._bundle.watched if self._bundle else self.files.paths)
        if self.member is not None:
            self.member.ask()
        if self._kept.cold:
            self.log("info", "no compiled patterns are kept yet: compiling them takes some seconds")
        result = await self.reloader.reload("start")
        if not result.ok:
            raise ConfigError(result.problems)
        await asyncio.to_thread(watch.look)  # files that the configuration names are known only now
        await asyncio.to_thread(self.learning.restore)
        if self.member is not None:
            await self.member.join(self.learning)
        self._renew_profile()
        self._note_policy()
        self.recorder.learner = self.learning.take
        self.learning.start()
        if self.member is not None:
            self.learning.alerted = self.member.nudge
            self.member.start()
        if self.crew is not None:
            self._tasks.append(await self.crew.start())
        await self.server.start(reuse_port=self._worker)
        self._watch_metrics()
        routes = profile_routes(self.learning, lambda: self._current().config)
        if self._number == 0:
            self._leader = await serve_to_parent(routes, leader_socket(self._crew_directory))
        elif not self._worker:
            self.control = await serve_control(self.config, self._environ, self.site, self.log, routes)
        if self.config.watch:
            self._tasks.append(asyncio.create_task(watch.run(self._files_changed)))
        heap.settle()
        self._tasks.append(asyncio.create_task(heap.keep_trim()))
        if signals:
            self.hear_signals()
        where = ", ".join(str(endpoint) for endpoint in self.server.endpoints)
        self.log(
            "info",
            "serving",
            listen=where,
            upstream=self.config.upstream.url,
            mode=self.config.mode.value,
            control=str(self.control.endpoint) if self.control else "",
        )

    async def run(self) -> None:
        """Serve until `end` or a signal that is heard, then drain."""
        await self._end.wait()
        await self.stop()

    def hear_signals(self) -> None:
        """From now on SIGTERM and SIGINT begin to drain, and SIGHUP reloads."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.end)
        loop.add_signal_handler(signal.SIGHUP, self._hang_up)

    def end(self) -> None:
        """Begin to drain; returns at once."""
        self._end.set()

    async def stop(self) -> None:
        self.site.draining = True
        self.log("info", "draining", connections=self.server.gauges["connections_open"])
        drained = await self.server.drain()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.learning.stop()
        if self._leader is not None:
            self._leader.close()
        if self.member is not None:
            await self.member.stop()
        if self.control is not None:
            await self.control.close()
        self.log("info", "ended", cut=drained.cut, seconds=round(drained.seconds, 3))
        self._sink.close()

    async def _reload(self, reason: str) -> Result:
        """Reload; the fleet is told soon where that ended otherwise than the last time."""
        before = self.reloader.last
        result = await self.reloader.reload(reason)
        if self.member is not None and before is not None and before.problems != result.problems:
            self.member.nudge()
        return result

    async def _files_changed(self) -> Result:
        return await self._reload("file changed")

    def _report(self, version: str) -> Report:
        """How this replica is, for the people who look at the whole fleet."""
        config, last = self._current().config, self.reloader.last
        learner = self.learning.memory.learner
        problems = [str(problem)[:1000] for problem in last.problems[:10]] if last is not None else []
        from waf.kube.fleet.terms import Report
        from waf.profiles.constraints import MODES

        return Report(version, learner.config.mode, config.mode.value, tuple(problems), MODES[learner.cap])

    def _unready(self) -> str:
        """Why new requests should go elsewhere, "" for no reason: the policy on configuration that is refused."""
        last = self.reloader.last
        if last is None or last.ok or self._current().config.control.refused_config == "ready":
            return ""
        return f"changed configuration was refused: {last.problems[0]}"[:500]

    def _hang_up(self) -> None:
        self._sink.reopen()
        self._tasks.append(asyncio.ensure_future(self._reload("SIGHUP")))
        self._tasks = [task for task in self._tasks if not task.done()]

    async def answer_parent(self, path: str) -> None:
        """Let the control process ask this worker, over a Unix socket at `path`."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
        listener.listen(4)
        listener.setblocking(False)
        loop = asyncio.get_running_loop()

        async def accept() -> None:
            while True:
                connection, _ = await loop.sock_accept(listener)
                self._tasks = [task for task in self._tasks if not task.done()]
                self._tasks.append(asyncio.ensure_future(answer(connection, self.site)))

        self._tasks.append(asyncio.ensure_future(accept()))

    # ------------------------------------------------------------------------------------------- to look at

    def _effective(self) -> dict[str, Any]:
        assert self._bundle is not None
        return effective(self._bundle.loaded)

    def _facts(self) -> dict[str, Any]:
        return {
            "mode": self._current().config.mode.value,
            "listen": [str(endpoint) for endpoint in self.server.endpoints],
            **self.server.gauges,
            "learning": self.learning.facts(),
            **({"fleet": self.member.facts()} if self.member is not None else {}),
        }

    def _watch_metrics(self) -> None:
        watch, server, sink = self.metrics.watch, self.server, self._sink
        watch("waf_connections_open", "Open client connections.", lambda: server.gauges["connections_open"])
        for state in ("open", "idle", "waiting"):
            watch(
                "waf_upstream_connections",
                "Connections to the app by state; waiting are exchanges without one.",
                lambda state=state: server.gauges[f"upstream_{state}"],  # type: ignore[misc]
                {"state": state},
            )
        for name in server.stats.as_dict():
            help = f"Count of {name.replace('_', ' ')} of the proxy."
            watch(f"waf_proxy_{name}_total", help, lambda name=name: server.stats.as_dict()[name])  # type: ignore[misc]
        watch("waf_events_dropped_total", "Event lines lost to a full queue.", lambda: sink.dropped)
        watch("waf_events_failed_total", "Event lines lost to an error of the output.", lambda: sink.failed)
        watch("waf_events_written_total", "Event lines written.", lambda: sink.written)
        self.learning.watch_metrics(watch)
        if self.member is not None:
            self.member.watch_metrics(watch)


async def serve_control(
    config: Config, environ: Mapping[str, str], site: Site, log: Log, extra: Sequence[Route] = ()
) -> ControlServer:
    """Open the control port, with `extra` routes. Raises OSError."""
    endpoint = parse_endpoint(config.control.listen)
    guard = Guard(endpoint.loopback, bool(endpoint.path), lambda: read_token(config.control, environ))
    api = Api(site, guard, extra)
    control = ControlServer(api.respond, api.refuse, endpoint, log)
    await control.start()
    return control
