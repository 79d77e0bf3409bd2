"""What may go to the client: sensitive data taken out, leaks found, heads kept truthful.

Part of `Policy`. An answer that is here whole is judged in one step, by one scan of each engine and without a stream;
what is longer, slower or coded goes through filters, and with the same result.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from waf.config.schema import Config
from waf.exchange import Exchange
from waf.findings import PASSED, Action, Confidence, Engine, Finding, Mode, Severity, Verdict, joined
from waf.inspect.signatures import Signatures
from waf.messages import Framing, Response
from waf.permission import BodyFilter, BodyRefused, Released, Withheld, released
from waf.policy.bypass import broke, uninspected
from waf.policy.judgement import Judgement
from waf.policy.lifting import Lifting
from waf.policy.promises import promise
from waf.policy.screens import SHORT, AnswerScreen
from waf.policy.settings import Settings
from waf.policy.streams import Guarded, JudgedResponse, Scan, Scans
from waf.policy.verdicts import Verdicts
from waf.profiles.contract import Contract
from waf.sensitive.anomaly import Disclosures
from waf.sensitive.coding import unzipped
from waf.sensitive.detect import Clean, Detector, ResponseFilter, Unread
from waf.sensitive.headers import QUIET
from waf.sensitive.heads import accepts_gzip

_OFF: Final = Mode.OFF  # an enum's attribute costs more than a global
_PROTECT: Final = Mode.PROTECT
_NONE: Final = Framing.NONE


class Answers:
    """Of one policy; immutable."""

    def __init__(
        self,
        config: Config,
        signatures: Signatures | None,
        detector: Detector,
        disclosures: Disclosures | None,
        contract: Contract | None,
        verdicts: Verdicts,
        lifting: Lifting,
    ) -> None:
        self._on_error: Final = config.inspection.on_error
        self._signatures: Final = signatures
        self._detector: Final = detector
        self._disclosures: Final = disclosures if config.sensitive.disclosure == "block" else None
        self._contract: Final = contract
        self._verdicts: Final = verdicts
        self._lifting: Final = lifting
        self._redacts: Final = verdicts.acts(Engine.SENSITIVE)
        self._clears: Final = (
            None if signatures is None or contract is not None else AnswerScreen(signatures, detector)
        )
        # Then the detector's one pass over a body tells whether the rules have to look at it at all.
        self._together: Final = bool(
            signatures is not None and detector.others and detector.others == signatures.answer_expressions
        )
        self._withholds: Final = verdicts.blocks_responses and verdicts.acts(Engine.SIGNATURE)

    def release(
        self, exchange: Exchange, response: Response, body: bytes | None = None
    ) -> Released | Withheld:
        """Judge a response head and choose the filter that its body goes through.

        `body` is the whole payload where it is here already: then it is judged with the head, and what may be sent
        of it comes as `Released.whole`.
        """
        try:
            judgement: Judgement = exchange.policy_data
            if judgement.settings.mode is _OFF:
                return Released(response)
            if body is not None and len(body) <= SHORT and self._is_clear(judgement.settings, response, body):
                judgement.response_tally = self._detector.clean.tally
                return released(response, body)
            if body is None or response.status == 206:
                return self._stream(exchange, judgement, response)
            coding = response.headers.index.get(b"content-encoding")
            if coding is None:
                return self._whole(exchange, judgement, response, body)
            untouched = self._zipped(exchange, judgement, response, coding, body)
            return untouched or self._stream(exchange, judgement, response)
        except Exception as error:
            if self._on_error == "open":
                uninspected(exchange, "own-error", f"{type(error).__name__} while judging the response")
                return Released(response)
            finding = _own(f"{type(error).__name__} while judging the response")
            verdict = Verdict(Action.BLOCK, Action.BLOCK, score=10, status=502, findings=(finding,))
            exchange.response_verdict = verdict
            return Withheld(verdict)

    def reads(self, exchange: Exchange, response: Response) -> bool:
        """True where an engine looks through the body of this answer."""
        settings: Settings = exchange.policy_data.settings
        if settings.mode is _OFF or response.status == 206:
            return False
        return (settings.sensitive and self._detector.reads(response)) or (
            settings.responses
            and settings.signatures
            and self._signatures is not None
            and self._signatures.searches(response)
        )

    def _is_clear(self, settings: Settings, response: Response, body: bytes) -> bool:
        """True: certainly nothing is found in the answer."""
        clears = self._clears
        if clears is None or not (settings.sensitive and settings.signatures and settings.responses):
            return False
        return clears.clears(response, body)

    def _whole(
        self, exchange: Exchange, judgement: Judgement, response: Response, body: bytes
    ) -> Released | Withheld:
        settings = judgement.settings
        head = redaction = leaks = PASSED
        readable = True
        bare = False
        found: list[Finding] = []
        if self._contract is not None and (
            promised := promise(self._contract, exchange, judgement, response, _unaltered)
        ):
            found += [*promised.feed(body), *promised.finish()]
        if settings.sensitive:
            enforce = self._redacts and settings.mode is _PROTECT
            request = exchange.request
            assert request is not None
            if response.framing is _NONE:
                response = self._detector.bodyless(request, response) if enforce else response
            else:
                lift = None if self._lifting.idle else self._lifting.of(exchange, judgement)
                seen = self._detector.screen(request, response, body, enforce, self._most(exchange), lift)
                judgement.response_tally = None if seen is None else seen.tally
                bare = self._together and seen is not None and seen.unmet
                if seen is not None and not isinstance(seen, Clean):
                    try:
                        body = seen.whole(body)
                    except BodyRefused as refused:
                        return Withheld(refused.verdict)
                    response, redaction = seen.response, seen.verdict()
                    readable = not isinstance(seen, Unread)
            if not QUIET.issuperset(response.headers.index):
                response, head = self._head(exchange, judgement, response, enforce)
                if head.action is Action.BLOCK:
                    return Withheld(head)
        if readable and settings.responses and settings.signatures and self._signatures is not None:
            found += self._signatures.response_whole(response, body, settings.level, bare)
        if found:
            leaks = self._verdicts.of_response(exchange, judgement, found)
            if leaks.action is Action.BLOCK:
                return Withheld(leaks)
        if leaks is not PASSED or head is not PASSED:
            exchange.response_verdict = joined(joined(head, redaction), leaks)
        elif redaction is not PASSED:
            exchange.response_verdict = redaction
        return released(response, body)

    def _zipped(
        self, exchange: Exchange, judgement: Judgement, response: Response, coding: bytes, body: bytes
    ) -> Released | None:
        """A gzipped answer in which there is nothing goes on as the app zipped it; None for all others."""
        settings, request = judgement.settings, exchange.request
        assert request is not None
        if not settings.sensitive or not body or self._contract is not None or not accepts_gzip(request):
            return None
        plain = unzipped(body, coding)
        if plain is None or not QUIET.issuperset(response.headers.index):
            return None
        lift = self._lifting.of(exchange, judgement)
        seen = self._detector.screen(request, response, plain, True, self._most(exchange), lift)
        if not isinstance(seen, Clean):
            return None
        if (
            settings.responses
            and settings.signatures
            and self._signatures is not None
            and self._signatures.response_whole(response, plain, settings.level)
        ):
            return None
        judgement.response_tally = seen.tally
        return released(response, body)

    def _head(
        self, exchange: Exchange, judgement: Judgement, response: Response, enforce: bool
    ) -> tuple[Response, Verdict]:
        """The head without what must not be in its headers, and what was found there."""
        request = exchange.request
        assert request is not None
        hits = self._detector.head_hits(request, response, enforce, self._lifting.of(exchange, judgement))
        if hits is None:
            return response, PASSED
        if judgement.response_tally:
            judgement.response_tally.include(hits.tally)
        else:
            judgement.response_tally = hits.tally
        return hits.response, hits.verdict

    def _stream(self, exchange: Exchange, judgement: Judgement, response: Response) -> Released | Withheld:
        settings = judgement.settings
        request = exchange.request
        assert request is not None
        enforce = self._redacts and settings.mode is _PROTECT
        redactor = None
        if settings.sensitive:
            lift = self._lifting.of(exchange, judgement)
            head_only, head = self._head(exchange, judgement, response, enforce)
            if head.action is Action.BLOCK:
                return Withheld(head)
            response, exchange.response_verdict = head_only, head
            redactor = self._detector.response_filter(request, response, enforce, self._most(exchange), lift)
            if redactor is not None:
                if judgement.response_tally is not None:
                    redactor.tally.include(judgement.response_tally)
                judgement.response_tally = redactor.tally
        scan: Scan | None = None
        if settings.responses and settings.signatures and self._signatures is not None:
            scan = self._signatures.response_stream(request, response, settings.level)
        blocks = scan is not None and self._withholds and settings.mode is _PROTECT
        if self._contract is not None:
            tally = judgement.response_tally
            promised = promise(
                self._contract, exchange, judgement, response, lambda: tally is None or not tally.totals
            )
            if promised is not None:
                scan = promised if scan is None else Scans((scan, promised))
        if scan is None:
            return Released(response) if redactor is None else _redacted(redactor, redactor)

        def failed(error: Exception) -> None:
            broke(exchange, error, self._on_error)

        def judge(findings: Sequence[Finding]) -> Verdict:
            return self._verdicts.of_response(exchange, judgement, findings)

        guarded = Guarded(scan, failed)
        if redactor is not None:
            return _redacted(redactor, JudgedResponse(redactor, guarded, judge), hold_head=blocks)
        if response.headers.get(b"content-encoding"):
            # The detector undoes codings; where it is off, or leaves the type alone, nothing here can read it.
            uninspected(
                exchange, "response-coding", "a coded response with the search for sensitive data off"
            )
            return Released(response)
        return Released(response, JudgedResponse(None, guarded, judge), hold_head=blocks)

    def _most(self, exchange: Exchange) -> dict[str, int] | None:
        """The most values of each entity that a response to this request may hold; None for any number."""
        return None if self._disclosures is None else self._disclosures.ceilings(exchange.route)


def _unaltered() -> bool:
    return True


def _redacted(redactor: ResponseFilter | Unread, body: BodyFilter, *, hold_head: bool = False) -> Released:
    return Released(redactor.response, body, redactor.changes_length, hold_head or redactor.may_block)


def _own(detail: str) -> Finding:
    return Finding(
        "own.inspection", "own", Engine.PROTOCOL, Severity.CRITICAL, Confidence.HIGH, detail=detail
    )
