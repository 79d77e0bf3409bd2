"""Hyperscan over all entities: bytes in, places to look at out.

Owns compiling, caching and scanning. Knows nothing of validators or scores: a candidate only says "here may
be one".

Patterns that speak for themselves are compiled with start-of-match, but for those that C looks for (`openings`).
Led ones count behind their context words, within `GAP` bytes, and are named by their end: so a text full of
plain numbers makes no candidates at all. Where C looks for them, the words alone are compiled. Hyperscan's block mode serves streams too: the filter keeps the last
bytes anyway, as expansion and context need them, and a decision that always sees the same bytes cannot depend
on where chunks were cut.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from typing import Any, Final

import hyperscan

from waf.errors import ConfigError, Problem
from waf.model import PatternStore
from waf.patterns import Expression, Patterns, compiled
from waf.sensitive import speed
from waf.sensitive.entities import Entity
from waf.sensitive.forms import Form, forms, words_of
from waf.sensitive.openings import Told, shares
from waf.sensitive.sieve import Sieve

Candidate = int
"""Where, times 2^16 (the start of the match, for a led form the end), and the index of the form: so that sorted numbers
are in the order of the text."""

FORM: Final = 0xFFFF
PLACE: Final = 16

_SHORT: Final = 1024
"""Bytes of a text up to which the whole database costs little more than the sieve: what is short and comes here mostly has
something in it, as answers without are let pass before (`policy.screens`), and then the sieve would only add to it."""

_LONG: Final = 32 * 1024  # bytes of a text of which …
_TRIED: Final = 4096  # … so many tell whether the sieve pays

_BEGINNINGS: Final = (2048, 16 * 1024)
"""Bytes of what is suspicious that are looked at first where only it matters whether there is anything."""

Window = tuple[int, int]
"""Where a part of a text begins and ends."""


class Candidates:
    """The compiled patterns; may be scanned with from several threads."""

    def __init__(
        self,
        patterns: Patterns | None,
        forms: Sequence[Form],
        sieve: Sieve | None = None,
        told: Told | None = None,
    ) -> None:
        """`told` is of those forms that are not in `patterns`, where the words of led ones are instead."""
        self.forms: Final = tuple(forms)
        self._told = told
        self._led = tuple(form.led for form in forms)
        self._patterns = patterns
        self._sieve = sieve
        self._local = threading.local()
        self._notices = speed.notices_type()
        self.program: Final = None if sieve is None else sieve.program

    @classmethod
    def build(
        cls,
        entities: Sequence[Entity],
        store: PatternStore | None,
        sieved: bool = True,
        others: Sequence[Expression] = (),
    ) -> Candidates:
        """Compile, or load what was compiled before. ConfigError names each pattern that Hyperscan refuses.

        Without being `sieved`, long texts cost more and compiling less. `others` go with the sieve (see `look`).
        """
        all_forms = forms(entities)
        if not all_forms:
            return cls(None, ())
        if len(all_forms) > FORM:
            raise ConfigError([Problem("", 0, "sensitive", f"more than {FORM} patterns of entities")])
        sieve = Sieve.build(all_forms, store, others) if sieved else None
        split = shares(all_forms)
        # What is found must not depend on who looks for it: the order is the same where all are the engine's.
        asked = [(form.expression, form.flags) for form in split.asked]
        asked += [(words_of(context), int(hyperscan.HS_FLAG_DOTALL)) for context in split.contexts]
        if not asked or speed.notices_type() is None:
            return cls(_compiled(split.all, None, store), split.all, sieve)
        return cls(_compiled(split.all, asked, store), split.all, sieve, split.told)

    def only(
        self, entities: Sequence[Entity], store: PatternStore | None, others: Sequence[Expression] = ()
    ) -> Candidates:
        """The same patterns behind a sieve that lets through what could be one of `entities`."""
        wanted = {entity.id for entity in entities}
        kept = [form for form in self.forms if form.entity.id in wanted]
        sieve = Sieve.build(kept, store, others) if kept else None
        return Candidates(self._patterns, self.forms, sieve, self._told)

    def scan(self, text: bytes) -> list[Candidate]:
        """Every candidate in `text`, in order."""
        return self.look(text)[0]

    def has(self, text: bytes, wanted: Sequence[object]) -> bool:
        """Whether there is a candidate in `text` of a form for which `wanted` has not None; the engine looks no further."""
        if self._patterns is None:
            return False
        sieving, notices = self._own()
        windows = None
        if self._sieve is not None and len(text) > _SHORT:
            windows = self._windows(text, sieving)
        scan, scratch = self._engine(self._patterns)
        asked = len(self.forms) if self._told is None else self._told[2]

        def met(form: int, start: int, end: int, flags: int, context: object) -> bool | None:
            if form >= asked:
                notices(form, start, end, flags, context)  # a word of led forms
                return None
            return None if wanted[form] is None else True

        try:
            for low, high in _tried([(0, len(text))] if windows is None else windows):
                part = text[low:high]
                notices.begin(low)
                scan(part, match_event_handler=met, scratch=scratch)
                if self._told is not None:
                    notices.openings(part)
                if any(wanted[candidate & FORM] is not None for candidate in notices.take()):
                    return True
        except hyperscan.ScanTerminated:
            notices.take()
            return True
        return False

    def look(self, text: bytes, repeats: bool = False) -> tuple[list[Candidate], bool]:
        """The same, and whether it is certain that none of the expressions of others matches anywhere in `text`. `repeats`: it may
        be much like a text before (see `sieve.Sieve.windows`).
        """
        if self._patterns is None:
            return [], False
        sieving, notices = self._own()
        windows = None
        unmet = False
        if self._sieve is not None and len(text) > _SHORT:
            windows = self._windows(text, sieving, repeats)
            unmet = windows is not None and not sieving[2].others
            if windows is not None and not windows:
                return [], unmet
        scan, scratch = self._engine(self._patterns)
        if windows is None:
            windows = [(0, len(text))]
        for low, high in windows:
            part = text[low:high]
            notices.begin(low)
            scan(part, match_event_handler=notices, scratch=scratch)
            if self._told is not None:
                notices.openings(part)
        found: list[Candidate] = notices.take()
        return found, unmet

    def _windows(self, text: bytes, sieving: Any, repeats: bool = False) -> list[Window] | None:
        """As those of the sieve: but for a long text that begins with little else than signs, of which it would leave nothing out."""
        assert self._sieve is not None
        if len(text) > _LONG and not repeats:
            first = self._sieve.windows(text[:_TRIED], sieving)
            if first is None or 2 * sum([high - low for low, high in first]) > _TRIED:
                return None
        return self._sieve.windows(text, sieving, repeats)

    def _own(self) -> tuple[Any, Any]:
        """What one thread needs for the sieve, and to take notice: scratch space is for one at a time."""
        try:
            own: tuple[Any, Any] = self._local.first
        except AttributeError:
            led = bytes(self._led)
            if self._notices is None:
                notices: Any = Notices(led)
            elif self._told is None:
                notices = self._notices(led)
            else:
                notices = self._notices(led, self._told)
            own = self._local.first = None if self._sieve is None else self._sieve.scratch(), notices
        return own

    def _engine(self, patterns: Patterns) -> tuple[Any, Any]:
        """How all patterns are looked for by this thread, and its scratch space."""
        try:
            engine: tuple[Any, Any] = self._local.scan
        except AttributeError:
            database = patterns.database()
            engine = self._local.scan = database.scan, hyperscan.Scratch(database)
        return engine


def _tried(windows: Sequence[Window]) -> Iterator[Window]:
    """The windows, and before each long one how it begins: where there is much, some of it stands there."""
    for low, high in windows:
        for size in _BEGINNINGS:
            if high - low > 2 * size:
                yield low, low + size
        yield low, high


class Notices:
    """What Hyperscan reports, as candidates; called with each match. `led` tells by a byte how each form's are placed."""

    def __init__(self, led: bytes) -> None:
        self._led = led
        self._base = 0
        self._found: set[Candidate] = set()

    def __call__(self, form: int, start: int, end: int, flags: int, context: object) -> None:
        self._found.add((self._base + (end if self._led[form] else start)) << PLACE | form)

    def begin(self, base: int) -> None:
        """Places of the matches to come count from `base`."""
        self._base = base

    def take(self) -> list[Candidate]:
        """The candidates noticed since the last call, in order."""
        found = sorted(self._found)
        self._found.clear()
        return found


def _compiled(
    all_forms: Sequence[Form], asked: Sequence[Expression] | None, store: PatternStore | None
) -> Patterns:
    """Of `asked`; None: of all forms."""
    expressions = [(form.expression, form.flags) for form in all_forms] if asked is None else asked
    try:
        return Patterns.of(expressions, store, scratch=False)
    except hyperscan.HyperscanError:
        raise ConfigError(_refused(all_forms)) from None


def _refused(all_forms: Sequence[Form]) -> list[Problem]:
    """A failed batch does not name the pattern, so each is tried alone."""
    problems = []
    for form in all_forms:
        try:
            compiled([(form.expression, form.flags)])
        except hyperscan.HyperscanError as error:
            entity = form.entity
            place = f"{entity.id}.{'led' if form.led else 'pattern'}"
            problems.append(Problem(entity.file, entity.line, place, f"Hyperscan refuses it: {error}"))
    return problems or [Problem("", 0, "", "the patterns do not compile together")]
