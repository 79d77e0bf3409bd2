"""Text of one YAML document to a tree that remembers where each value stands.

Owns: YAML syntax, doubled keys, bounds on size, depth and aliases. Does not know the schema: a scalar stays
text here, and is read later as what its key is declared to be. So `mode: off` is the word "off" and
`version: 1.10` keeps its zero, where YAML 1.1 would make them False and 1.1.
"""

from __future__ import annotations

from typing import Any, Final, TypeAlias

import msgspec
import yaml

from waf.errors import ConfigError, Problem

MAX_TEXT: Final = 4 * 1024 * 1024  # characters; a ConfigMap holds 1 MiB
MAX_DEPTH: Final = 32
MAX_NODES: Final = 100_000  # with every alias written out

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NULLS: Final = frozenset({"", "~", "null", "Null", "NULL"})


class Origin(msgspec.Struct, frozen=True):
    """Where a value was written: a file, or "environment WAF_MODE"; `line` counts from 1, 0: unknown."""

    source: str
    line: int = 0

    def __str__(self) -> str:
        return f"{self.source}:{self.line}" if self.line else self.source


class Scalar(msgspec.Struct, frozen=True):
    text: str
    origin: Origin
    quoted: bool = False

    @property
    def null(self) -> bool:
        return not self.quoted and self.text in _NULLS


class Listing(msgspec.Struct, frozen=True):
    items: tuple[Tree, ...]
    origin: Origin


class Mapping(msgspec.Struct, frozen=True):
    """`entries` in the order of the text; `keys` holds where each key stands."""

    entries: dict[str, Tree]
    keys: dict[str, Origin]
    origin: Origin


Tree: TypeAlias = Scalar | Listing | Mapping


def read_document(text: str, file: str, problems: list[Problem]) -> Mapping:
    """The one document in `text`, which must be a mapping (nothing at all is an empty one).

    Adds what is wrong to `problems` and gives what could be read, so that a doubled key does not hide a
    mistake further on. Raises ConfigError where nothing could be: after a syntax error all is guesswork.
    """
    if len(text) > MAX_TEXT:
        raise ConfigError([Problem(file, 0, "", "longer than 4 MiB", "split rules and tuning into files")])
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ConfigError([Problem(file, 0, "", "not valid UTF-8", "save the file as UTF-8")]) from None
    builder = _Builder(file)
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            builder.take(event)
    except yaml.MarkedYAMLError as error:
        raise ConfigError([*builder.problems, _syntax(error, file)]) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1 if isinstance(error.position, int) else 0
        bad = Problem(file, line, "", "a character that YAML does not allow", "remove control characters")
        raise ConfigError([*builder.problems, bad]) from None
    except _StopReading:
        raise ConfigError(builder.problems) from None
    problems.extend(builder.problems)
    root = builder.root
    if root is None or (isinstance(root, Scalar) and root.null):
        return Mapping({}, {}, Origin(file))
    if not isinstance(root, Mapping):
        raise ConfigError(
            [Problem(file, root.origin.line, "", "the document is no mapping", "start with: mode: monitor")]
        )
    return root


def _syntax(error: yaml.MarkedYAMLError, file: str) -> Problem:
    mark = error.problem_mark or error.context_mark
    what = error.problem or error.context or "syntax error"
    context = f" {error.context}" if error.context and error.context != what else ""
    mend = "indent with spaces" if "'\\t'" in what else ""
    return Problem(file, mark.line + 1 if mark else 0, "", f"not YAML: {what}{context}", mend)


class _StopReading(Exception):
    """A bound was passed; the problem is already noted."""


class _Open:
    """A container whose end has not been seen."""

    def __init__(self, origin: Origin, path: str, mapping: bool, anchor: str | None) -> None:
        self.origin = origin
        self.path = path
        self.mapping = mapping
        self.anchor = anchor
        self.weight = 1
        self.items: list[Tree] = []
        self.entries: dict[str, Tree] = {}
        self.keys: dict[str, Origin] = {}
        self.key: str | None = None  # read, waits for its value

    def place(self) -> str:
        if not self.mapping:
            return f"{self.path}[{len(self.items)}]"
        if self.key is None:
            return self.path
        return f"{self.path}.{self.key}" if self.path else self.key


