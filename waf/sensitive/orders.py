"""What policy wants done with a value: the action for (direction, path, field, entity).

Owns the reading of the `sensitive` section: which entities are looked for, and which of its rules fits last.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Sequence
from typing import Final, Literal

import msgspec

from waf.config.schema import Sensitive, SensitiveAction, SensitiveRule
from waf.sensitive.entities import Entity

Direction = Literal["request", "response"]

LENGTHENS: Final = frozenset({"hash", "tokenise", "drop"})
"""Actions that change the length of a body."""

ALTERS: Final = frozenset({"mask", "hash", "tokenise", "drop"})


CREDENTIALS: Final = re.compile(
    r"header\.(?:authorization|proxy-authorization|cookie|x-(?:api|auth|access|csrf|xsrf)-?(?:key|token)?)|cookie\..*"
)
"""Where secrets belong: one there is no news, unless a rule names the field."""


class _Rule(msgspec.Struct, frozen=True):
    rule: SensitiveRule
    path: re.Pattern[str] | None
    fields: tuple[re.Pattern[str], ...]

    def names(self, entity: Entity) -> bool:
        wanted = self.rule.entities
        return not wanted or entity.id in wanted or entity.group in wanted


class Orders:
    """The rules that can hold for one direction and path; asks nothing more than field and entity."""

    __slots__ = ("_answers", "_default", "_quiet", "_refuses", "_rules", "blocks", "by_field", "lengthens")

    def __init__(
        self,
        rules: Sequence[_Rule],
        default: SensitiveAction,
        quiet: frozenset[str],
        refuses: bool = True,
    ) -> None:
        self._rules = tuple(rules)
        self._default = default
        self._quiet = quiet
        self._refuses = refuses
        self._answers: dict[tuple[str, str], SensitiveAction] = {}
        actions = {default, *(rule.rule.action for rule in rules)}
        self.by_field: Final = any(rule.fields for rule in rules)
        self.lengthens: Final = bool(actions & LENGTHENS)
        self.blocks: Final = refuses and "block" in actions

    def without_refusals(self) -> Orders:
        """The same orders where the message as a whole was let pass: what would refuse it masks."""
        return Orders(self._rules, self._default, self._quiet, refuses=False)

    def action(self, entity: Entity, address: str) -> SensitiveAction:
        """What to do with a value of `entity` at the field `address` ("json.card.number")."""
        place = address if self.by_field or entity.group == "secret" else ""
        known = self._answers.get((entity.id, place))
        if known is None:
            known = self._decide(entity, place)
            if len(self._answers) < 4096:
                self._answers[entity.id, place] = known
        return known

    def _decide(self, entity: Entity, address: str) -> SensitiveAction:
        action = self._default
        if (entity.id in self._quiet or entity.report) and action != "ignore":
            action = "report"
        if entity.group == "secret" and CREDENTIALS.fullmatch(address):
            action = "ignore"
        for rule in self._rules:
            if action == "ignore" and CREDENTIALS.fullmatch(address) and not rule.fields:
                continue
            if rule.names(entity) and (not rule.fields or any(f.fullmatch(address) for f in rule.fields)):
                action = rule.rule.action
        if entity.unwritten and action in ("hash", "tokenise"):
            return "mask"  # a token of a verification code would still be a way to store it
        if entity.endless and action in LENGTHENS:
            return "mask"  # it begins to pass before its end is known, so nothing can stand for all of it
        return "mask" if action == "block" and not self._refuses else action


class Policy:
    """The `sensitive` section made ready to answer."""

    def __init__(self, config: Sensitive) -> None:
        self.config: Final = config
        self._rules: dict[str, tuple[_Rule, ...]] = {
            direction: tuple(
                _Rule(
                    rule,
                    path_pattern(rule.path) if rule.path else None,
                    tuple(re.compile(fnmatch.translate(_literal(field))) for field in rule.fields),
                )
                for rule in config.rules
                if rule.direction in (direction, "both")
            )
            for direction in ("request", "response")
        }
        self._always: dict[str, Orders] = {
            direction: self._orders(direction, rules)
            for direction, rules in self._rules.items()
            if all(rule.path is None for rule in rules)
        }

    def wants(self, entity: Entity) -> bool:
        """True if traffic is to be searched for `entity`: switched on, an entity of one's own, or named by a rule."""
        config = self.config
        if entity.group == "custom" or entity.id in config.entities or entity.group in config.entities:
            return True
        return any(
            rule.action != "ignore" and (entity.id in rule.entities or entity.group in rule.entities)
            for rule in config.rules
        )

    def orders(self, direction: Direction, path: bytes) -> Orders:
        """The orders for a request path as it stood on the wire (without query)."""
        always = self._always.get(direction)
        if always is not None:
            return always
        text = path.decode("utf-8", "replace")
        fitting = [rule for rule in self._rules[direction] if rule.path is None or rule.path.fullmatch(text)]
        return self._orders(direction, fitting)

    def _orders(self, direction: str, rules: Sequence[_Rule]) -> Orders:
        config = self.config
        default = config.request_action if direction == "request" else config.response_action
        return Orders(rules, default, frozenset(config.report_only))


def _literal(field: str) -> str:
    """A field address as a shell pattern: "*" is any run of characters, brackets mean themselves."""
    return field.replace("[", "[[]")


def path_pattern(template: str) -> re.Pattern[str]:
    """A path template: "*" and "{name}" stand for one segment, a last "**" for the rest."""
    if template in ("", "**", "/**"):
        return re.compile(r"(?s:.*)")
    out = []
    for segment in template.strip("/").split("/"):
        if segment == "**":
            out.append(r"(?:/.*)?")
        elif segment == "*" or (segment[:1] == "{" and segment[-1:] == "}"):
            out.append(r"/[^/]+")
        else:
            out.append("/" + r"[^/]*".join(re.escape(part) for part in segment.split("*")))
    return re.compile("".join(out) + ("/?" if template != "/" else ""), re.DOTALL)
