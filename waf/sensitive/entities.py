"""What an entity is, and the way from the text of rules/sensitive/*.yaml to `Entity` values.

Owns the grammar of entity files. Knows nothing of how patterns are run; whether a pattern compiles for
Hyperscan is found out by `candidates.Candidates.build`.

An entity file is one YAML mapping from id to a section with these keys and no others:

    title              one line for people
    group              one of GROUPS; policy names entities by id or by group
    pattern, patterns  what a value looks like, in the syntax that Hyperscan and Python's `re` share (bytes, no
                       look-around). A first capture group is the value, where only a part of the match is
    signs              simpler expressions of which one is found in every match of each pattern: a sieve looks for
                       them first
    led                patterns of values that say nothing by themselves (nine digits): they count only where a
                       context word stands before them
    led_sign           the same for the led patterns, one expression
    before, behind     what extends a match to the left and to the right; not looked for by Hyperscan. `behind` takes at
                       most `REACH` bytes, but with the edges "run"
    endless            one character of a value without bounds (a key): from a find on, all such are masked
    validator          name of a function of `validate.VALIDATORS`; none: the pattern alone decides
    edges              what may not touch the value, one of EDGES (default word)
    confidence         score of a validated value without context, 0 to 1 (default 0.9)
    context            words that raise the score by 0.3 within 30 characters before the value or in its field's
                       name: regular expressions without case, in which a blank stands for one of " _.-" or
                       nothing, and \\b for a word's edge, humps of camelCase included
    negative           words that lower it by 0.45 where they label the value ("order no. ", "trackingId=")
    labelled           true: the context word must be in the label right before the value (name=, "name": )
    beside             how the id of another entity begins: counts only within 400 bytes of one of its values
    mask               how it is masked, see `mask.py`: all | everything | email | firstN, lastN, firstNlastM
    unwritten          true: never kept in records of ours, not even masked (PCI DSS 3.3.1)
    report             true: reported only, whatever the default action says
    tests              published sample values (without separators): tagged "test", never a reason to block
    tags               clauses and CWE ids for findings and reports
    hits, misses       samples for the test run; at least one hit. Stars around the value mark what must be
                       found: "card **4111...**"; without stars the whole text
"""

from __future__ import annotations

import re
from collections.abc import Callable
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any, Final

import msgspec

from waf.config.document import Listing, Mapping, Scalar, Tree, read_document
from waf.config.shape import did_you_mean
from waf.errors import ConfigError, Problem
from waf.prefilter.ways import BOUNDED, MEND, ways

GROUPS: Final = ("pci", "bank", "person", "health", "secret", "contact", "custom")

EDGES: Final[dict[str, tuple[bytes, bytes]]] = {
    # No letter or digit touches it.
    "word": (rb"(?<![A-Za-z0-9])", rb"(?![A-Za-z0-9])"),
    # A number of its own: no part of a word, a decimal, a version, a UUID or a signed number.
    "number": (
        rb"(?<![A-Za-z0-9_.+$])(?<![A-Fa-f0-9]{4}-)",
        rb"(?![A-Za-z0-9_%])(?!\.[0-9])(?!-[A-Fa-f0-9]{4})",
    ),
    # The same for numbers of fixed groups.
    "grouped": (
        rb"(?<![A-Za-z0-9_.+$])(?<![A-Fa-f0-9]{4}-)",
        rb"(?![A-Za-z0-9_%])(?!\.[0-9])(?!-[A-Fa-f0-9]{4})",
    ),
    # An opaque token: nothing that could belong to one touches it.
    "token": (rb"(?<![A-Za-z0-9_\-])", rb"(?![A-Za-z0-9_\-])"),
    "base64": (rb"(?<![A-Za-z0-9+/])", rb"(?![A-Za-z0-9+/=])"),
    # Begins within the first 64 bytes of what could belong to a token: what is much like one, over and over, is tried a few times.
    "run": (rb"(?<![A-Za-z0-9_\-]{64})", b""),
    "none": (b"", b""),
}
"""Look-around put before and behind a value. Checked in Python: Hyperscan knows none."""
REACH: Final = 1024
"""Bytes that `behind` may take; more with the edge "run" alone. Values may begin at every byte of a text, and each is tried."""


class Sample(msgspec.Struct, frozen=True):
    """`value` is what must be found in `text` ("": nothing may be)."""

    text: str
    value: str = ""


