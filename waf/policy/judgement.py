"""What a policy carries from a request to its response, and on to learning and the inventory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from waf.findings import Finding
from waf.inspect.reading import Reading
from waf.policy.paths import CanonicalPath, canonical
from waf.policy.settings import Settings
from waf.profiles.check import Check
from waf.sensitive.detect import RequestHits
from waf.sensitive.tally import Tally

if TYPE_CHECKING:
    from waf.policy.policy import Policy


class Judgement:
    """Owned by one exchange; written by the policy with which it began, read by nobody before it ended."""

    __slots__ = (
        "_path", "allowed_by", "check", "findings", "hits", "policy", "reading", "response_tally",
        "settings",
    )  # fmt: skip

    def __init__(self, policy: Policy, settings: Settings, path: CanonicalPath | None) -> None:
        self.policy = policy
        self.settings = settings
        self._path = path
        self.reading: Reading | None = None
        self.check: Check | None = None
        self.hits: RequestHits | None = None
        self.response_tally: Tally | None = None  # not the filter: what waits to be learned must hold no body
        self.allowed_by = ""  # the patch that lets it pass uninspected
        self.findings: list[Finding] = []

    def path(self, raw: bytes) -> CanonicalPath:
        if self._path is None:
            self._path = canonical(raw)
        return self._path
