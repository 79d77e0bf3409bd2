"""What passes uninspected, and saying so."""

from __future__ import annotations

from waf.errors import OwnFault
from waf.model import Exchange


def uninspected(exchange: Exchange, reason: str, detail: str) -> None:
    """Say why something passes uninspected: `reason` is a steady id for metrics, the first one stays."""
    exchange.bypass = exchange.bypass or reason
    exchange.detail = exchange.detail or detail


def broke(exchange: Exchange, error: Exception, on_error: str) -> None:
    """Take note of a bug of ours, or raise OwnFault where such are to end the exchange (`on_error` is "closed")."""
    detail = f"{type(error).__name__} in our own code"
    if on_error == "closed":
        raise OwnFault(500, "own.inspection", detail) from error
    uninspected(exchange, "own-error", detail)
