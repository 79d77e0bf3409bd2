"""Validators: pure functions that say how far a value is what it looks like.

Each takes the value as it stands in the text (ASCII bytes, separators included) and gives a factor for the entity's
confidence: 0.0 is "no", 1.0 "as sure as the entity can be", between them "it could be something else as well".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from waf.sensitive.validate import cards

Validator = Callable[[bytes], float]

VALIDATORS: Final[dict[str, Validator]] = {
    "card": cards.card,
}
