"""tuning.yaml: what people took back, sharpened or patched, each with a reason, an owner and an expiry.

An exclusion drops a finding (`ignore`) or keeps it from counting (`monitor`). A rule change disables a rule
or alters its weight. A patch refuses (or lets pass uninspected) what fits it. What has expired is reported by
`expired` and otherwise ignored, so that a forgotten hole closes by itself.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Sequence
from fnmatch import translate
from typing import Final, Literal

import msgspec

from waf.config.schema import Section
from waf.errors import ConfigError, Problem
from waf.model import Confidence, Engine, Finding, Request, Severity
from waf.policy.access import Networks
from waf.policy.paths import CanonicalPath, template
from waf.policy.routes import host_fits

Action = Literal["ignore", "monitor"]


class Scope(Section, frozen=True, kw_only=True):
    """Where an entry holds; an empty key means everywhere. `path` is a template as in routes."""

    host: str = ""
    methods: tuple[str, ...] = ()
    path: str = ""
    clients: tuple[str, ...] = ()  # CIDRs
    reason: str = ""
    owner: str = ""
    expires: str = ""  # the last day on which it holds, "2027-01-31"


class Exclusion(Scope, frozen=True, kw_only=True):
    """Takes back findings by rule id, class or tag ("*" allowed) at a field address ("arg.q", "json.*")."""

    rule: str = ""
    kind: str = msgspec.field(default="", name="class")
    tag: str = ""
    field: str = ""
    action: Action = "ignore"


class RuleChange(Section, frozen=True, kw_only=True):
    """Changes a rule everywhere; `rule` may hold "*"."""

    rule: str
    disable: bool = False
    severity: Literal["info", "low", "medium", "high", "critical"] | None = None
    confidence: Literal["low", "medium", "high"] | None = None
    reason: str = ""
    owner: str = ""


class Threshold(Scope, frozen=True, kw_only=True):
    """Another anomaly threshold for a part of the traffic."""

    request: int | None = None
    response: int | None = None


class Patch(Scope, frozen=True, kw_only=True):
    """A virtual patch: refuses what fits the scope and, if given, has `pattern` (Hyperscan syntax) at
    `field`.
    """

    id: str
    title: str = ""
    field: str = ""
    pattern: str = ""
    action: Literal["block", "report", "allow"] = "block"


class TuningFile(Section, frozen=True, kw_only=True):
    """The content of one tuning.yaml."""

    exclusions: tuple[Exclusion, ...] = ()
    rules: tuple[RuleChange, ...] = ()
    thresholds: tuple[Threshold, ...] = ()
    patches: tuple[Patch, ...] = ()


class _Scoped(msgspec.Struct, frozen=True):
    scope: Scope
    path: re.Pattern[str] | None  # None: whatever the path
    clients: Networks | None
    expires: datetime.date | None

    def loosens(self, request: Request, path: CanonicalPath, client: str, today: datetime.date) -> bool:
        """`fits`, for what makes the policy looser: what names a path does not hold on an ambiguous one."""
        return not (path.ambiguous and self.path is not None) and self.fits(request, path, client, today)

    def fits(self, request: Request, path: CanonicalPath, client: str, today: datetime.date) -> bool:
        scope = self.scope
        if self.expires is not None and today > self.expires:
            return False
        if scope.methods and request.method.decode("latin-1") not in scope.methods:
            return False
        if scope.host and not host_fits(scope.host.lower(), request.host):
            return False
        if self.path is not None and not self.path.fullmatch(path.text):
            return False
        return self.clients is None or self.clients.holds(client)


EVERYWHERE: Final = ("", "**", "/**")
"""Templates that name no path."""


def _scoped(scope: Scope) -> _Scoped:
    return _Scoped(
        scope,
        template(scope.path) if scope.path not in EVERYWHERE else None,
        Networks(scope.clients) if scope.clients else None,
        _date(scope.expires),
    )


def day(wall: float) -> datetime.date:
    """The UTC day of a Unix time in seconds."""
    return datetime.datetime.fromtimestamp(wall, datetime.UTC).date()


def _date(text: str) -> datetime.date | None:
    if not text:
        return None
    try:
        return datetime.date.fromisoformat(text)
    except ValueError:
        raise ValueError("expires: not a date; write it as 2027-01-31") from None


class _Exclusion(msgspec.Struct, frozen=True):
    where: _Scoped
    rule: re.Pattern[str] | None
    kind: re.Pattern[str] | None
    tag: re.Pattern[str] | None
    field: re.Pattern[str] | None
    action: Action

    def takes_back(self, finding: Finding) -> bool:
        if self.rule is not None and not self.rule.fullmatch(finding.rule):
            return False
        if self.kind is not None and not self.kind.fullmatch(finding.kind):
            return False
        if self.field is not None and not self.field.fullmatch(finding.address):
            return False
        return self.tag is None or any(self.tag.fullmatch(t) for t in finding.tags)


PATCH_PREFIX: Final = "patch."


class Tuning:
    """All tuning files compiled. Raises ConfigError with every entry that cannot be used.

    `line_of` gives the line at which a dotted place of a file stands, for messages.
    """

    def __init__(
        self,
        files: Sequence[tuple[str, TuningFile]] = (),
        line_of: Callable[[str, str], int] = lambda _file, _place: 0,
    ) -> None:
        problems: list[Problem] = []
        self._line_of = line_of
        self.files = tuple(files)
        self._exclusions: list[_Exclusion] = []
        self._thresholds: list[tuple[_Scoped, Threshold]] = []
        self._patches: list[tuple[_Scoped, Patch]] = []
        for name, content in files:
            for kind, entries in _entries(content):
                for index, entry in enumerate(entries):
                    try:
                        self._add(entry)
                    except ValueError as error:
                        problems.append(self.problem(name, f"{kind}[{index}]", str(error)))
        self.changes = tuple(
            (name, f"rules[{index}]", change)
            for name, content in files
            for index, change in enumerate(content.rules)
        )
        if problems:
            raise ConfigError(problems)
        self.idle = not (self._exclusions or self._thresholds or self._patches)
        self.patches_idle = not self._patches

    def _add(self, entry: Exclusion | Threshold | Patch) -> None:
        where = _scoped(entry)
        match entry:
            case Exclusion():
                if not (entry.rule or entry.kind or entry.tag or entry.field):
                    raise ValueError("an exclusion needs a rule, class, tag or field")
                self._exclusions.append(
                    _Exclusion(
                        where,
                        rule=_glob(entry.rule),
                        kind=_glob(entry.kind),
                        tag=_glob(entry.tag),
                        # Field addresses hold "[]" for list indexes; in a glob that would open a character set.
                        field=_glob(entry.field.replace("[", "[[]")),
                        action=entry.action,
                    )
                )
            case Threshold():
                self._thresholds.append((where, entry))
            case Patch():
                if entry.action == "allow" and not (entry.path or entry.clients or entry.host):
                    raise ValueError(
                        "a patch that allows needs a path, host or clients: else it allows everything"
                    )
                if entry.action == "allow" and entry.pattern:
                    raise ValueError(
                        "a patch that allows takes no pattern: it is decided before anything is read"
                    )
                if entry.field and not entry.pattern:
                    raise ValueError("a patch with a field needs a pattern to search for there")
                self._patches.append((where, entry))

    def apply(
        self,
        findings: Sequence[Finding],
        request: Request,
        path: CanonicalPath,
        client: str,
        today: datetime.date,
    ) -> list[Finding]:
        """The findings that remain. On an ambiguous path, which may be read as another one, only what holds
        everywhere takes anything back.
        """
        kept: list[Finding] = []
        active = [e for e in self._exclusions if e.where.loosens(request, path, client, today)]
        for finding in findings:
            if finding.engine is Engine.ACCESS:
                kept.append(finding)
                continue
            if finding.rule.startswith(PATCH_PREFIX) and not self._patch_fits(
                finding, request, path, client, today
            ):
                continue
            action = next((e.action for e in active if e.takes_back(finding)), None)
            if action == "ignore":
                continue
            kept.append(msgspec.structs.replace(finding, enforced=False) if action == "monitor" else finding)
        return kept

    def lifts(
        self, request: Request, path: CanonicalPath, client: str, today: datetime.date
    ) -> Callable[[Finding], Action | None] | None:
        """What is taken back of the findings of this request; None where nothing can be.

        For those who act before there is a verdict: the masking of sensitive data.
        """
        active = [e for e in self._exclusions if e.where.loosens(request, path, client, today)]
        if not active:
            return None
        return lambda finding: next((e.action for e in active if e.takes_back(finding)), None)

    def concerns(self, finding: Finding) -> bool:
        """True if an exclusion could take back such a finding, at whatever field and for whatever request."""
        return any(msgspec.structs.replace(e, field=None).takes_back(finding) for e in self._exclusions)

    def threshold(
        self, default: int, direction: Literal["request", "response"], request: Request, path: CanonicalPath,
        client: str, today: datetime.date,
    ) -> int:  # fmt: skip
        """The threshold for this request; the first entry that fits and names the direction wins."""
        for where, entry in self._thresholds:
            value = entry.request if direction == "request" else entry.response
            if value is not None and where.loosens(request, path, client, today):
                return value
        return default

    def patch(self, request: Request, path: CanonicalPath, client: str, today: datetime.date) -> Patch | None:
        """The first patch without a pattern that fits; those with one are signatures and come as findings."""
        for where, entry in self._patches:
            if entry.pattern or (entry.action == "allow" and path.ambiguous):
                continue
            if where.fits(request, path, client, today):
                return entry
        return None

    def _patch_fits(
        self, finding: Finding, request: Request, path: CanonicalPath, client: str, today: datetime.date
    ) -> bool:
        return any(
            PATCH_PREFIX + entry.id == finding.rule and where.fits(request, path, client, today)
            for where, entry in self._patches
        )

    def patterns(self) -> list[tuple[str, str, Patch]]:
        """(file, place, patch) of those that search for a pattern; they join the signature rules under "patch.ID"."""
        return [
            (name, f"patches[{index}]", patch)
            for name, content in self.files
            for index, patch in enumerate(content.patches)
            if patch.pattern
        ]

    def problem(self, file: str, place: str, message: str, mend: str = "") -> Problem:
        """A mistake at a dotted place of one of the files, with its line."""
        return Problem(file, self._line_of(file, place), place, message, mend)

    def expired(self, today: datetime.date) -> list[Problem]:
        """Entries whose last day has passed, to be reported."""
        out = []
        for name, content in self.files:
            for kind, scopes in _entries(content):
                for index, scope in enumerate(scopes):
                    last = _date(scope.expires)
                    if last is not None and today > last:
                        message = f"expired on {scope.expires} and is ignored"
                        place, mend = f"{kind}[{index}]", "remove it or renew `expires`"
                        out.append(self.problem(name, place, message, mend))
        return out


def patch_finding(patch: Patch) -> Finding:
    """What a patch without a pattern reports."""
    return Finding(
        rule=PATCH_PREFIX + patch.id,
        kind="patch",
        engine=Engine.ACCESS,
        severity=Severity.HIGH,
        confidence=Confidence.HIGH,
        detail=patch.title or patch.reason or "fits a virtual patch",
        enforced=patch.action == "block",
    )


def _entries(content: TuningFile) -> tuple[tuple[str, Sequence[Exclusion | Threshold | Patch]], ...]:
    return (
        ("exclusions", content.exclusions),
        ("thresholds", content.thresholds),
        ("patches", content.patches),
    )


def _glob(text: str) -> re.Pattern[str] | None:
    return re.compile(translate(text)) if text else None
