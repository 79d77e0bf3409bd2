"""What the values of the hot path have in common: they are equal by their parts, show them, and are altered by copying.

Plain classes, so that they can be compiled (`compiled`): there, their parts are fields of a C struct and can only be
read. Elsewhere in the project such values are `msgspec.Struct`s.
"""

from __future__ import annotations

from typing import Any, ClassVar, Self


class Value:  # noqa: PLW1641 (none of them is a key)
    """`__slots__` of a subclass are its parts, in the order in which it takes them. Nobody assigns to one later."""

    __slots__: ClassVar[tuple[str, ...]] = ()

    def altered(self, **changes: Any) -> Self:
        """The same with other parts. Raises TypeError for a name that is none of them."""
        own = {name: getattr(self, name) for name in type(self).__slots__}
        return type(self)(**{**own, **changes})

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in type(self).__slots__)

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in type(self).__slots__)
        return f"{type(self).__name__}({shown})"
