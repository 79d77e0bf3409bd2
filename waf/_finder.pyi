from collections.abc import Callable, Sequence
from typing import Any, final

from waf.sensitive.openings import Told

Piece = tuple[
    int,
    int,
    int,
    int,
    int,
    int,
    dict[str, int],
    tuple[str, ...],
    Callable[[], tuple[list[str], str, bool, int, int] | None],
]

NEAR: int
LOOK_BEHIND: int
LED_REACH: int
LEAD_IN: int
MOST_RETRIES: int
RETRY_BYTES: int
NUMERALS: int
KNOWN_KEY: int

def label_before(text: bytes, start: int, /) -> bytes: ...
def run(
    program: bytes, text: bytes, start: int, end: int, anywhere: bool, /
) -> tuple[int, int, int, int] | None: ...
def near(text: bytes, start: int, floor: int, labelled: bool, /) -> bytes: ...
def untold(name: str, /) -> str: ...
def written(fields: Sequence[Any], names: int, /) -> tuple[bytes, bytes]: ...
def json_path(stack: list[str], key: str, text: bytes, in_string: bool, /) -> tuple[str, int, bool]: ...
def sketch(registers: bytes, key: bytes, id: str, value: bytes, /) -> bytes: ...
def masked(value: bytes, mask: int, first: int, last: int, /) -> bytes: ...
def view(raw: bytes, form: bool, /) -> View: ...
def check(name: str, value: bytes, /) -> float | None: ...

@final
class Judge:
    def __init__(
        self,
        forms: tuple[Any, ...],
        hit: type[Any],
        count: type[Any],
        say: Callable[[Any, bytes], float],
        quiet: frozenset[bytes],
        elements: frozenset[bytes],
        natives: dict[Any, str],
        structures: dict[bytes, bytes],
        domains: frozenset[bytes],
        strict: bool,
    ) -> None: ...
    def find(
        self,
        text: bytes,
        floor: int,
        ceiling: int,
        field_at: Callable[[bytes, int], tuple[bytes | None, int]] | tuple[tuple[bytes, ...], bytes] | None,
        found: list[int],
        /,
    ) -> list[Any]: ...
    def gather(
        self, text: bytes, found: list[int], fields: bytes, /
    ) -> list[tuple[int, Any, bool, bool, int, set[bytes]]]: ...
    def screen(
        self,
        view: View,
        field_at: tuple[tuple[bytes, ...], bytes] | None,
        cells: tuple[tuple[int, tuple[int, ...]], ...],
        found: list[int],
        named: int,
        names: Any,
        orders: tuple[Callable[[Any, str], str], dict[str, Any]],
        rule: int,
        enforce: bool,
        edit: Callable[..., Any],
        key: bytes,
        most: int,
        counts: list[Any],
        piece: Piece | None,
        /,
    ) -> Any: ...

@final
class View:
    @property
    def raw(self) -> bytes: ...
    @property
    def text(self) -> bytes: ...
    def at(self, place: int, /) -> tuple[int, int]: ...
    def span(self, start: int, end: int, /) -> tuple[int, int]: ...
    def place(self, offset: int, /) -> int: ...

@final
class Signs:
    @property
    def others(self) -> bool: ...
    def __init__(self, wide: bytes, reach: int, /) -> None: ...
    def __call__(self, sign: int, start: int, end: int, flags: int, context: object, /) -> bool | None: ...
    def begin(self, most: int, /) -> None: ...
    def at(self, base: int, /) -> None: ...
    def remember(self, key: bytes, margin: int, /) -> None: ...
    def parts(self, text: bytes, /) -> list[tuple[int, int]]: ...
    def learn(self) -> None: ...
    def heed(
        self,
        headed: bytes | None,
        heads: bytes,
        longer: bytes | None,
        least: int,
        fixed: bytes | None,
        exactly: int,
        behind: bytes,
        /,
    ) -> None: ...
    def numerals(self, text: bytes, /) -> bool: ...
    def windows(self, first: bool, /) -> list[tuple[int, int]]: ...

@final
class Notices:
    def __init__(self, led: bytes, openings: Told = ..., /) -> None: ...
    def __call__(self, form: int, start: int, end: int, flags: int, context: object, /) -> None: ...
    def begin(self, base: int, /) -> None: ...
    def openings(self, text: bytes, /) -> None: ...
    def take(self) -> list[int]: ...
