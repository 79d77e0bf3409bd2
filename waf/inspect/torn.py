"""Values that were torn apart by their own separators, put together again.

A client that sends a value as it is, unencoded, has its "&" and ";" read as borders: `a=x&#39; or 1=1` is a parameter and
names of nothing. Which app puts them together nobody knows (some read the raw text, some log it, some split at other
signs), so what looks torn is inspected whole as well as in pieces. Each byte is at most once more in a value.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

# What no parameter begins with: an entity's number or name behind its "&", a blank, a second "&". Names that begin so are told apart
# before letters are compared without case, which is dear.
_TEAR: Final = (
    rb"(?=[#% +&]|[a-zA-Z]{2,7};)(?i:(?:#|%23)[0-9xX]|(?:lt|gt|quot|apos|lpar|rpar|lsqb|lbrace|lcub|colon|semi|sol|bsol|tab|newline|nbsp|equals|dollar"
    rb"|grave);|[ +&]|%20)"
)
_TEARS: Final = re.compile(rb"&" + _TEAR)
_BORDER: Final = re.compile(rb"&(?<!&&)(?!" + _TEAR + rb")")
_NAME_MAX: Final = 512
# A name with a blank, quote or parenthesis is no name: a text with "=" in it was sent for a list of pairs. Who encodes
# signs that may stand in a query as they are has encoded a name, with the "=" in it if there was one.
_TEXT: Final = re.compile(
    rb"(?![^=&]*%(?:2[4678abcf]|3[abdf]|40))[^=&]*?(?:[ +'\"()<;]|%2[02]|%3c)[^=&]*=", re.I
)


def may_be(data: bytes) -> bool:
    """False where `pairs` surely gives nothing of a urlencoded list."""
    return _TEARS.search(data) is not None or _TEXT.match(data, 0, _NAME_MAX) is not None


def pairs(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Names and values of a urlencoded list, still encoded, that "&" or "=" seem to have torn apart; mostly none."""
    tears = _TEARS.search(data) is not None
    text = _TEXT.match(data, 0, _NAME_MAX) is not None
    if not tears and not text:
        return
    for pair in _BORDER.split(data) if tears else (data.partition(b"&")[0],):
        name, equals, value = pair.partition(b"=")
        if text:
            yield name, pair
        elif equals and b"&" in value and _TEARS.search(value):
            yield name, value
        text = False


_ENTITY_ENDS: Final = re.compile(rb"&(?:#(?:\d{1,7}|x[0-9a-f]{1,6})|[a-z]{2,8})\Z", re.I)
_NAMED: Final = re.compile(
    rb"[!#$%&'*+.^_`|~0-9A-Za-z\[\]:/@\x80-\xff-]*\s*="
)  # RFC 6265, and what clients send
_ATTRIBUTES: Final = frozenset(
    (b"httponly", b"secure", b"partitioned")
)  # of Set-Cookie, sent back by careless clients


def cookies(items: Sequence[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """The same of the items of a Cookie header, blanks around them kept."""
    whole: list[bytes] = []
    for item in items:
        if not item.strip():
            continue
        apart = _NAMED.match(item.lstrip()) is not None or item.strip().lower() in _ATTRIBUTES
        if whole and (not apart or _ENTITY_ENDS.search(whole[-1])):
            whole.append(item)
            continue
        if len(whole) > 1:
            yield _joined(whole)
        whole = [item] if apart else []
    if len(whole) > 1:
        yield _joined(whole)


def _joined(items: Sequence[bytes]) -> tuple[bytes, bytes]:
    name, _, value = b";".join(items).strip().partition(b"=")
    return name.rstrip(), value.lstrip()
