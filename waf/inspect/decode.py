"""Which steps a value may have to go through, and the texts that come of it.

Owns the order of steps, how many may follow one another, and when a step can do anything at all (the hints).
Knows nothing of rules, fields or patterns; `layers.py` and `folds.py` know what each step does.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator
from typing import Final

import msgspec

from waf.inspect import folds, layers
from waf.inspect.changes import Changes
from waf.inspect.native import VIEWS
from waf.inspect.views import FOLDS, LAYERS, Chain, View

MAX_LAYERS: Final = 2  # rounds of decoding beyond what the container does
MAX_FOLDS: Final = 2  # folds on top of one another
MAX_TEXTS: Final = 24  # distinct texts of one value, itself included
_GROWTH: Final = 4  # no step's text is longer than this many times its input and a little


class Step(msgspec.Struct, frozen=True, gc=False):
    """`bit` is the view as a plain number, since flags are slow to combine."""

    view: View
    bit: int
    fold: bool
    apply: Callable[[bytes], tuple[bytes, ...]]


def _step(view: View, apply: Callable[[bytes], tuple[bytes, ...]]) -> Step:
    return Step(view, int(view), bool(view & FOLDS), getattr(VIEWS, apply.__name__, apply))


STEPS: Final = (
    _step(View.PERCENT, layers.decode_percent),
    _step(View.HTML, layers.decode_html),
    _step(View.JS, layers.decode_js),
    _step(View.CSS, layers.decode_css),
    _step(View.UNICODE, layers.decode_unicode),
    _step(View.UTF7, layers.decode_utf7),
    _step(View.UTF16, layers.decode_utf16),
    _step(View.BASE64, layers.decode_base64),
    _step(View.HEX, layers.decode_hex),
    _step(View.NULL, layers.decode_null),
    _step(View.SQLSPACE, folds.fold_sqlspace),
    _step(View.SHELL, folds.fold_shell),
    _step(View.PATHNORM, folds.fold_pathnorm),
    _step(View.SQUASH, folds.fold_squash),
    _step(View.CONCAT, folds.fold_concat),
    _step(View.JSON, layers.decode_json),
)


@functools.lru_cache(maxsize=1024)
def steps_among(bits: int) -> tuple[Step, ...]:
    """The steps of the views with these bits, in their order."""
    return tuple(step for step in STEPS if step.bit & bits)


_FOLDING: Final = int(FOLDS)
_LAYERING: Final = int(LAYERS)


class Text(msgspec.Struct, frozen=True, gc=False):
    """A value as one chain of steps left it. `mask` has the bit of every step; `owner` is whose value it is.

    `changes` tell what the last step changed; None: it is new as a whole. `unsearched` tell the same against whichever text that
    was searched is most like it.
    """

    owner: int
    data: bytes
    chain: Chain = ()
    mask: int = 0
    folds: int = 0  # how many of the steps are folds
    changes: Changes | None = None
    unsearched: Changes | None = None

    @property
    def steps(self) -> int:
        """The bits of steps that may come next: layers before folds, no more of each than allowed."""
        folds = _FOLDING & ~self.mask if self.folds < MAX_FOLDS else 0
        return folds | _LAYERING if not self.folds and len(self.chain) < MAX_LAYERS else folds

    def made(self, step: Step, data: bytes) -> list[bytes]:
        """What the step makes of `data`, all of this text or a part: nothing equal to it, nothing empty or overlong."""
        longest = len(data) * _GROWTH + 64
        return [made[:longest] for made in step.apply(data) if made and made != data]

    def after(self, step: Step) -> list[Text]:
        """The texts that the step makes of this one."""
        mask, count = self.mask | step.bit, self.folds + step.fold
        return [
            Text(self.owner, made, (*self.chain, step.view), mask, count)
            for made in self.made(step, self.data)
        ]


# Where none of a step's hints is found, it changes nothing; where one is, it may. Caseless unless `(?-i)`; the common
# subset of Hyperscan's syntax and of `re`, as the search looks for them at every spot of every text. They are in
# groups because Hyperscan scans each for 0.5 µs/KB and less, and all in one database for six times as much.
_CONTROL_IN_SCHEME: Final = (
    rb"[\x00-\x09\x0b-\x1f]|j\na|a\nv|v\na|a\ns|s\nc|c\nr|r\ni|i\np|p\nt|ipt\n:|v\nb|b\ns|d\na|a\nt|t\na"
)
LITERAL_HINTS: Final[dict[View, bytes]] = {
    View.PERCENT: rb"%(?:[0-9a-f]{2}|u[0-9a-f]{4})",
    View.HTML: rb"&(?:#x?[0-9a-f]|[a-z]{2,20};|(?:lt|gt|amp|quot|nbsp))",
    View.JS: rb"\\",
    View.CSS: rb"\\0{0,4}[2-7][0-9a-f]",
    # Not what texts in other scripts are full of: the punctuation of Chinese (but behind ASCII), quotation marks, dashes.
    View.UNICODE: (
        rb"[ -~]\xef\xbc[\x81\x83-\x86\x88-\x8d\x9a\x9b\x9f]|"
        rb"\xef(?:\xbc[\x82\x87\x8e-\x99\x9c-\x9e\xa1-\xbc]|\xbd[\x80-\x9d]|\xb9[\xa4-\xab]|\xbb\xbf)"
        rb"|[\xc0\xc1][\x80-\xbf]|\xe0[\x80-\x9f][\x80-\xbf]|\xf0[\x80-\x8f][\x80-\xbf]"
        rb"|\xf0\x9d[\x90-\x9f]|\xf0\x9f[\x84\x85]|\xe2(?:\x80[\x80-\x91\x9a\xa8-\xb3\xb5\xb9\xba]"
        rb"|\x81[\x84\x9f-\xbf]|\x82[\x80-\x8e]|\x84[\x8a-\x95\x99-\x9d\xa4\xa8\xaa-\xb9]"
        rb"|\x88[\x92\x95-\x97\xa3\xb6]|\x91[\xa0-\xbf]|\x92[\x9c-\xbf]|\x93[\x80-\xaa]|\x9f[\xa8\xa9]|\xa7[\xb5\xb8])"
        rb"|\xe3\x80[\x80\x88\x89]|\xc2[\xa0\xad]|\xc4\xb1|\xc5\xbf|\xc7\x83|\xca[\xb9-\xbc]"
        rb"|\xcb[\x82\x83\x88]|\xcd\x8f|\xd8\x9c"
    ),
    View.UTF7: rb"(?-i:\+A[A-H][A-Za-z0-9+/])",
    View.UTF16: rb"\x00",
    View.BASE64: rb"base64,|(?-i:eyJ)|basic ",
    View.NULL: rb"\x00",
    View.SQLSPACE: rb"/\*|--|#|[\x0b\x0c\xa0]",
    View.SHELL: rb"['\"\\^`]|\$\{?ifs|\$[@*!#0-9]|\$\(\)|\$\{[@*!]|\{[a-z/.]",
    View.PATHNORM: rb"\\|[^:/]//|/\.{1,2}/|\.\.;",
    View.SQUASH: _CONTROL_IN_SCHEME,
    View.CONCAT: rb"""['"]\s{0,20}(?:\+|\|\||\.|&)\s{0,20}['"]""",
}
# Base64 of text: in each group of four the bits that are zero in ASCII, but for rare controls, are zero.
_TWO: Final = rb"[CDI-Za-f][AC-HQS-Xgi-nwy-z0-3]"
_GROUP: Final = _TWO + rb"[ABEFIJMNQRUVYZcdghklopstwx014589][A-Za-z0-9+/_-]"
_LAST: Final = _TWO + rb"[A-Za-z0-9+/_=-]="
# The same of UTF-16, where every second byte is null.
_WIDE: Final = rb"[I-Za-f][AQgw][AB][A-Za-z0-9+/_-]A[C-H][AEIMQUYcgkosw048]A"
# The marks of gzip, and of zlib at each of its levels; and full-width forms in UTF-8.
_PACKED: Final = rb"H4sI|e(?:A[E-H]|F[4-7]|J[w-z]|N[o-r])|77[y2]"
CLASS_HINTS: Final[dict[View, bytes]] = {
    View.BASE64: rb"(?-i:^(?:"
    + _GROUP * 2
    + rb"|"
    + _GROUP
    + _LAST
    + rb"|"
    + _WIDE
    + rb"|"
    + _PACKED
    + rb"))",
    View.JSON: rb"^\s{0,4}[\[{]\s{0,4}[\"\[{]",
    View.HEX: rb"^(?:0x|\\x|x')?(?:[2-7][0-9a-f]|0[9ad]){6}",
}

