"""Permission: what may go to the app, what may go to the client, and why.

`Policy` is immutable; reload and promotion build a new one. An exchange keeps the policy with which it began
(see `judgement.Judgement`). Every way through `admit` and `release` that is not inspected says so on the
exchange.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from msgspec import structs

from waf.config.schema import Config
from waf.exchange import Exchange
from waf.findings import Action, Confidence, Engine, Field, Finding, Mode, Severity, Verdict
from waf.http1.memo import Memo
from waf.inspect.reading import Reading, look_at_head
from waf.inspect.signatures import Signatures
from waf.messages import Framing, Request, Response
from waf.permission import Admitted, BodyPlan, Refused, Released, Withheld, admitted
from waf.policy.access import Gate
from waf.policy.answers import Answers
from waf.policy.bypass import broke, uninspected
from waf.policy.decide import RETRY_SECONDS
from waf.policy.judgement import Judgement
from waf.policy.lifting import Lifting
from waf.policy.paths import canonical
from waf.policy.routes import Routes
from waf.policy.screens import DATA_CLEAR, RULES_CLEAR, BodyScreen, screens
from waf.policy.settings import Settings
from waf.policy.streams import Ceiling, Guarded, Scan, ScannedBody
from waf.policy.tuning import Tuning, day, patch_finding
from waf.policy.verdicts import Verdicts
from waf.profiles.check import Profile
from waf.profiles.constraints import CAPS, MODES, cap_of
from waf.profiles.contract import Contract
from waf.sensitive.anomaly import Disclosures
from waf.sensitive.detect import Detector
from waf.sensitive.heads import prepared

LARGE: Final = 4 * 1024
"""Bytes of a body from which on it is not kept as fields once it is judged."""

STREAMED_TYPES: Final = (
    b"multipart/form-data", b"application/octet-stream", b"image/", b"video/", b"audio/", b"font/",
    b"application/zip", b"application/gzip", b"application/x-tar", b"application/pdf",
)  # fmt: skip
"""Content types whose bodies, where they are longer than the inspection limit, stream in inspected windows.
"""

_NO_BODY: Final = BodyPlan(buffer=0)
_OFF: Final = Mode.OFF  # an enum's attribute costs more than a global
_PROTECT: Final = Mode.PROTECT
_NONE: Final = Framing.NONE
_LENGTH: Final = Framing.LENGTH
_CHUNKED: Final = Framing.CHUNKED


class Policy:
    """One immutable policy; see the module. `version` names its content, `generation` counts up per process."""

    def __init__(
        self,
        config: Config,
        *,
        signatures: Signatures | None,
        detector: Detector,
        profile: Profile | None,
        disclosures: Disclosures | None = None,
        contract: Contract | None = None,
        gate: Gate,
        tuning: Tuning,
        version: str,
        generation: int = 0,
    ) -> None:
        self.config: Final = config
        self.version: Final = version
        self.generation: Final = generation
        self.signatures: Final = signatures
        self.detector: Final = detector
        self.profile: Final = profile
        self.disclosures: Final = disclosures
        self.contract: Final = contract  # what OpenAPI documents promise about answers
        self.gate: Final = gate
        self.tuning: Final = tuning
        self.routes: Final = Routes(config)
        self._limits: Final = config.limits
        self._verdicts: Final = Verdicts(config, tuning, detector.mask)
        self._lifting: Final = Lifting(tuning, detector.entities)
        self._answers: Final = Answers(
            config, signatures, detector, disclosures, contract, self._verdicts, self._lifting
        )
        self._needs_path: Final = self.routes.needs_path or gate.needs_path or not tuning.idle
        self._defaults: Final = self.routes.defaults
        self._usual_plan: Final = BodyPlan(buffer=self._defaults.inspect_body)
        self._gated: Final = not (gate.idle and tuning.patches_idle)
        self._screens: Final = screens(signatures, detector, config.limits)
        self._read_body: Final = BodyScreen(signatures, detector, config.limits)
        self._redacts: Final = self._verdicts.acts(Engine.SENSITIVE)
        self._tolerates: Final = config.inspection.ambiguous_bodies == "report"

    def with_profile(self, profile: Profile | None, generation: int) -> Policy:
        """The same policy over another learned profile; costs microseconds."""
        return Policy(
            self.config,
            signatures=self.signatures,
            detector=self.detector,
            profile=profile,
            disclosures=self.disclosures,
            contract=self.contract,
            gate=self.gate,
            tuning=self.tuning,
            version=self.version,
            generation=generation,
        )

    # ---------------------------------------------------------------------------------------------- requests

    def plan(self, exchange: Exchange, now: float) -> BodyPlan | Refused:
        """After the head: how to take the body, or a refusal that needs none. `now` is monotonic seconds."""
        request = exchange.request
        assert request is not None
        path = None
        settings = self._defaults
        if self._needs_path:
            path = canonical(request.path)
            settings = self.routes.find(request.host, request.method, path)
        judgement = exchange.policy_data = Judgement(self, settings, path)
        if settings.name:
            exchange.route = settings.name
        gated = self._gated or settings.allow_methods or settings.allow_types
        if gated and settings.mode is not _OFF and (refused := self._gate(exchange, judgement, request, now)):
            return refused
        if request.framing is _NONE:
            return _NO_BODY
        if settings.mode is _OFF:
            return BodyPlan(buffer=0, over="stream", stream=True)
        too_large = request.framing is _LENGTH and request.length > settings.body
        if too_large and (refused := self._refuse(exchange, judgement, [_too_large()])):
            return refused
        streams = _streams(settings.over_limit, request)
        if not streams and request.framing is _LENGTH and request.length > settings.inspect_body:
            if refused := self._refuse(exchange, judgement, [_over_limit()]):
                return refused
            streams = True
        # Watching must not break what it watches: only protect mode refuses what is too long to be held.
        if streams or settings.mode is not _PROTECT:
            return BodyPlan(buffer=settings.inspect_body, over="stream")
        return self._usual_plan if settings is self._defaults else BodyPlan(buffer=settings.inspect_body)

    def admit(self, exchange: Exchange, body: bytes, now: float) -> Admitted | Refused:
        """Judge a whole request. An error of ours ends closed or open as configured, and says so either way."""
        try:
            answer = self._judge(exchange, body)
            if len(body) > LARGE and (reading := exchange.policy_data.reading) is not None:
                reading.put_away()
            return answer
        except Exception as error:
            return self._failed(exchange, error, body)

    def admit_stream(self, exchange: Exchange, now: float) -> Admitted | Refused:
        """Judge the head of a request whose body is too long to hold; its windows go through the stream."""
        judgement: Judgement = exchange.policy_data
        request = exchange.request
        assert request is not None
        answer = self.admit(exchange, b"", now)
        if isinstance(answer, Refused):
            return answer
        settings = judgement.settings
        if settings.mode is Mode.OFF or judgement.allowed_by:
            return Admitted(answer.request, None)

        def judge(findings: Sequence[Finding]) -> Verdict:
            found = [*judgement.findings, *findings]
            exchange.verdict = self._verdicts.of_request(exchange, judgement, found)
            return exchange.verdict

        failed = partial(broke, exchange, on_error=self.config.inspection.on_error)
        scans: list[Scan] = []
        if request.framing is Framing.CHUNKED:  # a length was held against the limit by `plan`
            scans.append(Ceiling(settings.body, _too_large()))
        if self.signatures is None or not settings.signatures:
            uninspected(exchange, "stream-off", "a streamed body with signatures off")
        else:
            scan = self.signatures.request_stream(request, settings.level, self._limits)
            scans.append(Guarded(scan, failed))
        if settings.sensitive:
            lift = self._lifting.of(exchange, judgement)
            spared = partial(
                uninspected, exchange, "stream-unmasked", "a value in a body too long to be changed"
            )
            searched = self.detector.request_stream(request, judgement.hits, spared, lift)
            if searched is not None:
                search, judgement.hits = searched
                scans.append(Guarded(search, failed))
        return Admitted(answer.request, None, ScannedBody(scans, judge) if scans else None)

    def _judge(self, exchange: Exchange, body: bytes) -> Admitted | Refused:
        judgement: Judgement = exchange.policy_data
        settings = judgement.settings
        request = exchange.request
        assert request is not None
        if settings.mode is _OFF:
            uninspected(exchange, "mode-off", "the mode is off here")
            return admitted(request, body)
        if judgement.allowed_by:
            uninspected(exchange, "patch", f"allowed by patch {judgement.allowed_by}")
            return admitted(request, body)
        detector = self.detector
        redacts = self._redacts and settings.sensitive and settings.mode is _PROTECT
        clear = 0
        if settings.signatures and (screen := self._screens.get(settings.level)) is not None:
            clear = screen(request)
        rules_clear, data_clear = clear & RULES_CLEAR != 0, clear & DATA_CLEAR != 0
        reading = Reading(request, self._limits, detector.mask)
        if self._tolerates:
            reading.tolerated = True
        judgement.reading = exchange.fields = reading
        clear = self._read_body.read(reading, body) if body else RULES_CLEAR | DATA_CLEAR
        if not rules_clear:
            look_at_head(reading)
        body_rules_clear, body_data_clear = clear & RULES_CLEAR != 0, clear & DATA_CLEAR != 0
        findings = judgement.findings
        if body and len(body) > settings.body and request.framing is _CHUNKED:
            findings.append(_too_large())
        typed: Callable[[Field], bool] = _nothing_is_typed
        if self.profile is not None and settings.profiles:
            content_type = request.headers.index.get(b"content-type", b"")
            check = judgement.check = self.profile.check(request, reading, content_type)
            exchange.route = settings.name or check.endpoint
            if check.findings:
                cap, loosens = settings.profile_cap, settings.profile_loosens
                findings += self.profile.held(check.findings, cap, loosens=loosens)
            typed = check.typed
        hits = None
        if settings.sensitive and not (data_clear and body_data_clear):
            # First: what it costs is taken from what signatures may cost.
            lift = None if self._lifting.idle else self._lifting.of(exchange, judgement)
            hits = detector.check_request(reading, request.path, lift, data_clear, body_data_clear)
            judgement.hits = hits
        if settings.signatures and self.signatures is not None and not (rules_clear and body_rules_clear):
            findings += self.signatures.check(reading, settings.level, typed, rules_clear, body_rules_clear)
        if reading.noticed is not None:
            findings += reading.findings
        if hits is not None:
            findings += hits.findings
        if redacts:
            request = prepared(request)
        if not findings:
            return admitted(request, body)
        altered = hits is not None and hits.alters
        verdict = self._verdicts.of_request(exchange, judgement, findings, altered=altered)
        if verdict.action is Action.REDACT and not redacts:
            verdict = structs.replace(verdict, action=Action.FORWARD)
        exchange.verdict = verdict
        if verdict.action is Action.BLOCK:
            return Refused(verdict)
        if verdict.action is Action.REDACT and hits is not None:
            request, body = detector.redact_request(request, body, hits)
        return admitted(request, body)

    def profile_mode(self, settings: Settings) -> str:
        """How far the learned profile goes for requests with these settings, "off" where they are not held against it."""
        if not settings.profiles:
            return "off"
        usual = self.config.profiles.mode
        return MODES[cap_of(CAPS[usual], settings.profile_cap, loosens=settings.profile_loosens)]

    def reads(self, exchange: Exchange, response: Response) -> bool:
        """True where the body of this answer is looked through, so that it is better judged whole than in pieces."""
        return self._answers.reads(exchange, response)

    def release(
        self, exchange: Exchange, response: Response, body: bytes | None = None
    ) -> Released | Withheld:
        """Judge a response; see `answers.Answers.release`."""
        return self._answers.release(exchange, response, body)

    # ------------------------------------------------------------------------------------------------ verdicts

    def _gate(self, exchange: Exchange, judgement: Judgement, request: Request, now: float) -> Refused | None:
        """Address lists, rate limits, patches, and what the route allows: all that needs no body."""
        settings = judgement.settings
        findings: list[Finding] = []
        retry_after = RETRY_SECONDS
        if not self.gate.idle and (
            refusal := self.gate.check(exchange.peer.client, request, judgement.path(request.path), now)
        ):
            findings.append(refusal.finding)
            retry_after = refusal.retry_after
        if settings.allow_methods and request.method not in settings.allow_methods:
            findings.append(_access("access.method", "the route does not allow this method"))
        if settings.allow_types and request.framing is not Framing.NONE:
            content_type = (request.headers.get(b"content-type") or b"").partition(b";")[0].strip().lower()
            if content_type not in settings.allow_types:
                findings.append(_access("access.content-type", "the route does not allow this content type"))
        if not self.tuning.patches_idle:
            where = judgement.path(request.path)
            patch = self.tuning.patch(request, where, exchange.peer.client, day(exchange.wall))
            if patch is not None and patch.action == "allow":
                judgement.allowed_by = patch.id
            elif patch is not None:
                findings.append(patch_finding(patch))
        if not findings:
            return None
        return self._refuse(exchange, judgement, findings, retry_after)

    def over_limit(self, exchange: Exchange) -> Verdict:
        """The verdict on a body that is longer than what may be held here and must not stream."""
        judgement: Judgement = exchange.policy_data
        found = [*judgement.findings, _over_limit()]
        verdict = exchange.verdict = self._verdicts.of_request(exchange, judgement, found)
        return verdict

    def _refuse(
        self,
        exchange: Exchange,
        judgement: Judgement,
        findings: list[Finding],
        retry_after: int = RETRY_SECONDS,
    ) -> Refused | None:
        """A refusal by these findings; None where the mode or tuning only takes note of them."""
        verdict = self._verdicts.of_request(exchange, judgement, findings, retry_after=retry_after)
        exchange.verdict = verdict
        if verdict.action is Action.BLOCK:
            return Refused(verdict)
        judgement.findings += findings
        return None

    def _failed(self, exchange: Exchange, error: Exception, body: bytes) -> Admitted:
        """A bug or an exhausted budget of ours: closed raises, open lets pass and says so."""
        request = exchange.request
        assert request is not None
        broke(exchange, error, self.config.inspection.on_error)
        return admitted(request, body)


def _nothing_is_typed(_field: Field) -> bool:
    return False


def _limit(rule: str, detail: str) -> Finding:
    return Finding(rule, "limit", Engine.PROTOCOL, Severity.HIGH, Confidence.HIGH, detail=detail)


def _too_large() -> Finding:
    return _limit("limit.body", "the body is larger than is allowed here")


def _over_limit() -> Finding:
    return _limit("limit.body", "the body is longer than the inspection limit of its type")


_streamed: Final = Memo(lambda value: value.lower().startswith(STREAMED_TYPES), capacity=256, longest=128)


def _streams(over_limit: str, request: Request) -> bool:
    """True if a body that is too long to be held may go on in inspected windows."""
    if over_limit == "auto":
        return _streamed[request.headers.index.get(b"content-type", b"")]
    return over_limit == "stream"


def _access(rule: str, detail: str) -> Finding:
    return Finding(rule, "access", Engine.ACCESS, Severity.HIGH, Confidence.HIGH, detail=detail)
