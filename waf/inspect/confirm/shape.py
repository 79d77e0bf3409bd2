"""What kind of text a value is: a short parameter, a sentence, or a document of many lines.

Owns the few measures of natural text that the confirmers share. Knows no attack. An injection has to break out of
the place where the app puts the value, and an attacker who gains nothing from a page of text around it sends none;
people send pages of text which mention, quote or are code. So the confirmers ask for more in a document than in a
parameter, and never take a mere mention inside prose for an attack.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final

from waf.inspect.native import SEARCH
from waf.model import Confidence

WINDOW: Final = 2048
"""Bytes that a confirmer looks at from a point of interest on. Bounds its time whatever the value's length."""

_LOOK_BACK: Final = 160
_WORD: Final = re.compile(rb"(?:e\.g|i\.e)\.,?|[A-Za-z\x80-\xff][A-Za-z\x80-\xff'\xe2\x80\x99-]*[,.:;!?)\"]?")
_SAMPLE: Final = 4096
_KINDS: Final = 1024  # bytes whose kinds are counted


_CAPITAL: Final = re.compile(rb"\\.|[A-Z]", re.S)


def for_lower_case(expression: bytes, flags: int = 0) -> re.Pattern[bytes]:
    """An expression for texts in lower case: twice as fast as one that compares without case.

    `re` skips to literals and sets of first characters only where it compares them as they are.
    """
    lowered = _CAPITAL.sub(lambda m: m[0] if m[0][:1] == b"\\" else m[0].lower(), expression)
    return re.compile(lowered, flags)


def read_is_document(value: bytes) -> bool:
    """True for text as people paste it: at least four line ends, most lines with some content, or indents.

    Payloads that use line ends as white space have short lines; padding has few kinds of characters. Blanks
    in rows or by the dozen are for views in which line ends have become blanks. In C: `waf/_search.c`.
    """
    if len(value) < 160:
        return False
    sample = value[:_SAMPLE]
    lines = sample.count(b"\n")
    wrapped = sample.count(b"  ") >= 3 or (len(sample) >= 300 and sample.count(b" ") >= 50)
    if not (lines >= 4 and len(sample) >= 8 * lines) and not wrapped:
        return False
    return len(set(sample[:_KINDS])) >= 24


is_document: Final[Callable[[bytes], bool]] = read_is_document if SEARCH is None else SEARCH.is_document


def blanks(text: bytes) -> bytes:
    """Text of a cookie or query as it stood on the wire has its blanks encoded."""
    return text if b" " in text else text.replace(b"%20", b" ").replace(b"+", b" ")


def has_times(value: bytes, sign: bytes, times: int, end: int) -> bool:
    """The value has the sign so many times before `end`: no more than they take is read."""
    behind = 0
    for _ in range(times):
        behind = value.find(sign, behind, end) + 1
        if not behind:
            return False
    return True


_BEFORE_FIRST: Final = re.compile(rb"\A(?:.*=|.*[:,\[{]\\{0,3}\"|\\{0,3}\")(?=[^=\"]*\Z)", re.S)
"""What stands right before the first word of a parameter, or of a string in JSON."""


def prose_words(value: bytes, position: int) -> int:
    """How many plain words stand directly before `position` on the same line, with nothing but blanks between them.

    A count of four or more says that what follows is part of a sentence. At most 160 bytes are read.
    """
    start = max(0, position - _LOOK_BACK)
    line = blanks(value[start:position])
    cut = line.rfind(b"\n")
    words = line[cut + 1 :].split()
    if start == 0 and cut < 0 and words and line[:1] == b"/":  # the value is a path: its last segment counts
        words[0] = words[0].rpartition(b"/")[2] or b"."
    count = 0
    for word in reversed(words):
        if not _WORD.fullmatch(word):
            return count + bool(_WORD.fullmatch(_BEFORE_FIRST.sub(b"", word, count=1)))
        count += 1
    return count


def words_after(value: bytes, position: int) -> int:
    """The same for what follows `position` on its line."""
    line = blanks(value[position : position + _LOOK_BACK]).split(b"\n", 1)[0]
    count = 0
    for word in line.split():
        if not _WORD.fullmatch(word):
            break
        count += 1
    return count


