"""One record for each exchange, whatever happens; captures; our own log."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.record.sample_exchanges import blocked, exchange, mask, request, response
from waf.config.schema import Events
from waf.model import Exchange, Field, Headers, Outcome, Part
from waf.record.capture import HIDDEN, Capture, Wanted, entry
from waf.record.log import Log
from waf.record.metrics import Metrics
from waf.record.recorder import Recorder


class Lines(list[bytes]):
    def put(self, line: bytes) -> bool:
        self.append(line)
        return True


def recorder(lines: Lines, **kwargs: Any) -> Recorder:
    config = Events(**{k: kwargs.pop(k) for k in ("access", "sample", "recent") if k in kwargs})
    return Recorder(config, Metrics(), lines.put, mask, **kwargs)


def test_ordinary_exchanges_are_counted_and_not_told() -> None:
    lines = Lines()
    one = recorder(lines)
    one.record(exchange())
    one.record(blocked())
    assert one.metrics.requests == 2
    assert [json.loads(line)["waf.outcome"] for line in lines] == ["blocked"]
    assert list(one.recent) == lines


def test_the_access_log_tells_all() -> None:
    lines = Lines()
    one = recorder(lines, access="all")
    for _ in range(3):
        one.record(exchange())
    one.record(blocked())
    assert len(lines) == 4


def test_the_access_log_tells_a_share_and_all_that_is_remarkable() -> None:
    lines = Lines()
    dice = iter([0.9, 0.05, 0.5, 0.0])
    one = recorder(lines, access="sampled", sample=0.1, chance=lambda: next(dice))
    for _ in range(4):
        one.record(exchange())
        one.record(blocked())
    assert [json.loads(line)["waf.outcome"] for line in lines].count("forwarded") == 2
    assert [json.loads(line)["waf.outcome"] for line in lines].count("blocked") == 4


def test_recent_events_are_bounded() -> None:
    one = recorder(Lines(), recent=3)
    for i in range(10):
        one.record(blocked(id=f"r{i}"))
    assert [json.loads(line)["http.request.id"] for line in one.recent] == ["r7", "r8", "r9"]


def test_a_reload_may_change_the_access_log() -> None:
    lines = Lines()
    one = recorder(lines, recent=5)
    one.record(exchange())
    one.configure(Events(access="all", recent=1))
    one.record(exchange(id="a"))
    one.record(exchange(id="b"))
    assert [json.loads(line)["http.request.id"] for line in lines] == ["a", "b"]
    assert [json.loads(line)["http.request.id"] for line in one.recent] == ["b"]


def test_a_learner_sees_every_exchange() -> None:
    seen: list[Exchange] = []
    one = recorder(Lines(), learner=seen.append)
    one.record(exchange())
    one.record(blocked())
    assert len(seen) == 2


class Broken:
    def __call__(self, *_: object) -> Any:
        raise RuntimeError("a bug")


@pytest.mark.parametrize("where", ["put", "mask", "learner", "capture", "exchange"])
def test_nothing_that_fails_reaches_the_proxy(where: str) -> None:
    one = recorder(Lines())
    broken: Any = Broken()
    failing = blocked()
    match where:
        case "put":
            one = Recorder(Events(), Metrics(), broken, mask)
        case "mask":
            one.mask = broken
        case "learner":
            one.learner = broken
        case "capture":
            one.capture = broken
        case _:
            failing.verdict = broken
    one.record(failing)
    assert one.metrics.record_failures == (0 if where == "mask" else 1)


def test_one_taker_that_fails_does_not_rob_the_other() -> None:
    seen: list[Exchange] = []
    one = recorder(Lines(), learner=Broken())
    one.capture = seen.append
    one.record(exchange())
    assert len(seen) == 1


@given(st.sampled_from(list(Outcome)), st.booleans(), st.sampled_from(["", "a.fault"]), st.booleans())
def test_as_many_records_as_exchanges(outcome: Outcome, inspected: bool, fault: str, readable: bool) -> None:
    one = recorder(Lines(), access="all")
    changes: dict[str, Any] = {} if readable else {"request": None, "response": None}
    one.record(exchange(outcome=outcome, bypass="" if inspected else "own-error", fault=fault, **changes))
    assert (one.metrics.requests, len(one.recent), one.metrics.record_failures) == (1, 1, 0)


# --------------------------------------------------------------------------- captures


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        self.now += 1.0
        return self.now


def capture(clock: Clock, ended: list[int] | None = None, **wanted: Any) -> Capture:
    return Capture(Wanted(**wanted), mask, clock, lambda: (ended if ended is not None else []).append(1))


def entries(one: Capture) -> list[dict[str, Any]]:
    return list(one.har("1.0")["log"]["entries"])


def test_the_last_exchanges_that_fit_are_kept() -> None:
    one = capture(Clock(), route="/a", exchanges=2)
    for i, route in enumerate(["/a", "/b", "/a", "/a"]):
        one.take(exchange(id=f"r{i}", route=route))
    assert [shown["_id"] for shown in entries(one)] == ["r2", "r3"]
    assert one.seen == 3


FITS = [
    ({"client": "203.0.113.7"}, 1),
    ({"client": "10.0.0.9"}, 0),
    ({"outcome": "forwarded"}, 1),
    ({"outcome": "blocked"}, 0),
]


@pytest.mark.parametrize(("wanted", "fits"), FITS)
def test_a_capture_chooses(wanted: dict[str, str], fits: int) -> None:
    one = capture(Clock(), **wanted)
    one.take(exchange())
    assert len(entries(one)) == fits


def test_a_capture_ends_by_itself_once() -> None:
    ended: list[int] = []
    clock = Clock()
    one = capture(clock, ended, seconds=5)
    one.take(exchange())
    clock.now += 100
    one.take(exchange())
    one.take(exchange())
    one.stop()
    assert (len(entries(one)), ended, one.running) == (1, [1], False)


def test_a_flood_is_not_captured_whole() -> None:
    now = [0.0]
    one = Capture(Wanted(), mask, lambda: now[0], lambda: None)
    for _ in range(100):
        one.take(exchange())
        now[0] += 0.001
    assert len(entries(one)) + one.skipped == one.seen == 100
    assert len(entries(one)) <= 6


@pytest.mark.parametrize("wanted", [{"exchanges": 0}, {"exchanges": 201}, {"seconds": 0.0}, {"seconds": 1e9},
                                    {"seconds": float("nan")}])  # fmt: skip
def test_a_capture_without_bounds_is_refused(wanted: dict[str, Any]) -> None:
    assert Wanted(**wanted).problem()


def test_no_secret_is_captured() -> None:
    secret = b"hunter-two"
    names = [b"Cookie", b"Authorization", b"Proxy-Authorization", b"X-Api-Key", b"X-My-Token", b"Referer"]
    fields = [
        Field(Part.ARG, "password", secret),
        Field(Part.FORM, "user.new_password", secret),
        Field(Part.JSON, "client_secret", secret),
        Field(Part.COOKIE, "sid", secret),
        Field(Part.BODY, "", secret),
        Field(Part.ARG, "q", b"shoes 42"),
    ]
    shown = entry(
        exchange(
            fields=fields,
            request=request(
                method=b"POST",
                query=b"password=" + secret,
                target=b"/a?password=" + secret,
                headers=Headers.make(*((name, secret) for name in names), (b"Accept", b"text/html")),
            ),
            response=response(
                200, (b"Set-Cookie", secret), (b"Location", b"/a?t=" + secret), (b"Server", b"x")
            ),
        ),
        mask,
    )
    assert secret.decode() not in json.dumps(shown)
    assert {"name": "Accept", "value": "text/html"} in shown["request"]["headers"]
    assert {"name": "q", "value": "shoes **"} in shown["request"]["queryString"]
    assert {"name": "password", "value": HIDDEN} in shown["request"]["queryString"]


def test_a_capture_of_an_unreadable_request() -> None:
    assert entry(exchange(request=None, response=None), mask)["request"]["url"] == ""


# --------------------------------------------------------------------------- our log


def test_our_own_log_is_one_line_of_json() -> None:
    lines = Lines()
    Log(lines.put, lambda: 1_700_000_000.0)("warning", "a\nb", address=object, count=3)
    assert len(lines) == 1
    assert lines[0].count(b"\n") == 1
    told = json.loads(lines[0])
    assert told["message"] == "a\nb"
    assert told["@timestamp"] == "2023-11-14T22:13:20.000Z"
    assert (told["log.level"], told["waf.count"]) == ("warning", 3)


def test_without_a_place_the_log_goes_to_stderr(capfd: pytest.CaptureFixture[str]) -> None:
    Log()("info", "started")
    assert json.loads(capfd.readouterr().err)["message"] == "started"
