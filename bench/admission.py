"""How long the injector takes for a pod: 50 a second over TLS on loopback, for some seconds.

    python -m bench.admission [--rate 50] [--seconds 10] [--results]

Prints p50, p99 and the longest time of an answer as the API server sees it, new connections now and then included.
"""

from __future__ import annotations

import argparse
import asyncio
import copy
import json
import ssl
import time
from pathlib import Path
from typing import Any

import aiohttp
import uvloop

from bench.figures import replace_section
from tests.kube.api_double import ApiDouble
from tests.kube.pod_shapes import SHAPES
from waf.kube.client import Kube
from waf.kube.keyring import Keyring, SelfMade
from waf.kube.settings import LABEL_INJECT, Settings
from waf.kube.webhook import Injector, Served, lookup_in, namespaces_of
from waf.record.log import Log

BAR = 0.050  # seconds at the 99th percentile
CONNECTIONS = 8
RESULTS = Path(__file__).with_name("RESULTS.md")


def reviews() -> list[bytes]:
    """One review for each shape, grown to the size of a real pod by environment variables."""
    made = []
    for shape in SHAPES.values():
        pod: dict[str, Any] = copy.deepcopy(shape)
        pod["spec"]["containers"][0]["env"] = [{"name": f"V{i}", "value": "x" * 60} for i in range(80)]
        request = {"uid": "u", "namespace": "shop", "operation": "CREATE", "object": pod}
        made.append(json.dumps({"apiVersion": "admission.k8s.io/v1", "request": request}).encode())
    return made


async def measure(rate: float, seconds: float) -> list[float]:
    """Times of the answers in seconds, at `rate` reviews a second sent without waiting for one another."""
    api = ApiDouble()
    await api.start()
    await api.put("/api/v1/namespaces", {"metadata": {"name": "shop", "labels": {LABEL_INJECT: "true"}}})
    kube, log = Kube(api.base), Log(lambda line: None)
    maker = SelfMade(kube, "waf-system", "waf-tls", ("localhost",))
    keyring = Keyring(maker.load, log)
    await keyring.look()
    injector = Injector(Settings(), namespaces_of(kube), lookup_in(kube), log)
    watch = asyncio.create_task(injector.namespaces.run())
    await injector.namespaces.synced.wait()
    served = Served(injector.app(), keyring, "127.0.0.1", 0)
    await served.start()
    assert maker.state is not None
    trust = ssl.create_default_context(cadata=maker.state.ca.certificate.decode())
    bodies, times = reviews(), []
    connector = aiohttp.TCPConnector(ssl=trust, limit=CONNECTIONS, keepalive_timeout=2)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def ask(body: bytes) -> None:
            begun = time.perf_counter()
            async with session.post(f"https://localhost:{served.port}/mutate", data=body) as response:
                answer = await response.json()
            times.append(time.perf_counter() - begun)
            assert answer["response"]["allowed"]

        async with asyncio.TaskGroup() as group:
            begun = time.perf_counter()
            for number in range(int(rate * seconds)):
                await asyncio.sleep(max(0.0, begun + number / rate - time.perf_counter()))
                group.create_task(ask(bodies[number % len(bodies)]))
    await served.close()
    watch.cancel()
    await asyncio.gather(watch, return_exceptions=True)
    await kube.close()
    await api.stop()
    return sorted(times)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, default=50)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--results", action="store_true", help="write them into bench/RESULTS.md")
    given = parser.parse_args()
    times = uvloop.run(measure(given.rate, given.seconds))
    p50, p99 = times[len(times) // 2], times[int(len(times) * 0.99)]
    said = (f"{len(times)} pods at {given.rate:g}/s: p50 {p50 * 1e3:.2f} ms, p99 {p99 * 1e3:.2f} ms, "
          f"longest {times[-1] * 1e3:.2f} ms (bar: p99 below {BAR * 1e3:.0f} ms)")  # fmt: skip
    print(said)
    if given.results:
        replace_section(RESULTS, "admission", "Admission", f"`python -m bench.admission --results`: {said}.")
    return int(p99 >= BAR)


if __name__ == "__main__":
    raise SystemExit(main())
