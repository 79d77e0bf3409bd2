"""What a document promises about responses, and findings where an answer breaks it.

A broken promise is the app's, so these findings tell of drift and leaks; they never refuse by themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

import msgspec

from waf.model import Confidence, Engine, Field, Finding, Kind, Part, Severity
from waf.profiles.constraints import Aspect, Constraint, names_allow
from waf.profiles.findings import expected
from waf.profiles.observe import media_type
from waf.profiles.rules import ValueRule, value_rule

MAX_FIELDS: Final = 2_000  # of one answer that are looked at
MAX_TEXT: Final = 256 * 1024  # bytes of an answer that are read as JSON
MAX_FINDINGS: Final = 8  # of one answer that are told
_SCALARS: Final = {bool: Kind.BOOL, int: Kind.NUMBER, float: Kind.NUMBER}


class ResponseRule(msgspec.Struct, frozen=True):
    """The media types and the fields of an answer of one status; no types means no promise about them."""

    types: tuple[str, ...]
    constraints: tuple[Constraint, ...]


class Contract:
    """Answers as documented, by (template, method) and status: "200", "2xx" or "default"."""

    @classmethod
    def joined(cls, contracts: Iterable[Contract]) -> Contract | None:
        """All of them as one, the later winning; None if they promise nothing."""
        rules: dict[tuple[str, str], dict[str, ResponseRule]] = {}
        for contract in contracts:
            rules.update(contract.rules)
        return cls(rules) if rules else None

    def __init__(self, rules: dict[tuple[str, str], dict[str, ResponseRule]]) -> None:
        self.rules: Final = rules
        self._compiled: dict[int, tuple[dict[str, ValueRule], Constraint | None]] = {}

    def check(
        self, template: str, method: str, status: int, media_type: str, document: Any = None
    ) -> list[Finding]:
        """Hold an answer against the contract. `document` is its JSON as plain values, None to leave it out."""
        operation = self.rules.get((template, method))
        if operation is None or status < 100:
            return []
        rule = operation.get(str(status)) or operation.get(f"{status // 100}xx") or operation.get("default")
        if rule is None:
            said = "the document knows no such status here"
            return [_finding("profile.response-status", str(status), said, ", ".join(sorted(operation)))]
        if (
            rule.types
            and media_type
            and media_type not in rule.types
            and not any("*" in t for t in rule.types)
        ):
            said = "the document knows no such type of answer here"
            return [_finding("profile.response-type", media_type, said, ", ".join(rule.types))]
        return list(self._check_fields(rule, document)) if document is not None and rule.constraints else []

    def _check_fields(self, rule: ResponseRule, document: Any) -> Iterator[Finding]:
        table, names = self._of(rule)
        for field in fields_of(document):
            value_rule_ = table.get(field.name)
            if value_rule_ is None:
                if names is not None and not names_allow(names.allowed, field.name):
                    said = "the document knows no such field in this answer"
                    yield _finding("profile.response-schema", "", said, expected(names), field.address)
                continue
            for constraint in value_rule_.broken(field)[:1]:
                said = f"a field of the answer is not as documented: {constraint.key.aspect}"
                yield _finding("profile.response-schema", "", said, expected(constraint), field.address)
        for constraint in rule.constraints:
            address = constraint.key.address
            if constraint.key.aspect == Aspect.REQUIRED.value and not _has(
                document, address.partition(".")[2]
            ):
                said = "a field that the document requires is missing in this answer"
                yield _finding("profile.response-schema", "", said, expected(constraint), address)

    def _of(self, rule: ResponseRule) -> tuple[dict[str, ValueRule], Constraint | None]:
        known = self._compiled.get(id(rule))
        if known is None:
            by_name: dict[str, list[Constraint]] = {}
            names = None
            for constraint in rule.constraints:
                if constraint.key.aspect == Aspect.NAMES.value:
                    names = constraint
                else:
                    by_name.setdefault(constraint.key.address.partition(".")[2], []).append(constraint)
            table = {name: value_rule(1, constraints, b"") for name, constraints in by_name.items()}
            known = self._compiled[id(rule)] = (table, names)
        return known


class AnswerScan:
    """One answer held against a contract while it passes; delays nothing, and tells at its end.

    `unaltered` says at the end whether what was seen is what the app sent: a masked value is no broken promise.
    """

    def __init__(
        self,
        contract: Contract,
        place: tuple[str, str],
        status: int,
        content_type: bytes,
        unaltered: Callable[[], bool],
    ) -> None:
        self._contract: Final = contract
        self._place: Final = place
        self._status: Final = status
        self._media_type: Final = media_type(content_type)
        self._unaltered: Final = unaltered
        self._text: bytearray | None = bytearray() if self._media_type.endswith("json") else None

    def feed(self, data: bytes) -> list[Finding]:
        if self._text is not None:
            self._text += data
            if len(self._text) > MAX_TEXT:
                self._text = None  # status and type are told all the same
        return []

    def finish(self) -> list[Finding]:
        document = None
        if self._text and self._unaltered():
            try:
                document = msgspec.json.decode(self._text)
            except msgspec.DecodeError:
                return [_finding("profile.response-schema", "", "the answer is no JSON", "JSON")]
        found = self._contract.check(*self._place, self._status, self._media_type, document)
        return found[:MAX_FINDINGS]


def fields_of(document: Any) -> Iterator[Field]:
    """The scalars of a JSON document by their paths, at most MAX_FIELDS; the same names as those of
    requests."""
    stack: list[tuple[str, Any]] = [("", document)]
    left = MAX_FIELDS
    while stack and left > 0:
        path, value = stack.pop()
        left -= 1
        if isinstance(value, dict):
            stack += [(f"{path}.{name}" if path else str(name), child) for name, child in value.items()]
        elif isinstance(value, list):
            stack += [(f"{path}[]", child) for child in value[:left]]
        elif value is None:
            yield Field(Part.JSON, path, b"null", kind=Kind.NULL)
        elif isinstance(value, str):
            yield Field(Part.JSON, path, value.encode("utf-8", "surrogatepass"))
        else:
            text = ("true" if value else "false") if isinstance(value, bool) else str(value)
            yield Field(Part.JSON, path, text.encode(), kind=_SCALARS.get(type(value), Kind.NUMBER))


def _has(document: Any, name: str) -> bool:
    """Whether a document has a field of this path, whose keys may have dots in them."""
    if not isinstance(document, dict):
        return False
    if name in document:
        return True
    keys = name.split(".")
    ways = [(".".join(keys[:n]), ".".join(keys[n:])) for n in range(1, len(keys))]
    return any(first in document and _has(document[first], rest) for first, rest in ways)


def _finding(rule: str, excerpt: str, detail: str, wanted: str, address: str = "") -> Finding:
    return Finding(
        rule=rule,
        kind="profile",
        engine=Engine.PROFILE,
        severity=Severity.MEDIUM,
        confidence=Confidence.HIGH,
        address=f"response.{address}" if address else "response",
        excerpt=excerpt,
        detail=detail,
        expected=wanted,
        enforced=False,
    )
