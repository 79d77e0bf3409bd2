"""The demo: shop and sidecar in one process, the tour through them, the learned profile, then serving on."""

from __future__ import annotations

import os
import sys

import click

from waf.app import Sidecar
from waf.assembly import Files
from waf.demo.shop import serve_shop
from waf.demo.tour import Fate, Step, render, run_tour


async def tour(listen: str, control: str, once: bool) -> int:
    """Serve the shop behind a sidecar in protect mode and show what becomes of a few requests.

    Gives the exit status: 0 where every request met the fate it should.
    """
    runner, port = await serve_shop()
    options = {
        "mode": "protect",
        "listen.address": listen,
        "control.listen": control,
        "upstream.url": f"http://127.0.0.1:{port}",
        "events.output": "none",
    }
    # The cache is that of `waf run`: what the tour compiles is there for the user's own app.
    known = {name: os.environ[name] for name in ("HOME", "XDG_CACHE_HOME") if name in os.environ}
    sidecar = Sidecar(Files((), {}, options), known)
    await sidecar.start()
    where = f"http://{sidecar.server.endpoints[0]}"
    colour = sys.stdout.isatty()
    click.echo(f"A small shop is served behind the sidecar at {where}, in protect mode.\n")

    def show(step: Step) -> None:
        click.echo(render(step, colour) + "\n")

    steps = await run_tour(where, show)
    sidecar.learning.settle()
    click.echo(_learned(sidecar))
    wrong = [step for step in steps if step.fate in (Fate.FAILED, Fate.LEAKED)]
    if not once:
        click.echo(
            f"\nStill serving. Try it:\n"
            f"  curl '{where}/search?q=coffee'\n"
            f"  curl '{where}/search?q=%27%20or%201=1--'\n"
            f"  curl '{where}/customers/1'\n"
            f"What was refused or masked, and why:\n"
            f"  curl http://{sidecar.control.endpoint if sidecar.control else control}/v1/events\n"
            f"End with Ctrl-C."
        )
        sidecar.hear_signals()
        await sidecar.run()
    else:
        await sidecar.stop()
    await runner.cleanup()
    return 1 if wrong else 0


def _learned(sidecar: Sidecar) -> str:
    """What the tour taught the learner, in a few lines."""
    book = sidecar.learning.memory.learner.book
    places = [
        f"  {' '.join(sorted(methods)):<6} {path}" for path, methods in sorted(book.all_places().items())
    ]
    title = click.style("Learned so far", bold=True)
    return (
        f"{title} from {sidecar.learning.observed} requests (nothing is enforced on so little):\n"
        + "\n".join(places)
    )
