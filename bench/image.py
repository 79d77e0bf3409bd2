"""The image as a container: non-root, read-only, without capabilities; how long from its start until it is ready, and
how much memory it has then. Needs podman, runc and an image (tests/e2e_kube/image.sh makes one).

    python -m bench.image [--image localhost/waf-sidecar:e2e] [--runs 5] [--results]
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Final

import msgspec

from bench.figures import replace_section
from bench.processes import free_port

PODMAN: Final = ("podman", "--storage-driver", "vfs", "--runtime", "runc", "--cgroup-manager", "cgroupfs")
BAR: Final = 1.5  # seconds from the start of the container to ready
PATIENCE: Final = 30.0
RESULTS: Final = Path(__file__).with_name("RESULTS.md")
# What the injected container has: see waf.kube.sidecar.
RESTRICTED: Final = (
    "--read-only", "--user=1337:1337", "--cap-drop=ALL", "--security-opt=no-new-privileges", "--network=host",
    "--ulimit=nofile=1024:1024", "--ulimit=nproc=1024:1024",
)  # fmt: skip
_CAPABILITIES: Final = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")


class Run(msgspec.Struct, frozen=True):
    seconds: float  # from the start of the container's process, as the runtime tells it, to ready
    cpu: float  # seconds of the process until then
    resident: float  # MiB when ready
    own: float  # MiB of it that are shared with no file
    uid: int
    bare: bool  # no capability, no new privileges, nothing of the root can be written


def podman(*words: str) -> str:
    done = subprocess.run([*PODMAN, *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"podman {words[0]}: {done.stderr.strip()}")
    return done.stdout.strip()


def measure(image: str) -> Run:
    control = free_port()
    variables = {
        "WAF_LISTEN": f"127.0.0.1:{free_port()}",
        "WAF_CONTROL_LISTEN": f"127.0.0.1:{control}",
        "WAF_UPSTREAM": f"http://127.0.0.1:{free_port()}",
    }
    name = podman("create", *RESTRICTED, *(f"--env={k}={v}" for k, v in variables.items()), image)
    try:
        podman("init", name)  # the image's layers are unpacked before: a node has them already
        begun = time.monotonic()
        podman("start", name)
        _until_ready(control, begun, name)
        ready = time.time()
        started = podman("inspect", "--format={{.State.StartedAt.UnixNano}}", name)
        seconds = ready - int(started) / 1e9
        pid = int(podman("inspect", "--format={{.State.Pid}}", name))
        status = dict(
            line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":" in line
        )
        wrote = subprocess.run(
            [*PODMAN, "exec", name, "python", "-c", "open('/opt/waf/x', 'w')"],
            capture_output=True,
            check=False,
        )
        bare = (
            all(int(status[each], 16) == 0 for each in _CAPABILITIES)
            and status["NoNewPrivs"].strip() == "1"
            and wrote.returncode != 0
        )
        ticks = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
        cpu = sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")
        return Run(
            seconds, cpu, _mib(status["VmRSS"]), _mib(status["RssAnon"]), int(status["Uid"].split()[0]), bare
        )
    finally:
        podman("rm", "--force", "--time=5", "--volumes", name)


def _until_ready(port: int, begun: float, name: str) -> None:
    while time.monotonic() - begun < PATIENCE:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=1):
                return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.005)
    raise SystemExit(f"not ready within {PATIENCE:.0f} s: {podman('logs', name)[-500:]}")


def _mib(text: str) -> float:
    return int(text.split(maxsplit=1)[0]) / 1024


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--image", default="localhost/waf-sidecar:e2e")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--results", action="store_true", help="write them into bench/RESULTS.md")
    given = parser.parse_args()
    missing = [tool for tool in ("podman", "runc") if not shutil.which(tool)]
    if missing:
        print(f"skipped: {', '.join(missing)} is not installed", file=sys.stderr)
        return 0
    runs = [measure(given.image) for _ in range(given.runs)]
    seconds = statistics.median(run.seconds for run in runs)
    load = os.getloadavg()[0] / (os.cpu_count() or 1)
    lines = [
        f"Processes that wanted a core, for each core of the machine meanwhile: {load:.1f}.",
        "",
        "| | median | longest |",
        "|---|---|---|",
        f"| start of the container to ready, s (bar {BAR:g}) | {seconds:.2f} | {max(r.seconds for r in runs):.2f} |",
        f"| CPU of the process until then, s | {statistics.median(r.cpu for r in runs):.2f} | "
        f"{max(r.cpu for r in runs):.2f} |",
        f"| resident when ready, MiB | {statistics.median(r.resident for r in runs):.0f} | "
        f"{max(r.resident for r in runs):.0f} |",
        f"| of it the process's own, MiB | {statistics.median(r.own for r in runs):.0f} | "
        f"{max(r.own for r in runs):.0f} |",
    ]
    print("\n".join(lines))
    if any(run.uid == 0 or not run.bare for run in runs):
        print("the container runs with more rights than it should")
        return 1
    if given.results:
        text = (
            f"{given.runs} runs of `python -m bench.image --results`, the image of this tree.\n\n"
            + "\n".join(lines)
        )
        replace_section(RESULTS, "image", "The image", text)
    if load > 1.5:
        print(f"not judged: the machine has {load:.1f} times as much to do as it can", file=sys.stderr)
        return 0
    return int(seconds >= BAR)


if __name__ == "__main__":
    raise SystemExit(main())
