"""What a rule says, and the way from a rule file's text to `Rule` values.

Owns the grammar of rule files. Knows nothing of how patterns are compiled or run: whether a pattern compiles
and a confirmer exists is found out by `signatures.Signatures.build`.

A rule file is one YAML list; each item has these keys and no others:

    id                 stable, lower-case words with hyphens; unique among all files
    title              one line for people
    class              one of CLASSES; findings of one class at one field count once
    severity           info | low | medium | high | critical
    confidence         low | medium | high; a confirmer's own answer replaces it
    level              1-4 (default 1): the rule is on where the configured level is at least this
    cwe, attack        lists: [CWE-89], [T1190]
    tags               further words for tuning and events
    where              list of places: a part ("arg"), a part and a name ("header.referer"; "*" stands for any
                       run of characters: "arg.*url*"), or a group of GROUPS ("values")
    except             list of places, written alike, at which it does not look though "where" names them
    views              list of VIEWS and of the group "decoded" (every layer): how a value may have been
                       decoded for the rule to hold, beside "as given". Default [decoded]; [] is "as given"
                       alone. A text that took several steps is searched by the rules that name all of them
    pattern, patterns  Hyperscan syntax over bytes, caseless; "." is any byte, line breaks too; "^" and "$"
                       hold at the ends of a value, in responses and files at those of every line; no
                       look-around, no back-references, no \\A and \\z
    case               true: the patterns are sensitive to case
    dear               true: the patterns may cost more than the guard of `cost.py` allows
    confirm            name of a confirmer of `inspect.confirm.CONFIRMERS`
    confirm_pattern    a regular expression for Python's `re` (bytes; caseless unless `case`) that must match
                       in the text around the candidate; look-around is allowed, nested repeats are not
    hits, misses       samples; at least one hit. A text is put into each place of `where`; {arg.q: text} into
                       one place; {request: text} and {response: text} are whole messages whose lines may end
                       in LF
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable
from typing import Any, Final

import msgspec

from waf.config.document import Listing, Mapping, Scalar, Tree, read_document
from waf.config.shape import did_you_mean
from waf.errors import ConfigError, Problem
from waf.inspect.views import LAYERS, VIEWS, View
from waf.model import Confidence, Part, Severity
from waf.prefilter.ways import BOUNDED, MEND, ways

CLASSES: Final = (
    "sqli", "nosql", "xss", "rce", "lfi", "rfi", "ssrf", "ssti", "xxe", "ldap", "xpath", "crlf", "header",
    "php", "java", "node", "python", "code", "deserialization", "log4shell", "prototype", "graphql",
    "scanner", "protocol", "upload", "webshell", "cve", "redirect", "mail", "ssi", "csv", "leak",
)  # fmt: skip
"""Kinds of attack, and "leak" for what responses give away."""

_LABELS: Final = {part.label: part for part in Part}

GROUPS: Final[dict[str, tuple[Part, ...]]] = {
    # Everything that the app takes as data, whatever it came in.
    "values": (
        Part.PATH, Part.SEGMENT, Part.QUERY, Part.ARG, Part.FORM, Part.COOKIE, Part.JSON, Part.XML,
        Part.FILE_NAME, Part.GRAPHQL, Part.BODY,
    ),
    # Names that a client chooses freely.
    "keys": (Part.ARG_NAME, Part.FORM_NAME, Part.JSON_KEY, Part.PART_NAME),
    # What the client calls its data.
    "names": (
        Part.ARG_NAME, Part.FORM_NAME, Part.COOKIE_NAME, Part.HEADER_NAME, Part.JSON_KEY, Part.XML_NAME,
        Part.PART_NAME, Part.PART_HEADER,
    ),
    "headers": (Part.HEADER,),
    "files": (Part.FILE,),
}  # fmt: skip
GROUPS["request"] = tuple(part for part in Part if part < Part.STATUS)

RESPONSE_PARTS: Final = frozenset({Part.STATUS, Part.RESPONSE_HEADER, Part.RESPONSE})


class Place(msgspec.Struct, frozen=True, gc=False):
    """A part of a message, or the fields of a part whose name fits `name` ("" = all, "*" any characters)."""

    part: Part
    name: str = ""

    def covers(self, part: Part, name: str) -> bool:
        if part is not self.part:
            return False
        if not self.name or name == self.name:
            return True
        return fnmatch.fnmatchcase(name.lower(), self.name.replace("[", "[[]"))

    @property
    def address(self) -> str:
        return f"{self.part.label}.{self.name}" if self.name else self.part.label


class Sample(msgspec.Struct, frozen=True):
    """`text` is put at `place`; "" is each place of the rule, "request" and "response" are whole messages."""

    text: str
    place: str = ""


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """One rule as its file says it; the module's docstring tells what each key means."""

    id: str
    title: str
    kind: str  # "class" in the file
    severity: Severity
    confidence: Confidence
    where: tuple[Place, ...]
    without: tuple[Place, ...] = ()  # "except" in the file
    patterns: tuple[str, ...]
    hits: tuple[Sample, ...]
    level: int = 1
    cwe: tuple[str, ...] = ()
    attack: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    views: View = LAYERS
    case: bool = False
    dear: bool = False
    confirm: str = ""
    confirm_pattern: str = ""
    misses: tuple[Sample, ...] = ()
    file: str = ""
    line: int = 0

    @property
    def response(self) -> bool:
        """Looks at responses (all of its places do, or none)."""
        return self.where[0].part in RESPONSE_PARTS

    @property
    def labels(self) -> tuple[str, ...]:
        """The tags of its findings: CWE, ATT&CK and own ones."""
        return self.cwe + self.attack + self.tags


