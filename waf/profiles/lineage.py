"""Which replicas' lessons are in a state, so that bringing two states together twice changes nothing.

A state is a sum, and a sum knows not what it was made of. So whoever takes another's state keeps it beside his own,
with its *lineage* (a random name made with the state) and its *epoch* (lessons so far). Who comes again with more is
taken as the difference: evidence is merged by OR and does not mind coming twice, and of the counts those that were
taken before are taken off. Joining is then commutative, associative and idempotent, whoever had taken whom before.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from waf.profiles import store
from waf.profiles.endpoint import Endpoint
from waf.profiles.model import Node, State
from waf.profiles.parameter import Parameter
from waf.profiles.segments import SLOT


class Share(msgspec.Struct, frozen=True, array_like=True):
    """What one lineage had learned at an epoch; `month` is that in which `state` was last aged."""

    epoch: float
    month: int
    state: bytes


class Part(msgspec.Struct, frozen=True):
    """The same with the state at hand."""

    epoch: float
    state: State


class Origin(msgspec.Struct, frozen=True):
    """A whole state with what it was made of."""

    state: State
    lineage: str
    lessons: float
    shares: Mapping[str, Share]


class TooMany(ValueError):
    """There is no room to remember what was merged."""


def _part_of(share: Share, month: int, memory: int) -> Part:
    """A share as it would be in `month`. Raises `store.Damaged`."""
    state = store.load(share.state, memory)
    for _ in range(min(3, month - share.month) if share.month else 0):
        state.age()
    return Part(share.epoch, state)


def own_part(state: State, shares: Mapping[str, Share], month: int, memory: int) -> State:
    """What of a state was learned by who has it, and not by others. Raises `store.Damaged`."""
    own = State(memory)
    own.merge(state)
    for share in shares.values():
        lessen(own, _part_of(share, month, memory).state)
    return own


def join(
    state: State, lineage: str, shares: dict[str, Share], other: Origin, month: int, memory: int
) -> bool:
    """Add to `state`, whose lineage and shares are given, what `other` knows and it does not; true if that is anything.

    Raises `store.Damaged` for shares that cannot be read, and `TooMany`; nothing has changed then.
    """
    theirs = {name: _part_of(share, month, memory) for name, share in other.shares.items()}
    theirs[other.lineage] = Part(other.lessons, own_part(other.state, other.shares, month, memory))
    new = {
        name: part
        for name, part in theirs.items()
        if name != lineage and (name not in shares or shares[name].epoch < part.epoch)
    }
    before = {name: _part_of(shares[name], month, memory) for name in new if name in shares}
    taken = {
        **shares,
        **{name: Share(part.epoch, month, store.dump(part.state)) for name, part in new.items()},
    }
    if sum(len(share.state) for share in taken.values()) > memory:
        raise TooMany("what was merged before takes more room than profiles.memory gives; raise it")
    for name, part in new.items():
        state.merge(part.state)
        if name in before:
            lessen(state, before[name].state)
    shares.update(taken)
    return bool(new)


def lessen(state: State, by: State) -> None:
    """Take the counts of `by` off, as far as they are there; what is known stays known."""
    _lessen_node(state.root, by.root)
    _lessen_endpoint(state.common, by.common)
    state.requests = max(0.0, state.requests - by.requests)
    state.refused = max(0.0, state.refused - by.refused)
    state.activity = [
        max(0.0, mine - theirs) for mine, theirs in zip(state.activity, by.activity, strict=True)
    ]


def _lessen_node(node: Node, by: Node) -> None:
    node.n = max(0.0, node.n - by.n)
    if node.values is not None and by.values is not None:
        _lessen_parameter(node.values, by.values)
    for method, endpoint in by.endpoints.items():
        if method in node.endpoints:
            _lessen_endpoint(node.endpoints[method], endpoint)
    for name, child in by.children.items():
        # What was a literal may have become the slot since.
        mine = node.children.get(name) or (node.children.get(SLOT) if node.collapsed else None)
        if mine is not None:
            _lessen_node(mine, child)


def _lessen_endpoint(endpoint: Endpoint, by: Endpoint) -> None:
    endpoint.n = max(0.0, endpoint.n - by.n)
    endpoint.before.lessen(by.before)
    for counts, less in (
        (endpoint.statuses, by.statuses),
        (endpoint.request_sizes, by.request_sizes),
        (endpoint.response_sizes, by.response_sizes),
    ):
        for key, count in less.items():
            if key in counts:
                counts[key] = max(0.0, counts[key] - count)
    for names, fewer in ((endpoint.auth, by.auth), (endpoint.entities, by.entities)):
        for name, count in fewer.items():
            if name in names:
                names[name] = max(0.0, names[name] - count)
    if theirs := by.parameters():
        parameters = endpoint.open()
        for place, parameter in theirs.items():
            if place in parameters:
                _lessen_parameter(parameters[place], parameter)


def _lessen_parameter(parameter: Parameter, by: Parameter) -> None:
    # What is counted as distinct was joined, not added: nothing of it is there twice.
    parameter.counted = max(0.0, parameter.counted - by.counted)
    parameter.requests = max(0.0, parameter.requests - by.requests)
