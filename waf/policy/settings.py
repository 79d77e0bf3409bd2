"""What holds for one request, every question answered: `routes` finds it, the policy goes by it."""

from __future__ import annotations

from waf.findings import Mode
from waf.profiles.constraints import Stage
from waf.value import Value


class Settings(Value):
    """`profile_cap` is how far constraints of the profile hold here, None for as far as everywhere; `profile_loosens`,
    whether that may be less far than everywhere.
    """

    __slots__ = (
        "allow_methods",
        "allow_types",
        "body",
        "inspect_body",
        "level",
        "mode",
        "name",
        "over_limit",
        "profile_cap",
        "profile_loosens",
        "profiles",
        "responses",
        "sensitive",
        "signatures",
    )

    def __init__(
        self,
        *,
        name: str,
        mode: Mode,
        level: int,
        allow_methods: frozenset[bytes],
        allow_types: frozenset[bytes],
        inspect_body: int,
        body: int,
        over_limit: str,
        signatures: bool,
        sensitive: bool,
        profiles: bool,
        profile_cap: Stage | None,
        profile_loosens: bool,
        responses: bool,
    ) -> None:
        self.name = name
        self.mode = mode
        self.level = level
        self.allow_methods = allow_methods
        self.allow_types = allow_types
        self.inspect_body = inspect_body
        self.body = body
        self.over_limit = over_limit
        self.signatures = signatures
        self.sensitive = sensitive
        self.profiles = profiles
        self.profile_cap = profile_cap
        self.profile_loosens = profile_loosens
        self.responses = responses