# Looked for where the first hint of the view is found: quotes are everywhere, quotes within words are not.
SECOND_HINTS: Final[dict[View, bytes]] = {
    View.SHELL: rb"[a-z0-9/.*?-]['\"\\^`]{1,2}[a-z0-9/.*?$-]|\$\{?ifs|\$[@*!#0-9]|\$\(\)|\$\{[@*!]|\{[a-z/.]",
}


def _hints_of(view: View) -> re.Pattern[bytes]:
    hints = [SECOND_HINTS[view]] if view in SECOND_HINTS else []
    hints = hints or [group[view] for group in (LITERAL_HINTS, CLASS_HINTS) if view in group]
    return re.compile(b"|".join(hints), re.I | re.M)


_HINTS: Final = {step.bit: _hints_of(step.view) for step in STEPS}


def can_differ(step: Step, text: bytes) -> bool:
    """Whether the step might change the text: False is certain."""
    return _HINTS[step.bit].search(text) is not None


def views(value: bytes, wanted: View = LAYERS | FOLDS) -> Iterator[tuple[Chain, bytes]]:
    """The distinct texts that a value may stand for: itself first, with the empty chain, then longer chains."""
    seen = {value}
    frontier = [Text(0, value)]
    steps = [step for step in STEPS if step.view & wanted]
    yield (), value
    while frontier:
        following: list[Text] = []
        for text in frontier:
            for step in steps:
                if not text.steps & step.bit or not can_differ(step, text.data):
                    continue
                for made in text.after(step):
                    if made.data not in seen and len(seen) < MAX_TEXTS:
                        seen.add(made.data)
                        following.append(made)
                        yield made.chain, made.data
        frontier = following