_SEARCHED: Final = re.compile(
    rb'(?:(?<=[\s:(+])|(?<=\A))"[\w.$]{1,40}\("(?=\)*(?:\s*\Z|(?:\s+|\+)[\w(-])(?!\s+[a-z]{1,2}["\']))', re.I
)
"""Where words go on, or nothing: a sign or a literal behind it would go on with the text in a program."""


def without_phrases(value: bytes) -> bytes:
    """The value with what a search quotes blanked out, as long as before: "eval(" is a call that never ends.

    A quote before the name would end the app's literal, but no language has a name right behind one.
    """
    return _SEARCHED.sub(lambda match: b" " * len(match[0]), value) if b'("' in value else value


_PHRASE: Final = 64  # bytes that one and what stands around it have


def piece_without_phrases(value: bytes, start: int, end: int) -> bytes:
    """The same of the bytes from `start` to `end`, without reading all of a long value.

    Where blanks go on too long to see what is behind them, it is no phrase.
    """
    low, high = max(start - _PHRASE, 0), end + _PHRASE
    around = value[low:high] + (b"'" if high < len(value) else b"")
    return without_phrases(around)[start - low : end - low]


_LONG: Final = 65_536
_FIRST: Final = 4096
_BEFORE: Final = 8192
_BEHIND_MATCH: Final = 24_576  # more than `in_fence` reads


def near(value: bytes, span: tuple[int, int]) -> tuple[bytes, tuple[int, int]]:
    """What a confirmer reads of a long value, and where `span` is in it: how the value begins, and what surrounds the match."""
    low = span[0] - _BEFORE
    if len(value) <= _LONG:
        return value, span
    high = span[1] + _BEHIND_MATCH
    if low <= _FIRST:
        return value[:high], span
    cut = low - _FIRST
    return value[:_FIRST] + value[low:high], (span[0] - cut, span[1] - cut)


_FENCE: Final = re.compile(
    rb"^```[ \t]*+(?!(?:in|instanceof|of|or|and|xor)\b)[A-Za-z+#]{1,12}\d?[ \t]*\r?\n", re.M | re.I
)
_FENCED: Final = 4096  # bytes before a place within which its block begins, …
_FENCED_BEHIND: Final = 16384  # … and behind it within which the text must end, or a further block begin
_FENCE_ENDS: Final = re.compile(rb"[^`]*\n```(?!`)[^`]*+(?:\Z|(?=`))")


def in_fence(value: bytes, position: int) -> bool:
    """`position` lies in a block of code of Markdown whose first line names its language, and which ends again.

    No program has that block run: an empty string, one more and a name in a row are an error, and so is, to who reads
    on from the next line, a string that nothing ends. So no other backtick may follow, but for those of a further block.
    Markup is none of this function's business, nor are shells, to which backticks are commands. Of a long text little is read:
    what begins or ends farther away shows nothing.
    """
    if _acts_within(value, position):
        return False
    behind = position + _FENCED_BEHIND
    for opened in _FENCE.finditer(value, max(0, position - _FENCED), position):
        ended = _FENCE_ENDS.match(value, opened.end() - 1, behind)
        if ended is not None and position <= value.find(b"\n```", opened.end() - 1):
            return ended.end() == len(value) or _FENCE.match(value, ended.end()) is not None
    return False


_MARKUP: Final = re.compile(rb"(?<!\w)<[A-Za-z!/?%]|\{[%{@#!]|[$#*@%]\{")


def _acts_within(value: bytes, position: int) -> bool:
    """Before `position` a string of the app's ends, whatever is shown behind, or markup or an expression of templates begins."""
    if _MARKUP.search(value, max(0, position - WINDOW), position):
        return True
    first = (value.find(quote, 0, position) for quote in (b"'", b'"'))
    return any(place >= 0 and _BEHIND.match(value, place + 1) is not None for place in first)


_SPAN: Final = re.compile(rb"`[^`\n]*`")
_RUNS_TEXT: Final = re.compile(
    rb"(?:settimeout|setinterval|setimmediate|function|execscript|eval|constructor)\s*\Z", re.I
)
_ASSIGNS: Final = re.compile(rb"[={]")
_WORD_OPERATOR: Final = re.compile(rb"`(?:in|instanceof|of|or|and|xor)\b", re.I)


