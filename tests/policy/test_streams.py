"""Bodies judged while they pass: nothing leaves before what follows it was looked at, nothing after a refusal."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waf.model import PASSED, Action, BodyRefused, Confidence, Engine, Finding, Mode, Severity, Verdict
from waf.policy.decide import decide
from waf.policy.streams import JudgedResponse, ScannedBody

BAD = b"BAD"


def finding(severity: Severity = Severity.CRITICAL, engine: Engine = Engine.SIGNATURE) -> Finding:
    return Finding(f"r-{severity.name}", "leak", engine, severity, Confidence.HIGH, "body")


class Scan:
    """Finds `BAD` wherever chunks cut it, and `odd` once at the end."""

    def __init__(self, end: Sequence[Finding] = ()) -> None:
        self._tail = b""
        self._end = end

    def feed(self, data: bytes) -> Sequence[Finding]:
        text = self._tail + data
        self._tail = text[-2:]
        return [finding()] if BAD in text else []

    def finish(self) -> Sequence[Finding]:
        return self._end


def judge(findings: Sequence[Finding]) -> Verdict:
    return decide(findings, threshold=7, mode=Mode.PROTECT)


def watch(findings: Sequence[Finding]) -> Verdict:
    return decide(findings, threshold=7, mode=Mode.MONITOR)


def test_one_window_is_held_back() -> None:
    body = ScannedBody([Scan()], judge)
    assert body.feed(b"one") == b""
    assert body.idle() == b""
    assert body.feed(b"two") == b"one"
    assert body.finish() == b"two"
    assert body.verdict() is PASSED


def test_a_refusal_forgets_what_is_held() -> None:
    body = ScannedBody([Scan()], judge)
    assert body.feed(b"....B") == b""
    with pytest.raises(BodyRefused) as refused:
        body.feed(b"AD")
    assert refused.value.verdict.action is Action.BLOCK
    assert body.verdict() is refused.value.verdict
    assert body.idle() == b""
    assert body.finish() == b""


def test_what_only_the_end_tells_refuses_the_last_window() -> None:
    body = ScannedBody([Scan(), Scan([finding()])], judge)
    body.feed(b"all but")
    with pytest.raises(BodyRefused):
        body.finish()


def test_monitor_finds_and_lets_pass() -> None:
    body = ScannedBody([Scan()], watch)
    assert body.feed(b"a BAD b") + body.feed(b"c") + body.finish() == b"a BAD bc"
    assert (body.verdict().action, body.verdict().would) == (Action.FORWARD, Action.BLOCK)


@given(st.lists(st.binary(max_size=5) | st.sampled_from([b"B", b"A", b"D", BAD]), max_size=12))
def test_what_comes_out_is_what_went_in_or_has_no_attack(pieces: list[bytes]) -> None:
    body, whole, out = ScannedBody([Scan()], judge), b"".join(pieces), b""
    try:
        for piece in pieces:
            out += body.feed(piece)
        out += body.finish()
    except BodyRefused:
        assert BAD in whole
        assert BAD not in out
    else:
        assert out == whole
        assert BAD not in whole


# ------------------------------------------------------------------------------------------------- responses


class Masking:
    """A redactor that masks digits, holds one byte back, and shows what it gives out."""

    tap: Callable[[bytes], None] | None = None

    def __init__(self, action: Action = Action.REDACT, findings: Sequence[Finding] = ()) -> None:
        self._held = b""
        self._verdict = Verdict(action, action, findings=tuple(findings))

    def feed(self, data: bytes) -> bytes:
        text = self._held + bytes(ord("*") if chr(byte).isdigit() else byte for byte in data)
        self._held = text[-1:]
        return self._shown(text[:-1])

    def idle(self) -> bytes:
        out, self._held = self._held, b""
        return self._shown(out)

    def finish(self) -> bytes:
        return self.idle()

    def verdict(self) -> Verdict:
        return self._verdict

    def _shown(self, out: bytes) -> bytes:
        assert self.tap is not None
        self.tap(out)
        return out


PAN = finding(Severity.INFO, Engine.SENSITIVE)


def test_the_scan_sees_what_the_client_would() -> None:
    seen: list[bytes] = []

    class Seeing(Scan):
        def feed(self, data: bytes) -> Sequence[Finding]:
            seen.append(data)
            return super().feed(data)

    body = JudgedResponse(Masking(), Seeing(), judge)
    out = body.feed(b"ab12") + body.idle() + body.feed(b"c") + body.finish()
    assert out == b"ab**c"
    assert b"".join(seen) == out


@pytest.mark.parametrize("cut", range(1, 7))
def test_a_leak_is_refused_wherever_it_is_cut(cut: int) -> None:
    body = JudgedResponse(Masking(), Scan(), judge)
    text = b"..BAD.."
    with pytest.raises(BodyRefused):
        _all_of(body, [text[:cut], text[cut:]])


def _all_of(body: JudgedResponse, pieces: list[bytes]) -> bytes:
    return b"".join([body.feed(piece) for piece in pieces]) + body.finish()


def test_without_a_redactor_bytes_pass_as_they_come() -> None:
    body = JudgedResponse(None, Scan(), judge)
    assert [body.feed(b"12"), body.idle(), body.finish()] == [b"12", b"", b""]
    assert body.verdict() is PASSED


FORWARD, REDACT, BLOCK = Action.FORWARD, Action.REDACT, Action.BLOCK


@pytest.mark.parametrize(
    ("redaction", "leaks", "judged", "action", "would", "count"),
    [
        (FORWARD, [], watch, FORWARD, FORWARD, 0),
        (REDACT, [], watch, REDACT, REDACT, 1),
        (FORWARD, [finding()], watch, FORWARD, BLOCK, 1),
        (REDACT, [finding()], watch, REDACT, BLOCK, 2),
        (REDACT, [finding(Severity.LOW)], watch, REDACT, REDACT, 2),
        (REDACT, [finding(Severity.LOW)], judge, REDACT, REDACT, 2),
    ],
)
def test_redaction_and_leaks_are_one_verdict(
    redaction: Action, leaks: list[Finding], judged: object, action: Action, would: Action, count: int
) -> None:
    redactor = Masking(redaction, [PAN] if redaction is REDACT else [])
    body = JudgedResponse(redactor, Scan(leaks), judged)  # type: ignore[arg-type]
    body.feed(b"page")
    body.finish()
    verdict = body.verdict()
    assert (verdict.action, verdict.would, len(verdict.findings)) == (action, would, count)


def test_a_leak_that_blocks_is_stronger_than_redaction() -> None:
    body = JudgedResponse(Masking(REDACT, [PAN]), Scan([finding()]), judge)
    body.feed(b"page")
    with pytest.raises(BodyRefused):
        body.finish()
    assert (body.verdict().action, body.verdict().would, body.verdict().status) == (BLOCK, BLOCK, 403)
