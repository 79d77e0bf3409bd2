"""`waf profile gather`: what replicas without a fleet have learned, brought together, and one profile given back to all.

One round over the sidecars' control ports (`GET /v1/profile/deltas`, `PUT /v1/profile/compiled`); whoever wants it kept
up runs it from a timer. What is known lies in one file, replaced atomically.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click
import msgspec

from waf.cli.common import clear_errors, fail, files_of
from waf.cli.profile_source import Remote
from waf.control.files import atomic_write, read_capped
from waf.memory import MAX_FILE
from waf.profile_api import Told
from waf.profiles.gathered import Gathered

FILE: Final = "gathered.state"


@click.command()
@click.argument("urls", nargs=-1, required=True)
@click.option(
    "--store", type=click.Path(file_okay=False), required=True, help="Directory that keeps what is known."
)
@click.option("--push/--no-push", "pushes", default=True, help="Give the profile to all of them.")
@click.pass_context
@clear_errors
def gather(context: click.Context, urls: Sequence[str], store: str, pushes: bool) -> None:
    """Learn from all replicas, and let all enforce one profile. URLS are their control ports.

    The token of the control ports is that of $WAF_CONTROL_TOKEN. Who does not answer is left out of this round.
    """
    configs = context.parent.params["configs"] if context.parent is not None else ()
    config = files_of(configs).load().config.profiles
    path = Path(store) / FILE
    gathered = Gathered(config)
    marks: dict[str, str] = {}
    if path.exists():
        try:
            marks, state = msgspec.msgpack.decode(
                read_capped(path, MAX_FILE), type=tuple[dict[str, str], bytes]
            )
            gathered.load(state)
        except (ValueError, msgspec.MsgspecError) as error:
            fail(
                f"{path}: cannot be used: {error}; move it away, and all replicas hand out the whole once more"
            )
    answered, failed = [], False
    for url in urls:
        remote = Remote(url)
        try:
            told = msgspec.json.decode(
                remote.ask(f"/v1/profile/deltas?since={marks.get(url, '')}"), type=Told
            )
            gathered.take(told.handed(), told.key, time.time(), told.reach)
        except (OSError, ValueError) as error:
            click.echo(f"{url}: {error}", err=True)
            failed = True
            continue
        marks[url] = told.mark
        answered.append(remote)
        click.echo(f"{url}: {'the whole' if told.whole else f'{len(told.deltas)} deltas'}")
    profile, changed = gathered.compile(time.time())
    Path(store).mkdir(parents=True, exist_ok=True)
    atomic_write(path, msgspec.msgpack.encode((marks, gathered.dump())))
    click.echo(f"{len(changed)} constraints changed")
    pushed = msgspec.json.encode({"key": gathered.key, "profile": base64.b64encode(profile).decode()})
    for remote in answered if pushes else ():
        try:
            version = msgspec.json.decode(remote.ask("/v1/profile/compiled", pushed, "PUT"))["version"]
            click.echo(f"{remote.url}: enforces {version}")
        except (OSError, ValueError) as error:
            click.echo(f"{remote.url}: {error}", err=True)
            failed = True
    if failed:
        raise SystemExit(1)
