from collections.abc import Callable
from typing import Any, final

NEAR: int
LOOK_BEHIND: int
LED_REACH: int
LEAD_IN: int
MOST_RETRIES: int

def label_before(text: bytes, start: int, /) -> bytes: ...
def near(text: bytes, start: int, floor: int, labelled: bool, /) -> bytes: ...
def card(value: bytes, /) -> float: ...
def maestro(value: bytes, /) -> float: ...
@final
class Judge:
    def __init__(
        self,
        forms: tuple[Any, ...],
        hit: type[Any],
        say: Callable[[Any, bytes], float],
        apart: Callable[[list[Any]], list[Any]],
        quiet: frozenset[bytes],
        elements: frozenset[bytes],
        natives: dict[Any, int],
        strict: bool,
    ) -> None: ...
    def find(
        self,
        text: bytes,
        floor: int,
        ceiling: int,
        field_at: Callable[[bytes, int], tuple[bytes | None, int]] | None,
        found: list[int],
        /,
    ) -> list[Any]: ...

@final
class Notices:
    def __init__(self, led: bytes, /) -> None: ...
    def __call__(self, form: int, start: int, end: int, flags: int, context: object, /) -> None: ...
    def begin(self, base: int, /) -> None: ...
    def take(self) -> list[int]: ...