class _Wrong(Exception):
    """One value cannot be used; raised by the readers of single values."""

    def __init__(self, message: str, mend: str = "", line: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.mend = mend
        self.line = line


def parse_rules(text: str, filename: str, shipped: bool = False) -> tuple[Rule, ...]:
    """The rules of one file, in its order; ConfigError carries every mistake of the file with its line.

    `shipped`: a test of the project has told in how many ways its confirming patterns may try a text, which takes milliseconds each.
    """
    # The reader of documents wants a mapping at the root: the list becomes the value of its one key.
    problems: list[Problem] = []
    try:
        root = read_document("rules:\n " + text.rstrip("\n").replace("\n", "\n "), filename, problems)
    except ConfigError as error:
        raise ConfigError([_moved(problem) for problem in error.problems]) from None
    listing = root.entries["rules"]
    for key in root.entries:
        if key != "rules":
            problems.append(Problem(filename, root.keys[key].line, key, "a rule file is a list", "- id: ..."))
    items: tuple[Tree, ...] = ()
    if isinstance(listing, Listing):
        items = listing.items
    elif not (isinstance(listing, Scalar) and listing.null):
        problems.append(Problem(filename, listing.origin.line, "", "a rule file is a list", "- id: ..."))
    rules = [_rule(item, filename, number, problems, shipped) for number, item in enumerate(items)]
    first: dict[str, int] = {}
    for rule in rules:
        if rule is None:
            continue
        if rule.id in first:
            problems.append(
                Problem(filename, rule.line + 1, rule.id, f"the id is taken, first on line {first[rule.id]}")
            )
        first.setdefault(rule.id, rule.line)
    if problems:
        raise ConfigError([_moved(problem) for problem in problems])
    return tuple(rule for rule in rules if rule is not None)


def _moved(problem: Problem) -> Problem:
    """The same problem at the line where the author sees it."""
    return msgspec.structs.replace(problem, line=max(problem.line - 1, 0))


def _rule(node: Tree, filename: str, number: int, problems: list[Problem], shipped: bool) -> Rule | None:
    if not isinstance(node, Mapping):
        problems.append(
            Problem(filename, node.origin.line, f"[{number}]", "a rule is a section of keys", "- id: ...")
        )
        return None
    named = node.entries.get("id")
    label = named.text if isinstance(named, Scalar) and named.text else f"[{number}]"
    before = len(problems)

    def wrong(line: int, key: str, message: str, mend: str = "") -> None:
        problems.append(Problem(filename, line, f"{label}.{key}" if key else label, message, mend))

    values: dict[str, Any] = {"file": filename, "line": node.origin.line - 1}
    for key, child in node.entries.items():
        known = _KEYS.get(key)
        if known is None:
            wrong(
                node.keys[key].line,
                key,
                "unknown key",
                did_you_mean(key, _KEYS) or "keys: " + ", ".join(_KEYS),
            )
            continue
        attribute, reader = known
        try:
            values[attribute] = reader(child)
        except _Wrong as error:
            wrong(error.line or child.origin.line, key, error.message, error.mend)
            values[attribute] = None
    if "pattern" in node.entries and "patterns" in node.entries:
        wrong(node.keys["pattern"].line, "pattern", "stands beside patterns", "keep one of the two")
    for attribute, key in _REQUIRED.items():
        if attribute not in values:
            wrong(node.origin.line, key, "is missing")
    if len(problems) == before:
        sides = {place.part in RESPONSE_PARTS for place in values["where"]}
        if len(sides) > 1:
            wrong(node.keys["where"].line, "where", "requests and responses in one rule", "write two rules")
        idle = {place.part for place in values.get("without", ())} - {place.part for place in values["where"]}
        if idle:
            names = ", ".join(sorted(part.label for part in idle))
            wrong(node.keys["except"].line, "except", f'"where" names no {names}', "leave it out")
        if values.get("confirm") and values.get("confirm_pattern"):
            wrong(
                node.keys["confirm"].line, "confirm", "stands beside confirm_pattern", "keep one of the two"
            )
        confirming = values.get("confirm_pattern", "")
        if confirming and not shipped and ways(confirming.encode(), re.I) > BOUNDED:
            wrong(
                node.keys["confirm_pattern"].line,
                "confirm_pattern",
                "may try one text in too many ways: a request could hold it up for ages",
                MEND,
            )
    return Rule(**values) if len(problems) == before else None


# ---------------------------------------------------------------------------------- readers of single values


def _text(node: Tree) -> str:
    if not isinstance(node, Scalar) or node.null or not node.text.strip():
        raise _Wrong("expected text")
    return node.text


def _matching(expression: str, example: str) -> Callable[[Tree], str]:
    shape = re.compile(expression)

    def read(node: Tree) -> str:
        text = _text(node)
        if not shape.fullmatch(text):
            raise _Wrong(f"{text[:60]!r} does not look like one", f"write it like {example}")
        return text

    return read


def _list_of(read: Callable[[Tree], Any]) -> Callable[[Tree], tuple[Any, ...]]:
    def read_all(node: Tree) -> tuple[Any, ...]:
        if not isinstance(node, Listing):
            raise _Wrong("expected a list", f"[{node.text[:40]}]" if isinstance(node, Scalar) else "")
        items = []
        for item in node.items:
            try:
                items.append(read(item))
            except _Wrong as error:
                raise _Wrong(error.message, error.mend, error.line or item.origin.line) from None
        return tuple(items)

    return read_all


def _member(choices: dict[str, Any]) -> Callable[[Tree], Any]:
    def read(node: Tree) -> Any:
        text = _text(node)
        if text not in choices:
            raise _Wrong(
                f"{text[:60]!r} is no choice here", did_you_mean(text, choices) or ", ".join(choices)
            )
        return choices[text]

    return read


def _places(node: Tree) -> tuple[Place, ...]:
    places: list[Place] = []
    for word in _list_of(_text)(node):
        label, _, name = word.partition(".")
        if word in GROUPS:
            places.extend(Place(part) for part in GROUPS[word])
        elif label in _LABELS:
            places.append(Place(_LABELS[label], name.lower()))
        else:
            known = [*GROUPS, *_LABELS]
            raise _Wrong(f"{word[:60]!r} is no place", did_you_mean(label, known) or ", ".join(known))
    if not places:
        raise _Wrong("names no place")
    return tuple(dict.fromkeys(places))


def _views(node: Tree) -> View:
    views = View(0)
    for view in _list_of(_member(VIEWS))(node):
        views |= view
    return views


def _pattern(node: Tree) -> str:
    text = _text(node)
    if re.search(r"(?<!\\)(?:\\\\)*\\[AzZ]", text):
        raise _Wrong("\\A, \\z and \\Z are not for rules: fields are scanned together", "write ^ and $")
    if re.search(r"\(\?(?:[=!]|<[=!])", text):
        raise _Wrong("look-around is not Hyperscan's", "move it to confirm_pattern")
    return text


def _patterns(node: Tree) -> tuple[str, ...]:
    patterns = _list_of(_pattern)(node)
    if not patterns:
        raise _Wrong("holds no pattern")
    return patterns


def _regex(node: Tree) -> str:
    text = _text(node)
    try:
        re.compile(text.encode())
    except (re.error, OverflowError, RecursionError) as error:
        raise _Wrong(f"does not compile: {error}") from None
    return text


def _sample(node: Tree) -> Sample:
    if isinstance(node, Scalar):
        return Sample(node.text)
    if not isinstance(node, Mapping) or len(node.entries) != 1:
        raise _Wrong("a sample is a text or {place: text}", line=node.origin.line)
    ((place, value),) = node.entries.items()
    label = place.partition(".")[0]
    if place not in ("request", "response") and label not in _LABELS:
        mend = did_you_mean(label, _LABELS) or ", ".join(["request", "response", *_LABELS])
        raise _Wrong(f"{place[:60]!r} is no place for a sample", mend, node.origin.line)
    if not isinstance(value, Scalar):
        raise _Wrong("expected text", line=value.origin.line)
    return Sample(value.text, place)


def _hits(node: Tree) -> tuple[Sample, ...]:
    samples = _list_of(_sample)(node)
    if not samples:
        raise _Wrong("a rule shows at least one hit")
    return samples


_BOOL: Final = _member({"true": True, "false": False})
_WORDS: Final = _list_of(_text)

_KEYS: Final[dict[str, tuple[str, Callable[[Tree], Any]]]] = {
    "id": ("id", _matching(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*", "sqli-tautology")),
    "title": ("title", _text),
    "class": ("kind", _member({name: name for name in CLASSES})),
    "severity": ("severity", _member({member.name.lower(): member for member in Severity})),
    "confidence": ("confidence", _member({member.name.lower(): member for member in Confidence})),
    "level": ("level", _member({str(level): level for level in range(1, 5)})),
    "cwe": ("cwe", _list_of(_matching(r"CWE-[0-9]{1,5}", "CWE-89"))),
    "attack": ("attack", _list_of(_matching(r"T[0-9]{4}(?:\.[0-9]{3})?", "T1190"))),
    "tags": ("tags", _WORDS),
    "where": ("where", _places),
    "except": ("without", _places),
    "views": ("views", _views),
    "pattern": ("patterns", lambda node: (_pattern(node),)),
    "patterns": ("patterns", _patterns),
    "case": ("case", _BOOL),
    "dear": ("dear", _BOOL),
    "confirm": ("confirm", _matching(r"[a-z][a-z0-9_]*", "sql")),
    "confirm_pattern": ("confirm_pattern", _regex),
    "hits": ("hits", _hits),
    "misses": ("misses", _list_of(_sample)),
}
_REQUIRED: Final = {
    "id": "id", "title": "title", "kind": "class", "severity": "severity", "confidence": "confidence",
    "where": "where", "patterns": "pattern", "hits": "hits",
}  # fmt: skip
