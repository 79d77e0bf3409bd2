"""Does a script tag hold what no browser runs, as a text has it that speaks of the tag? Is a tag or handler shown as code?

Owns what never parses as JavaScript right behind the tag, and the code spans and fences of Markdown. Knows nothing of
other tags; see `html.py`.
"""

from __future__ import annotations

import re
from typing import Final

from waf.inspect.confirm.shape import is_document, prose_words

_LOOK: Final = 400  # bytes behind the tag's name that the caller hands over


def never_runs(piece: bytes, start: int, rest: bytes) -> bool:
    """Of `rest`, which begins with the ">" of the tag at `start`. A filter that takes the tag out joins what is around it."""
    return not _is_glued(piece, start, rest) and _never_parses(rest, len(rest) < _LOOK)


_ENDS_GLUED: Final = re.compile(rb"</script\s*>\w", re.I)


def _is_glued(piece: bytes, start: int, rest: bytes) -> bool:
    before = piece[start - 1 : start] if start else b""
    return before.isalnum() or before == b"<" or _ENDS_GLUED.search(rest) is not None


_NO_SCRIPT: Final = re.compile(
    rb">[ \t]*(?!(?:new|var|let|const|return|throw|typeof|void|delete|await|async|function|class|import|export|yield|else|do"
    rb"|in|of|instanceof|if|for|while|with|switch|case|try|static|get|set)\b)[A-Za-z]+[ \t]+"
    rb"(?:(?!(?:in|of|instanceof|as|from)\b)[A-Za-z]+(?:[ \t]+[A-Za-z]+)?(?=[ \t,.!?'\"]|$)|['\"])"
)
_CLOSED_FIRST: Final = re.compile(
    rb"></(?!script)[A-Za-z]{1,20}>[ \t]*(?=[A-Za-z]+[ \t]+[A-Za-z]+[ \t,.!?])", re.I
)


def _never_parses(rest: bytes, ended: bool) -> bool:
    """Behind the tag stands what no browser runs: two words in a row, a word and a literal, or a literal that nothing ends.

    With a closing tag before the words as well, which some filters take out. `ended`: no more follows.
    """
    closed = _CLOSED_FIRST.match(rest)
    if _NO_SCRIPT.match(b">" + rest[closed.end() :] if closed else rest):
        return True
    quote = rest[1:2]
    if quote == b"`":  # the page's own script may end it, and then what is put into it runs
        return ended and b"`" not in rest[2:] and b"${" not in rest
    line = rest[2:].split(b"\n", 1)[0]
    if quote not in (b"'", b'"') or quote in line or b"</" in line or line.rstrip(b"\r").endswith(b"\\"):
        return False
    return ended or b"\n" in rest


# Each begins with a letter of its own, and the edge of the word is asked about behind it: `re` skips to those letters.
_REACHES: Final = re.compile(
    rb"a(?<!\wa)(?:lert|tob)\s*[(`]|c(?<!\wc)(?:onfirm\s*[(`]|ookie\b|onstructor\b)|p(?<!\wp)rompt\s*[(`]|e(?<!\we)val\s*[(`]"
    rb"|i(?<!\wi)mport\s*[(`]|f(?<!\wf)(?:etch|romcharcode)\s*[(`]|s(?<!\ws)(?:(?:endbeacon|ettimeout|etinterval)\s*[(`]|rcdoc\b)"
    rb"|l(?<!\wl)ocation\s*[=.\[]|x(?<!\wx)mlhttprequest\b|j(?<!\wj)avascript\s*:|v(?<!\wv)bscript\s*:"
    rb"|o(?<!\wo)n(?:load|error|toggle|focus|begin|animation|transition|pageshow|pointer|mouse|hashchange|scroll)\w{0,12}\s*=\s*[\"'`]?[\w$(\[]"
    rb"|d(?<!\wd)ata\s*:\s*text"
    rb"|<[\s/]{0,4}(?:script|svg|iframe|embed|object)\b[^>]{0,120}?\b(?:src|href|data)\s*=\s*[\"']?(?:https?:)?//"
)
"""What speaks, reaches out or runs by itself: an app that shows no Markdown takes the tag as it is. In lower case."""
_INDEXED: Final = re.compile(rb"\[\s*(?:['\"`/(]|\w+\s*\()")
_HAS_PARTS: Final = re.compile(rb"[\w)\]]")


def _reaches(text: bytes) -> bool:
    """`text` is in lower case."""
    return _REACHES.search(text) is not None or any(
        _HAS_PARTS.match(text[: one.start()].rstrip()[-1:]) for one in _INDEXED.finditer(text)
    )


def is_shown(value: bytes, position: int) -> bool:
    """The tag stands in a code span or fence of Markdown, or within a page of source code: it is shown, not put, and harms nobody if put."""
    if _reaches(value[position : position + _LOOK].lower()):
        return False
    before = value[max(0, position - 4096) : position]
    line = before[before.rfind(b"\n") + 1 :]
    if line.count(b"`") % 2 == 1 and b"`" in value[position : position + 200]:
        return prose_words(value, position - (len(line) - line.rfind(b"`"))) > 0
    if before.count(b"\n```") % 2 == 1 or (before.startswith(b"```") and position < 4096):
        return is_document(value)
    return False
