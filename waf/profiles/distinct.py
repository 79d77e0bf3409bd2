"""How many different things were seen, in 256 bytes: a HyperLogLog.

For what a client sends with every request, as its cookies: a token that came a thousand times is one token. Counting it
once needs a memory of all tokens, and two replicas that both met it would count it twice. A sketch needs neither: its
registers only grow, so joining is a maximum, and commutative, associative and idempotent. Its standard error is 6.5 %,
which is far below what a sample's size has to be known to.

Reference: Flajolet, Fusy, Gandouet, Meunier, HyperLogLog (AofA 2007), with linear counting where few were seen.
"""

from __future__ import annotations

import math
from typing import Final

REGISTERS: Final = 256
_ALPHA: Final = 0.7213 / (1 + 1.079 / REGISTERS)
_WORD: Final = (1 << 64) - 1
_REST: Final = (1 << 56) - 1


class Distinct:
    """Things are 64-bit integers that look random; `mixed` makes such."""

    __slots__ = ("registers",)

    def __init__(self, registers: bytes = bytes(REGISTERS)) -> None:
        """Raises ValueError for what `bytes(registers)` never was."""
        if len(registers) != REGISTERS or max(registers) > 57:
            raise ValueError("no sketch of distinct things")
        self.registers = bytearray(registers)

    def add(self, thing: int) -> None:
        """Take note of one thing, new or not."""
        place = thing & REGISTERS - 1
        rank = 57 - (thing >> 8 & _REST).bit_length()  # leading zeros of the other 56 bits, and one
        self.registers[place] = max(self.registers[place], rank)

    def join(self, other: Distinct) -> None:
        self.registers = bytearray(map(max, self.registers, other.registers))

    def estimate(self) -> float:
        """About how many things were added, as a whole number."""
        registers = self.registers
        raw = _ALPHA * REGISTERS * REGISTERS / sum(2.0**-rank for rank in registers)
        if raw <= 2.5 * REGISTERS and (empty := registers.count(0)):
            raw = REGISTERS * math.log(REGISTERS / empty)
        return float(round(raw))


def mixed(*words: int) -> int:
    """64 bits that depend on each bit of the words (the finaliser of SplitMix64: Steele, Lea, Flood, OOPSLA 2014)."""
    state = 0
    for word in words:
        state = (state ^ word) + 0x9E3779B97F4A7C15 & _WORD
        state = (state ^ state >> 30) * 0xBF58476D1CE4E5B9 & _WORD
        state = (state ^ state >> 27) * 0x94D049BB133111EB & _WORD
        state ^= state >> 31
    return state
