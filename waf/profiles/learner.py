"""The mutable whole: what the shell feeds with observations and asks for a profile.

Not thread-safe: one thread owns it, off the data path. Time is passed in as Unix time in seconds. Decides
from whom to learn: nothing from sources that were caught within the hour, nothing while the workload is
under attack, and of endpoints that have long been known only a sample.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Final
from zlib import crc32

import msgspec

from waf.config.schema import Profiles
from waf.model import Mask
from waf.profiles import compile, store
from waf.profiles.book import Book
from waf.profiles.candidates import Candidate, candidates, families, places_of
from waf.profiles.check import Profile
from waf.profiles.closing import Needs, close, promising
from waf.profiles.constraints import CAPS, Key, Stage
from waf.profiles.dissent import dissenters
from waf.profiles.distinct import mixed
from waf.profiles.evidence import ALL, Evidence, mark
from waf.profiles.findings import shape_mask
from waf.profiles.lineage import Origin, Share, join, own_part
from waf.profiles.merge import Delta, Fall, merged
from waf.profiles.model import State, method_of
from waf.profiles.observe import HOUR, Observation, accepted
from waf.profiles.openapi_import import Imported
from waf.profiles.outbox import Handed, Outbox, handed
from waf.profiles.promote import Alert, Watch, fall, gather, step
from waf.profiles.sequence import STRAYS, Strays, Trails
from waf.profiles.siege import Siege, Suspects

MONTH: Final = 30 * 86_400.0
STRICT_SOURCES: Final = 20  # that a thing needs before a protected constraint opens to it
LENT: Final = 3_600.0  # seconds for which a store that asked is taken to ask again
_ALERTS: Final = 200
_CARRIED: Final = (
    "state", "book", "alerts", "led", "would_block", "_wall", "_same", "_watch", "_siege", "_suspects", "_trails", "_strays", "_month", "_app",
    "_telling", "_lent", "_life", "_asked", "pushed", "lineage", "lessons", "shares",
)  # fmt: skip


class Learner:
    """Learns one workload. `key` makes the hashes of sources and values; all its replicas share it."""

    def __init__(self, config: Profiles, key: bytes, replica: str = "") -> None:
        self.config: Final = config
        self.needs: Final = Needs.of(config.epsilon, config.sources, config.hours)
        self.state = State(int(config.memory))
        self.book = Book()
        self.lineage = ""  # a name of the state that no other has; see `lineage`
        self.lessons = 0.0  # since it has that name
        self.shares: dict[str, Share] = {}  # what others had learned that is in it
        self.alerts: deque[Alert] = deque(maxlen=_ALERTS)
        self._key: Final = key[:64]
        self._wall, self._same = 0.0, 0  # of the last request, and how many more came at that time
        self._alone: Final = config.sources == 1  # then every request is a witness
        self._watch = Watch()
        self._siege = Siege()
        self._suspects = Suspects()
        self._trails, self._strays = Trails(), Strays()
        self._month = 0
        self._app = ""  # version of the app that was learned from last
        self._telling = Outbox(replica, int(config.memory)) if replica else None  # for the fleet, or a worker
        self._lent: Outbox | None = None  # for a store that asks, once it has asked
        self._life = ""  # of the latter's numbering
        self._asked = 0.0  # when a store asked last
        self.would_block = 0  # since the last delta; counted by whoever decides
        self.reach = Stage.DISCOVER  # how far constraints may come at some route, whatever the mode
        self.led = False  # the book is another's (the fleet's, a store's): nothing is promoted here
        self.pushed = False  # it is a store's, which knows only what it asks for

    # ------------------------------------------------------------------------------------------ observations

    def observe(self, observation: Observation, now: float) -> bool:
        """Take one finished exchange; true if it was learned from."""
        trusted = observation.trusted or self._alone
        witness = self._witness(observation) if trusted else 0
        bits = mark(observation.source, int(observation.wall / HOUR), witness, trusted=trusted)
        if not trusted:
            if turned := self._siege.count(observation.flagged, now):
                self.alerts.append(Alert(now, *turned))
            if observation.flagged:
                self._suspects.add(observation.source, now)
        if observation.flagged:
            return False
        if observation.endpoint:
            self._against(observation, bits, now)
        if not accepted(observation):
            return False
        if not trusted and (self._siege.frozen or self._suspects.holds(observation.source, now)):
            return False
        step = self._trails.step(observation, method_of(observation.method))
        if self._lent is not None:
            self._lent.fresh.observe(observation, bits, self._key, step)
        if self._telling is not None:
            learned = self._telling.fresh.observe(observation, bits, self._key, step)
            if self.led:  # who leads has the whole; two of everything is for those who may have to do without
                return learned
        learned = self.state.observe(observation, bits, self._key, step)
        self.lessons += learned
        self._notice(observation.source, now)
        return learned

    def _notice(self, source: int, now: float) -> None:
        """Tell people what the state found remarkable about the last lesson."""
        while self.state.strayed:
            template, method = self.state.strayed.popleft()
            if self._strays.tells(source, now):
                said = f"for the {STRAYS}th time within an hour a source came from where hardly anybody comes"
                self.alerts.append(Alert(now, "sequence", f"{method} {template}", said))
        while self.state.awoken:
            template, method, unseen = self.state.awoken.popleft()
            said = f"used again after {unseen / 86_400:.0f} days: is it meant to be there still?"
            self.alerts.append(Alert(now, "zombie", f"{method} {template}", said))

    def _witness(self, seen: Observation) -> int:
        """A number for a request that any other learner gives it as well: what is merged must tell witnesses apart.

        Only where a clock stands still (recordings in whole seconds) the order counts as well.
        """
        self._same = self._same + 1 if seen.wall == self._wall else 0
        self._wall = seen.wall
        said = b"".join([seen.method, seen.path, *(field.value for field in seen.fields)])
        return mixed(seen.source, int(seen.wall * 1e6), crc32(said)) + self._same

    def passed(
        self, requests: int, flagged: int, by_place: Mapping[str, int], now: float, alike: int = 0
    ) -> None:
        """So many requests were not observed that nobody objected to (some of them at known templates), and so many
        that were flagged; `alike` of the former might have been learned from, and were like others.
        """
        if self._lent is not None and now - self._asked > LENT:
            self._lent = None  # who asks again with the mark of then gets the whole
        for outbox in self._outboxes:
            outbox.fresh.requests += alike
        if not self.led or self.pushed:
            self.state.requests += alike
        for count, caught in ((requests, False), (flagged, True)):
            if count and (turned := self._siege.count(caught, now, count)):
                self.alerts.append(Alert(now, *turned))
        for template, count in by_place.items():
            self._watch.count(template, now, count)

    def _against(self, observation: Observation, bits: Evidence, now: float) -> None:
        """Count what it went against; the breaker and the watch for drift may take protection back."""
        alerts = self._watch.saw(
            self.book, observation.endpoint, observation.violations, bits, now, observation.weight
        )
        self.alerts.extend(alerts)
        for outbox in self._outboxes:
            for text in observation.violations:
                outbox.complain(text, 1, bits)
            for alert in alerts:
                outbox.fell(Fall(alert.kind, alert.subject))

    @property
    def _outboxes(self) -> list[Outbox]:
        return [outbox for outbox in (self._telling, self._lent) if outbox is not None]

    def meets(self, version: str, now: float) -> bool:
        """The app that answers is `version` ("" where nobody says): true if it was another one before.

        What changes within the hour is then a change of the app: three sources suffice to put an endpoint back to
        stage (see `promote.Watch`).
        """
        if not version or version == self._app:
            return False
        before, self._app = self._app, version
        if before:
            self.release(now)
        return bool(before)

    @property
    def frozen(self) -> bool:
        """True while nothing is learned since too many requests have findings."""
        return self._siege.frozen

    def release(self, now: float) -> None:
        """A new version of the app has begun to answer: what changes now is a change of the app."""
        self._watch.release(now)

    # --------------------------------------------------------------------------------------------- profiles

    def compile(self, now: float, mask: Mask = shape_mask) -> Profile:
        """Take the next step of promotion and give the profile as of `now`; `mask` makes bytes safe to
        show."""
        self.advance(now)
        return self.profile(mask)

    def profile(self, mask: Mask = shape_mask) -> Profile:
        """The profile that the book stands for; nothing is learned or promoted."""
        constraints = self.book.constraints(self.cap)
        places = self.book.all_places()
        version = compile.version_of(places, constraints)
        shown = [self.book.shown(constraint) for constraint in constraints]
        usual = CAPS[self.config.mode]
        return compile.build(places, shown, key=self._key, mask=mask, version=version, cap=usual)

    @property
    def cap(self) -> Stage:
        """How far constraints may come, at the route where they may come furthest."""
        return max(CAPS[self.config.mode], self.reach)

    def version(self) -> str:
        """Names what `profile` would give."""
        book = self.book
        stated = compile.version_of(book.all_places(), book.constraints(self.cap))
        return f"{stated}-{len(book.texts)}-{self.config.mode}"

    def advance(self, now: float, *, settled: bool = True) -> list[Key]:
        """Judge what has been learned and let every constraint take its next step. Gives the keys that
        changed. `settled` says that nobody is teaching at the moment, see `promote.step`."""
        self._turn_month(now)
        book = self.book
        if book.held or self.led:
            return []
        found = self._judged(lambda c: c.key in book.entries or promising(c, self.needs))
        automatic = self.config.promotion == "auto"
        if self.cap is Stage.DISCOVER:
            changed = gather(book, found, self.needs, now)
        else:
            changed = step(book, found, self._strictly, self.needs, now, automatic=automatic, settled=settled)
        book.places = places_of(self.state)
        if changed:
            version = compile.version_of(book.all_places(), book.constraints())
            book.keep_version(version, now, f"{len(changed)} constraints changed")
        return changed

    def candidates(self) -> list[Candidate]:
        """Every set with how complete it is and, if it is not closed, why. For `step` and for status
        reports."""
        return self._judged(lambda candidate: True)

    def _judged(self, wanted: Callable[[Candidate], bool]) -> list[Candidate]:
        """The candidates that are wanted, judged. The others are dropped as they come: there may be very many."""
        floors = msgspec.structs.replace(self.needs.floors, ignored=self._ignored())
        found = [c for c in candidates(self.state, floors) if wanted(c)]
        wider = [c for c in families(self.state, floors) if promising(c, self.needs)]
        close(found, wider, self.needs, self.state.common.n)
        return found

    def _strictly(self) -> dict[Key, Candidate]:
        """The candidates with the evidence that a protected constraint needs to open."""
        sources = max(STRICT_SOURCES, self.needs.sources)
        floors = msgspec.structs.replace(self.needs.floors, sources=sources, ignored=self._ignored())
        return {c.key: c for c in candidates(self.state, floors) if c.key in self.book.entries}

    def _ignored(self) -> Evidence:
        return 0 if self._alone else dissenters(self.state)

    def _turn_month(self, now: float) -> None:
        month = int(now // MONTH)
        if self._month and month > self._month:
            self.state.age(now)
        self._month = month

    def pin_documents(self, documents: Iterable[Imported]) -> None:
        """Make what OpenAPI documents say hold from now on, in the place of what earlier ones said."""
        book = self.book
        book.documents, book.document_places = {}, {}
        for document in documents:
            book.documents.update(document.constraints)
            for template, methods in document.places.items():
                book.document_places[template] = book.document_places.get(template, frozenset()) | methods

    # --------------------------------------------------------------------------------------------- the fleet

    def deltas(self, acknowledged: int = 0) -> list[Delta]:
        """What a store that has everything up to epoch `acknowledged` does not know yet, in order."""
        if self._telling is None:
            return []
        self._telling.cut(self.would_block)
        self.would_block = 0
        return self._telling.after(acknowledged)

    def hand_out(self, since: str, life: str, now: float) -> Handed:
        """What a store that asks with the mark `since` does not know yet; see `outbox.handed`.

        From then on two of everything are learned, until nobody has asked for `LENT`. `life` is a name for the
        numbering that begins with the first question.
        """
        memory = int(self.config.memory)
        self._asked = now
        if self._lent is None:
            self._lent, self._life = Outbox(self.lineage, memory), life
        own = partial(own_part, self.state, self.shares, self._month, memory)
        return handed(self._lent, self._life, since, own)

    def take(self, delta: Delta, now: float) -> None:
        """Add what a replica learned and noticed (once). Raises `store.Damaged`, and changes nothing then."""
        state = store.load(delta.state, int(self.config.memory))
        self.heed([delta], now)
        self.state.merge(state)
        self.lessons += state.requests
        if self._lent is not None:
            self._lent.fresh.merge(state)

    def heed(self, deltas: Sequence[Delta], now: float) -> None:
        """Take what replicas noticed, not what they learned. Raises `store.Damaged`, and changes nothing then."""
        try:
            complaints = [
                (Key.parse(c.constraint), c.times, int(c.sources, 16) & ALL)
                for delta in deltas
                for c in delta.complaints
            ]
            falls = [told for delta in deltas for told in delta.falls]
            for told in falls:
                fall(Book(), told.kind, told.subject, now)  # refuses what cannot be done
        except ValueError as error:
            raise store.Damaged(str(error)) from None
        for key, times, bits in complaints:
            if (entry := self.book.entries.get(key)) is not None:
                entry.violations += times
                entry.violators |= bits
            if self._lent is not None:
                self._lent.complain(str(key), times, bits)
        for told in falls:
            if self._lent is not None:
                self._lent.fell(told)
            if moved := fall(self.book, told.kind, told.subject, now):
                said = f"a replica took back {len(moved)} constraints"
                self.alerts.append(Alert(now, told.kind, told.subject, said))
        self.would_block += sum(delta.would_block for delta in deltas)

    def follow(self, book: Book, *, pushed: bool = False) -> None:
        """Enforce the book of the fleet, or of a store that `pushed` it. What is learned goes on in the deltas."""
        book.documents, book.document_places = self.book.documents, self.book.document_places
        self.book = book
        self.led, self.pushed = True, pushed

    def alone(self) -> None:
        """Go on from the book of whoever led, and learn into it."""
        self.led = self.pushed = False

    def rest_on(self, state: State, now: float) -> None:
        """Judge this from now on; whoever keeps it lets it age."""
        self.state, self._month = state, int(now // MONTH)

    def forget(self) -> None:
        """Let go of what was learned; the book stays. For who follows: the state is its leader's."""
        self.state = State(int(self.config.memory))

    def succeed(self, other: Learner) -> None:
        """Go on where another learner of the same workload and key stopped: only the configuration differs."""
        for name in _CARRIED:
            setattr(self, name, getattr(other, name))

    def adopt(self, state: State) -> None:
        """Go on from the state of the whole fleet; what is not sent yet is kept beside it for the next
        `deltas`."""
        states = [state] if self._telling is None else [state, self._telling.fresh]
        self.state = merged(states, int(self.config.memory))

    def merge(self, other: Learner) -> bool:
        """Add what another learner of the same workload has learned and this one does not know; false for nothing.

        To do so again changes nothing. Learners without a lineage cannot be told apart: then this is a sum. Raises
        `store.Damaged` and `lineage.TooMany`, and changes nothing then.
        """
        if not (self.lineage and other.lineage):
            self.state.merge(other.state)
            return True
        origin = Origin(other.state, other.lineage, other.lessons, other.shares)
        months = max(self._month, other._month)
        return join(self.state, self.lineage, self.shares, origin, months, int(self.config.memory))

    # ------------------------------------------------------------------------------------------ persistence

    def dump(self) -> bytes:
        """State and book; `load` is the inverse."""
        lineage = [self.lineage, self.lessons, self.shares]
        content = [store.dump(self.state), self.book.dump(), self._month, self._app, lineage, self.pushed]
        return store.seal(content, store.LEARNER_MAGIC, dense=True)

    def load(self, data: bytes) -> None:
        """Replace all that was learned. Raises `store.Damaged` and changes nothing then."""
        try:
            state, book, month, *more = store.unseal(data, store.LEARNER_MAGIC)
            app, month = str(more[0]) if more else "", int(month)
            # The first versions wrote no app and no lineage: what is the same then has the same one.
            lineage, lessons, shares = (
                more[1] if len(more) > 1 else (hashlib.sha256(state).hexdigest()[:16], 1.0, {})
            )
            told = str(lineage), float(lessons), msgspec.convert(shares, dict[str, Share])
            pushed = len(more) > 2 and bool(more[2])
            fresh = store.load(state, int(self.config.memory)), Book.load(book)
        except (ValueError, TypeError) as error:
            raise store.Damaged(str(error)) from None
        (self.state, self.book), self._month, self._app = fresh, month, app
        self.lineage, self.lessons, self.shares = told
        self.pushed, self.led = pushed, self.led or pushed
