"""The book of a workload: what its profile says now, how far each constraint has come, and what people
decided.

Values and pure edits only. Automatic progress through the stages is `promote`'s business; what is written
here by a person (pins, ignored constraints, held versions) is never undone by it.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import msgspec

from waf.profiles.constraints import EVERYWHERE, ROOT, Aspect, Constraint, Key, Origin, Stage
from waf.profiles.evidence import Evidence
from waf.profiles.segments import SLOT
from waf.profiles.store import Damaged, seal, unseal

MAGIC: Final = b"\x89WAFBOK\n"
VERSIONS: Final = 10

Places = dict[str, frozenset[str]]
"""Templates of all places that answer, each with its methods."""


class Entry(msgspec.Struct, gc=False):
    """One constraint and its way through the stages.

    `since` is when it entered its stage (Unix time), `requests` what its set had seen by then, `seen` what
    it has seen now. `violators` are sources that went against it since, and `violations` how often.
    `wanted` is what has been learned beyond `constraint.allowed` and waits for a person, () for nothing.
    """

    constraint: Constraint
    since: float
    requests: float
    seen: float
    violators: Evidence = 0
    violations: int = 0
    wanted: tuple[str, ...] = ()
    note: str = ""  # why it is where it is


class Version(msgspec.Struct, frozen=True, gc=False):
    """A profile as it once was; `content` is packed."""

    version: str
    made: float
    why: str
    content: bytes


class Book(msgspec.Struct):
    """All of it. `entries` are learned constraints, `pins` those of people, `documents` those of OpenAPI
    documents.

    `ignored` are patterns over keys ("POST /login form.user *"); what they fit is never checked. `held` is
    the version that a rollback went to: while it is set nothing is learned into the book.
    """

    entries: dict[Key, Entry] = {}
    pins: dict[Key, Constraint] = {}
    documents: dict[Key, Constraint] = {}
    ignored: tuple[str, ...] = ()
    places: Places = {}
    document_places: Places = {}
    versions: tuple[Version, ...] = ()
    held: str = ""
    texts: dict[str, str] = {}

    def shown(self, constraint: Constraint) -> Constraint:
        """The constraint with values in the place of their hashes, as far as they may be shown."""
        if constraint.key.aspect != Aspect.ENUM.value:
            return constraint
        texts = self.texts
        allowed = tuple(sorted("=" + texts[a] if a in texts else a for a in constraint.allowed))
        return msgspec.structs.replace(constraint, allowed=allowed)

    def constraints(self, cap: Stage = Stage.PROTECT) -> list[Constraint]:
        """What the profile says, each constraint at most as far as `cap`. Documents win over what was
        learned, people over both."""
        chosen: dict[Key, Constraint] = {}
        cover = Cover(self.document_places)
        for key, entry in self.entries.items():
            placed = cover.key(key) if self.document_places else key
            if placed is None or _overruled(placed, self.documents) or _overruled(placed, self.pins):
                continue
            constraint = entry.constraint
            if key.aspect == Aspect.PATH.value and (documented := cover.children(placed.template)):
                allowed = tuple(sorted({*constraint.allowed, *documented}))
                constraint = msgspec.structs.replace(constraint, allowed=allowed)
            if placed is not key:
                constraint = msgspec.structs.replace(constraint, key=placed)
                if (other := chosen.get(placed)) is not None:  # two learned places are one in the document
                    constraint = _either(constraint, other)
            chosen[placed] = constraint
        chosen.update(self.documents)
        chosen.update(self.pins)
        patterns = [pattern_of(pattern) for pattern in self.ignored]
        return [
            c if c.stage <= cap else msgspec.structs.replace(c, stage=cap)
            for key, c in chosen.items()
            if not any(fits(key) for fits in patterns)
        ]

    def all_places(self) -> Places:
        """Learned places, those of documents, and those that people have pinned something to."""
        pinned = [key for key in self.pins if key.template.startswith("/") and key.method != EVERYWHERE]
        if not self.document_places and not pinned:
            return self.places
        cover = Cover(self.document_places)
        result = dict(self.document_places)
        for template, methods in self.places.items():
            placed = cover.template(template)
            result[placed] = result.get(placed, frozenset()) | methods
        for key in pinned:
            result[key.template] = result.get(key.template, frozenset()) | {key.method}
        return result

    # ----------------------------------------------------------------------------------- edits by people

    def accept(self, pattern: str, now: float) -> list[Key]:
        """Take what was learned for every constraint that fits, and protect it. Gives those that changed."""
        fits = pattern_of(pattern)
        changed: list[Key] = []
        for key, entry in self.entries.items():
            old = entry.constraint
            if fits(key) and (entry.wanted or old.stage is not Stage.PROTECT):
                allowed = entry.wanted or old.allowed
                entry.constraint = msgspec.structs.replace(old, allowed=allowed, stage=Stage.PROTECT)
                entry.wanted, entry.since, entry.note = (), now, "accepted by a person"
                entry.requests, entry.violators, entry.violations = entry.seen, 0, 0
                changed.append(key)
        return changed

    def promote(self, pattern: str, stage: Stage, now: float) -> list[Key]:
        """Set the stage of every constraint that fits, by hand. Gives those that changed."""
        fits = pattern_of(pattern)
        changed = [k for k, e in self.entries.items() if fits(k) and e.constraint.stage is not stage]
        for key in changed:
            move(self.entries[key], stage, now, "set by a person")
        return changed

    def pin(self, constraint: Constraint) -> None:
        """A person's own claim: it replaces what is learned under its key, for good."""
        self.pins[constraint.key] = msgspec.structs.replace(constraint, origin=Origin.PINNED)

    def unpin(self, key: Key) -> bool:
        return self.pins.pop(key, None) is not None

    def ignore(self, pattern: str) -> None:
        """Never check what fits; `recall` undoes it."""
        pattern_of(pattern)
        self.ignored = tuple(sorted({*self.ignored, pattern}))

    def recall(self, pattern: str) -> bool:
        before = self.ignored
        self.ignored = tuple(known for known in before if known != pattern)
        return self.ignored != before

    # -------------------------------------------------------------------------------------------- versions

    def keep_version(self, version: str, now: float, why: str) -> None:
        """Remember the present state under its name; the last ten are kept."""
        if self.versions and self.versions[-1].version == version:
            return
        plain = [_plain(self.constraints()), _plain_places(self.all_places()), self.ignored]
        content = seal(plain, MAGIC)
        self.versions = (*self.versions, Version(version, now, why, content))[-VERSIONS:]

    def content_of(self, version: str) -> tuple[list[Constraint], Places, tuple[str, ...]]:
        """What a kept version said, and what it ignored. Raises KeyError for one that is not kept."""
        for kept in self.versions:
            if kept.version == version:
                constraints, places, *more = unseal(kept.content, MAGIC)
                ignored = tuple(more[0]) if more else self.ignored  # not kept by the first versions
                return [_constraint(c) for c in constraints], _places(places), ignored
        raise KeyError(version)

    def roll_back(self, version: str, now: float) -> None:
        """Make the profile what it was in a kept version, and hold it there. Raises KeyError."""
        constraints, places, self.ignored = self.content_of(version)
        learned = [c for c in constraints if c.origin is Origin.LEARNED]
        seen = {key: entry.seen for key, entry in self.entries.items()}
        self.entries = {c.key: Entry(c, now, seen.get(c.key, 0.0), seen.get(c.key, 0.0)) for c in learned}
        self.pins = {c.key: c for c in constraints if c.origin is Origin.PINNED}
        self.places = places
        self.held = version

    def resume(self) -> None:
        """Learn into the book again after a rollback."""
        self.held = ""

    # ---------------------------------------------------------------------------------------- persistence

    def dump(self) -> bytes:
        entries = [
            [
                _plain([e.constraint])[0],
                e.since,
                e.requests,
                e.seen,
                hex(e.violators),
                e.violations,
                e.wanted,
                e.note,
            ]
            for e in self.entries.values()
        ]
        pins, documents = _plain(self.pins.values()), _plain(self.documents.values())
        places = [_plain_places(self.places), _plain_places(self.document_places)]
        versions = [[v.version, v.made, v.why, v.content] for v in self.versions]
        return seal([entries, pins, documents, self.ignored, places, versions, self.held, self.texts], MAGIC)

    @classmethod
    def load(cls, data: bytes) -> Book:
        """The inverse of `dump`. Raises `store.Damaged`."""
        content = unseal(data, MAGIC)
        try:
            entries, pins, documents, ignored, places, versions, held, texts = content
            book = cls(ignored=tuple(ignored), held=held, texts=dict(texts))
            for plain, since, requests, seen, violators, violations, wanted, note in entries:
                c = _constraint(plain)
                book.entries[c.key] = Entry(
                    c, since, requests, seen, int(violators, 16), violations, tuple(wanted), note
                )
            book.pins = {c.key: c for c in map(_constraint, pins)}
            book.documents = {c.key: c for c in map(_constraint, documents)}
            book.places, book.document_places = map(_places, places)
            book.versions = tuple(Version(*v) for v in versions)
        except (ValueError, TypeError, IndexError, KeyError) as error:
            raise Damaged(f"content of an unknown form: {error}") from None
        return book


