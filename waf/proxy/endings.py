"""How an exchange ends that does not end with the app's answer: refused, or with a fault of somebody."""

from __future__ import annotations

import traceback
from pathlib import PurePath
from typing import TYPE_CHECKING

from waf.errors import ClientFault, Fault
from waf.exchange import Exchange
from waf.model import Outcome
from waf.proxy.faults import Refusal, fault, outcome_of
from waf.proxy.replies import reply

if TYPE_CHECKING:
    from waf.proxy.downstream import Conversation


def settle(talk: Conversation, exchange: Exchange, error: Exception) -> bool:
    """Answer for what ended the exchange; True where another may follow it."""
    if isinstance(error, Refusal):
        return _refuse(talk, exchange, error)
    if isinstance(error, Fault):
        return _fail(talk, exchange, error)
    commons = talk.commons
    commons.stats.own_errors += 1
    commons.loop.call_exception_handler({"message": f"exchange {exchange.id} failed", "exception": error})
    return _fail(talk, exchange, fault("own.error"), _place(error))


def _refuse(talk: Conversation, exchange: Exchange, refusal: Refusal) -> bool:
    """Answer what was judged unfit, request or response."""
    verdict = refusal.verdict
    exchange.outcome = refusal.outcome
    if refusal.outcome is Outcome.BLOCKED:
        exchange.verdict = verdict
    else:
        exchange.response_verdict = verdict
    return _reply(talk, exchange, verdict.status, verdict.retry_after, keep=True)


def _fail(talk: Conversation, exchange: Exchange, error: Fault, detail: str = "") -> bool:
    """Answer a fault, or cut the connection where it is too late for an answer."""
    exchange.fault = error.rule
    exchange.detail = detail or error.detail
    exchange.outcome = outcome_of(error)
    retry_after = 1 if error.status == 503 else 0
    return _reply(talk, exchange, error.status, retry_after, keep=not isinstance(error, ClientFault))


def _reply(talk: Conversation, exchange: Exchange, status: int, retry_after: int, *, keep: bool) -> bool:
    client, commons, request = talk.client, talk.commons, exchange.request
    if exchange.sent_status or not status or client.lost:
        client.reset()
        return False
    keep = keep and not talk.unread and commons.keep_alive and request is not None and request.keep_alive
    data = reply(status, request, exchange.id, exchange.wall, close=not keep, retry_after=retry_after)
    client.write(data)
    exchange.sent_status = status
    exchange.bytes_to_client = len(data)
    return keep


def _place(error: Exception) -> str:
    """Which error of ours, and where in our code; nothing of the request."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f" at {PurePath(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{where}"
