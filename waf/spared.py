"""Libraries that others load and a sidecar does not use, left out: seven megabytes that every pod would pay for nothing.

Most of it is OpenSSL, in a process that speaks no TLS. asyncio does without `ssl` by itself. uvloop wants the module's names when it is loaded, for transports that nobody will
open, and gets names that stand for nothing. `hashlib` and `hmac` have every algorithm that is used here without OpenSSL, and
msgspec takes from `typing_extensions` what `typing` has since Python 3.11. asyncio and uvloop want two questions of `inspect`, which comes with
Python's own parser and disassembler; orjson wants to know fields of dataclasses, of which there are none here; multipart wants
`tempfile`, with all that packs and copies files, for a parser that is not used.

To be asked before those modules are loaded; where one of them is there already, or Python was built without its own hashes,
everything is as it would be without this module. Who imports `ssl` later gets the real one, but not for these event loops:
whoever may come to speak TLS must not be spared it (see `waf.cli.entry`).
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from types import BuiltinFunctionType, FunctionType, GeneratorType, MethodType, ModuleType
from typing import Any, Final

_OWN_HASHES: Final = ("_md5", "_sha1", "_sha3", "_blake2", *(
    ("_sha2",) if sys.version_info >= (3, 12) else ("_sha256", "_sha512")
))  # fmt: skip
_COROUTINE: Final = 0x80  # `inspect.CO_COROUTINE`
_NUMBERS: Final = ("SSL_ERROR_WANT_READ", "SSL_ERROR_WANT_WRITE", "SSL_ERROR_SYSCALL")


class NoTls(OSError):
    """Stands for each class of `ssl`: none of it is ever made or raised."""


@contextmanager
def _instead(name: str, module: ModuleType | None) -> Iterator[None]:
    """Whoever imports `name` meanwhile gets `module`; None: there is no such module."""
    sys.modules[name] = module  # type: ignore[assignment]  # None is what the import system takes for that
    try:
        yield
    finally:
        if sys.modules.get(name) is module:
            sys.modules.pop(name, None)


def spare_typing() -> bool:
    """Load msgspec with `typing` alone; False where that cannot be done any more."""
    if {"msgspec", "typing_extensions"} & sys.modules.keys():
        return False
    with _instead("typing_extensions", None):
        import msgspec  # noqa: F401
    return True


def spare_hashes() -> bool:
    """Load `hashlib` and `hmac` with Python's own algorithms; False where that cannot be done any more."""
    if {"hashlib", "hmac", "_hashlib"} & sys.modules.keys():
        return False
    if not all(name in sys.builtin_module_names or find_spec(name) for name in _OWN_HASHES):
        return False
    with _instead("_hashlib", None):
        import hashlib  # noqa: F401
        import hmac  # noqa: F401
    return True


class _Later(ModuleType):
    """Stands for a module until somebody asks for something of it."""

    def _real(self) -> Any:
        if sys.modules.get(self.__name__) is self:  # asked while others are still loaded with it
            del sys.modules[self.__name__]
        return import_module(self.__name__)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real(), name)


def spare_files() -> bool:
    """Load multipart with `tempfile` put off; False where that cannot be done any more."""
    if {"multipart", "tempfile"} & sys.modules.keys():
        return False
    with _instead("tempfile", _Later("tempfile")):
        import multipart  # type: ignore[import-untyped]  # noqa: F401
    return True


def spare_dataclasses() -> bool:
    """Load orjson as it is where nothing is a dataclass: it would not see the fields of one. False where that cannot be done any more."""
    if {"orjson", "dataclasses"} & sys.modules.keys():
        return False
    stand_in = ModuleType("dataclasses", "What orjson knows a field by, and nothing is one.")
    stand_in.__dict__["_FIELD"] = object()
    with _instead(stand_in.__name__, stand_in):
        import orjson  # noqa: F401
    return True


class _Inspect(_Later):
    """Answers what event loops ask in their whole lives."""

    def __init__(self) -> None:
        super().__init__("inspect")

    def iscoroutinefunction(self, asked: object) -> bool:
        function = asked.__func__ if isinstance(asked, MethodType) else asked
        while isinstance(function, partial):
            function = function.func
        if isinstance(function, BuiltinFunctionType):
            return False
        if isinstance(function, FunctionType) and not function.__dict__:  # where one may be marked as one
            return bool(function.__code__.co_flags & _COROUTINE)
        return bool(self._real().iscoroutinefunction(asked))

    @staticmethod
    def isgenerator(asked: object) -> bool:
        return isinstance(asked, GeneratorType)


def _uninspected() -> AbstractContextManager[None]:
    return nullcontext() if "inspect" in sys.modules else _instead("inspect", _Inspect())


def spare_inspection() -> bool:
    """Load asyncio and uvloop without `inspect`; False where one of the three was loaded before."""
    if {"inspect", "asyncio", "uvloop"} & sys.modules.keys():
        return False
    with _uninspected():
        import asyncio  # noqa: F401

        import uvloop  # noqa: F401
    return True


def spare_tls() -> bool:
    """Load asyncio and uvloop as they are without TLS; False where one of them was loaded with it before."""
    if {"ssl", "asyncio", "uvloop"} & sys.modules.keys():
        return False
    with _uninspected(), _instead("ssl", None):
        import asyncio  # noqa: F401
    stand_in = ModuleType("ssl", "Names without anything behind them.")
    stand_in.__dict__.update(dict.fromkeys(_NUMBERS, -1))
    stand_in.__dict__["__getattr__"] = lambda _name: NoTls  # PEP 562
    with _uninspected(), _instead("ssl", stand_in):
        import uvloop  # noqa: F401
    return True
