"""Does what was found stand by itself, or is it mentioned in a text?

Owns the one judgement that needs no grammar: a parameter that holds the found piece and little else acts, a
sentence or a page of text around it talks. For rules whose pattern is already unmistakable as a piece of code.
"""

from __future__ import annotations

import re
from typing import Final

from waf.inspect.confirm.shape import (
    blanks,
    is_document,
    leaves_literal,
    piece_without_phrases,
    prose_words,
    words_after,
)
from waf.model import Confidence

_WORD: Final = re.compile(
    rb"(?:^|(?<=\s))[\"'(*`]{0,2}[A-Za-z\x80-\xff][a-z\x80-\xff']+[,.:;!?\"')*`]{0,2}(?=\s|$)"
)


_THROWN: Final = re.compile(rb"[\w.$]{0,160}(?:Exception|Error|Death|Warning)\b(?!\s*[(@.])")
_TRACE_LINE: Final = re.compile(
    rb"\s*(?:at\s+)(?:(?:async|new)\s+)?[\w.@$<>/`\[\],-]+\s?\([^'\"`()\r\n]*\)[^()'\"`;\r\n]*$", re.M
)
_FRAME: Final = re.compile(
    rb"[ \t]*(?:System|Microsoft)(?:\.[\w`]{1,60}){2,8}\s?\((?:[A-Z][a-z][\w.\[\]<>`]{0,80} [a-z]\w{0,40}(?:, |(?=\))))++\)\s*$",
    re.M,
)
"""A method of .NET with types and names for arguments, which is how frames are told; a call has values there."""


def _traced(value: bytes, position: int) -> bool:
    """The line at `position` is one of a stack trace: "at", a name, and in parentheses a place or types, which is no code."""
    start = value.rfind(b"\n", max(0, position - 400), position) + 1
    return (
        _TRACE_LINE.match(value, start, start + 800) or _FRAME.match(value, start, start + 800)
    ) is not None


_SIGNS: Final = re.compile(rb"[^A-Za-z0-9_$\\]*")


def confirm(value: bytes, span: tuple[int, int]) -> Confidence | None:
    """HIGH outside of documents and sentences: fewer than four plain words before and after the find."""
    if is_document(value):
        return None
    if (
        not piece_without_phrases(value, *span).strip()
        or _THROWN.match(value, span[0])
        or _traced(value, span[0])
    ):
        return None
    signs = _SIGNS.match(value, *span)
    if leaves_literal(value, signs.end() if signs else span[0]):
        return Confidence.HIGH
    before = blanks(value[max(0, span[0] - 200) : span[0]])
    after = blanks(value[span[1] : span[1] + 200])
    if len(_WORD.findall(before)) >= 4 or len(_WORD.findall(after)) >= 4:
        return None
    if value[span[1] : span[1] + 1].isspace() and words_after(value, span[1]) >= 2:
        return None
    if is_said(value, span[1]) or is_said(value, value.find(b"(", *span)):
        return None
    if prose_words(value, span[0]) >= 3 or (prose_words(value, span[0]) and words_after(value, span[1]) >= 1):
        return None
    return Confidence.HIGH


_CALLS: Final = re.compile(rb"(?:\([^()\n]{0,80}\)|\.\s?\w{1,40}|\[[^\]\n]{0,40}\])+")
_WORD_BEHIND: Final = re.compile(
    rb"\)[ \t]+(?!(?:and|or|xor|as|if|unless|for|in|is|not|else|instanceof|rescue|while|until|do|then|end|with)\b)"
    rb"[A-Za-z]{3,}(?:[ \t,.!?]|$)|\)[ \t]+not[ \t]+(?!in\b)[A-Za-z]{2,}(?:[ \t,.!?]|$)"
)


def is_said(value: bytes, end: int) -> bool:
    """Behind the call whose name ends at `end` stands a plain word, where no language of programs has one: "f() not found"."""
    calls = _CALLS.match(value, end)
    return calls is not None and _WORD_BEHIND.match(value, calls.end() - 1) is not None


def confirm_whole(value: bytes, span: tuple[int, int]) -> Confidence | None:
    """HIGH where the find is the whole value but for blanks, quotes and brackets around it."""
    rest = value[: span[0]] + value[span[1] :]
    return Confidence.HIGH if len(rest) <= 256 and not rest.strip(b" \t\r\n\"'`()[]{};,#\x00") else None
