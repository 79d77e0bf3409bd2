"""The processes of a sidecar: one that does everything, or several workers.

Workers are each one `Sidecar` behind the same port, and one more process serves the control port for all of them.
"""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Mapping
from pathlib import Path

import uvloop

from waf import heap
from waf.app import Sidecar, serve_control
from waf.assembly import Files, keep
from waf.config.schema import Config
from waf.control.workers import WorkerLink, WorkersSite
from waf.crew import leader_socket
from waf.profile_api import forwarded_routes
from waf.proxy.workers import run_workers
from waf.record.log import Log


def run(files: Files, environ: Mapping[str, str]) -> int:
    """Serve until told to end; gives the exit status. Raises ConfigError before anything listens."""
    heap.prepare()
    config = files.load().config
    if config.listen.workers == 1:
        uvloop.run(_serve_one(files, environ))
        return 0
    import tempfile  # for several alone

    with tempfile.TemporaryDirectory(prefix="waf-") as directory:
        count = config.listen.workers
        key = keep(config, environ).key  # once, before there are several who would make one

        def work(index: int) -> int:
            if index == count:
                uvloop.run(_serve_control_of(config, environ, directory, count))
            else:
                uvloop.run(_serve_worker(files, environ, directory, index, key))
            return 0

        return run_workers(count + 1, work)


def _socket_of(directory: str, index: int) -> str:
    return str(Path(directory) / f"worker-{index}.sock")


def _ignore_hang_up() -> None:
    """A reload that is asked for while the first load runs must not end the process."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)


async def _serve_one(files: Files, environ: Mapping[str, str]) -> None:
    _ignore_hang_up()
    sidecar = Sidecar(files, environ)
    await sidecar.start(signals=True)
    await sidecar.run()


async def _serve_worker(
    files: Files, environ: Mapping[str, str], directory: str, index: int, key: bytes
) -> None:
    _ignore_hang_up()
    sidecar = Sidecar(files, environ, worker=index, crew=directory, key=key)
    await sidecar.start(signals=True)
    await sidecar.answer_parent(_socket_of(directory, index))
    await sidecar.run()


def _link(directory: str, index: int) -> WorkerLink | None:
    """A new link to a worker; None while it has not started yet, or is just starting again."""
    sock = socket.socket(socket.AF_UNIX)
    try:
        sock.connect(_socket_of(directory, index))
    except OSError:
        sock.close()
        return None
    return WorkerLink(sock)


async def _serve_control_of(config: Config, environ: Mapping[str, str], directory: str, count: int) -> None:
    """The control port of several workers; ends when told to, after them."""
    links: dict[int, WorkerLink] = {}

    def connect() -> list[WorkerLink]:
        return [link for index in range(count) if (link := _link(directory, index)) is not None]

    def alive() -> list[WorkerLink]:
        for index in range(count):
            if index in links and links[index].alive:
                continue
            links.pop(index, None)
            if (link := _link(directory, index)) is not None:
                links[index] = link
        return list(links.values())

    site = WorkersSite(alive, config.events.recent, expected=count, connect=connect)
    routes = forwarded_routes(leader_socket(directory))
    control = await serve_control(config, environ, site, Log(), routes)
    heap.settle()
    end = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end.set)
    loop.add_signal_handler(signal.SIGHUP, lambda: None)
    await end.wait()
    await control.close()
