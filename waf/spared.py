"""Libraries that others load and a sidecar does not use, left out: five megabytes that every pod would pay for nothing.

Most of it is OpenSSL, in a process that speaks no TLS. asyncio does without `ssl` by itself. uvloop wants the module's names when it is loaded, for transports that nobody will
open, and gets names that stand for nothing. `hashlib` and `hmac` have every algorithm that is used here without OpenSSL, and
msgspec takes from `typing_extensions` what `typing` has since Python 3.11.

To be asked before those modules are loaded; where one of them is there already, or Python was built without its own hashes,
everything is as it would be without this module. Who imports `ssl` later gets the real one, but not for these event loops:
whoever may come to speak TLS must not be spared it (see `waf.cli.entry`).
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from types import ModuleType
from typing import Final

_OWN_HASHES: Final = ("_md5", "_sha1", "_sha3", "_blake2", *(
    ("_sha2",) if sys.version_info >= (3, 12) else ("_sha256", "_sha512")
))  # fmt: skip
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
        del sys.modules[name]


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


def spare_tls() -> bool:
    """Load asyncio and uvloop as they are without TLS; False where one of them was loaded with it before."""
    if {"ssl", "asyncio", "uvloop"} & sys.modules.keys():
        return False
    with _instead("ssl", None):
        import asyncio  # noqa: F401
    stand_in = ModuleType("ssl", "Names without anything behind them.")
    stand_in.__dict__.update(dict.fromkeys(_NUMBERS, -1))
    stand_in.__dict__["__getattr__"] = lambda _name: NoTls  # PEP 562
    with _instead("ssl", stand_in):
        import uvloop  # noqa: F401
    return True