class _Builder:
    """Turns parser events into a tree without recursion. An alias shares its anchor's node and its weight."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.root: Tree | None = None
        self.problems: list[Problem] = []
        self._documents = 0
        self._stack: list[_Open] = []
        self._anchors: dict[str, tuple[Tree, int]] = {}
        self._total = 0

    def take(self, event: yaml.Event) -> None:
        match event:
            case yaml.DocumentStartEvent():
                self._documents += 1
                if self._documents > 1:
                    self._stop(self._origin(event), "a second document", 'remove the line "---"')
            case yaml.ScalarEvent():
                self._refuse_tag(event, event.tag)
                quoted = event.style not in (None, "")
                self._put(Scalar(event.value, self._origin(event), quoted), 1, event.anchor)
            case yaml.AliasEvent():
                name = event.anchor or ""
                known = self._anchors.get(name)
                if known is None:
                    self._stop(self._origin(event), f"*{name[:40]} is not defined before it is used")
                else:
                    self._put(known[0], known[1], None)
            case yaml.SequenceStartEvent() | yaml.MappingStartEvent():
                self._refuse_tag(event, event.tag)
                self._open(event)
            case yaml.SequenceEndEvent() | yaml.MappingEndEvent():
                done = self._stack.pop()
                node: Tree
                if done.mapping:
                    node = Mapping(done.entries, done.keys, done.origin)
                else:
                    node = Listing(tuple(done.items), done.origin)
                self._put(node, done.weight, done.anchor, anew=1)  # its contents are counted
            case _:
                pass

    def _open(self, event: yaml.CollectionStartEvent) -> None:
        origin = self._origin(event)
        if len(self._stack) >= MAX_DEPTH:
            self._stop(origin, f"nested deeper than {MAX_DEPTH} levels")
        parent = self._stack[-1] if self._stack else None
        if parent is not None and parent.mapping and parent.key is None:
            self._stop(origin, "a key must be plain text")
        path = parent.place() if parent else ""
        self._stack.append(_Open(origin, path, isinstance(event, yaml.MappingStartEvent), event.anchor))

    def _put(self, node: Tree, weight: int, anchor: str | None, anew: int | None = None) -> None:
        self._total += weight if anew is None else anew
        if self._total > MAX_NODES:
            self._stop(node.origin, f"more than {MAX_NODES} values, aliases written out")
        if anchor is not None:
            self._anchors[anchor] = (node, weight)
        if not self._stack:
            self.root = node
            return
        top = self._stack[-1]
        top.weight += weight
        if not top.mapping:
            top.items.append(node)
        elif top.key is None:
            self._key(top, node)
        else:
            top.entries[top.key] = node
            top.key = None

    def _key(self, top: _Open, node: Tree) -> None:
        if not isinstance(node, Scalar):
            self._stop(node.origin, "a key must be plain text")
            return
        if node.text == "<<" and not node.quoted:
            self._problem(node.origin, top.path, "merge keys are not supported", "write the keys out")
        elif node.text in top.entries:
            first = top.keys[node.text].line
            self._problem(
                node.origin,
                f"{top.path}.{node.text}" if top.path else node.text,
                f"the key is given twice, first on line {first}",
                "keep one of the two",
            )
        top.keys.setdefault(node.text, node.origin)
        top.key = node.text

    def _refuse_tag(self, event: yaml.NodeEvent, tag: str | None) -> None:
        if tag is not None and tag not in ("!", "tag:yaml.org,2002:str"):
            path = self._stack[-1].place() if self._stack else ""
            self._problem(self._origin(event), path, "YAML tags are not used here", f"remove {tag[:40]!r}")

    def _origin(self, event: yaml.Event) -> Origin:
        mark = event.start_mark
        return Origin(self.file, mark.line + 1 if mark is not None else 0)

    def _problem(self, origin: Origin, path: str, message: str, mend: str = "") -> None:
        self.problems.append(Problem(self.file, origin.line, path, message, mend))

    def _stop(self, origin: Origin, message: str, mend: str = "") -> None:
        path = self._stack[-1].place() if self._stack else ""
        self._problem(origin, path, message, mend)
        raise _StopReading
