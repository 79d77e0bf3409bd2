"""The way out of a refusal: the lines of tuning.yaml that would have let this request pass, and as little else.

Takes findings and their weights from `decide` and says them in `tuning`'s words. Decides nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from waf.model import Engine, Finding, Mask
from waf.policy.decide import score, weight

MAX_LINES: Final = 4
"""A request that needs more is no false alarm to be pasted away."""

_MAX_PATH: Final = 200  # characters
_MAX_SEGMENTS: Final = 12


def suggested(findings: Sequence[Finding], *, threshold: int, method: bytes, path: str) -> str:
    """Lines for `exclusions:` after which the score of the rest is below `threshold`; "" where none can be.

    One line for each class at a field, the heaviest first: by rule where one rule found it, by class where
    several did. What an access list, a rate limit or a patch refused cannot be excluded.
    """
    if any(finding.engine is Engine.ACCESS for finding in findings):
        return ""
    groups: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings:
        groups.setdefault((finding.kind, finding.address), []).append(finding)
    heaviest = sorted(groups.values(), key=lambda group: -max(map(weight, group)))
    for needed in range(min(len(heaviest), MAX_LINES) + 1):
        if score([finding for group in heaviest[needed:] for finding in group]) < threshold:
            return "\n".join(_line(group, method, path) for group in heaviest[:needed])
    return ""


def _line(group: Sequence[Finding], method: bytes, path: str) -> str:
    first = group[0]
    rules = {finding.rule for finding in group}
    entry: dict[str, object] = {"rule": first.rule} if len(rules) == 1 else {"class": first.kind}
    entry |= {"methods": [method.decode("latin-1")], "path": path}
    if first.address:
        entry["field"] = first.address
    entry |= {"reason": "", "owner": ""}
    return "- " + msgspec.json.encode(entry).decode()


def place(path: str, mask: Mask) -> str:
    """A template that fits a canonical path and may be shown: what `mask` would alter stands as "*".

    A path too long to be shown ends in "**".
    """
    out: list[str] = []
    length = 0
    segments = path.split("/")[1:]
    for segment in segments:
        length += len(segment) + 1
        if length > _MAX_PATH or len(out) >= _MAX_SEGMENTS:
            out.append("**")
            break
        plain = "*" not in segment and mask(segment.encode("utf-8", "replace")) == segment
        out.append(segment if plain else "*")
    return "/" + "/".join(out)