class Cover:
    """Tells which documented template a learned one falls under: "/users/{int}" under "/users/{str}"."""

    def __init__(self, places: Places) -> None:
        self._tree: dict[str, Any] = {}
        for template in places:
            node = self._tree
            for segment in template[1:].split("/"):
                node = node.setdefault(segment, {})

    def template(self, template: str) -> str:
        """The documented template (or the way to one), else the template as it is."""
        found = self._find(template[1:].split("/"), self._tree) if template.startswith("/") else None
        return template if found is None else "/" + "/".join(found)

    def key(self, key: Key) -> Key | None:
        """The key under which a learned claim stands; None where the document leaves no room for it."""
        placed = self.template(key.template)
        if key.aspect == Aspect.PATH.value and SLOT in self.children(placed):
            return None
        return key if placed == key.template else msgspec.structs.replace(key, template=placed)

    def children(self, template: str) -> dict[str, Any]:
        """What the documents have below a place."""
        node = self._tree
        for segment in template[1:].split("/") if template else ():
            node = node.get(segment, {})
        return node

    def _find(self, segments: list[str], node: dict[str, Any]) -> list[str] | None:
        if not segments:
            return []
        for name in (segments[0], SLOT) if segments[0] else (segments[0],):
            if name in node and (rest := self._find(segments[1:], node[name])) is not None:
                return [name, *rest]
        return None


