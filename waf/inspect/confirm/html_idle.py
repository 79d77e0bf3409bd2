"""Does a handler of a tag, when somebody uses the tag, no more than pages do by themselves?

Owns the few calls that carry nothing of whoever wrote the tag: a function of the page's own without arguments, printing, going
back, sending the form. An own function is one that no browser has; whoever tries whether script runs names one that speaks.
"""

from __future__ import annotations

import re
from typing import Final

_USED: Final = frozenset(b"click dblclick change submit input reset".split())
"""Events that somebody causes who uses the tag, and no load, error or move of the mouse."""
_LOOK: Final = 512  # bytes of a tag before its handler

_CALL: Final = re.compile(
    rb"\s*(?:return\s+)?(?:"
    rb"(?!(?:alert|confirm|prompt|print|eval|fetch|open|stop|write(?:ln)?|set(?:timeout|interval|immediate)|execscript|function"
    rb"|import|void|typeof|delete|throw|return|new|await|yield|super|if|while|for|with|switch|catch|postmessage|navigate|find|focus|blur)\b)"
    rb"[A-Za-z_]\w{2,40}\(\s*(?P<this>this)?(?:event)?\s*\)"
    rb"|window\.print\(\)|(?:window\.)?history\.(?:back\(\)|go\(-\d\))|(?:window\.)?location\.reload\(\)|window\.close\(\)"
    rb"|this\.form\.(?:submit|reset)\(\)|this\.select\(\)|true|false)\s*;?\s*(?:return\s+(?:false|true)\s*;?\s*)?",
    re.I,
)
_LINKS: Final = frozenset((b"a", b"area"))
"""What these are as strings their author wrote, so that "setTimeout(this)" and the like would run it."""


def is_idle(event: bytes, tag: bytes, code: bytes) -> bool:
    """Of the whole code of a handler, in lower case what names it."""
    if event.removeprefix(b"on") not in _USED:
        return False
    call = _CALL.fullmatch(code)
    return call is not None and not (call["this"] and tag in _LINKS)


_TAG: Final = re.compile(
    rb"<([A-Za-z][\w-]*+)(?:\s++[\w:.@-]++(?:=(?:\"[^\"<>]*+\"|'[^'<>]*+'|[^\s\"'<>=`]++))?+)*+\s*+\Z"
)


def is_idle_within(value: bytes, handler: re.Match[bytes]) -> bool:
    """The `handler` (event, quote, code and what follows) stands in a tag that the value opens, behind whole attributes.

    So nothing of the app's was left to set it.
    """
    event, quote, code = handler[1].lower(), handler[2], handler[3]
    if event not in _USED or not quote:
        return False
    start = handler.start()
    opened = value.rfind(b"<", max(0, start - _LOOK), start)
    tag = _TAG.match(value, opened, start) if opened >= 0 else None
    return tag is not None and is_idle(event, tag[1].lower(), code.partition(quote)[0])
