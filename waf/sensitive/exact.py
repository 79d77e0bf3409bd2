"""Values of a list of one's own (customer numbers, names of patients), recognised without keeping the list.

What is kept of a value is 64 bits of its keyed hash and its shape ("AC-1002934" has two letters, a hyphen,
seven digits). Shapes of the whole list are merged into a few patterns, so that only what looks like a member
is hashed; a Bloom filter (B. H. Bloom, 1970) answers most of those, the sorted hashes the rest. One chance in
2^64 per value and member to be wrong.
"""

from __future__ import annotations

import hmac
import io
import re
from array import array
from bisect import bisect_left
from collections.abc import Iterable
from typing import Final

from waf.errors import ConfigError, Problem
from waf.sensitive.entities import Entity
from waf.sensitive.mask import Key

LEAST: Final = 4
"""Characters of a value worth recognising; shorter ones are left out."""

MOST_SHAPES: Final = 64
_BITS_PER_VALUE: Final = 10
_RUN: Final = re.compile(rb"([A-Za-z]+)|([0-9]+)|([\x80-\xff]+)|([ ]+)|(.)", re.DOTALL)
_CLASSES: Final = {1: "[A-Za-z]", 2: "[0-9]", 3: r"[\x80-\xff]", 4: "[ ]"}


class ExactData:
    """A set of keyed hashes and the shapes of what was hashed; built from the values, which are not kept."""

    def __init__(self, values: Iterable[str], key: Key, where: str = "sensitive.exact") -> None:
        """Raises ConfigError if the values have too many different shapes to be told from other text."""
        self._key = key.exact
        shapes: dict[tuple[tuple[int, bytes], ...], list[tuple[int, int]]] = {}
        hashes = set()
        self.skipped = 0
        for value in values:
            text = _normal(value.encode())
            if len(text) < LEAST or len(text) > 200:
                self.skipped += 1
                continue
            hashes.add(self._hash(text))
            runs = [(m.lastindex or 5, m[0]) for m in _RUN.finditer(text)]
            structure = tuple((kind, b"" if kind < 5 else run) for kind, run in runs)
            sizes = [(len(run), len(run)) for _, run in runs]
            known = shapes.get(structure, sizes)
            merged = [(min(a, c), max(b, d)) for (a, b), (c, d) in zip(known, sizes, strict=True)]
            shapes[structure] = merged
        if len(shapes) > MOST_SHAPES:
            mend = "lists of numbers, codes or names each in a file of its own"
            raise ConfigError([Problem("", 0, where, f"values of {len(shapes)} different shapes", mend)])
        self.patterns: Final = tuple(_pattern(structure, sizes) for structure, sizes in shapes.items())
        self._hashes = array("Q", sorted(hashes))
        self._size = max(64, len(hashes) * _BITS_PER_VALUE)
        self._bloom = bytearray(self._size // 8 + 1)
        for number in hashes:
            for bit in self._bits(number):
                self._bloom[bit >> 3] |= 1 << (bit & 7)

    def __len__(self) -> int:
        return len(self._hashes)

    def confirm(self, value: bytes) -> float:
        """1.0 for a value of the list, else 0.0; a validator."""
        number = self._hash(_normal(value))
        if not all(self._bloom[bit >> 3] & 1 << (bit & 7) for bit in self._bits(number)):
            return 0.0
        place = bisect_left(self._hashes, number)
        return 1.0 if place < len(self._hashes) and self._hashes[place] == number else 0.0

    def _hash(self, text: bytes) -> int:
        return int.from_bytes(hmac.digest(self._key, text, "sha256")[:8], "big")

    def _bits(self, number: int) -> tuple[int, int, int]:
        size = self._size
        return number % size, (number >> 17) % size, (number >> 31) % size


def read_list(text: str, column: str = "") -> list[str]:
    """The values of a file: one a line, or a named column of a CSV with a head line. ConfigError if it is missing."""
    if not column:
        return [line.strip() for line in text.splitlines() if line.strip()]
    import csv  # rarely needed

    rows = csv.DictReader(io.StringIO(text))
    if column not in (rows.fieldnames or ()):
        known = ", ".join(rows.fieldnames or ())
        raise ConfigError(
            [Problem("", 1, "column", f"the file has no column {column!r}", f"one of: {known}")]
        )
    return [value.strip() for row in rows if (value := row.get(column) or "").strip()]


def exact_entity(name: str, data: ExactData) -> Entity:
    """The entity whose validator is membership in `data`."""
    return Entity(
        id=name,
        title=f"Value of the list {name}",
        group="custom",
        patterns=data.patterns,
        validator=f"exact:{name}",
        confidence=1.0,
        tags=("exact",),
    )


def _normal(value: bytes) -> bytes:
    return b" ".join(value.split()).lower()


def _pattern(structure: tuple[tuple[int, bytes], ...], sizes: list[tuple[int, int]]) -> str:
    parts = []
    for (kind, literal), (least, most) in zip(structure, sizes, strict=True):
        if kind == 5:
            parts.append(re.escape(literal.decode("latin-1")))
        else:
            parts.append(f"{_CLASSES[kind]}{{{least},{most}}}")
    return "".join(parts)
