"""From the inventory and the facts of a configuration to what a report says. Pure; times are Unix seconds.

Gaps are derived, not judged: a control that is off, values that passed unmasked, an exception without owner
or past its date. Nothing here calls anything compliant.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from waf.config.schema import Config
from waf.model import Mode
from waf.sensitive.inventory import Flow, Inventory, Place
from waf.sensitive.report.clauses import STANDARDS, Clause, Control, Standard, in_scope

ALTERED: Final = frozenset({"mask", "hash", "tokenise", "drop", "block"})

_CONTROLS: Final[dict[Control, str]] = {
    "flows": "Inventory of sensitive data flows",
    "masking": "Masking of sensitive data in transit",
    "tokens": "Keyed tokens and hashes",
    "unwritten": "Track data and verification codes never written",
    "inspection": "Detection and prevention of web attacks",
    "tls": "TLS on the listener",
    "audit": "One event for every exchange",
    "disclosure": "Detection of mass disclosure",
    "profiles": "Learned request profiles",
    "exceptions": "Exclusions with owner, reason and expiry",
    "records": "Masking of our own records",
    "block": "Refusal of data that policy forbids",
}


class ControlFact(msgspec.Struct, frozen=True):
    """`on`: in force; `detail`: how, in a few words."""

    control: Control
    title: str
    on: bool
    detail: str


class ExceptionFact(msgspec.Struct, frozen=True):
    """One exclusion of tuning.yaml; `expires` as written, "" for never."""

    what: str
    reason: str = ""
    owner: str = ""
    expires: str = ""
    expired: bool = False


class PolicyChange(msgspec.Struct, frozen=True):
    when: float
    version: str
    what: str = ""


class Facts(msgspec.Struct, frozen=True):
    """What is known of the configuration in force."""

    version: str
    mode: str
    controls: tuple[ControlFact, ...]

    @classmethod
    def of(cls, config: Config, version: str) -> Facts:
        """Read off a configuration."""
        protects = config.mode is Mode.PROTECT
        sensitive = config.sensitive
        in_force = sensitive.enabled and protects and sensitive.mode in (None, Mode.PROTECT)
        actions = {sensitive.response_action, sensitive.request_action, *(r.action for r in sensitive.rules)}
        watched = "watched only" if not protects else ""
        state: dict[Control, tuple[bool, str]] = {
            "flows": (sensitive.enabled, "by endpoint, direction, field and entity"),
            "masking": (in_force and bool(actions & {"mask", "hash", "tokenise", "drop"}),
                        watched or f"responses: {sensitive.response_action}, requests: {sensitive.request_action}"),
            "tokens": (in_force and bool(actions & {"hash", "tokenise"}), watched or "HMAC-SHA256"),
            "unwritten": (True, "replaced by their name before anything is written"),
            "inspection": (config.signatures.enabled and protects,
                           watched or f"level {config.inspection.level}"),
            "tls": (config.listen.tls is not None, "ends here" if config.listen.tls else "ends elsewhere, if at all"),
            "audit": (config.events.output != "none", f"events to {config.events.output}"),
            "disclosure": (sensitive.enabled and sensitive.disclosure != "off", sensitive.disclosure),
            "profiles": (config.profiles.enabled and config.profiles.mode in ("monitor", "protect"),
                         config.profiles.mode),
            "exceptions": (True, f"{len(config.tuning)} tuning files"),
            "records": (True, "all entities, whatever policy says of traffic"),
            "block": (in_force and "block" in actions, watched or "by rule"),
        }  # fmt: skip
        controls = tuple(
            ControlFact(name, _CONTROLS[name], on, detail) for name, (on, detail) in state.items()
        )
        return cls(version, config.mode.value, controls)


class FlowRow(msgspec.Struct, frozen=True):
    """One flow as a report shows it. `open_count` values passed as they were."""

    endpoint: str
    direction: str
    field: str
    entity: str
    group: str
    count: int
    messages: int
    distinct: int
    open_count: int
    test: int
    actions: tuple[tuple[str, int], ...]
    first: float
    last: float
    policies: tuple[str, ...]


class ClauseRow(msgspec.Struct, frozen=True):
    """A clause with the controls that support it; `state` says how far this product does."""

    number: str
    title: str
    state: str
    controls: tuple[str, ...]
    missing: tuple[str, ...]


class Report(msgspec.Struct, frozen=True):
    """All that a report says, whatever it is rendered as."""

    standard: str
    title: str
    start: float
    end: float
    made: float
    policy: str
    mode: str
    flows: tuple[FlowRow, ...]
    clauses: tuple[ClauseRow, ...]
    controls: tuple[ControlFact, ...]
    exceptions: tuple[ExceptionFact, ...]
    changes: tuple[PolicyChange, ...]
    gaps: tuple[str, ...]

    @property
    def values(self) -> int:
        return sum(row.count for row in self.flows)

    @property
    def passed(self) -> int:
        """Values that went through as they were."""
        return sum(row.open_count for row in self.flows)


def build_report(
    inventory: Inventory | Iterable[tuple[Place, Flow]],
    facts: Facts,
    *,
    standard: Standard,
    period: tuple[float, float],
    made: float,
    exceptions: Sequence[ExceptionFact] = (),
    changes: Sequence[PolicyChange] = (),
) -> Report:
    """What `standard` asks, answered for `period` (from, to).

    Flows are those that were active in the period; their counts are totals since `first`.
    """
    scope = STANDARDS[standard]
    start, end = period
    flows = tuple(
        sorted(
            (
                _row(place, flow)
                for place, flow in inventory
                if in_scope(scope, place.entity, flow.group) and flow.first <= end and flow.last >= start
            ),
            key=lambda row: (-row.count, row.endpoint, row.field),
        )
    )
    on = {fact.control: fact.on for fact in facts.controls}
    titles = {fact.control: fact.title for fact in facts.controls}
    clauses = tuple(_clause(clause, on, titles) for clause in scope.clauses)
    wanted = {control for clause in scope.clauses for control in clause.controls}
    recent = tuple(sorted((c for c in changes if start <= c.when <= end), key=lambda c: c.when))
    return Report(
        standard=standard,
        title=scope.name,
        start=start,
        end=end,
        made=made,
        policy=facts.version,
        mode=facts.mode,
        flows=flows,
        clauses=clauses,
        controls=tuple(fact for fact in facts.controls if fact.control in wanted),
        exceptions=tuple(exceptions),
        changes=recent,
        gaps=tuple(_gaps(flows, clauses, facts, exceptions)),
    )


def _row(place: Place, flow: Flow) -> FlowRow:
    actions = flow.actions
    done = sum(count for action, count in actions.items() if action in ALTERED)
    return FlowRow(
        endpoint=place.endpoint,
        direction=place.direction,
        field=place.field,
        entity=place.entity,
        group=flow.group,
        count=flow.count,
        messages=flow.messages,
        distinct=min(flow.distinct, flow.count),
        open_count=flow.count - done,
        test=flow.test,
        actions=tuple(sorted(actions.items())),
        first=flow.first,
        last=flow.last,
        policies=tuple(flow.policies),
    )


def _clause(clause: Clause, on: dict[Control, bool], titles: dict[Control, str]) -> ClauseRow:
    have = tuple(titles[control] for control in clause.controls if on.get(control))
    missing = tuple(titles.get(control, control) for control in clause.controls if not on.get(control))
    state = "supports" if not missing else "supports in part" if have else "does not support now"
    return ClauseRow(clause.number, clause.title, state, have, missing)


def _gaps(
    flows: Sequence[FlowRow], clauses: Sequence[ClauseRow], facts: Facts, exceptions: Sequence[ExceptionFact]
) -> Iterable[str]:
    if facts.mode != "protect":
        yield f"The global mode is {facts.mode}: nothing is masked or refused."
    for row in flows:
        if row.direction == "response" and row.open_count:
            yield (
                f"{row.endpoint} sent {row.open_count} of {row.count} {row.entity} values in {row.field} "
                "as they were."
            )
    for clause in clauses:
        if clause.missing:
            yield f"{clause.number}: not in force: {', '.join(clause.missing)}."
    for exception in exceptions:
        if exception.expired:
            yield f"The exception {exception.what} has expired ({exception.expires})."
        elif not exception.owner:
            yield f"The exception {exception.what} has no owner."
        elif not exception.expires:
            yield f"The exception {exception.what} never expires."
