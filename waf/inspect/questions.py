"""What confirmers are asked about matches, within a bound, and no question twice.

Owns what a question is, what it costs, and which of many are asked.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from waf.inspect.confirm import PLACES, READS_DOCUMENTS, Confirmer
from waf.inspect.confirm.shape import is_document
from waf.inspect.decode import MAX_TEXTS
from waf.inspect.effort import Effort
from waf.inspect.hits import Hit
from waf.inspect.matcher import Match, Matcher, TooManyMatches, thinned
from waf.inspect.native import SEARCH
from waf.inspect.rules import Place, Rule
from waf.model import Confidence, Field, Part

# What questions cost: so many units of `effort`, whatever is asked, and as many times so many more as is told here.
_ASKED: Final = 10
_UNIT: Final = 3
_GLANCE: Final = 1  # what it costs to see that a document is none of a confirmer's business
_OPENING: Final = 9  # to read how a document begins, and what is around its first quotes; …
_PER_DOCUMENT: Final = 32768  # … and one more for so many bytes, …
_SEARCHED: Final = 3  # … or to search it, and one more for fewer:
_DOCUMENTS: Final = {"shell": 5120, "template": 4096, "graphql": 512}
_SEARCHED_MOST: Final = {"shell": 65536, "graphql": 8192}  # bytes of it that are searched
_LOOK: Final = 6  # to find where a match begins, and to judge what is around it; and one more for …
_PER_LOOK: Final = 128  # bytes
_DEARER: Final = {
    "html": 48,
    "js": 16,
    "template": 40,
    "code": 32,
    "nosql": 40,
    "path": 24,
    "local": 24,
    "ssrf": 24,
}
"""For so many bytes one more where every tag is read, every call around a match …"""
_MOST: Final = 64  # … and no more than so many; …
_TAGS: Final = 16  # … one and a half for each tag, of no more than these
_COUNTED: Final = 2  # to judge what is around it where the places that are read can be counted beforehand; …
_PER_PLACE: Final = 5  # … and so many for each, …
_ALONE: Final = (
    4  # … and as many again for each beyond so many: where there are many, most are read to their end
)
_READ: Final = 3  # to read a whole value; and one more for 64 bytes …
_WHOLE: Final = 4096  # … of so many, …
_TRIED: Final = {"sql": 256}  # … but for those who try to read on from every quote: one more for so many, …
_REWRITTEN: Final = 768  # … and for so many of a value in plain words;
_QUOTES: Final = (b"'", b'"', b"`")
_TRIES: Final = 4  # … of each kind no more than so many, each one more, …
_PER_TRY: Final = 384  # … and another one for so many bytes that may be read from there, …
_AFLOAT: Final = (
    (1, (b"union", b"UNION", b"and", b"AND", b"or", b"OR")),
    (2, (b";",)),
    (6, (b"exec", b"EXEC", b"waitfor", b"WAITFOR")),
)
_AFLOATS: Final = (
    3  # … and so many, of each kind as many as this, from what may begin a condition or a statement
)
_ADDRESSES: Final = frozenset({"redirect", "redirect_parameter"})
_ADDRESS: Final = 2  # … but for those who read how an address begins
_WINDOW: Final = 2048  # bytes of which a confirmer reads no more
_USUAL: Final = 36  # of a question about a long text: by it the budget is shared out
_LEAST: Final = 6  # questions that every rule may ask at every field while there is budget
_NEAR: Final = (
    160  # bytes on each side of a match's end within which two matches must be alike to be one question
)


_REMEMBERED: Final = 32  # bytes of a match that is known by them where it comes again


class Outcome(enum.Enum):
    """What became of a match."""

    FOUND = "found"
    LEVEL = "above the level"
    PLACE = "not in this place"
    VIEW = "not in this view"
    TYPED = "the value is harmless by its learned type"
    REJECTED = "not confirmed"
    UNSEEN = "more candidates than are looked at"


class Scope(enum.Enum):
    """On what the answer of a confirmer depends."""

    NEAR = enum.auto()  # on what surrounds the match
    DOCUMENT = enum.auto()  # in documents on the value alone
    VALUE = enum.auto()  # on the value alone


class Armed(msgspec.Struct, frozen=True):
    """A rule ready to judge its matches."""

    rule: Rule
    places: dict[Part, tuple[Place, ...]]  # those of each part
    whole: tuple[bool, ...]  # for each part whether every field of it counts
    confirm: Confirmer | None
    scope: Scope
    other_views: int  # the bits of views in which it does not look
    without: dict[Part, tuple[Place, ...]]  # exceptions from `places`

    def covers(self, field: Field) -> bool:
        part = field.part
        if not self.whole[part] and not _among(self.places.get(part), field):
            return False
        return not (self.without and _among(self.without.get(part), field))


def _among(places: tuple[Place, ...] | None, field: Field) -> bool:
    return places is not None and any(place.covers(field.part, field.name) for place in places)


Question = tuple[int, int, bytes]
"""Who is asked, and all of the text that the answer depends on."""

Answer = tuple[Outcome, tuple[int, int], Confidence]


class Questions:
    """Asks confirmers about matches, within a bound, and no question twice.

    The same match in the same surroundings gets the same answer: views of one value repeat most of it, and so do
    values made to keep us busy. A question about a long text costs more of the budget than one about a short.
    """

    __slots__ = ("_alone", "_answers", "_documents", "_effort", "_matcher", "_share", "_short_ones")

    def __init__(self, matcher: Matcher | None, effort: Effort) -> None:
        self._matcher = matcher
        self._effort: Final = effort
        self._alone: dict[bytes, list[Match]] = {}
        self._share = _LEAST
        self._answers: dict[Question, tuple[int, Confidence | None]] = {}
        self._documents: dict[bytes, bool] = {}
        self._short_ones: dict[
            int, dict[int, set[bytes]]
        ] = {}  # matches by their pattern and their length, those that are short

    def share(self, groups: int) -> None:
        """Shares out what is left among so many pairs of rule and value."""
        self._effort.judge(groups)
        self._share = max(self._effort.left // (_ASKED + _UNIT * _USUAL) // max(groups, 1), _LEAST)

    @property
    def spent(self) -> bool:
        return self._effort.left <= 0

    def chosen(self, armed: Armed, hits: list[Hit]) -> tuple[list[tuple[Question, Hit]], bool]:
        """Of one rule's hits in one value those to ask about, each but once, and whether that is all of them.

        Where they are too many: the first, the last, and as many between them as fit, evenly spread.
        """
        if len(hits) == 1:
            return [(self._question(armed, hits[0]), hits[0])], True
        different = self._different(armed, hits)
        short = self._short(armed, different[0])
        share = max(self._share, MAX_TEXTS) if short else self._share
        complete = len(different) <= share or self._affords(armed, different)
        if not complete:
            last, steps = len(different) - 1, share - 1
            different = [different[number * last // steps] for number in range(share)]
        return [(self._question(armed, hit), hit) for hit in different], complete

    def _affords(self, armed: Armed, hits: list[Hit]) -> bool:
        """Whether no more than half of what is left pays for a question about each: a share is a guess made before any was asked."""
        firsts = first_of_texts(hits)
        dearest = max(_cost(armed, hit.text.data, hit.match[1], self._short(armed, hit)) for hit in firsts)
        return len(hits) * (_ASKED + dearest * _UNIT) * 2 <= self._effort.left

    def certain(self, owners: Sequence[Armed], armed: Armed, hits: Sequence[Hit]) -> list[Hit]:
        """One rule's hits in one value, those that begin within it.

        Among joined texts a match may have begun in the text before, and stand where another was left out as too close
        behind it: so each text with more than one is searched by itself.
        """
        matcher = self._matcher
        assert matcher is not None  # it made the hits
        if len(hits) == 1 and matcher.fits(hits[0].text.data, hits[0].match):
            return [Hit(hits[0].text, hits[0].match)]
        sure: list[Hit] = []
        for text in {id(hit.text): hit.text for hit in hits}.values():
            found = self._alone.get(text.data)
            if found is None:
                try:
                    found = matcher.scan(text.data)
                except TooManyMatches as error:
                    found = error.found
                self._alone[text.data] = found = thinned(found)
            sure += [Hit(text, match) for match in found if owners[match[0]] is armed]
        return sure

    def _short(self, armed: Armed, hit: Hit) -> bool:
        """Whether it is answered at once: most is looked for in no document, or only at its beginning."""
        return armed.scope is not Scope.NEAR and self._is_document(hit.text.data)

    def ask(self, armed: Armed, question: Question, hit: Hit) -> Answer:
        rule, data, end = armed.rule, hit.text.data, hit.match[1]
        matcher = self._matcher
        assert matcher is not None  # it made the match
        answer = self._answers.get(question)
        if answer is not None and answer[1] is None:
            return Outcome.REJECTED, (end - answer[0], end), rule.confidence
        if armed.confirm is None:
            return Outcome.FOUND, (self._start_of(matcher, hit), end), rule.confidence
        if answer is None:
            if self._effort.left <= 0:
                return Outcome.UNSEEN, (end, end), rule.confidence
            short = self._short(armed, hit)
            self._effort.ask(_ASKED + _UNIT * _cost(armed, data, end, short))
            # Where a match starts takes several scans to find, and not all confirmers want to know.
            start = end if short or armed.scope is Scope.VALUE else self._start_of(matcher, hit)
            answer = self._answers[question] = (end - start, armed.confirm(data, (start, end)))
        length, confidence = answer
        if confidence is not None and not length:
            length = end - self._start_of(matcher, hit)
        if confidence is None:
            return Outcome.REJECTED, (end - length, end), rule.confidence
        return Outcome.FOUND, (end - length, end), confidence

    def _start_of(self, matcher: Matcher, hit: Hit) -> int:
        """As `Matcher.start_of`, which scans several times: the same few bytes come again and again, whatever stands before."""
        data, (index, end) = hit.text.data, hit.match
        known = self._short_ones.get(index)
        if known is None:
            known = self._short_ones[index] = {}
        for length, matches in known.items():
            if data[max(end - length, 0) : end] in matches:
                return end - length
        start = matcher.start_of(data, hit.match)
        if 0 < end - start <= _REMEMBERED:
            known.setdefault(end - start, set()).add(data[start:end])
        return start

    def _question(self, armed: Armed, hit: Hit) -> Question:
        data, end = hit.text.data, hit.match[1]
        if self._of_whole(armed, data):
            return id(armed.confirm), -1, data
        return id(armed.confirm), len(data) // _NEAR, data[max(end - _NEAR, 0) : end + _NEAR]

    def _of_whole(self, armed: Armed, data: bytes) -> bool:
        """All that is found in the text is one question."""
        scope = armed.scope
        return scope is Scope.VALUE or (scope is Scope.DOCUMENT and self._is_document(data))

    def _different(self, armed: Armed, hits: list[Hit]) -> list[Hit]:
        """Of the hits about which the question is the same the first."""
        if armed.scope is Scope.NEAR:
            return differing(hits, _NEAR)
        wholes: dict[bytes, Hit] = {}
        found: set[int] = set()
        for hit in first_of_texts(hits):
            if self._of_whole(armed, hit.text.data):
                found.add(id(hit.text))
                wholes.setdefault(hit.text.data, hit)
        if not found:
            return differing(hits, _NEAR)
        return [*wholes.values(), *differing([hit for hit in hits if id(hit.text) not in found], _NEAR)]

    def _is_document(self, data: bytes) -> bool:
        known = self._documents.get(data)
        if known is None:
            known = self._documents[data] = is_document(data)
        return known


def first_of_texts(hits: list[Hit]) -> list[Hit]:
    """Of the hits the first in each text: a text may have very many."""
    firsts: dict[int, Hit] = {}
    last = None
    for hit in hits:
        if hit.text is not last:  # those of one text mostly stand together
            last = hit.text
            firsts.setdefault(id(last), hit)
    return [*firsts.values()]


def first_of_each(hits: list[Hit], near: int) -> list[Hit]:
    """The hits of which none before has the same bytes within `near` of its end, in a text that is about as long.

    In C: `waf/_search.c`.
    """
    seen: set[tuple[int, bytes]] = set()
    kept = []
    for hit in hits:
        data, end = hit.text.data, hit.match[1]
        asked = len(data) // near, data[max(end - near, 0) : end + near]
        if asked not in seen:
            seen.add(asked)
            kept.append(hit)
    return kept


differing: Final[Callable[[list[Hit], int], list[Hit]]] = (
    first_of_each if SEARCH is None else SEARCH.differing
)


def _cost(armed: Armed, text: bytes, end: int, short: bool) -> int:
    """What a question about a match that ends there takes of the budget; `short`: about a document as a whole."""
    confirm, size = armed.rule.confirm, len(text)
    if short and confirm not in READS_DOCUMENTS:
        return _GLANCE
    if short and confirm in _DOCUMENTS:
        return _SEARCHED + min(size, _SEARCHED_MOST.get(confirm, size)) // _DOCUMENTS[confirm]
    if short:
        return _OPENING + size // _PER_DOCUMENT
    if confirm in _ADDRESSES:
        return _ADDRESS
    if confirm in _TRIED:
        read = min(size, _WHOLE)
        tries = sum([min(text.count(quote, 0, _WHOLE), _TRIES) for quote in _QUOTES]) * (1 + read // _PER_TRY)
        for each, words in _AFLOAT:
            tries += each * min(sum([text.count(word, 0, _WINDOW) for word in words]), _AFLOATS)
        return _READ + tries + read // _TRIED[confirm] + size // _REWRITTEN
    if armed.scope is Scope.VALUE:
        return _READ + min(size, _WHOLE) // 64
    if confirm in PLACES:
        places = PLACES[confirm](text, end)
        return _COUNTED + _PER_PLACE * (places + max(places - _ALONE, 0))
    tags = (
        min(text.count(b"<", max(end - _WINDOW, 0), end + _WINDOW), _TAGS) * 3 // 2
        if confirm == "html"
        else 0
    )
    return _LOOK + min(min(size, _WINDOW) // _DEARER.get(confirm, _PER_LOOK), _MOST) + tags
