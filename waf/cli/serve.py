"""`waf run` and `waf demo`."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from waf.cli.common import clear_errors, config_option, files_of
from waf.cli.entry import serve
from waf.config.schema import Config


@click.command()
@config_option
@click.option("--listen", help="Address to listen on, host:port or unix:/path.  [default: 127.0.0.1:8080]")
@click.option("--upstream", help="The app: http://host:port or unix:/path.  [default: http://127.0.0.1:8000]")
@click.option("--mode", type=click.Choice(["off", "monitor", "protect"]), help="[default: monitor]")
@click.option("--control", help="Address of health, metrics and the control API.  [default: 127.0.0.1:15021]")
@click.option("--workers", type=click.IntRange(1), help="Processes sharing the port.  [default: 1]")
@clear_errors
def run(
    configs: Sequence[str],
    listen: str | None,
    upstream: str | None,
    mode: str | None,
    control: str | None,
    workers: int | None,
) -> None:
    """Stand in front of an app: inspect what comes, forward, mask or refuse it."""
    files = files_of(
        configs,
        listen__address=listen,
        upstream__url=upstream,
        mode=mode,
        control__listen=control,
        listen__workers=workers,
    )
    sys.exit(serve(files))


@click.command()
@click.option(
    "--listen", default=Config().listen.address, show_default=True, help="Where the sidecar listens."
)
@click.option("--control", default=Config().control.listen, show_default=True, help="Its control port.")
@click.option("--once", is_flag=True, help="End after the tour instead of serving on.")
@clear_errors
def demo(listen: str, control: str, once: bool) -> None:
    """See it work: a small shop behind the sidecar, a few requests through it, and what became of each."""
    import uvloop

    from waf.cli.show import tour

    sys.exit(uvloop.run(tour(listen, control, once)))
