"""Is a value, or a piece of one, script that would run in a page?

Owns the judgement on JavaScript that stands outside of tags: values that leave a string, a template literal, a
comment or a call of a script and go on with code, and values that are code from end to end. Tags and attributes are
html.py's, which asks `is_code` here. Prose and source that mention a function do neither.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterable
from typing import Final

from waf.inspect.confirm.guarded import Guarded
from waf.inspect.confirm.shape import (
    WINDOW,
    behind_literals,
    for_lower_case,
    in_fence,
    in_span,
    is_document,
    is_no_script,
    leaves_literal,
    of_value,
    piece_without_phrases,
    prose_words,
    without_phrases,
    words_after,
)
from waf.model import Confidence

_WINDOW: Final = 1024  # script that leaves its place does so at once
_NAMES: Final = (
    rb"alert|confirm|prompt|eval|execscript|settimeout|setinterval|setimmediate|(?-i:Function)|fetch"
    rb"|import|atob|print|importscripts"
)
_GAP: Final = rb"(?:[\s\x00]|/\*[^*]{0,40}\*/|\?\.)*"
_SINK: Final = re.compile(
    rb"(?<![\w$])(?:"
    + _NAMES
    + rb"|write(?:ln)?|open|assert)"
    + _GAP
    + rb"(?:\)"
    + _GAP
    + rb")?(?:\(|`|\.(?:call|apply|bind)\b)",
    re.I,
)
_LOUD: Final = Guarded(
    for_lower_case(
        rb"document\s*(?:\.|\[\s*['\"])\s*(?:cookie|domain|write|location|body|documentelement|forms|scripts"
        rb"|getelement|queryselector"
        rb"|createelement|url|referrer|head|default)|(?:window|self|top|parent|frames|this|globalthis"
        rb"|document)\s*(?:\?\.)?\[\s*(?:['\"`/(!+~\[]|\w{2,16}\s*\(|object\s*\.)"
        rb"|(?<![\w.$])(?:window|self|top|parent|frames|globalthis)\s*\??\.\s*(?:(?:alert|confirm|prompt|eval"
        rb"|open|fetch|print)\s*(?:\?\.\s*)?[(`.]|(?:name|location|onerror)\s*[=.(\[;]|name$)"
        rb"|(?<![\w$])(?<!let )(?<!const )location\s*(?:\.\s*(?:href|hash|search|assign|replace|pathname)\s*)?(?:=\s*(?:['\"`/]"
        rb"|name\b|\w+\s*[.(\[+:])|\(\s*['\"`\w]|\[)"
        rb"|\.(?:inner|outer)html\s*[=+]|insertadjacenthtml"
        rb"|localstorage\s*[.\[]|sessionstorage\s*[.\[]|string\s*\.\s*fromcharcode"
        rb"|xmlhttprequest|sendbeacon\s*\(|constructor\s*[.\[\(]|\[\s*['\"`]constructor|onerror\s*=\s*\w"
        rb"|throw\s*[/'\"`\d!(+{]"
        rb"|new\s+(?:function\s*[(`]|image\b\s*[(.])|reflect\s*\.\s*(?:apply|construct|get)|(?:tostring|atob"
        rb"|btoa|unescape|decodeuricomponent)\s*\("
        rb"|\$\.(?:getscript|get|post|ajax|parsehtml)\s*\(|jquery\s*\.|postmessage\s*\(|\.source\s*\+\s*/"
        rb"|\bcreateelement\s*\(\s*['\"`](?:script|iframe)|\bwith\s*\(\s*(?:document|window|self|top|location)\s*\)|\bnew\s+websocket\s*\(\s*['\"`]wss?:|\)\s*\.action\s*=\s*['\"`]"
        rb"|srcdoc\s*=|\bimport\s*\(\s*['\"`]",
    )
)
_OBSCURE: Final = re.compile(
    rb"[\[\]()!+{}]{30,}|\$=~\[\];|(?:\[\]|!!\[\]|\+\[\]|\(!\[\]){4,}|\xef\xbe\x9f\xcf\x89\xef\xbe\x9f"
)
_LEAVES: Final = re.compile(
    rb"(?:\\{0,2}['\"`](?=[\s)\]};,.+\-*/%^&|<>=?!~\\\x00]|in(?:stanceof)?\b)|\*/|\}\}?|\$\{|</script[^>]{0,9}>|\)|\]|-->|\n"
    rb"|\r|\xe2\x80\xa8|\\n|^)(?:/\*[^*]{0,40}\*/|//[^\n]{0,30}\n|[\s\x00\d+*/%^&|<>=?!~()\[\]{};:,.\\-]"
    rb"|(?:in|instanceof|typeof|void|throw|new|var|if)\b)*+$"
)
_JS_PUNCTUATION: Final = re.compile(rb"[()`=\[]")
_WORDY: Final = re.compile(rb"(?:^|\s)[A-Za-z]{2,}(?=\s+[A-Za-z]{2,}(?:\s+[A-Za-z]{2,}|[.,!?]))")
_LITERAL_CALL: Final = re.compile(
    rb"(?<![\w$.])(?:alert|confirm|prompt)"
    + _GAP
    + rb"\)?"
    + _GAP
    + rb"(?:\(\s*(?:\)|[\d'\"`/\[+!-]|document|window|self|location|origin|this|string|string\.|xss|top|atob"
    rb"|eval|name\b|unescape|cookie)|`|\.(?:call|apply|bind))"
    rb"|(?<![\w$.])fetch\s*\(\s*(?:['\"`](?:https?:)?//|atob|location|document)"
    rb"|(?<![\w$.])(?:eval|settimeout|setinterval|import|(?-i:Function)|execscript)\s*\(\s*(?:['\"`]"
    rb"|atob|unescape|string|name\b|location\b|document"
    rb"|self\b|window\b|/|alert|decodeuri)|[=,(]\s*(?:alert|prompt|confirm|eval)\s*[;,)]",
    re.I,
)
_SINKS: Final = Guarded(_SINK)
_OBSCURELY: Final = Guarded(_OBSCURE)
_LITERAL_CALLS: Final = Guarded(_LITERAL_CALL)


def is_code(text: bytes) -> bool:
    """True where `text`, which stands where only script can stand, does something: calls, assigns, navigates."""
    piece = text[:WINDOW]
    if _SINKS.search(piece) or _LOUD.search(piece.lower()) or _OBSCURELY.search(piece):
        return True
    return bool(_JS_PUNCTUATION.search(piece)) and not _WORDY.search(piece)


_NAMED: Final = re.compile(rb"\{\s*[\w$.]*(?:\.bind\(\s*this[^()]{0,40}\))?\s*\}?$")
_ARROW: Final = re.compile(
    rb"\{\s*(?:async\s*)?(?:\([^()]{0,80}\)|[\w$]{1,24})\s*=>|\{\(?[\w$,]{0,24}\)?\s*=?$"
)
_GROUP: Final = re.compile(rb"\([^()]*\)")


def acts(block: bytes) -> bool:
    """True where a block ("{…}") does something, rather than naming or defining a function as components do."""
    piece = block[:_WINDOW]
    if _NAMED.match(piece):
        return False
    arrow = _ARROW.match(piece)
    if arrow is not None:
        body = _GROUP.sub(b"", _GROUP.sub(b"", piece[arrow.end() :]))
        return b";" in body or b"," in body  # what follows the function runs
    return is_code(piece[1:])


_BREAKS: Final = re.compile(
    rb"(?:(?:alert|confirm|prompt|eval|fetch|settimeout|setinterval|import)"
    + _GAP
    + rb"[(`]|(?:document|window|self|top)\s*[.\[]\s*['\"]?(?:cookie|location|write|domain)|location\s*[.=])",
    re.I,
)
"""What a page runs that is put behind the end of its own string, however long the text before."""


def confirm(value: bytes, span: tuple[int, int]) -> Confidence | None:
    """How sure it is that `value` runs where an app puts it into a script. Bounded by `_WINDOW` around `span`."""
    if is_document(value):
        broken = any(_BREAKS.match(value, position) for position in behind_literals(value))
        return Confidence.HIGH if broken else None
    if len(value) <= _WINDOW:
        return _short(without_phrases(value), span)
    start = max(0, span[0] - _WINDOW // 4)
    return _judge(piece_without_phrases(value, start, start + _WINDOW), start == 0)


def _judge(piece: bytes, opening: bool) -> Confidence | None:
    """`opening`: the piece begins where the value does."""
    obscure = _OBSCURELY.search(piece)
    if obscure and len(set(obscure[0])) >= 4 and not _WORDY.search(piece):
        return Confidence.HIGH
    said = False
    for number, match in enumerate(_sinks(piece)):
        if number >= 8:
            break
        before = piece[: match.start()]
        if opening and (leaves_literal(piece, match.start()) or _BETWEEN.match(piece)):
            return Confidence.HIGH
        if opening and (
            is_no_script(piece, match.start())  # an attribute in single quotes ends there, too
            or in_fence(piece, match.start())
            or in_span(piece, match.start())
            or _NUMBERED.search(before, max(0, len(before) - 96))
        ):
            said = True
            continue
        if _NAMED_BEFORE.search(before[-32:]) and not _KEYWORD.search(before[-32:]):
            continue  # two names in a row are no script
        if _OWN_MODULE.match(piece, match.start()) or _NO_ARGUMENT.match(piece, match.start()):
            continue  # a part of the same site, as source names it, or no call
        if _said(piece, match):
            said = True
            continue
        after = words_after(piece, match.end())
        if prose_words(piece, match.start()) >= 2 or (prose_words(piece, match.start()) and after):
            continue
        if opening and _leaves(before):
            return Confidence.HIGH
        if _LITERAL_CALL.match(piece, match.start()) and not _WORDY.search(piece):
            return Confidence.HIGH
    return _whole(piece) if opening and not said else None


_BETWEEN: Final = re.compile(
    rb"[^'\"`\n]{0,24}(['\"`])\s*+in(?:stanceof)?\b[^\n]{4,200}[\s)\]`]in(?:stanceof)?\s*+\1\w{0,24}\s*+\Z"
)
"""The end of a literal, an operator that is a word, something, such an operator again, and the beginning of a literal."""
_OPERATOR_WORD: Final = re.compile(
    rb"\s+(?:in|of|instanceof|as|from|for|if|else|while|do|var|let|const|return|and|or)\b"
)
_METHOD: Final = re.compile(rb"constructor\s*\([\w\s,={}$.]{0,80}\)\s*\{")
_TELLS: Final = re.compile(
    rb"[A-Z][a-z]+[ \t]+`|(?:open|print|fetch|writeln?)[ \t]+`(?:(?!//)[\w ./@#=-]){1,80}`"
)  # no function is called so; or it asks for a page of the site
_NUMBERED: Final = re.compile(rb"(?:\A|\n)[ \t]*\d{1,3}\.[ \t]+(?:[A-Za-z]+[ \t]+){0,8}\Z")
"""A step of a list, which is a number and a name in a row."""
_CALLED: Final = re.compile(rb"[\w$.]*\s?(\([^()]{0,60}\))?(?=[ \t]+[A-Za-z])")
_NO_ARGUMENT: Final = re.compile(
    rb"[A-Za-z]{4,12}\s*\(\s*(?:\d[\d.,]*[ \t]+(?!(?:in|instanceof)\b)[A-Za-z]{2,16}|[<>?:.*]{1,3})\s*\)"
)  # (2 min), (>)
_OWN_MODULE: Final = re.compile(rb"import\s?\(\s?(['\"`])\.{1,2}/[\w./@-]{1,80}\1\s?\)", re.I)
_PROMPT: Final = re.compile(rb"\s*>>> ?\Z")


def _said(piece: bytes, match: re.Match[bytes]) -> bool:
    """Two plain words go on behind the name or its call, where no operator stands: a script with them does not even begin.

    Or it is the constructor of a class, stands behind the prompt of Python, or is what a step of a manual tells to open.
    """
    start = match.start()
    if (
        _METHOD.match(piece, start)
        or _TELLS.match(piece, start)
        or (_PROMPT.match(piece, 0, start) and piece[start : start + 6] == b"print(")
    ):
        return True
    called = _CALLED.match(piece, start)
    if called is None or b"\n" in called[0] or _OPERATOR_WORD.match(piece, called.end()):
        return False
    return words_after(piece, called.end()) >= 2


_NAMED_BEFORE: Final = re.compile(rb"[A-Za-z][\w$]*[ \t]+$")
_KEYWORD: Final = re.compile(
    rb"(?<![\w$])(?:return|void|new|typeof|await|throw|in|of|else|do|case|delete|yield|async|export|default|extends"
    rb"|instanceof|var|let|const|static|get|set|function|class)[ \t]+$"
)
_short: Final = of_value(lambda value: _judge(value, True))


def _sinks(piece: bytes) -> Iterable[re.Match[bytes]]:
    """In order; no more are looked for than are asked for."""
    found = (_SINKS.finditer(piece), _LOUD.finditer(piece.lower()), _LITERAL_CALLS.finditer(piece))
    return heapq.merge(*found, key=lambda match: match.start())


def _leaves(before: bytes) -> bool:
    """`before` ends by leaving a string, comment or call: its last quote or bracket, then operators only."""
    if not before.strip(b" \t\r\n/"):
        return False
    tail = before[-96:]
    match = _LEAVES.search(tail)
    if match is None or not match[0].strip():
        return False
    cut = tail[: match.start()]
    return b"\n" not in cut.strip() and len(cut.split()) <= 3 and match[0][:1] not in (b" ", b"")


_CODE_ONLY: Final = re.compile(
    rb"(?:[({\[!+~\s-]|void\s|new\s|throw\s|var\s|let\s|with\s?\(|\w{1,12}\s?=(?!=))*(?:javascript:)?(?:"
    + _NAMES
    + rb"|document|window|self|top|parent|frames|this"
    rb"|globalthis|websocket|location|constructor|string|reflect|\[\]|['\"`].{0,60}['\"`]\s*[.\[]|/\w*/\.source|\$|_)"
    + _GAP
    + rb"[(\[`.=)?]",
    re.I,
)


def _whole(piece: bytes) -> Confidence | None:
    if not _CODE_ONLY.match(piece) or _WORDY.search(piece) or not _LOUD.search(piece.lower()):
        return None
    if re.search(
        rb"document\s*[.\[]\s*['\"]?(?:cookie|write|domain|location)|location\s*=|constructor\s*(?:[(`\[]|\?\."
        rb"|\.\s*constructor)|fromcharcode|\$\.getscript\(\s*['\"`](?:https?:)?//|\[\s*(?:['\"/`(+]|atob|unescape|decodeuri)"
        rb"|(?:window|self|top|parent|frames|globalthis|this)\s*\.\s*(?:alert|confirm|prompt|eval)\s*[(`]\s*(?:\)|[\d'\"`/]|document)"
        rb"|location\.(?:href|assign|replace)\s*[=(]\s*['\"`](?:https?:)?//|html\s*\+?=\s*(?:location|name\b|document)|new\s+websocket\s*\(\s*['\"`]wss?:|\)\s*\.action\s*=\s*['\"`]",
        piece,
        re.I,
    ):
        return Confidence.HIGH
    return Confidence.MEDIUM
