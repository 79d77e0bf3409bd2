"""How a sidecar joins its fleet, by its configuration. Loaded only where there is one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from waf.config.schema import Config
from waf.control.files import atomic_write, read_capped
from waf.kube.fleet.client import FleetClient
from waf.kube.fleet.member import Member
from waf.kube.fleet.terms import MAX_STATE, Report
from waf.record.log import Log

FLEET_FILE: Final = "fleet.state"  # in the state directory


def member_of(config: Config, report: Callable[[str], Report], log: Log, slot: int = 0) -> Member:
    """The membership in the fleet that the configuration names."""
    fleet, path = config.fleet, Path(config.state_dir) / FLEET_FILE
    client = FleetClient(
        fleet.address,
        config.profiles.workload,
        token_file=Path(fleet.token_file),
        ca_file=Path(fleet.ca_file),
    )

    def keep(data: bytes) -> None:
        if config.state_dir:
            path.parent.mkdir(parents=True, exist_ok=True)
            atomic_write(path, data)

    kept = b""
    if config.state_dir:
        try:
            kept = read_capped(path, MAX_STATE)
        except FileNotFoundError:
            pass
        except OSError as error:
            log("error", "what was kept of the fleet cannot be read", file=str(path), error=error.strerror)
    return Member(client, report, log, every=float(fleet.every), kept=kept, keep=keep, slot=slot)
