"""The names of the decoding steps, and of chains of them.

Owns the vocabulary that rules, findings and tests share; `decode.py` owns what each step does.
"""

from __future__ import annotations

import enum
from typing import Final


class View(enum.IntFlag):
    """One decoding step: a layer undoes an encoding that apps undo, a fold one language's disguises."""

    PERCENT = 1  # %41, %u0041, once more than the container does
    HTML = 2  # &lt; &#x3c; &#60
    JS = 4  # \x41 \u0041 \u{41} \101 \n, the escapes of JavaScript, C, JSON and Python
    CSS = 8  # \41 with its optional blank
    UNICODE = 16  # full-width and look-alike letters, overlong UTF-8, invisible characters
    UTF7 = 32  # +ADw-
    UTF16 = 64  # every second byte null
    BASE64 = 128  # the whole value, or the payload of a data: URL, a JWT, Basic credentials
    HEX = 256  # the whole value
    NULL = 512  # null bytes taken out
    SQLSPACE = 1024  # fold: SQL comments become a blank or nothing, /*!code*/ is opened
    SHELL = 2048  # fold: c'a't, c\at, c^at, ${IFS}, $@ between letters
    PATHNORM = 4096  # fold: \ is /, // and /./ are /, ;parameters are dropped; ".." stays
    SQUASH = 8192  # fold: white space and controls inside words are taken out ("java\tscript:")
    CONCAT = 16384  # fold: string concatenation is done ('al'+'ert', 'a'||'b', "a"."b")
    JSON = 32768  # layer: the strings of a value that is a JSON document as a whole

    @property
    def label(self) -> str:
        return (self.name or "").lower()


LAYERS: Final = (
    View.PERCENT | View.HTML | View.JS | View.CSS | View.UNICODE | View.UTF7 | View.UTF16 | View.BASE64
    | View.HEX | View.NULL | View.JSON
)  # fmt: skip
FOLDS: Final = View.SQLSPACE | View.SHELL | View.PATHNORM | View.SQUASH | View.CONCAT
VIEWS: Final[dict[str, View]] = {view.label: view for view in View} | {"decoded": LAYERS}

Chain = tuple[View, ...]
"""The steps that led to a text, in their order; () is "as given"."""


def chain_label(chain: Chain) -> str:
    """How findings name a chain: "percent>html"."""
    return ">".join(view.label for view in chain)
