"""Plots as inline SVG: colours that also print in grey, and a title for those who do not see them."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Final

import msgspec

from waf.sensitive.report.build import FlowRow

_DONE: Final = "#2f6fab"
_LEFT: Final = "#d9822b"
_INK: Final = "#1d2733"
_SOFT: Final = "#5b6877"


class Bar(msgspec.Struct, frozen=True):
    """`done` values were masked, replaced or refused; `left` passed as they were."""

    name: str
    done: int
    left: int


def bars(data: Sequence[Bar]) -> str:
    """Horizontal bars, the longest first, with what was done and what was left."""
    row, top, left, width = 26, 30, 150, 470
    most = max((bar.done + bar.left for bar in data), default=1) or 1
    parts = [_legend(left, 8, ((_DONE, "masked, replaced or refused"), (_LEFT, "as it was")))]
    scale = (width - left - 70) / most
    for number, bar in enumerate(data):
        y = top + number * row
        done, passed = bar.done * scale, bar.left * scale
        parts.append(_text(left - 8, y + 12, bar.name, anchor="end"))
        parts.append(f'<rect x="{left}" y="{y}" width="{done:.1f}" height="16" fill="{_DONE}"/>')
        parts.append(f'<rect x="{left + done:.1f}" y="{y}" width="{passed:.1f}" height="16" fill="{_LEFT}"/>')
        parts.append(_text(left + done + passed + 6, y + 12, f"{bar.done + bar.left:,}", colour=_SOFT))
    return _svg(width, top + len(data) * row + 4, "Values by entity", parts)


def flow_map(flows: Sequence[FlowRow], most: int = 9) -> str:
    """Endpoints to the left, entities to the right, a band for each pair as wide as its count's share."""
    endpoints = _largest(flows, lambda row: row.endpoint, most)
    entities = _largest(flows, lambda row: row.entity, most)
    pairs: dict[tuple[str, str], list[int]] = {}
    for row in flows:
        if row.endpoint in endpoints and row.entity in entities:
            sums = pairs.setdefault((row.endpoint, row.entity), [0, 0])
            sums[0] += row.count
            sums[1] += row.open_count
    width, row_height, top = 470, 30, 12
    height = top + row_height * max(len(endpoints), len(entities)) + 4
    from_y = {name: top + row_height * (n + 0.5) for n, name in enumerate(endpoints)}
    to_y = {name: top + row_height * (n + 0.5) for n, name in enumerate(entities)}
    largest = max((count for count, _ in pairs.values()), default=1) or 1
    left, right = 196, width - 120
    parts = []
    for (endpoint, entity), (count, passed) in sorted(pairs.items(), key=lambda item: -item[1][0]):
        y1, y2 = from_y[endpoint], to_y[entity]
        thick = 1.5 + 9 * (count / largest) ** 0.5
        middle = (left + right) / 2
        colour = _LEFT if passed * 2 > count else _DONE
        parts.append(
            f'<path d="M{left} {y1:.1f} C{middle} {y1:.1f} {middle} {y2:.1f} {right} {y2:.1f}" fill="none" '
            f'stroke="{colour}" stroke-opacity="0.55" stroke-width="{thick:.1f}">'
            f"<title>{escape(endpoint)}: {count:,} × {escape(entity)}</title></path>"
        )
    parts += [_text(left - 6, y + 4, _short(name), anchor="end") for name, y in from_y.items()]
    parts += [_text(right + 6, y + 4, name) for name, y in to_y.items()]
    return _svg(width, height, "Which endpoint carries which entity", parts)


def _largest(flows: Sequence[FlowRow], key: object, most: int) -> list[str]:
    assert callable(key)
    sums: dict[str, int] = {}
    for row in flows:
        name = key(row)
        sums[name] = sums.get(name, 0) + row.count
    return sorted(sums, key=lambda name: (-sums[name], name))[:most]


def _short(name: str) -> str:
    return name if len(name) <= 28 else name[:12] + "…" + name[-15:]


def _legend(x: float, y: float, entries: Sequence[tuple[str, str]]) -> str:
    parts = []
    for colour, text in entries:
        parts.append(f'<rect x="{x}" y="{y - 6}" width="10" height="10" fill="{colour}"/>')
        parts.append(_text(x + 14, y + 3, text, colour=_SOFT))
        x += 24 + 6.2 * len(text)
    return "".join(parts)


def _text(x: float, y: float, text: str, *, anchor: str = "start", colour: str = _INK) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">{escape(text)}</text>'


def _svg(width: float, height: float, title: str, parts: Sequence[str]) -> str:
    return (
        f'<svg viewBox="0 0 {width} {height}" role="img" font-size="12" '
        f'font-family="system-ui, Segoe UI, Helvetica Neue, Arial, sans-serif"><title>{escape(title)}</title>'
        f"{''.join(parts)}</svg>"
    )
