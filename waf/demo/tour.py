"""The tour: a few requests through the sidecar to the demo shop, and what became of each.

It is a client like any other and judges only by what a client can see: status, request id, and whether the
card number that the shop is known to leak came through. It never shows more of it than its last four digits
and what arrived masked. Knows nothing of the sidecar's insides; printing is left to the caller.
"""

from __future__ import annotations

import enum
import json
import re
from collections.abc import Callable, Sequence
from typing import Final

import aiohttp
import msgspec
from yarl import URL

from waf.demo import catalogue

TIMEOUT_SECONDS: Final = 15.0
EXCERPT_CHARACTERS: Final = 200
REQUEST_ID: Final = "X-Request-Id"
USER_AGENT: Final = "waf-demo-tour/1"

_CUSTOMER: Final = catalogue.CUSTOMERS[0]


class Fate(enum.Enum):
    """What became of a request, as far as its client can tell."""

    FORWARDED = "forwarded"
    MASKED = "masked"
    LEAKED = "leaked"  # the card number came through in clear
    BLOCKED = "blocked"
    FAILED = "failed"


class Visit(msgspec.Struct, frozen=True):
    """One request of the tour. `path` is sent byte for byte; `show` finds the telling line of the answer."""

    title: str
    path: str
    method: str = "GET"
    body: bytes = b""
    content_type: str = ""
    show: str = ""
    leaks: str = ""  # the card number that the shop's answer holds


class Step(msgspec.Struct, frozen=True):
    """One request of the tour with its outcome; safe to print."""

    title: str
    request: str
    status: int
    fate: Fate
    request_id: str
    excerpt: str


def _json(value: object) -> bytes:
    return json.dumps(value).encode()


VISITS: Final = (
    Visit(
        title="A customer searches for coffee",
        path="/search?q=coffee&category=kitchen",
        show=r"\d+ found",
    ),
    Visit(
        title="A customer orders",
        method="POST",
        path="/api/orders",
        body=_json({"items": [{"product": 2, "quantity": 1}], "note": "Don't ring before 9, it's early"}),
        content_type="application/json",
        show=r"\{.*\}",
    ),
    Visit(
        title="SQL injection in a query parameter",
        path="/search?q=%27%20UNION%20SELECT%20email%2Ccard%20FROM%20customers--%20",
    ),
    Visit(
        title="SQL injection in a JSON body",
        method="POST",
        path="/api/orders",
        body=_json({"items": [{"product": 2, "quantity": 1}], "note": "x' OR '1'='1' -- "}),
        content_type="application/json",
    ),
    Visit(
        title="A page that leaks a card number",
        path=f"/customers/{_CUSTOMER.id}",
        show=r"<tr><th>Card</th>.*</tr>",
        leaks=_CUSTOMER.card,
    ),
    Visit(
        title="A JSON answer that leaks it",
        path=f"/api/customers/{_CUSTOMER.id}",
        show=r"\{.*\}",
        leaks=_CUSTOMER.card,
    ),
)


async def run_tour(
    base_url: str,
    on_step: Callable[[Step], None] | None = None,
    visits: Sequence[Visit] = VISITS,
) -> list[Step]:
    """Make every visit in turn on one connection; gives the steps, each also to `on_step` as it is known.

    A server that cannot be reached or breaks off makes a FAILED step; nothing is raised for it.
    """
    steps: list[Step] = []
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
    connector = aiohttp.TCPConnector(limit=1)
    async with aiohttp.ClientSession(
        timeout=timeout, connector=connector, headers={"User-Agent": USER_AGENT}
    ) as session:
        for visit in visits:
            step = await _visit(session, base_url.rstrip("/"), visit)
            steps.append(step)
            if on_step is not None:
                on_step(step)
    return steps


async def _visit(session: aiohttp.ClientSession, base_url: str, visit: Visit) -> Step:
    request = f"{visit.method} {visit.path}"
    headers = {"Content-Type": visit.content_type} if visit.content_type else {}
    try:
        async with session.request(
            visit.method, URL(base_url + visit.path, encoded=True), data=visit.body or None, headers=headers
        ) as answer:
            text = (await answer.read()).decode("utf-8", "replace")
    except (aiohttp.ClientError, TimeoutError) as error:
        return Step(visit.title, request, 0, Fate.FAILED, "", type(error).__name__)
    fate = judge(visit, answer.status, text)
    return Step(
        visit.title,
        _with_body(request, visit.body),
        answer.status,
        fate,
        answer.headers.get(REQUEST_ID, "") or _id_in(text),
        _excerpt(visit, fate, text),
    )


def judge(visit: Visit, status: int, text: str) -> Fate:
    """What became of a visit that was answered with `status` and the body `text`."""
    if status in (403, 413, 415, 429):
        return Fate.BLOCKED
    if not 200 <= status < 400:
        return Fate.FAILED
    if not visit.leaks:
        return Fate.FORWARDED
    return Fate.LEAKED if visit.leaks in re.sub(r"[ -]", "", text) else Fate.MASKED


def _excerpt(visit: Visit, fate: Fate, text: str) -> str:
    """The telling part of the answer on one line; of a leaked card number only the last four digits."""
    found = re.search(visit.show, text) if visit.show and fate is not Fate.BLOCKED else None
    line = " ".join((found[0] if found else text).split())
    line = "".join(c if c.isprintable() else "·" for c in line)
    if visit.leaks:
        for form in (visit.leaks, catalogue.grouped(visit.leaks)):
            line = line.replace(form, f"(in clear, ends in {visit.leaks[-4:]})")
    return line if len(line) <= EXCERPT_CHARACTERS else line[: EXCERPT_CHARACTERS - 1] + "…"


def _id_in(text: str) -> str:
    try:
        value = json.loads(text)
    except ValueError:
        return ""
    return str(value.get("request_id", "")) if isinstance(value, dict) else ""


def _with_body(request: str, body: bytes) -> str:
    return f"{request}  {body.decode()}" if body else request


# ------------------------------------------------------------------------------------------- for the terminal

_COLOURS: Final = {
    Fate.FORWARDED: "32",
    Fate.MASKED: "36",
    Fate.LEAKED: "33",
    Fate.BLOCKED: "31",
    Fate.FAILED: "35",
}


def render(step: Step, colour: bool = False) -> str:
    """One step as a few lines of text for a terminal, without a final newline."""
    word = step.fate.value.upper()
    if colour:
        word = f"\x1b[1;{_COLOURS[step.fate]}m{word}\x1b[0m"
    status = f" ({step.status})" if step.status else ""
    tag = f"   request id {step.request_id}" if step.request_id else ""
    return (
        f"● {step.title}\n"
        f"    sent      {step.request}\n"
        f"    outcome   {word}{status}{tag}\n"
        f"    answer    {step.excerpt}"
    )


def render_tour(steps: Sequence[Step], colour: bool = False) -> str:
    """All steps, a blank line between them."""
    return "\n\n".join(render(step, colour) for step in steps)
