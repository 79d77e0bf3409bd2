from collections.abc import Callable
from typing import final

from waf.messages import Framing, HeaderLine, Headers, Request, Response

def with_value(lines: tuple[HeaderLine, ...], name: bytes, value: bytes, /) -> tuple[HeaderLine, ...]: ...
def plain_answer(
    leaks: bytes | None,
    values: bytes | None,
    quiet: frozenset[bytes],
    memory: Values,
    index: dict[bytes, bytes],
    body: bytes,
    /,
) -> bool: ...
def cut(data: bytes, start: int, end: int, /) -> bytes: ...
def head_size(data: bytes, /) -> int: ...
def unchunked(data: bytes, start: int, /) -> bytes | None: ...
def stirs(fd: int, /) -> bool: ...
def sift(program: bytes | None, text: bytes, /) -> bytes: ...
def passes(program: bytes | None, text: bytes, /) -> bool: ...

@final
class Values:
    def __init__(self, key: bytes, /) -> None: ...
    def add(self, hashes: bytes, /) -> None: ...

@final
class Heads:
    def __init__(
        self,
        request: type[Request],
        response: type[Response],
        headers: type[Headers],
        framings: tuple[Framing, Framing, Framing, Framing],
        hosts: dict[bytes, bytes],
        methods: tuple[bytes, ...],
        client_name: Callable[[bytes], tuple[bytes, int]],
        app_name: Callable[[bytes], tuple[bytes, int]],
    ) -> None: ...
    def request(
        self, data: bytes, most_bytes: int, most_headers: int, most_body: int, /
    ) -> Request | None: ...
    def response(
        self, data: bytes, most_bytes: int, most_headers: int, method: bytes, /
    ) -> Response | None: ...
    def write(
        self,
        from_app: bool,
        before: tuple[bytes | int, ...],
        lines: tuple[HeaderLine, ...],
        mask: int,
        after: tuple[bytes | int, ...],
        /,
    ) -> bytes | None: ...
    def clear(
        self,
        known: set[HeaderLine],
        most: int,
        methods: set[bytes],
        values: Values,
        program: bytes | None,
        quiet: frozenset[bytes],
        lines: Values,
        lines_program: bytes | None,
        request: Request,
        /,
    ) -> int: ...
    def text(
        self,
        path: bytes,
        query: bytes | None,
        cookies: bytes | None,
        lines: tuple[HeaderLine, ...],
        known: set[HeaderLine],
        most: int,
        values: Values,
        program: bytes | None,
        /,
    ) -> tuple[bytes, bool, bytes] | None: ...
    def pairs(
        self,
        target: bytes,
        lines: tuple[HeaderLine, ...],
        quiet: frozenset[bytes],
        values: Values,
        program: bytes | None,
        /,
    ) -> tuple[bytes, bytes] | None: ...

def find(data: bytes, wanted: bytes, /) -> int: ...
