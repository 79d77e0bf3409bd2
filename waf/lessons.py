"""From ended exchanges to lessons: which are worth learning, and as little of each as learning needs.

`Intake.take` is on the hot path: most exchanges cost it a look into two dictionaries. What it chooses waits in a
bounded queue, as the reading that the policy made anyway; fields are made of it when it is learned, and never of the
others. What the learner need not read (refused or objected to, for the freeze and the breaker) waits without it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

import msgspec

from waf.config.schema import Config
from waf.exchange import Exchange, Outcome
from waf.findings import PASSED, Action, Engine, Field, Part
from waf.flows import Flows
from waf.inspect.reading import Reading
from waf.policy.access import Networks
from waf.policy.judgement import Judgement
from waf.profiles.check import Check
from waf.profiles.endpoint import learned_header
from waf.profiles.learner import Learner
from waf.profiles.observe import Observation, Sources, welcomed
from waf.profiles.sampling import FIRST, MATURE, MAX_PACES, RECORDING, SOONER, Budget, Pace, Repeats

QUEUE: Final = 512  # lessons waiting
TAUGHT: Final = (
    4_096  # the same of those who teach on purpose, as fast as they can, while a profile is compiled
)
QUEUE_BYTES: Final = 1024 * 1024  # of request bodies waiting; read as fields they are several times larger
MAX_BODY: Final = 64 * 1024  # longer bodies are not read for learning
MAX_REPEAT: Final = 2_048  # bytes of a body that is compared with earlier ones

_READ: Final = frozenset({"", "response-coding"})
"""Values of `Exchange.bypass` with which the request was read whole."""
_OBJECTIONS: Final = (Engine.SIGNATURE, Engine.PROTOCOL, Engine.ACCESS)
"""Engines whose findings speak against learning from a request."""

_WELCOMED: Final = frozenset(filter(welcomed, range(100, 600)))
_FORWARDED: Final = Outcome.FORWARDED
_REDACTED: Final = Outcome.REDACTED
_BLOCKED: Final = Outcome.BLOCKED
_BLOCK: Final = Action.BLOCK
_SENSITIVE: Final = Engine.SENSITIVE
_TUNNELLED: Final = Outcome.TUNNELLED
_TAKEN: Final = frozenset({_FORWARDED, _BLOCKED, _REDACTED, _TUNNELLED})


class Lesson(msgspec.Struct, frozen=True):
    """One exchange to be learned. Without `reading` it was not accepted and is only counted."""

    client: str
    wall: float
    reading: Reading | None = None
    status: int = 0
    response_type: bytes = b""
    request_size: int = 0
    response_size: int = 0
    endpoint: str = ""
    violations: tuple[str, ...] = ()
    entities: tuple[str, ...] = ()
    masked: frozenset[str] = frozenset()
    flagged: bool = False
    blocked: bool = False
    weight: float = 1.0
    times: float = 1.0
    caller: str = ""  # the identity that its certificate names

    @property
    def size(self) -> int:
        """Bytes of the body that waits with it."""
        return len(self.reading.body) if self.reading is not None else 0


class Intake:
    """What waits to be learned. `wake` is called when something does."""

    def __init__(self, config: Config, wake: Callable[[], None]) -> None:
        self.queue: deque[Lesson] = deque()
        self.flows: Final = Flows()
        self.passed = 0  # requests nobody objected to and nobody learns from, since last asked
        self.alike = 0  # of these, such as were like others that are learned
        self.unheard = 0  # flagged ones beyond what is listened to, since last asked
        self.dropped = 0
        self.would_block = 0  # requests that only the mode let pass
        self._waiting = 0  # bytes of the bodies in the queue
        self._wake = wake
        self._paces: dict[tuple[str, bytes], Pace] = {}
        self._repeats = Repeats()
        self._budget = Budget(first=FIRST)
        self._teachers = Budget(burst=RECORDING)  # for those who teach on purpose
        self._alarms = Budget(burst=2_000.0)  # for requests that go against the profile
        self.reconfigure(config)

    def reconfigure(self, config: Config) -> None:
        profiles = config.profiles
        self.enabled = profiles.enabled and profiles.mode != "off"
        self._trusted = Networks(profiles.trusted_sources)
        # Who waives the floors of sources or hours means to teach now, and not within days.
        self._all_teach = profiles.sources == 1 or profiles.hours == 1
        self._none_teach = not self._all_teach and not self._trusted
        self._mature = MATURE / profiles.epsilon

    def know(self, learned: dict[tuple[str, str], float]) -> None:
        """How often each (template, method) has been learned before this process began."""
        for (template, method), n in learned.items():
            if len(self._paces) < MAX_PACES:
                self._paces[template, method.encode("latin-1")] = Pace(n)

    # ------------------------------------------------------------------------------------------ the hot path

    def take(self, exchange: Exchange) -> None:
        """Look at one ended exchange; called on the hot path."""
        if exchange.outcome is not _FORWARDED and exchange.outcome not in _TAKEN:
            return
        judgement = exchange.policy_data
        if type(judgement) is not Judgement or exchange.bypass not in _READ:
            return
        if exchange.verdict is not PASSED or exchange.response_verdict is not PASSED:
            self._remarkable(exchange, judgement)
            return
        check = judgement.check
        if check is not None and check.findings:  # on a route that is only discovered, so that none was told
            self._remarkable(exchange, judgement)
            return
        tally = judgement.response_tally
        if tally is not None:
            if tally.totals:
                self._remarkable(exchange, judgement)
                return
            self.flows.note_clean(exchange)
        self.passed += 1
        if self.enabled:
            self._consider(exchange, judgement, exchange.sent_status)

    def _consider(self, exchange: Exchange, judgement: Judgement, status: int) -> None:
        """Choose, if need be, an exchange that nobody objects to."""
        reading = judgement.reading
        if reading is None or status not in _WELCOMED:
            return
        check = judgement.check
        pace = None if check is None or not check.known else check.pace or self._pace_of(check, reading)
        budget = self._budget if self._none_teach else self._budget_of(exchange.peer.client)
        if not budget.has(exchange.wall):
            self.dropped += 1
            self._leave_out(pace)
            return
        times = 1
        if (
            budget is self._budget
        ):  # of those who teach on purpose every request counts, wherever it is learned
            mature = self._mature / SOONER if budget.short else self._mature
            if pace is not None and not pace.wants(mature):
                self._leave_out(pace)
                return
            times = self._times(exchange, reading)
            if times & (times - 1):
                self._leave_out(pace)
                return
        self.passed -= 1
        self._choose(exchange, judgement, pace, float(times - times // 2))

    def _pace_of(self, check: Check, reading: Reading) -> Pace:
        """The pace of an endpoint. The answer to what conforms is one and the same object, so there it is remembered."""
        method = reading.request.method
        place = (check.endpoint, b"GET" if method == b"HEAD" else method)
        pace = self._paces.get(place)
        if pace is None:
            pace = Pace()
            if len(self._paces) < MAX_PACES:
                self._paces[place] = pace
        check.pace = pace
        return pace

    def _times(self, exchange: Exchange, reading: Reading) -> int:
        """How often this very request came from its client within the hour, as far as it was looked at."""
        if len(reading.body) > MAX_REPEAT:
            return 1
        request, peer = reading.request, exchange.peer
        cookie = request.headers.index.get(b"cookie")
        again = hash((request.target, request.method, peer.client, peer.identity, cookie, reading.body))
        return self._repeats.count(again, exchange.wall)

    def _leave_out(self, pace: Pace | None) -> None:
        """Only count one that was like others, or that nobody had time for."""
        self.alike += 1
        if pace is not None:
            pace.passed += 1

    def _budget_of(self, client: str) -> Budget:
        return self._teachers if self._teaches(client) else self._budget

    def _teaches(self, client: str) -> bool:
        return self._all_teach or bool(self._trusted and self._trusted.holds(client))

    def _choose(
        self,
        exchange: Exchange,
        judgement: Judgement,
        pace: Pace | None,
        times: float,
        violations: tuple[str, ...] = (),
        entities: tuple[str, ...] = (),
        masked: frozenset[str] = frozenset(),
    ) -> None:
        reading = judgement.reading
        assert reading is not None
        agent = reading.request.headers.get(b"user-agent") or b""
        if agent.startswith(b"kube-probe/"):  # the kubelet's health checks are no traffic of the workload
            return
        budget = self._alarms if violations else self._budget_of(exchange.peer.client)
        if not budget.spend(exchange.wall):
            self.dropped += 1
            self.passed += 1
            self._leave_out(pace)
            return
        response = exchange.response
        check = judgement.check
        self._put(
            Lesson(
                exchange.peer.client,
                exchange.wall,
                reading,
                response.status if response is not None else exchange.sent_status,
                (response.headers.get(b"content-type") or b"") if response is not None else b"",
                exchange.bytes_from_client,
                exchange.bytes_from_app,
                check.endpoint if check is not None and (check.known or check.findings) else "",
                violations,
                entities,
                masked,
                weight=pace.take() if pace is not None else 1.0,
                times=times,
                caller=exchange.peer.identity,
            )
        )

    def _remarkable(self, exchange: Exchange, judgement: Judgement) -> None:
        """Something was found: sensitive data, a request against the profile, an attack."""
        if self.flows.note(exchange, judgement):
            self._wake()
        if not self.enabled:
            return
        verdict = exchange.verdict
        if verdict is PASSED and self._none_teach and self._is_like_others(exchange, judgement):
            return
        if verdict.would is _BLOCK and exchange.outcome is not _BLOCKED:
            self.would_block += 1
        flagged = False
        sensitive = []
        for finding in verdict.findings:
            if finding.engine is _SENSITIVE:
                sensitive.append(finding)
            elif finding.engine in _OBJECTIONS:
                flagged = True
        blocked = exchange.outcome is _BLOCKED
        check = judgement.check
        violations = check.violations if check is not None and check.findings else ()
        accepted = not flagged and not blocked and welcomed(exchange.sent_status)
        if accepted and judgement.reading is not None:
            for finding in exchange.response_verdict.findings:
                if finding.engine is _SENSITIVE:
                    sensitive.append(finding)
            if not violations and not sensitive:
                self.passed += 1
                self._consider(exchange, judgement, exchange.sent_status)
                return
            pace = None
            if check is not None and check.known:
                pace = check.pace or self._pace_of(check, judgement.reading)
                if not violations and not pace.wants(self._mature):
                    self.passed += 1
                    self._leave_out(pace)
                    return
            kinds, places = {f.kind for f in sensitive}, frozenset([f.address for f in sensitive])
            self._choose(exchange, judgement, pace, 1.0, violations, tuple(kinds), places)
        elif (flagged or violations) and not self._alarms.spend(exchange.wall):
            self.unheard += flagged
        elif flagged or violations:
            self._put(
                Lesson(
                    exchange.peer.client,
                    exchange.wall,
                    endpoint=check.endpoint if check is not None else "",
                    violations=violations,
                    flagged=flagged,
                    blocked=blocked,
                    caller=exchange.peer.identity,
                )
            )

    def _is_like_others(self, exchange: Exchange, judgement: Judgement) -> bool:
        """Count one whose answer alone is remarkable, where that is nothing new: each page with a card number on it is such a one."""
        check = judgement.check
        if check is None or check.findings or not check.known or judgement.reading is None:
            return False
        if exchange.outcome is _BLOCKED or not welcomed(exchange.sent_status):
            return False
        pace = check.pace or self._pace_of(check, judgement.reading)
        if pace.wants(self._mature):
            return False
        self.passed += 1
        self._leave_out(pace)
        return True

    def _put(self, lesson: Lesson) -> None:
        waiting = self._waiting + lesson.size
        many = len(self.queue)
        if waiting > QUEUE_BYTES or (many >= QUEUE and (many >= TAUGHT or not self._teaches(lesson.client))):
            self.dropped += 1
            return
        self._waiting = waiting
        self.queue.append(lesson)
        self._wake()

    # -------------------------------------------------------------------------------------- off the hot path

    def next(self) -> Lesson:
        """The lesson that waits for longest. Raises IndexError if none does."""
        lesson = self.queue.popleft()
        self._waiting -= lesson.size
        return lesson

    def charge(self, lessons: int, seconds: float) -> None:
        """So many lessons took so many seconds of CPU."""
        self._budget.charge(lessons, seconds)

    def tell(self, learner: Learner, now: float) -> None:
        """Let the learner know of what was only counted since the last call."""
        passed, alike, unheard = self.passed, self.alike, self.unheard
        self.passed = self.alike = self.unheard = 0
        by_place: dict[str, int] = {}
        for (template, _), pace in self._paces.items():
            if pace.passed:
                by_place[template] = by_place.get(template, 0) + pace.passed
                pace.passed = 0
        learner.passed(passed, unheard, by_place, now, alike)
        learner.would_block += self.would_block
        self.would_block = 0

    def observation(self, lesson: Lesson, sources: Sources) -> Observation:
        """What the learner may know of it. Makes the fields."""
        reading = lesson.reading
        source = sources.of(lesson.client, lesson.caller)
        trusted = bool(self._trusted) and self._trusted.holds(lesson.client)
        if reading is None:
            return Observation(
                method=b"", path=b"", fields=(), source=source, wall=lesson.wall, status=0,
                trusted=trusted, flagged=lesson.flagged, blocked=lesson.blocked, endpoint=lesson.endpoint,
                violations=lesson.violations,
            )  # fmt: skip
        request = reading.request
        index = request.headers.index
        own = [name for name in index if _is_learned(name)]
        headers = [Field(Part.HEADER, n.decode("latin-1"), v) for n in own for v in request.headers.all(n)]
        body = reading.body_fields() if len(reading.body) <= MAX_BODY else ()
        authenticated = "mtls" if lesson.caller else "cookie" if b"cookie" in index else ""
        if (header := index.get(b"authorization")) is not None:
            authenticated = header.partition(b" ")[0].lower().decode("latin-1")[:16]
        return Observation(
            method=request.method,
            path=request.path,
            fields=[*reading.target, *reading.cookies, *headers, *body],
            source=source,
            wall=lesson.wall,
            status=lesson.status,
            host=request.host.decode("latin-1"),
            content_type=index.get(b"content-type") or b"",
            response_type=lesson.response_type,
            request_size=lesson.request_size,
            response_size=lesson.response_size,
            authenticated=authenticated,
            caller=lesson.caller,
            entities=lesson.entities,
            masked=lesson.masked,
            trusted=trusted,
            endpoint=lesson.endpoint,
            violations=lesson.violations,
            weight=lesson.weight,
            times=lesson.times,
        )


def _is_learned(name: bytes) -> bool:
    return learned_header(name.decode("latin-1"))