def _either(one: Constraint, other: Constraint) -> Constraint:
    """What both places allow together, as strict as the looser stage."""
    allowed = widened(Aspect(one.key.aspect), one.allowed, other.allowed)
    return msgspec.structs.replace(one, allowed=allowed, stage=min(one.stage, other.stage))


def widened(aspect: Aspect, old: tuple[str, ...], new: tuple[str, ...]) -> tuple[str, ...]:
    """What either allows."""
    if not new:
        return old
    if aspect is Aspect.LENGTH:
        return str(min(int(old[0]), int(new[0]))), str(max(int(old[1]), int(new[1])))
    if aspect in (Aspect.REPEATS, Aspect.REQUIRED):
        return (str(max(int(old[0]), int(new[0]))),)
    return tuple(sorted({*old, *new}))


def narrowed(aspect: Aspect, old: tuple[str, ...], new: tuple[str, ...]) -> tuple[str, ...]:
    """What both allow."""
    if aspect is Aspect.LENGTH:
        return str(max(int(old[0]), int(new[0]))), str(min(int(old[1]), int(new[1])))
    if aspect in (Aspect.REPEATS, Aspect.REQUIRED):
        return (str(min(int(old[0]), int(new[0]))),)
    return tuple(sorted(set(old) & set(new)))


def move(entry: Entry, stage: Stage, now: float, note: str) -> None:
    """Put an entry into a stage and begin its count anew."""
    entry.constraint = msgspec.structs.replace(entry.constraint, stage=stage)
    entry.since, entry.requests, entry.note = now, entry.seen, note
    entry.violators, entry.violations = 0, 0


def pattern_of(pattern: str) -> Callable[[Key], bool]:
    """A test for keys from "METHOD TEMPLATE [ADDRESS [ASPECT]]"; "*" stands for anything in each of the four.

    Parts left out are anything; "-" is the address of what concerns the endpoint itself, "charset" all
    aspects of that name. A blank within an address is written "?". Raises ValueError for a pattern without
    a template.
    """
    parts = pattern.split()
    if not 2 <= len(parts) <= 4:
        raise ValueError(f'{pattern!r}: write "METHOD /template [address [aspect]]"')
    method, template, address, aspect = [*parts, *["*"] * (4 - len(parts))]
    template = "" if template == ROOT else template
    address = "" if address == "-" else address

    def fits(key: Key) -> bool:
        return (
            _fits(method, key.method)
            and _fits(template, key.template)
            and _fits(address, key.address)
            and (_fits(aspect, key.aspect) or key.aspect.startswith(aspect + "."))
        )

    return fits


def _fits(pattern: str, text: str) -> bool:
    if pattern == text:
        return True
    return ("*" in pattern or "?" in pattern) and fnmatch.fnmatchcase(text, pattern.replace("[", "[[]"))


_VALUE_ASPECTS: Final = frozenset(
    a.value
    for a in Aspect
    if a.value.startswith("charset") or a in (Aspect.TYPE, Aspect.ENUM, Aspect.LENGTH, Aspect.SHAPE)
)
_WHOLE: Final = (Aspect.ENUM.value, Aspect.PATTERN.value)
_PARTLY: Final = (Aspect.TYPE.value, Aspect.LENGTH.value, Aspect.RANGE.value)


def _overruled(key: Key, stronger: Mapping[Key, Constraint]) -> bool:
    """True if a stronger claim about the same values leaves no room for this learned one.

    A documented enumeration or pattern says all there is to say about a value; a documented type, length or
    range says that more values are meant than were seen.
    """
    if not stronger or key.aspect not in _VALUE_ASPECTS:
        return False
    replace = msgspec.structs.replace
    if any(replace(key, aspect=aspect) in stronger for aspect in _WHOLE):
        return True
    narrow = key.aspect in (Aspect.ENUM.value, Aspect.SHAPE.value)
    return narrow and any(replace(key, aspect=aspect) in stronger for aspect in _PARTLY)


def _plain(constraints: Iterable[Constraint]) -> list[list[Any]]:
    return [
        [c.key.template, c.key.method, c.key.address, c.key.aspect, c.allowed, c.stage.value, c.origin.value]
        for c in constraints
    ]


def _constraint(plain: list[Any]) -> Constraint:
    template, method, address, aspect, allowed, stage, origin = plain
    key = Key(template, method, address, Aspect(aspect).value)
    return Constraint(key, tuple(allowed), Stage(stage), Origin(origin))


def _plain_places(places: Places) -> list[list[Any]]:
    return [[template, sorted(methods)] for template, methods in sorted(places.items())]


def _places(plain: list[list[Any]]) -> Places:
    return {template: frozenset(methods) for template, methods in plain}
