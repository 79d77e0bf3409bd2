"""Per-route settings: which mode, level, limits and engines hold for a request."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import msgspec

from waf.config.schema import Config, Route
from waf.model import Mode
from waf.policy.paths import CanonicalPath, template
from waf.policy.settings import Settings
from waf.profiles.constraints import CAPS

_STRICTNESS: Final = {Mode.OFF: 0, Mode.MONITOR: 1, Mode.PROTECT: 2}
_HARDNESS: Final = {"stream": 0, "auto": 1, "block": 2}


def defaults(config: Config) -> Settings:
    return Settings(
        name="",
        mode=config.mode,
        level=config.inspection.level,
        allow_methods=frozenset(),
        allow_types=frozenset(),
        inspect_body=config.limits.inspect_body,
        body=config.limits.body,
        over_limit=config.limits.over_limit,
        signatures=config.signatures.enabled,
        sensitive=config.sensitive.enabled,
        profiles=config.profiles.enabled and config.profiles.mode != "off",
        profile_cap=None,
        profile_loosens=True,
        responses=config.signatures.responses,
    )


class _Compiled(msgspec.Struct, frozen=True):
    host: str
    methods: frozenset[bytes]
    path: re.Pattern[str]
    settings: Settings
    stricter: Settings  # for ambiguous paths: nothing looser than the defaults


class Routes:
    """Finds the settings of a request. The first fitting route wins; none fitting means the defaults."""

    def __init__(self, config: Config) -> None:
        self.defaults = defaults(config)
        self._routes = [self._compile(route, self.defaults) for route in config.routes]

    @staticmethod
    def _compile(route: Route, base: Settings) -> _Compiled:
        settings = Settings(
            name=route.name or route.path,
            mode=route.mode if route.mode is not None else base.mode,
            level=route.level if route.level is not None else base.level,
            allow_methods=frozenset(m.encode() for m in route.allow_methods),
            allow_types=frozenset(t.lower().encode() for t in route.allow_types),
            inspect_body=base.inspect_body if route.inspect_body is None else route.inspect_body,
            body=base.body if route.body is None else route.body,
            over_limit=route.over_limit or base.over_limit,
            signatures=_either(route.signatures, base.signatures),
            sensitive=_either(route.sensitive, base.sensitive),
            profiles=_either(route.profiles, base.profiles),
            profile_cap=CAPS[route.profiles_mode] if route.profiles_mode is not None else None,
            profile_loosens=True,
            responses=_either(route.responses, base.responses),
        )
        return _Compiled(
            host=route.host.lower(),
            methods=frozenset(m.encode() for m in route.methods),
            path=template(route.path),
            settings=settings,
            stricter=_stricter(settings, base),
        )

    def find(self, host: bytes, method: bytes, path: CanonicalPath | None) -> Settings:
        """Settings of a request; `path` may be None only where there are no routes (see `needs_path`)."""
        if path is None:
            return self.defaults
        for route in self._routes:
            if route.methods and method not in route.methods:
                continue
            if route.host and not host_fits(route.host, host):
                continue
            if route.path.fullmatch(path.text):
                return route.stricter if path.ambiguous else route.settings
        return self.defaults

    @property
    def needs_path(self) -> bool:
        return bool(self._routes)


def host_fits(pattern: str, host: bytes) -> bool:
    """True if a Host value (port and a trailing dot ignored) fits a name or "*.suffix"."""
    name = host.decode("latin-1").lower()
    name = name.partition("]")[0] + "]" if name.startswith("[") else name.partition(":")[0].rstrip(".")
    if pattern.startswith("*."):
        return name.endswith(pattern[1:])
    return name == pattern


def _either(own: bool | None, base: bool) -> bool:
    return base if own is None else own


def _stricter(a: Settings, b: Settings) -> Settings:
    return Settings(
        name=a.name,
        mode=max(a.mode, b.mode, key=_STRICTNESS.__getitem__),
        level=max(a.level, b.level),
        allow_methods=a.allow_methods,
        allow_types=a.allow_types,
        inspect_body=max(a.inspect_body, b.inspect_body),
        body=min(a.body, b.body),
        over_limit=max(a.over_limit, b.over_limit, key=_HARDNESS.__getitem__),
        signatures=a.signatures or b.signatures,
        sensitive=a.sensitive or b.sensitive,
        profiles=a.profiles or b.profiles,
        profile_cap=a.profile_cap,
        profile_loosens=False,
        responses=a.responses or b.responses,
    )


def names(routes: Sequence[Route]) -> list[str]:
    """The labels that routes give to metrics, in order."""
    return [route.name or route.path for route in routes]
