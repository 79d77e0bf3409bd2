"""What stands before a value: its label, and the words near it.

A label is the name that the container gives a value: a JSON key, an attribute, a form name, an XML element,
the head of a column. A label that says something decides alone; one that says nothing ("value", "number"), or
none, lets the words before it speak.

Words are compared in lower case with humps parted ("cardNumber" is "card_number"), so that expressions begin
with literals, which `re` skips to fast.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from waf.sensitive.forms import core

NEAR: Final = 30
"""Characters before a value (mark-up taken out) in which a context word counts."""

LOOK_BEHIND: Final = 200
"""Bytes before a value that its score may depend on."""

QUIET: Final = frozenset(
    b"""value val v number no nr num n id text txt data content body message msg note notes comment comments
    description desc details detail string str field key name label code digits q query search input output result
    results line lines title type info payload raw item entry answer question subject summary log event remark
    remarks memo reason x y z a b c d e f g h i j k l m o p r s t u w html href src url uri alt class style""".split()
)
"""Labels that say nothing of what they label."""

ELEMENTS: Final = frozenset(
    b"""td th tr span div p b strong i em u small big li dd dt a font label code pre option h1 h2 h3 h4 h5 h6
    section article main header footer body tt kbd samp var mark s sub sup q cite abbr time data button textarea
    br hr input img table tbody thead ul ol dl script style html head""".split()
)
"""HTML's elements, which say nothing either."""

_NAME: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.[]$:"
_TAG: Final = re.compile(rb"<[^<>]*>")
_BLOCK: Final = re.compile(
    rb"<(?:/(?:tr|p|div|li|dl|table|h[1-6]|section|option|row|record|item)|br|tr|hr)\b[^<>]*>"
)
_SPACE: Final = re.compile(rb"[ \t\r\n]+")
_LETTER: Final = re.compile(rb"[A-Za-z\x80-\xff]")
_PAIR: Final = re.compile(rb"&(?=[\w.%\[\]-]{1,64}=)")
_MEMBER: Final = re.compile(rb"[\"'0-9el}\]][ \t]*,[ \t\r\n]*[\"']")
_HUMP: Final = re.compile(rb"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def word_pattern(words: Sequence[str]) -> re.Pattern[bytes] | None:
    """Context words as one expression over what `plain_words` gives; None for none."""
    return re.compile(b"|".join(map(_word, words))) if words else None


def denial_pattern(words: Sequence[str]) -> re.Pattern[bytes] | None:
    """The same for words that stand as a label right before a value in running text."""
    if not words:
        return None
    return re.compile(
        b"(?:" + b"|".join(map(_word, words)) + rb")[a-z]{0,3}"
        rb"(?:[ _.-]{0,2}(?:number|nummer|num|no|nr|id|ref|code|key|n)){0,2}"
        rb"(?: ?(?:is|was|of|for|ist|est|es))?[^a-z0-9]{0,8}\Z"
    )


def _word(word: str) -> bytes:
    text = core(word).lower().encode()
    behind = rb"s?(?![a-z])" if word.endswith(r"\b") else b""
    if not word.startswith(r"\b"):
        return text + behind
    if text.isalnum():
        return text + rb"(?<![a-z]" + text + b")" + behind
    return rb"(?<![a-z])" + text + behind


_GROUP: Final = re.compile(rb"\([^()]*\)")
_BEGINNING: Final = re.compile(rb"[a-z0-9\x80-\xff]*")


def beginnings(words: Sequence[str]) -> tuple[bytes, ...] | None:
    """Two or three bytes that each word begins with: in a text that holds none of them, none of the words is.

    None where a word has no such beginning.
    """
    found = set()
    for word in words:
        text = core(word).lower().encode()
        plain = text
        while _GROUP.search(plain):
            plain = _GROUP.sub(b"", plain)
        match = _BEGINNING.match(text)
        assert match is not None
        size = match.end()
        if text[size : size + 1] in (b"?", b"*", b"{"):
            size -= 1
        if size < 2 or b"|" in plain:
            return None
        found.add(text[: min(size, 3)])
    return tuple(sorted(found))


def plain_words(name: bytes) -> bytes:
    """A name in lower case with its humps parted."""
    return _HUMP.sub(b"_", name).lower()


class Surroundings:
    """What stands before the value at `start` of `text`, worked out once and as far as asked for.

    Where the container knows better (a column's head), `label` is given, and `floor` is where the field begins.
    """

    __slots__ = ("_floor", "_label", "_near", "_start", "_text")

    def __init__(self, text: bytes, start: int, label: bytes | None = None, floor: int = 0) -> None:
        self._text = text
        self._start = start
        self._label = label
        self._floor = floor
        self._near: bytes | None = None

    @property
    def label(self) -> bytes:
        """The name that the container gives the value; empty where there is none."""
        if self._label is None:
            self._label = label_before(self._text, self._start)
        return self._label

    @property
    def near(self) -> bytes:
        """The last characters before the value in lower case, mark-up, other fields and earlier lines taken out."""
        if self._near is None:
            window = self._text[max(self._floor, self._start - LOOK_BEHIND) : self._start]
            if b"<" in window:
                # In mark-up lines end where blocks do, not where the source happens to break.
                window = _TAG.sub(b" ", _BLOCK.sub(b"\n", window.replace(b"\n", b" ")))
            _, line, rest = window.rpartition(b"\n")
            if line and _LETTER.search(rest):
                window = rest
            window = window[-2 * NEAR - 16 :]
            if b"&" in window:
                window = _PAIR.split(window)[-1]
            if b"," in window and not self.label:
                window = _MEMBER.split(window)[-1]
            window = _SPACE.sub(b" ", window)
            # Room for quotes and colons between word and value.
            self._near = plain_words(window[-NEAR - 8 :])
        return self._near


def is_decisive(label: bytes) -> bool:
    """The label says what the value is, or that it is something else."""
    if not label:
        return False
    last = label.rpartition(b".")[2].rpartition(b":")[2].strip(b"[]$_-").lower()
    return last not in QUIET and last not in ELEMENTS


def label_before(text: bytes, start: int) -> bytes:
    """The JSON key, name or element that directly precedes `text[start]`; empty where none does."""
    window = text[max(0, start - LOOK_BEHIND) : start].rstrip(b" \t\r\n\"'[(")
    last = window[-1:]
    if last == b":":
        window = window[:-1].rstrip()
        if window[-1:] in (b'"', b"'"):
            opening = window.rfind(window[-1:], 0, -1)
            return window[opening + 1 : -1] if opening >= 0 else b""
        name = window[len(window.rstrip(_NAME)) :]
        # Without quotes a colon makes a label only where a member or a line begins (YAML, a header, JavaScript).
        before = window[: len(window) - len(name)].rstrip(b" \t")[-1:]
        return name if before in (b"", b"\n", b"{", b",", b";", b"-") else b""
    if last == b"=":
        window = window[:-1].rstrip()
        before = window.rstrip(_NAME)
        if before[-1:] == b" " and before[-2:-1].isalpha() and b"<" not in before[-80:]:
            return b""  # more than one word: the words near tell more than the last of them
        return window[len(before) :]
    if last == b">":
        opening = window.rfind(b"<")
        if opening < 0 or window[opening + 1 : opening + 2] in (b"/", b"!", b"?", b""):
            return b""
        return re.split(rb"[ \t\r\n/>]", window[opening + 1 :], maxsplit=1)[0]
    return b""
