"""How far learning is, for people: per endpoint what is known, what would be refused, and why not yet.

Also the two lists that a document makes possible: shadow endpoints (seen, not in the document) and zombies
(in it, or once seen, and silent or in use again).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, Final

import msgspec

from waf.profiles.book import Book, Cover, Entry, Places
from waf.profiles.candidates import Candidate, children_of, places_of
from waf.profiles.constraints import EVERYWHERE, Stage
from waf.profiles.endpoint import Endpoint
from waf.profiles.evidence import estimate, hours
from waf.profiles.model import STALE, Node, State
from waf.profiles.promote import CLOSED, MORE, STAGE_REQUESTS

SILENT: Final = 30 * 86_400.0
_REASONS: Final = 3


class EndpointStatus(msgspec.Struct, frozen=True):
    """One endpoint. Counts are of constraints."""

    template: str
    method: str
    requests: float
    sources: float  # infinite: many
    hours: int
    first: float
    last: float
    learned: int
    staged: int
    protected: int
    ready: bool  # all that may be enforced is, or waits for nothing but time
    violations: int  # against staged constraints: what would be refused if they were protected now
    waiting: int  # for a person to accept
    why_not: tuple[str, ...]  # the commonest reasons of those that are not protected
    entities: tuple[str, ...]  # sensitive entities seen
    authenticated: float  # share of requests
    statuses: dict[str, float]  # by class: "2xx"
    callers: tuple[str, ...]  # workloads that call it, by the identity in their certificates
    types_in: tuple[str, ...]  # media types of requests
    types_out: tuple[str, ...]  # of answers
    before: dict[
        str, float
    ]  # where its callers were before, each with its share of arrivals, the commonest first


def status(state: State, book: Book, found: Iterable[Candidate]) -> list[EndpointStatus]:
    """Every endpoint, the busiest first."""
    by_place: defaultdict[tuple[str, str], list[Candidate]] = defaultdict(list)
    for candidate in found:
        by_place[candidate.key.template, candidate.key.method].append(candidate)
    result = []
    came = predecessors(state)
    for template, method, endpoint in endpoints_of(state):
        candidates = by_place.get((template, method), [])
        before = came.get(f"{method} {template}", {})
        result.append(_status(template, method, endpoint, candidates, book, before))
    return sorted(result, key=lambda s: (-s.requests, s.template, s.method))


def _status(
    template: str,
    method: str,
    endpoint: Endpoint,
    found: list[Candidate],
    book: Book,
    before: dict[str, float],
) -> EndpointStatus:
    entries = [book.entries[c.key] for c in found if c.key in book.entries]
    stages = [entry.constraint.stage for entry in entries]
    reasons: defaultdict[str, int] = defaultdict(int)
    for candidate in found:
        if candidate.key not in book.entries and candidate.why:
            reasons[candidate.why] += 1
    for entry in entries:
        if entry.constraint.stage is Stage.STAGE:
            reasons[_why_staged(entry)] += 1
    protected = stages.count(Stage.PROTECT)
    return EndpointStatus(
        template=template,
        method=method,
        requests=endpoint.n,
        sources=estimate(endpoint.seen),
        hours=hours(endpoint.seen),
        first=endpoint.first,
        last=endpoint.last,
        learned=len(found),
        staged=stages.count(Stage.STAGE),
        protected=protected,
        ready=protected > 0 and protected == len(stages),
        violations=sum(e.violations for e in entries if e.constraint.stage is Stage.STAGE),
        waiting=sum(bool(entry.wanted) for entry in entries),
        why_not=tuple(sorted(reasons, key=lambda why: (-reasons[why], why))[:_REASONS]),
        entities=tuple(sorted(endpoint.entities)),
        authenticated=1 - endpoint.auth.get("", 0.0) / endpoint.n if endpoint.n else 0.0,
        statuses={f"{kind}xx": count for kind, count in sorted(endpoint.statuses.items())},
        callers=tuple(sorted(endpoint.callers)),
        types_in=tuple(sorted(endpoint.types_in)),
        types_out=tuple(sorted(endpoint.types_out)),
        before=before,
    )


def _why_staged(entry: Entry) -> str:
    if entry.note not in (CLOSED, MORE):
        return entry.note
    watched, wanted = entry.seen - entry.requests, min(STAGE_REQUESTS, entry.requests)
    return f"watched for {min(watched, wanted):.0f} of {wanted:.0f} requests, which takes a day at least"


def predecessors(state: State) -> dict[str, dict[str, float]]:
    """By endpoint ("GET /cart") where those were before who came to it, with shares; see `sequence.Before`."""
    cover = Cover(places_of(state))  # what was a literal when it was noted may have become a slot
    found: dict[str, dict[str, float]] = {}
    for template, method, endpoint in endpoints_of(state):
        folded: dict[str, float] = {}
        for place, share in endpoint.before.shares().items():
            verb, _, path = place.partition(" ")
            known = f"{verb} {cover.template(path)}" if path else place
            folded[known] = folded.get(known, 0.0) + share
        if folded:
            found[f"{method} {template}"] = folded
    return found


def endpoints_of(state: State) -> list[tuple[str, str, Endpoint]]:
    """(template, method, endpoint) of all endpoints, literals that are values folded."""
    result: list[tuple[str, str, Endpoint]] = []

    def walk(node: Node, template: str) -> None:
        result.extend((template, method, endpoint) for method, endpoint in sorted(node.endpoints.items()))
        for name, child in children_of(node)[0].items():
            walk(child, f"{template}/{name}")

    walk(state.root, "")
    return result


def shadows(state: State, documented: Places) -> list[tuple[str, str]]:
    """(template, method) that were seen and are not in the document; OPTIONS and HEAD are nobody's
    endpoint."""
    cover = Cover(documented)
    return sorted(
        (template, method)
        for template, method, _ in endpoints_of(state)
        if method not in ("OPTIONS", EVERYWHERE)
        and method not in documented.get(cover.template(template), ())
    )


def zombies(state: State, documented: Places, now: float) -> list[tuple[str, str, str]]:
    """(template, method, why): documented and never or long not seen, or learned and not seen for ninety
    days."""
    cover = Cover(documented)
    last: dict[tuple[str, str], float] = {}
    for template, method, endpoint in endpoints_of(state):
        place = cover.template(template), method
        last[place] = max(last.get(place, 0.0), endpoint.last)
    result = []
    for template, methods in documented.items():
        for method in methods:
            seen = last.pop((template, method), 0.0)
            if not seen:
                result.append((template, method, "in the document, never seen"))
            elif now - seen > SILENT:
                result.append(
                    (template, method, f"in the document, not seen for {(now - seen) / 86_400:.0f} days")
                )
    for (template, method), seen in last.items():
        if now - seen > STALE:
            result.append((template, method, f"not seen for {(now - seen) / 86_400:.0f} days"))
    return sorted(result)


def plain(statuses: Iterable[EndpointStatus]) -> list[dict[str, Any]]:
    """For JSON: infinite numbers become None."""
    rows = [msgspec.structs.asdict(status) for status in statuses]
    for row in rows:
        row["sources"] = None if row["sources"] == float("inf") else round(row["sources"])
    return rows