class Entity(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of sensitive data as its file says it; the module's docstring tells what each key means."""

    id: str
    title: str
    group: str
    patterns: tuple[str, ...] = ()
    validator: str = ""
    edges: str = "word"
    confidence: float = 0.9
    signs: tuple[str, ...] = ()
    led: tuple[str, ...] = ()
    led_sign: str = ""
    before: str = ""
    behind: str = ""
    endless: str = ""
    context: tuple[str, ...] = ()
    negative: tuple[str, ...] = ()
    labelled: bool = False
    beside: str = ""
    mask: str = "all"
    unwritten: bool = False
    report: bool = False
    tests: frozenset[bytes] = frozenset()
    tags: tuple[str, ...] = ()
    hits: tuple[Sample, ...] = ()
    misses: tuple[Sample, ...] = ()
    file: str = ""
    line: int = 0


class _Wrong(Exception):
    """One value cannot be used; raised by the readers of single values."""

    def __init__(self, message: str, mend: str = "", line: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.mend = mend
        self.line = line


def parse_entities(text: str, filename: str) -> tuple[Entity, ...]:
    """The entities of one file, in its order; ConfigError carries every mistake of the file with its line."""
    problems: list[Problem] = []
    root = read_document(text, filename, problems)
    entities = [_entity(name, node, root, filename, problems) for name, node in root.entries.items()]
    if problems:
        raise ConfigError(problems)
    return tuple(entity for entity in entities if entity is not None)


def _entity(name: str, node: Tree, root: Mapping, filename: str, problems: list[Problem]) -> Entity | None:
    start = root.keys[name].line
    before = len(problems)

    def wrong(line: int, key: str, message: str, mend: str = "") -> None:
        problems.append(Problem(filename, line, f"{name}.{key}" if key else name, message, mend))

    if not _ID.fullmatch(name):
        wrong(start, "", "is no id", "lower-case words with hyphens, such as us-ssn")
    if not isinstance(node, Mapping):
        wrong(start, "", "an entity is a section of keys", "title: ...")
        return None
    values: dict[str, Any] = {"id": name, "file": filename, "line": start}
    for key, child in node.entries.items():
        if key not in _KEYS:
            mend = did_you_mean(key, _KEYS) or "keys: " + ", ".join(_KEYS)
            wrong(node.keys[key].line, key, "unknown key", mend)
            continue
        attribute, reader = _KEYS[key]
        try:
            values[attribute] = reader(child)
        except _Wrong as error:
            wrong(error.line or child.origin.line, key, error.message, error.mend)
            values[attribute] = None
    if "pattern" in node.entries and "patterns" in node.entries:
        wrong(node.keys["pattern"].line, "pattern", "stands beside patterns", "keep one of the two")
    for key in ("title", "group", "hits"):
        if key not in values:
            wrong(start, key, "is missing")
    if "patterns" not in values and "led" not in values:
        wrong(start, "pattern", "is missing", "or give led patterns")
    if values.get("behind") and values.get("edges") != "run" and _width(values["behind"]) > REACH:
        wrong(
            node.keys["behind"].line,
            "behind",
            f"may take more than {REACH} bytes, from each place of a text",
            "bound it ({0,200}), leave the rest to endless, or take the edge run",
        )
    if values.get("led") and not values.get("context"):
        wrong(start, "context", "is missing: led patterns need context words")
    return Entity(**values) if len(problems) == before else None


def custom_entity(
    id: str,
    pattern: str,
    *,
    validator: str = "",
    context: tuple[str, ...] = (),
    negative: tuple[str, ...] = (),
    mask: str = "all",
    confidence: float = 0.9,
    where: str = "sensitive.custom",
) -> Entity:
    """An entity of the configuration's own. Raises ConfigError with every value that cannot be used."""
    problems: list[Problem] = []
    for key, read, value in (
        ("pattern", _bounded, pattern),
        ("validator", _validator, validator),
        ("mask", _mask, mask),
        *(("context", _regex, word) for word in context),
        *(("negative_context", _regex, word) for word in negative),
    ):
        try:
            if value:
                read(value)
        except _Wrong as error:
            problems.append(Problem("", 0, f"{where}.{key}", error.message, error.mend))
    if problems:
        raise ConfigError(problems)
    return Entity(
        id=id,
        title=id,
        group="custom",
        patterns=(pattern,),
        validator=validator,
        context=context,
        negative=negative,
        mask=mask,
        confidence=confidence,
    )


# ---------------------------------------------------------------------------------- readers of single values

_ID: Final = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")
_MASK: Final = re.compile(r"all|everything|email|(?=.)(?:first[0-9]{1,2})?(?:last[0-9]{1,2})?")


def _text(node: Tree) -> str:
    if not isinstance(node, Scalar) or node.null or not node.text.strip():
        raise _Wrong("expected text")
    return node.text


def _regex(text: str) -> str:
    if re.search(r"\(\?(?:[=!]|<[=!])", text):
        raise _Wrong("look-around is not Hyperscan's", "use edges, or a validator")
    try:
        re.compile(text.encode())
    except (re.error, OverflowError, RecursionError) as error:
        raise _Wrong(f"does not compile: {error}") from None
    return text


def _width(text: str) -> int:
    """The most bytes that the expression matches."""
    return int(parser.parse(text.encode()).getwidth()[1])


def _bounded(text: str) -> str:
    if ways(_regex(text).encode()) > BOUNDED:
        raise _Wrong("may try one text in too many ways: a message could hold it up for ages", MEND)
    return text


def _validator(text: str) -> str:
    from waf.sensitive.validate import VALIDATORS

    if text not in VALIDATORS:
        raise _Wrong(
            f"{text[:60]!r} is no validator", did_you_mean(text, VALIDATORS) or ", ".join(VALIDATORS)
        )
    return text


def _mask(text: str) -> str:
    if not _MASK.fullmatch(text):
        raise _Wrong(f"{text[:60]!r} is no mask", "all, everything, email, first6last4, last4 …")
    return text


def _list(read: Callable[[str], Any]) -> Callable[[Tree], tuple[Any, ...]]:
    def read_all(node: Tree) -> tuple[Any, ...]:
        if not isinstance(node, Listing):
            raise _Wrong("expected a list", f"[{node.text[:40]}]" if isinstance(node, Scalar) else "")
        items = []
        for item in node.items:
            try:
                items.append(read(_text(item)))
            except _Wrong as error:
                raise _Wrong(error.message, error.mend, error.line or item.origin.line) from None
        return tuple(items)

    return read_all


def _some(read: Callable[[Tree], tuple[Any, ...]], what: str) -> Callable[[Tree], tuple[Any, ...]]:
    def read_some(node: Tree) -> tuple[Any, ...]:
        items = read(node)
        if not items:
            raise _Wrong(f"holds no {what}")
        return items

    return read_some


def _choice(choices: dict[str, Any]) -> Callable[[Tree], Any]:
    def read(node: Tree) -> Any:
        text = _text(node)
        if text not in choices:
            raise _Wrong(
                f"{text[:60]!r} is no choice here", did_you_mean(text, choices) or ", ".join(choices)
            )
        return choices[text]

    return read


def _share(node: Tree) -> float:
    try:
        share = float(_text(node))
    except ValueError:
        share = -1.0
    if not 0 < share <= 1:
        raise _Wrong("expected a number above 0 and up to 1")
    return share


def _sample(text: str) -> Sample:
    parts = text.split("**")
    if len(parts) == 3:
        return Sample("".join(parts), parts[1])
    return Sample(text, text)


_BOOL: Final = _choice({"true": True, "false": False})
_WORDS: Final = _list(_regex)

_KEYS: Final[dict[str, tuple[str, Callable[[Tree], Any]]]] = {
    "title": ("title", _text),
    "group": ("group", _choice({name: name for name in GROUPS})),
    "pattern": ("patterns", lambda node: (_regex(_text(node)),)),
    "patterns": ("patterns", _some(_list(_regex), "pattern")),
    "validator": ("validator", lambda node: _validator(_text(node))),
    "edges": ("edges", _choice({name: name for name in EDGES})),
    "confidence": ("confidence", _share),
    "context": ("context", _WORDS),
    "negative": ("negative", _WORDS),
    "signs": ("signs", _some(_list(_regex), "expression")),
    "led": ("led", _some(_list(_regex), "pattern")),
    "led_sign": ("led_sign", lambda node: _regex(_text(node))),
    "before": ("before", lambda node: _regex(_text(node))),
    "behind": ("behind", lambda node: _regex(_text(node))),
    "endless": ("endless", lambda node: _regex(_text(node))),
    "labelled": ("labelled", _BOOL),
    "beside": ("beside", _text),
    "mask": ("mask", lambda node: _mask(_text(node))),
    "unwritten": ("unwritten", _BOOL),
    "report": ("report", _BOOL),
    "tests": ("tests", lambda node: frozenset(text.encode() for text in _list(str)(node))),
    "tags": ("tags", _list(str)),
    "hits": ("hits", _some(_list(_sample), "sample")),
    "misses": ("misses", _list(Sample)),
}
