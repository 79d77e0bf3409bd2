"""The search for values in C (`waf/_finder.c`), where it was built.

Owns the choice whether C is asked at all: with WAF_PURE_PYTHON set, or without a compiler, the functions in Python
beside each use do everything, and they are the reference.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from waf import _finder
    from waf.findings import Field


def _chosen() -> ModuleType | None:
    if os.environ.get("WAF_PURE_PYTHON"):
        return None
    try:
        from waf import _finder
    except ImportError:
        return None
    return _finder


_FINDER: Final = _chosen()


def judge_type() -> type[_finder.Judge] | None:
    """What judges candidates; None where Python does."""
    return None if _FINDER is None else _FINDER.Judge


def view_function() -> Callable[[bytes, bool], _finder.View] | None:
    """What makes a view; None where Python does."""
    return None if _FINDER is None else _FINDER.view


def signs_type() -> type[_finder.Signs] | None:
    """What takes the signs that Hyperscan reports; None where Python does."""
    return None if _FINDER is None else _FINDER.Signs


def path_function() -> Callable[[list[str], str, bytes, bool], tuple[str, int, bool]] | None:
    """What follows a JSON body; None where Python does."""
    return None if _FINDER is None else _FINDER.json_path


def names_function() -> Callable[[str], str] | None:
    """What takes out of names what may be of somebody; None where Python does."""
    return None if _FINDER is None else _FINDER.untold


def lines_function() -> Callable[[Sequence[Field], int], tuple[bytes, bytes]] | None:
    """What writes fields in lines; None where Python does."""
    return None if _FINDER is None else _FINDER.written


def notices_type() -> type[_finder.Notices] | None:
    """What takes Hyperscan's reports; None where Python does."""
    return None if _FINDER is None else _FINDER.Notices


def sketch_function() -> Callable[[bytes, bytes, str, bytes], bytes] | None:
    """What adds a value to the registers of a sketch; None where Python does."""
    return None if _FINDER is None else _FINDER.sketch


def counts_numerals() -> bool:
    """True where C looks for the signs of numbers, which takes instructions that not all machines have."""
    return _FINDER is not None and bool(_FINDER.NUMERALS)


def key_of_known() -> int:
    """Bytes of the key by which C remembers texts; 0 where it remembers none."""
    return 0 if _FINDER is None else int(_FINDER.KNOWN_KEY)
