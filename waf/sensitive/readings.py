"""Where exactly a candidate's value stands: patterns run by `re`, the readings of grouped numbers.

Hyperscan says where to look; what may touch a value, how far it goes and which of several groupings is meant
is found out here. Knows nothing of scores.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from waf.sensitive.context import beginnings, denial_pattern, word_pattern
from waf.sensitive.entities import EDGES, Entity
from waf.sensitive.mask import hidden
from waf.sensitive.programs import program, run
from waf.sensitive.validate import VALIDATORS, Validator

LED_REACH: Final = 96
"""Bytes around the end that Hyperscan reports of a led value in which the value stands."""


class Form(msgspec.Struct, frozen=True):
    """A pattern made ready to run."""

    entity: Entity
    led: bool
    shape: re.Pattern[bytes]
    before: re.Pattern[bytes] | None
    after: re.Pattern[bytes]  # what must hold behind the value
    endless: re.Pattern[bytes] | None
    group: int
    numeric: bool
    regroups: bool  # may be a part of the groups that match
    validate: Validator | None
    context: re.Pattern[bytes] | None
    negative: re.Pattern[bytes] | None  # in a label
    denied: re.Pattern[bytes] | None  # right before the value, in running text
    said: dict[bytes, float]  # what labels said before; bounded
    context_words: tuple[bytes, ...] | None  # how the words begin; None where that is not known
    denied_words: tuple[bytes, ...] | None
    hides: tuple[int, int, int]  # what the mask leaves, see `mask.hidden`
    programs: tuple[
        bytes | None, ...
    ]  # what C runs instead of shape, before (see `programs.run`), after, endless, context, denied and negative


def form_of(entity: Entity, pattern: str, led: bool, own: Mapping[str, Validator]) -> Form:
    """`pattern` of `entity`; `own` holds validators beyond those of `VALIDATORS`, by name."""
    before, behind = EDGES[entity.edges]
    shape = re.compile(
        before + entity.before.encode() + b"(?:" + pattern.encode() + b")" + entity.behind.encode() + behind,
        re.DOTALL,
    )
    left = re.compile(b"(?:" + entity.before.encode() + rb")\Z") if entity.before else None
    after = re.compile(behind)
    endless = re.compile(b"(?:" + entity.endless.encode() + b")*") if entity.endless else None
    context, denied = word_pattern(entity.context), denial_pattern(entity.negative)
    negative = word_pattern(entity.negative)
    return Form(
        entity=entity,
        led=led,
        shape=shape,
        before=left,
        after=after,
        endless=endless,
        group=1 if shape.groups else 0,
        numeric=entity.edges in ("number", "grouped"),
        regroups=entity.edges == "number",
        validate=(own.get(entity.validator) or VALIDATORS[entity.validator]) if entity.validator else None,
        context=context,
        negative=negative,
        denied=denied,
        said={},
        context_words=beginnings(entity.context),
        denied_words=beginnings(entity.negative),
        hides=hidden("everything" if entity.unwritten else entity.mask),
        programs=(
            program(shape, anywhere=True),
            run(re.compile(entity.before.encode())) if entity.before else None,
            program(after),
            program(endless),
            program(context, anywhere=True),
            program(denied, anywhere=True),
            program(negative, anywhere=True),
        ),
    )


def form_spans(form: Form, text: bytes, place: int, again: bool) -> Iterator[tuple[int, int]]:
    """Where a candidate's value may stand exactly, the likeliest first; with `again`, its shorter readings
    too.
    """
    if form.led:
        for led in form.shape.finditer(text, max(0, place - LED_REACH), place + LED_REACH):
            start, end = led.span(form.group)
            if start < place <= end:
                yield start, end
                if again:
                    yield from _shorter(form, text, start, end)
                return
        return
    if form.before is not None:
        left = form.before.search(text, max(0, place - 64), place)
        place = left.start() if left is not None else place
    match = form.shape.match(text, place)
    if match is not None:
        start, end = match.span(form.group)
        yield start, end
    else:
        start, end = place, place
    if again:
        yield from _shorter(form, text, place, max(end, place + 28))


def _shorter(form: Form, text: bytes, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Runs of whole groups within a grouped number: "4539 1488 0343 6467 12" or "3120 4539148803436467"."""
    value = text[start:end]
    cuts = [place for place, char in enumerate(value) if char in b" -"][:8]
    if not cuts:
        return
    for first in (-1, *cuts):
        for last in reversed((*cuts, len(value))):
            if last - first > 6 and (first, last) != (-1, len(value)):
                match = form.shape.match(text, start + first + 1, start + last)
                if match is not None and match.end() == start + last and form.after.match(text, match.end()):
                    yield match.span(form.group)


def continues(text: bytes, start: int, end: int, regroups: bool, ends: set[int]) -> bool:
    """The number at [start, end) is a part of a longer one: a group of its kind touches it.

    To the left a group may be the last of another value (`ends`); to the right one may follow a number whose
    groups are not fixed, such as a card's expiry.
    """
    before = text[start - 1 : start]
    if before in (b" ", b"-") and start and text[start : start + 1] != b"+":
        if before == b"-" and text[start - 2 : start - 1].isdigit():
            return True
        if text.find(before, start, end) >= 0 and start - 1 not in ends:
            group = text[max(0, start - 6) : start - 1].rpartition(before)[2]
            # Codes with letters have groups of four, as IBANs do.
            if (
                len(group) >= 4
                and group.isalnum()
                and (group.isdigit() or (len(group) == 4 and group[-1:].isdigit()))
            ):
                return True
    behind = text[end : end + 1]
    return (
        not regroups
        and behind in (b" ", b"-")
        and behind != b""
        and text.find(behind, start, end) >= 0
        and text[end + 1 : end + 4].isdigit()
        and len(text[end + 1 : end + 4]) == 3
    )


def follows_group(text: bytes, start: int, ends: set[int]) -> bool:
    """In a row of groups of digits only the first may be read in several ways."""
    return (
        text[start - 1 : start] in (b" ", b"-")
        and start - 1 not in ends
        and text[max(0, start - 5) : start - 1].isdigit()
    )