def in_span(value: bytes, position: int) -> bool:
    """`position` lies in code in backticks, in a sentence: a string, or right behind the end of one, where a name is an error.

    So are two words in a row before or behind it. Not for shells, nor behind what runs strings, or gives that another name.
    """
    opened, closed = value.rfind(b"`", 0, position), value.find(b"`", position)
    if opened < 0 or closed < 0 or not value[opened + 1 : opened + 2].isalpha():
        return False
    code, before = value[opened:closed], value[max(0, opened - WINDOW) : opened]
    if (
        _acts_within(value, position)
        or _WORD_OPERATOR.match(code) is not None  # which goes on behind the end of a string
        or b"\n" in code
        or b"${" in code
        or _RUNS_TEXT.search(before, max(0, len(before) - 32))
    ):
        return False
    before = _SPAN.sub(b"", before)
    if _ASSIGNS.search(before):
        return False
    behind = _SPAN.sub(b"", value[closed + 1 : closed + 1 + _LOOK_BACK])
    return prose_words(before, len(before)) >= 2 or words_after(behind, 0) >= 2


_APOSTROPHE: Final = re.compile(
    rb"(?<![\w$'])(?!(?:return|typeof|void|new|throw|delete|case|else|do|in|of|instanceof|await|yield)')[A-Za-z]{1,12}'"
    rb"(?:s|t|m|re|ve|ll|d)(?=[\s.,;!?)]|\Z)",
    re.I,
)
_SPOKEN: Final = 1024  # bytes of what somebody says


def is_no_script(value: bytes, before: int = _SPOKEN) -> bool:
    """ "That's all; return": JavaScript, which is read as a whole before it runs, knows no name next to a literal.

    Whether the apostrophe, which is looked for `before` a place, begins a literal or ends one. Not where it may stand within
    one of another kind, or in a comment.
    """
    if len(value) > _SPOKEN or b"'" not in value or _OTHERWISE.search(value) or _IN_NO_WORD.search(value):
        return False
    return _APOSTROPHE.search(value, 0, before) is not None


_IN_NO_WORD: Final = re.compile(rb"'(?:(?<!\w')|(?!\w))")
"""A further quote may leave what an app left the first one within, by a backslash."""
_OTHERWISE: Final = re.compile(rb"[\"`/\\\r\n\x00]|\$\{|<!|-->|\xe2\x80[\xa8\xa9]")


_LEFT: Final = re.compile(
    rb"(?:\\{0,2}(['\"])[\s)\]}]*[-+;,.|&^*/%<>=?:!~)}\x00]|(\*/))[-\s);,.+|&}{(!@\x00]*\Z"
)


def leaves_literal(value: bytes, position: int) -> bool:
    """The first quote of the value stands before `position`, and nothing but signs of operators between.

    What stands there acts wherever the app puts the value into quotes, whatever words come before; in a text that only shows
    code, that code's own quotes come in pairs. The same for the end of a comment.
    """
    start = max(0, position - 32)
    left = _LEFT.search(value, start, position)
    if left is None:
        return False
    if left[2]:
        return b"/*" not in value[: left.start()]
    return value.find(left[1]) == left.start(1)


_BEHIND: Final = re.compile(rb"[ )\]}]{0,8}[-+;,.|&^*/%<>=?:!~)}\x00][- );,.+|&}{(!@\x00]{0,16}")
_FAR: Final = 65536


def behind_literals(value: bytes) -> Iterator[int]:
    """Where a document acts, whatever app takes it: behind the first quote of each kind, and operators on its line."""
    for quote in (b"'", b'"'):
        position = value.find(quote, 0, _FAR)
        match = _BEHIND.match(value, position + 1) if position >= 0 else None
        if match is not None:
            yield match.end()


def of_value(
    judge: Callable[[bytes], Confidence | None],
) -> Callable[[bytes, tuple[int, int]], Confidence | None]:
    """A confirmer whose answer depends on the value alone; asked again about the same object it knows the answer.

    One value has many candidates. Only the last one is kept, and only until the next is judged.
    """
    last: tuple[bytes, Confidence | None] = (b"", None)

    def confirm(value: bytes, span: tuple[int, int]) -> Confidence | None:
        nonlocal last
        known, answer = last
        if known is not value:
            answer = judge(value)
            last = (value, answer)
        return answer

    confirm.__doc__ = judge.__doc__
    return confirm
