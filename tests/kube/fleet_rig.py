"""A fleet of real processes: sidecars by `waf run`, aggregators by `waf aggregator`, over the API double and real TLS."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import yaml

from bench.processes import free_port
from tests.kube.api_double import ApiDouble
from waf.kube.fleet.specs import GROUP

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 180.0  # seconds; so long only where something hangs
EVERY = 0.6  # seconds between two pushes
WAF = (sys.executable, "-c", "from waf.cli.main import main; main()")


async def eventually(true: Callable[[], Any], what: str = "it did not become true") -> Any:
    """Wait until a function, or the coroutine it gives, gives something true."""
    async with asyncio.timeout(PATIENCE):
        try:
            while True:
                found = true()
                found = await found if asyncio.iscoroutine(found) else found
                if found:
                    return found
                await asyncio.sleep(0.05)
        except TimeoutError:
            raise AssertionError(what) from None


class Process:
    def __init__(self, directory: Path, name: str) -> None:
        self.directory, self.name = directory, name
        self._process: asyncio.subprocess.Process | None = None

    async def run(self, *words: str) -> None:
        with (self.directory / f"{self.name}.log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *WAF, *words, stdout=log, stderr=log, cwd=ROOT, env=dict(os.environ)
            )

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def log(self) -> str:
        return (self.directory / f"{self.name}.log").read_text()

    async def end(self, number: int = signal.SIGTERM) -> int:
        """Send a signal; gives the exit status."""
        if self._process is None:
            return 0
        if self._process.returncode is None:
            self._process.send_signal(number)
        status = await self._process.wait()
        self._process = None
        return status


class Aggregator(Process):
    def __init__(self, directory: Path, name: str, api: ApiDouble, every: float = EVERY) -> None:
        super().__init__(directory, name)
        self.api = api
        self.every = every
        self.port = free_port()

    async def start(self) -> None:
        config = self.directory / "aggregator.yaml"
        config.write_text(yaml.safe_dump({"profiles": LEARNING, "fleet": {"every": self.every}}))
        await self.run(
            "aggregator", "--api", self.api.base, "--listen", f"127.0.0.1:{self.port}", "--namespace", "waf-system",
            "--service", "localhost", "--advertise", "localhost", "--config", str(config),
        )  # fmt: skip

    @property
    def leads(self) -> bool:
        lease = self.api.objects.get(("/apis/coordination.k8s.io/v1/leases", "waf-system/waf-fleet"), {})
        return bool(lease.get("spec", {}).get("holderIdentity") == f"localhost:{self.port}")


LEARNING = {"mode": "discover", "sources": 1, "hours": 1, "epsilon": 0.05}
"""Every request is a witness, so that a test need not send a day of traffic; of an endpoint the first 160 are learned."""


class Sidecar(Process):
    """`fleet` is the port it is told; a Service would choose among the aggregators."""

    def __init__(self, directory: Path, name: str, fleet: Callable[[], int], upstream: int) -> None:
        super().__init__(directory, name)
        self._fleet = fleet
        self._upstream = upstream
        self.port, self.control = free_port(), free_port()
        self.config = directory / f"{name}.yaml"

    async def start(self, **changes: Any) -> None:
        """Run it, and wait until it is ready."""
        content = {
            "mode": "protect",
            "listen": {"address": f"127.0.0.1:{self.port}"},
            "upstream": {"url": f"http://127.0.0.1:{self._upstream}"},
            "control": {"listen": f"127.0.0.1:{self.control}"},
            "state_dir": str(self.directory / f"{self.name}-state"),
            "profiles": {**LEARNING, "workload": "web"},
            "timeouts": {"drain": 2},
            "fleet": {
                "address": f"localhost:{self._fleet()}",
                "token_file": str(self.directory / f"{self.name}.token"),
                "ca_file": str(self.directory / "ca.crt"),
                "every": EVERY,
            },
            **changes,
        }
        self.config.write_text(yaml.safe_dump(content))
        await self.run("run", "--config", str(self.config))
        await eventually(self.ready, f"{self.name} did not become ready")

    async def ready(self) -> bool:
        try:
            return (await self.ask("/readyz"))[0] == 200
        except aiohttp.ClientError:
            return False

    async def ask(self, path: str) -> tuple[int, str]:
        """A question to the control port."""
        return await self._get(f"http://127.0.0.1:{self.control}{path}")

    async def send(self, path: str) -> int:
        """A request through the sidecar; gives the status."""
        return (await self._get(f"http://127.0.0.1:{self.port}{path}"))[0]

    async def status(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((await self.ask("/v1/status"))[1])
        return found

    async def fleet(self) -> dict[str, Any]:
        return dict((await self.status())["fleet"])

    async def profile(self) -> str:
        """Version of the profile that requests are held against."""
        return str((await self.status())["learning"]["profile"])

    async def _get(self, url: str) -> tuple[int, str]:
        async with aiohttp.ClientSession() as session, session.get(url) as response:
            return response.status, await response.text()


class Fleet:
    """The whole. `profile` is the WafProfile as it stands in the cluster."""

    def __init__(self, api: ApiDouble, directory: Path, every: float = EVERY) -> None:
        self.api, self.directory = api, directory
        self.aggregators = [Aggregator(directory, f"aggregator-{n}", api, every) for n in range(2)]
        self.sidecars: list[Sidecar] = []
        self._app: asyncio.Server | None = None

    async def start(self) -> None:
        for name in ("waf-fleet-key", "localhost-tls"):
            await self.api.put("/api/v1/namespaces/waf-system/secrets", {"metadata": {"name": name}})
        labels = {"waf.sidecar/inject": "true"}
        await self.api.put("/api/v1/namespaces", {"metadata": {"name": "shop", "labels": labels}})
        await asyncio.gather(*(each.start() for each in self.aggregators))
        await eventually(
            lambda: ("/api/v1/configmaps", "shop/waf-fleet-ca") in self.api.objects, "no authority"
        )
        ca = self.api.get("/api/v1/namespaces/shop/configmaps", "waf-fleet-ca")["data"]["ca.crt"]
        (self.directory / "ca.crt").write_text(ca)
        self._app = await asyncio.start_server(_answer, "127.0.0.1", 0)

    def admit(self, name: str) -> None:
        """A pod of this name has a token."""
        self.api.tokens[f"token-{name}"] = {
            "authenticated": True,
            "audiences": ["waf-fleet"],
            "user": {
                "username": "system:serviceaccount:shop:default",
                "extra": {
                    "authentication.kubernetes.io/pod-name": [name],
                    "authentication.kubernetes.io/pod-uid": [f"uid-{name}"],
                },
            },
        }
        (self.directory / f"{name}.token").write_text(f"token-{name}")

    def sidecar(self, name: str) -> Sidecar:
        """A sidecar of its own pod, not started yet."""
        self.admit(name)
        assert self._app is not None
        made = Sidecar(self.directory, name, self._service, self._app.sockets[0].getsockname()[1])
        self.sidecars.append(made)
        return made

    def _service(self) -> int:
        return next((each.port for each in self.aggregators if not each.leads), self.aggregators[0].port)

    @property
    def leader(self) -> Aggregator:
        return next(each for each in self.aggregators if each.leads)

    @property
    def profile(self) -> dict[str, Any]:
        return self.api.objects.get((f"/apis/{GROUP}/wafprofiles", "shop/web"), {})

    @property
    def status(self) -> dict[str, Any]:
        return dict(self.profile.get("status") or {})

    async def patch(self, **spec: Any) -> None:
        """What `kubectl patch` does."""
        where = f"{self.api.base}/apis/{GROUP}/namespaces/shop/wafprofiles/web"
        kind = {"Content-Type": "application/merge-patch+json"}
        async with (
            aiohttp.ClientSession(headers=kind) as session,
            session.patch(where, json={"spec": spec}) as response,
        ):
            assert response.status == 200

    async def agreed(self) -> str:
        """Wait until every sidecar enforces the version that stands in the status; gives it."""

        async def same() -> str:
            versions = {(await each.fleet())["version"] for each in self.sidecars}
            wanted = str(self.status.get("version", ""))
            return wanted if versions == {wanted} else ""

        version: str = await eventually(same, "the sidecars do not agree")
        return version

    async def stop(self) -> None:
        await asyncio.gather(*(each.end(signal.SIGKILL) for each in (*self.sidecars, *self.aggregators)))
        if self._app is not None:
            self._app.close()


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """The app: every path is there."""
    try:
        while await reader.readuntil(b"\r\n\r\n"):
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok")
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()
