"""Validators: pure functions that say how far a value is what it looks like.

Each takes a value that its entity's pattern matched (ASCII bytes, separators included) and gives a factor for
the entity's confidence: 0.0 is "no", 1.0 "as sure as the entity can be", between them "could be something
else as well". None raises on what a pattern of `rules/sensitive` can match; a custom entity names them at its
own risk, so the caller treats an exception as "no".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from waf.sensitive.validate import bank, cards, contact, digits, health, persons, secrets

Validator = Callable[[bytes], float]


def _luhn(value: bytes) -> float:
    text = digits.plain(value)
    return 1.0 if text.isdigit() and digits.luhn(text) else 0.0


def _mod97(value: bytes) -> float:
    text = digits.plain(value)
    return 1.0 if text.isalnum() and text.isascii() and digits.mod97(text) == 1 else 0.0


def _verhoeff(value: bytes) -> float:
    text = digits.plain(value)
    return 1.0 if text.isdigit() and digits.verhoeff(text) else 0.0


VALIDATORS: Final[dict[str, Validator]] = {
    "luhn": _luhn,
    "mod97": _mod97,
    "verhoeff": _verhoeff,
    "card": cards.card,
    "maestro": cards.maestro,
    "track": cards.track,
    "iban": bank.iban,
    "bic": bank.bic,
    "routing": bank.routing,
    "account": bank.account,
    **persons.TABLE,
    "npi": health.npi,
    "dea": health.dea,
    "icd10": health.icd10,
    "record_number": health.record_number,
    "jwt": secrets.jwt,
    "token": secrets.token,
    "aws_secret": secrets.aws_secret,
    "password": secrets.password,
    "high_entropy": secrets.high_entropy,
    "email": contact.email,
    "phone": contact.phone,
    "ipv4": contact.ipv4,
}
"""By the name that entity files and custom entities use. "luhn", "mod97" and "verhoeff" are meant for custom ones."""
