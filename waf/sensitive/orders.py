"""What policy wants done with a value: the action for (direction, path, field, entity).

Owns the reading of the `sensitive` section: which entities are looked for, and which of its rules fits last.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Sequence
from typing import Final, Literal

import msgspec

from waf.config.schema import Sensitive, SensitiveAction, SensitiveRule
from waf.sensitive.entities import Entity

Direction = Literal["request", "response"]

Lift = Callable[[Entity, str], Literal["ignore", "monitor"] | None]
"""What people took back of (entity, address) for the request at hand; None for nothing."""

LENGTHENS: Final = frozenset({"hash", "tokenise", "drop"})
"""Actions that change the length of a body."""

ALTERS: Final = frozenset({"mask", "hash", "tokenise", "drop"})


CREDENTIALS: Final = re.compile(
    r"header\.(?:authorization|proxy-authorization|cookie|set-cookie|x-(?:api|auth|access|csrf|xsrf)-?(?:key|token)?)|cookie\..*"
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

    __slots__ = (
        "_answers", "_default", "_lift", "_most", "_quiet", "_rules", "_sparing", "acts", "blocks", "by_field", "everywhere",
        "lengthens",
    )  # fmt: skip

    def __init__(
        self,
        rules: Sequence[_Rule],
        default: SensitiveAction,
        quiet: frozenset[str],
        most: SensitiveAction = "block",
        lift: Lift | None = None,
        sparing: bool = False,
    ) -> None:
        """`most` is the strongest action there may be: "block" for any, "mask" or "report"."""
        self._rules = tuple(rules)
        self._default = default
        self._quiet = quiet
        self._most = most
        self._lift = lift
        self._sparing = sparing
        self._answers: dict[tuple[str, str], SensitiveAction] = {}
        self.everywhere: Final[dict[str, SensitiveAction]] = {}
        """What to do with entities, by id, of which it is known that their field does not matter."""
        actions: set[SensitiveAction] = {default}
        for rule in rules:
            if rule.rule.entities or rule.fields:
                actions.add(rule.rule.action)
            else:  # of everything here, whatever was said before
                actions = {rule.rule.action}
        self.by_field: Final = lift is not None or any(rule.fields for rule in rules)
        self.lengthens: Final = most != "report" and bool(actions & LENGTHENS)
        self.blocks: Final = most != "mask" and "block" in actions
        self.acts: Final = self.blocks or (most != "report" and not actions <= {"ignore", "report"})
        """False: whatever is found, a message goes on as it is."""

    def without_refusals(self) -> Orders:
        """The same orders where the message as a whole was let pass: what would refuse it masks."""
        return Orders(self._rules, self._default, self._quiet, "mask", self._lift, self._sparing)

    def lifted(self, lift: Lift | None) -> Orders:
        """The same orders but for what people took back."""
        if lift is None:
            return self
        return Orders(self._rules, self._default, self._quiet, self._most, lift, self._sparing)

    def sparing_secrets(self) -> Orders:
        """The same orders for headers, where credentials belong: secrets are reported, unless a rule names the field."""
        return Orders(self._rules, self._default, self._quiet, self._most, self._lift, sparing=True)

    def unaltering(self) -> Orders:
        """The same orders where nothing can be changed any more: refused or reported."""
        return Orders(self._rules, self._default, self._quiet, "report", self._lift, self._sparing)

    def action(self, entity: Entity, address: str) -> SensitiveAction:
        """What to do with a value of `entity` at the field `address` ("json.card.number")."""
        place = address if self.by_field or entity.group == "secret" else ""
        known = self._answers.get((entity.id, place))
        if known is None:
            known = self._decide(entity, place)
            if len(self._answers) < 4096:
                self._answers[entity.id, place] = known
            if not place and entity.group != "secret" and not self.by_field:
                self.everywhere[entity.id] = known
        return known

    def _decide(self, entity: Entity, address: str) -> SensitiveAction:
        action = self._default
        if (entity.id in self._quiet or entity.report) and action != "ignore":
            action = "report"
        if entity.group == "secret" and CREDENTIALS.fullmatch(address):
            action = "ignore"
        elif self._sparing and entity.group == "secret" and action != "ignore":
            action = "report"
        for rule in self._rules:
            if action == "ignore" and CREDENTIALS.fullmatch(address) and not rule.fields:
                continue
            if self._sparing and entity.group == "secret" and not rule.fields:
                continue
            if rule.names(entity) and (not rule.fields or any(f.fullmatch(address) for f in rule.fields)):
                action = rule.rule.action
        if self._lift is not None and action != "ignore" and (taken := self._lift(entity, address)):
            action = "ignore" if taken == "ignore" else "report"
        if action in LENGTHENS and (entity.endless or (entity.unwritten and action != "drop")):
            # A token of a verification code would still be a way to store it; and what has no end begins to pass
            # before the end is known, so nothing can stand for all of it.
            action = "mask"
        if self._most == "block":
            return action
        if action == "block" and self._most == "mask":
            return "mask"
        return "report" if action in ALTERS and self._most == "report" else action


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
