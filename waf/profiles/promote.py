"""The way of each constraint: discovered, staged, protected; and back, where traffic or the app has changed.

Everything is decided per constraint, from the candidates that `closing` judged and from what happened since:

    discover -> stage     the set is closed
    stage -> protect      as many requests again as it was learned from (at most 1,000) and a day, hardly a
    violation;
                          at once where the evidence is trusted, or one hour of learning
                          was asked for (but not while a recording is being played)
    protect -> stage      the breaker: it refuses more than 0.5 % of an endpoint's requests from five
    sources or more
                          in five minutes; or its endpoint was changed by a release (`drift`)
    wider                 a staged set follows what is learned; a protected one only what twenty sources (or a
                          trusted one, or a person) have shown
    narrower              at once

All of that is for constraints that traffic is held against. While a workload is only discovered they are what the
evidence says, no more and no less, whatever it said before (`gather`): so what replicas have learned apart, and what
one learned that saw it all, is the same once it is brought together. Staging begins when they are first held against
traffic.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Final

import msgspec

from waf.profiles.book import Book, Entry, move, narrowed, widened
from waf.profiles.candidates import Candidate
from waf.profiles.closing import Needs
from waf.profiles.constraints import Aspect, Constraint, Key, Stage
from waf.profiles.evidence import REQUESTS, Evidence, estimate, sources

STAGE_REQUESTS: Final = 1_000.0
STAGE_SECONDS: Final = 86_400.0
GRACE_SECONDS: Final = 3_600.0  # of an endpoint that a release has touched

BREAKER_SHARE: Final = 0.005
BREAKER_SOURCES: Final = 5
BREAKER_SECONDS: Final = 300.0
PATH_SHARE: Final = 0.05
PATH_SOURCES: Final = 10
"""The same for a set of paths: any site is scanned by a handful of strangers at any time, and what they ask for is on
no site. Only what one in twenty requests wants is taken for a page that is new."""
DRIFT_SOURCES: Final = 10
DRIFT_SECONDS: Final = 1_200.0
RELEASE_SOURCES: Final = 3  # within an hour after a release
RELEASE_SECONDS: Final = 3_600.0
BREAKER_NOTE: Final = "breaker"


BY_A_PERSON: Final = frozenset({"set by a person", "accepted by a person"})
CLOSED: Final = "closed"
MORE: Final = "learned more"
UNHELD: Final = "closed, and not held against traffic yet"
WAITS: Final = "waits until those who are trusted have taught it all"
NO_STAGING: Final = "needed no staging"


class Alert(msgspec.Struct, frozen=True):
    """Something that a person should know: what happened, to what, in one sentence."""

    at: float
    kind: str  # breaker, drift, frozen, thawed, zombie, held, sequence
    subject: str
    text: str


def step(
    book: Book,
    found: Iterable[Candidate],
    strictly: Callable[[], dict[Key, Candidate]],
    needs: Needs,
    now: float,
    *,
    automatic: bool = True,
    settled: bool = True,
) -> list[Key]:
    """Let every learned constraint take its next step. Gives the keys that changed what the profile says.

    What trusted sources taught is protected at once, but not while they are still at it: without `settled` it waits
    in its stage until they have gone, or have for an hour shown as much again without going against it.

    `strictly` gives the candidates as they stand with twenty sources for each thing; it is called only if
    needed. Without `automatic` nothing is protected, and nothing protected widened, but by a person.
    """
    texts: dict[str, str] = {}
    changed: set[Key] = set()
    alive: set[Key] = set()
    strict: dict[Key, Candidate] | None = None
    for candidate in found:
        key = candidate.key
        entry = book.entries.get(key)
        if entry is None:
            if candidate.closed:
                alive.add(key)
                entry = book.entries[key] = _enter(candidate, needs, now, automatic, settled)
                texts.update(_shown(entry, candidate))
                changed.add(key)
            continue
        alive.add(key)
        entry.seen = candidate.n
        if entry.note == UNHELD:  # now it is, so its staging begins
            move(entry, entry.constraint.stage, now, CLOSED)
        if candidate.texts:
            texts.update(_shown(entry, candidate))
        stage = entry.constraint.stage
        if not candidate.closed:
            # A protected set is opened by the breaker, by drift, by a person or by those who are trusted.
            if stage is not Stage.PROTECT or candidate.seen & REQUESTS:
                del book.entries[key]
                changed.add(key)
            elif candidate.allowed != entry.constraint.allowed:
                entry.wanted = candidate.allowed
        elif candidate.allowed != entry.constraint.allowed:
            if stage is not Stage.PROTECT:
                entry.constraint = msgspec.structs.replace(entry.constraint, allowed=candidate.allowed)
                move(entry, stage, now, WAITS if entry.note == WAITS else MORE)
                changed.add(key)
            else:
                if strict is None and automatic and not candidate.seen & REQUESTS:
                    strict = strictly()
                if _open(entry, candidate, strict or {}, automatic):
                    changed.add(key)
    for key in [key for key in book.entries if key not in alive]:  # its endpoint is forgotten
        del book.entries[key]
        changed.add(key)
    book.texts = texts
    rates = _rates(book) if automatic else {}
    for key, entry in book.entries.items() if automatic else ():
        if entry.constraint.stage is not Stage.STAGE:
            continue
        if entry.note == WAITS and (settled or _shown_again(entry, now)):
            move(entry, Stage.PROTECT, now, NO_STAGING)
            changed.add(key)
        elif _proven(entry, rates, needs, now):
            move(entry, Stage.PROTECT, now, "staged without complaint")
            changed.add(key)
    return sorted(changed)


def gather(book: Book, found: Iterable[Candidate], needs: Needs, now: float) -> list[Key]:
    """Let the learned constraints be those that are closed now: for a workload that is only discovered.

    Gives the keys that changed. What a person accepted or set keeps its stage and what it allows; what goes beyond waits.
    """
    texts: dict[str, str] = {}
    changed: list[Key] = []
    former, book.entries = book.entries, {}
    for candidate in found:
        key = candidate.key
        entry = former.pop(key, None)
        kept = entry is not None and entry.note in BY_A_PERSON
        if entry is None or not kept:
            if not candidate.closed:
                if entry is not None:
                    changed.append(key)
                continue
            learned = Constraint(key, candidate.allowed, Stage.STAGE)
            if entry is None or entry.constraint != learned:
                changed.append(key)
            note = WAITS if _needs_no_staging(candidate, needs) else UNHELD
            entry = Entry(learned, now, candidate.n, candidate.n, note=note)
        else:
            entry.seen = candidate.n
            beyond = candidate.closed and candidate.allowed != entry.constraint.allowed
            entry.wanted = candidate.allowed if beyond else ()
        book.entries[key] = entry
        texts.update(_shown(entry, candidate))
    book.texts = texts
    return sorted([*changed, *former])


def _shown(entry: Entry, candidate: Candidate) -> dict[str, str]:
    """The values of an enumeration that may be shown, by the hash that stands for them."""
    allowed = {*entry.constraint.allowed, *entry.wanted}
    shown = {f"#{digest:015x}": text.decode("utf-8", "replace") for digest, text in candidate.texts.items()}
    return {digest: text for digest, text in shown.items() if digest in allowed and text.isprintable()}


def _enter(candidate: Candidate, needs: Needs, now: float, automatic: bool, settled: bool) -> Entry:
    at_once = automatic and _needs_no_staging(candidate, needs)
    stage = Stage.PROTECT if at_once and settled else Stage.STAGE
    note = (CLOSED, WAITS, NO_STAGING)[at_once + (at_once and settled)]
    return Entry(
        Constraint(candidate.key, candidate.allowed, stage), now, candidate.n, candidate.n, note=note
    )


def _needs_no_staging(candidate: Candidate, needs: Needs) -> bool:
    """Trusted evidence needs none; and who asks for one hour of learning asks for no day of staging."""
    return bool(candidate.seen & REQUESTS) or needs.elapsed <= 0


def _open(entry: Entry, candidate: Candidate, strict: Mapping[Key, Candidate], automatic: bool) -> bool:
    """Widen a protected constraint by what is beyond doubt, narrow it to what is left; keep the rest
    waiting."""
    old = entry.constraint
    sure = old.allowed
    if automatic:
        beyond_doubt = candidate if candidate.seen & REQUESTS else strict.get(candidate.key)
        if beyond_doubt is not None:
            sure = widened(candidate.aspect, sure, beyond_doubt.allowed)
    sure = narrowed(candidate.aspect, sure, candidate.allowed)
    entry.wanted = candidate.allowed if sure != candidate.allowed else ()
    if sure == old.allowed:
        return False
    entry.constraint = msgspec.structs.replace(old, allowed=sure)
    return True


# ----------------------------------------------------------------------------------------------- staging


def wilson(violations: float, n: float, z: float = 1.96) -> float:
    """Upper end of the score interval of a rate (Wilson, JASA 22, 1927)."""
    if n <= 0:
        return 1.0
    rate = violations / n
    centre = rate + z * z / (2 * n)
    return min(1.0, (centre + z * math.sqrt(rate * (1 - rate) / n + z * z / (4 * n * n))) / (1 + z * z / n))


def _rates(book: Book) -> dict[str, tuple[float, float]]:
    """Violations and requests of all staged constraints of each aspect: one alone is seldom seen often
    enough."""
    sums: defaultdict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
    for key, entry in book.entries.items():
        if entry.constraint.stage is Stage.STAGE:
            sums[key.aspect][0] += _complaints(entry)
            sums[key.aspect][1] += max(0.0, entry.seen - entry.requests)
    return {aspect: (violations, n) for aspect, (violations, n) in sums.items()}


def _complaints(entry: Entry) -> float:
    """Sources that went against it, not requests: one that tries again and again is one."""
    return min(estimate(entry.violators), float(entry.violations))


def _shown_again(entry: Entry, now: float) -> bool:
    """Of those who never stop teaching. Who plays a recording is done within the hour, releases within it included."""
    since = entry.seen - entry.requests
    shown = not entry.violations and since >= min(STAGE_REQUESTS, entry.requests)
    return shown and now - entry.since >= GRACE_SECONDS


def _proven(entry: Entry, rates: dict[str, tuple[float, float]], needs: Needs, now: float) -> bool:
    since = entry.seen - entry.requests
    wait = STAGE_SECONDS * needs.elapsed / 86_400.0
    if now - entry.since < wait or since < min(STAGE_REQUESTS, entry.requests):
        return False
    if _complaints(entry) > needs.epsilon / 4 * since:
        return False
    violations, n = rates[entry.constraint.key.aspect]
    return wilson(violations, n) <= max(needs.epsilon / 4, wilson(0, STAGE_REQUESTS))


# ---------------------------------------------------------------------------------------- breaker and drift


class Watch:
    """Counts within short windows: who goes against which constraint, and how many requests an endpoint
    gets."""

    def __init__(self) -> None:
        self.released = -math.inf
        self._breaker = _Window(BREAKER_SECONDS)
        self._drift = _Window(DRIFT_SECONDS)

    def release(self, now: float) -> None:
        """A new version of the app (image digest, configuration) has begun to answer."""
        self.released = now

    def count(self, place: str, now: float, requests: float) -> None:
        """So many requests came to a place."""
        self._breaker.count(place, now, requests)

    def saw(
        self,
        book: Book,
        place: str,
        violations: Iterable[str],
        bits: Evidence,
        now: float,
        weight: float = 1.0,
    ) -> list[Alert]:
        """One request that no other engine objected to; `violations` are ids of constraints, `weight` how many
        requests came to the place since the last one, this one included. Acts on the book.
        """
        self._breaker.count(place, now, weight)
        alerts: list[Alert] = []
        for text in violations:
            entry = book.entries.get(Key.parse(text))
            if entry is None:
                continue
            entry.violators |= bits
            entry.violations += 1
            against = self._breaker.against(text, bits, now)
            crowd = self._drift.against(text, bits, now)
            path = entry.constraint.key.aspect == Aspect.PATH.value
            enough, most = (PATH_SOURCES, PATH_SHARE) if path else (BREAKER_SOURCES, BREAKER_SHARE)
            if entry.constraint.stage is Stage.PROTECT and sources(against[1]) >= enough:
                share = against[0] / max(1, self._breaker.total(place, entry.constraint.key))
                if share > most:
                    move(entry, Stage.STAGE, now, BREAKER_NOTE)
                    crowd_size = sources(against[1])
                    said = (
                        f"refused {share:.1%} of its endpoint's requests, from {crowd_size} sources or more"
                    )
                    alerts.append(Alert(now, "breaker", text, said))
            recent = now - self.released < RELEASE_SECONDS
            needed = RELEASE_SOURCES if recent else math.inf if path else DRIFT_SOURCES
            if sources(crowd[1]) >= needed:
                alerts += _touched(book, entry.constraint.key, now)
        return alerts


def fall(book: Book, kind: str, subject: str, now: float) -> list[Key]:
    """Take protection back as the replica did that raised this alert. Gives the keys that moved.

    Raises ValueError for a kind that takes nothing back, or a subject that is no constraint.
    """
    match kind:
        case "breaker":
            entry = book.entries.get(Key.parse(subject))
            if entry is None or entry.constraint.stage is not Stage.PROTECT:
                return []
            move(entry, Stage.STAGE, now, BREAKER_NOTE)
            return [entry.constraint.key]
        case "drift":
            return _stage_again(book, subject, now)
    raise ValueError(f"{kind!r} takes no protection back")


def _stage_again(book: Book, template: str, now: float) -> list[Key]:
    """Stage everything protected about an endpoint again, for `GRACE_SECONDS`."""
    moved = []
    for key, entry in book.entries.items():
        if key.template == template and entry.constraint.stage is Stage.PROTECT:
            move(entry, Stage.STAGE, now - STAGE_SECONDS + GRACE_SECONDS, "its endpoint has changed")
            moved.append(key)
    return moved


def _touched(book: Book, key: Key, now: float) -> list[Alert]:
    """The endpoint of a constraint has changed: everything protected about it is staged again for a while."""
    moved = _stage_again(book, key.template, now)
    if not moved:
        return []
    said = f"many sources send what it never took: {len(moved)} constraints are only watched for now"
    return [Alert(now, "drift", key.template, said)]


class _Window:
    """Counts of the present span of time, begun anew when it is over."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._began = -math.inf
        self._totals: dict[str, float] = {}
        self._against: dict[str, tuple[int, Evidence]] = {}

    def _turn(self, now: float) -> None:
        if now - self._began >= self._seconds or now < self._began:
            self._began = now
            self._totals.clear()
            self._against.clear()

    def count(self, place: str, now: float, requests: float) -> None:
        self._turn(now)
        if place in self._totals or len(self._totals) < 4_096:
            self._totals[place] = self._totals.get(place, 0.0) + requests

    def against(self, text: str, bits: Evidence, now: float) -> tuple[int, Evidence]:
        self._turn(now)
        times, seen = self._against.get(text, (0, 0))
        if text in self._against or len(self._against) < 4_096:
            self._against[text] = (times + 1, seen | bits)
        return times + 1, seen | bits

    def total(self, place: str, key: Key) -> float:
        """Requests that a constraint saw: those of the place, or of all that lies below where it is about ways on."""
        if key.aspect != Aspect.PATH.value:
            return self._totals.get(place, 0.0)
        below = key.template + "/"
        return sum(
            n
            for template, n in self._totals.items()
            if template == key.template or template.startswith(below)
        )
