"""What is written in place of a value: a mask, a token, a hash, or nothing; right for the grammar around it."""

from __future__ import annotations

from typing import Final

import msgspec

from waf.config.schema import SensitiveAction
from waf.sensitive.containers import Container, is_bare_number
from waf.sensitive.hits import Hit
from waf.sensitive.mask import Key, masked, masked_number
from waf.sensitive.views import View, over


class Edit(msgspec.Struct, frozen=True, gc=False):
    """`held[start:end]` becomes `text`."""

    start: int
    end: int
    text: bytes


def mask_edit(seen: View, place: int, new: bytes, offset: int, start: int = 0) -> Edit:
    """Write `new` over what stands at `place` of the view, from `start` of what is held on."""
    if seen.text is seen.raw:
        first = place - offset
        skip = start - first if start > first else 0
        return Edit(first + skip, first + len(new), new[skip:] if skip else new)
    first, end = seen.span(place, place + len(new))
    skip = max(0, start - (first - offset))
    return Edit(first - offset + skip, end - offset, over(seen, place, new)[skip:])


def masked_edit(hit: Hit, seen: View, offset: int, start: int, container: Container) -> Edit:
    """The value of `hit` masked, as long as it was; in digits where the grammar allows nothing else."""
    value = seen.text[hit.start : hit.end]
    format = "everything" if hit.entity.unwritten else hit.entity.mask
    bare = is_bare_number(container, seen.text, hit.start, hit.end)
    new = masked_number(value, format) if bare else masked(value, format)
    return mask_edit(seen, hit.start, new, offset, start)


def replaced_edit(
    action: SensitiveAction,
    hit: Hit,
    seen: View,
    held: bytes,
    start: int,
    end: int,
    container: Container,
    key: Key,
) -> Edit:
    """The value of `hit` at `held[start:end]` hashed, tokenised, or its field emptied.

    A dropped field keeps its name: what was sent already cannot be taken back, and documents keep their shape.
    """
    value = seen.text[hit.start : hit.end]
    bare = is_bare_number(container, seen.text, hit.start, hit.end)
    if action == "drop":
        if bare:
            return Edit(start, end, b"null" if container is Container.JSON else b"0")
        low, high = _field_around(container, held, start, end)
        return Edit(low, high, b"")
    if bare:
        return Edit(start, end, key.number(hit.entity.id, value))
    make = key.token if action == "tokenise" else key.hash
    return Edit(start, end, make(hit.entity.id, value))


_BOUNDS: Final[dict[Container, tuple[bytes, bytes]]] = {
    Container.JSON: (b'"', b'"'),
    Container.XML: (b">\"'", b"<\"'"),
    Container.FORM: (b"=&", b"&"),
    Container.CSV: (b'\n,;\t|"', b'\r\n,;\t|"'),
}


def _field_around(container: Container, held: bytes, start: int, end: int) -> tuple[int, int]:
    """The whole content of the field around a value, as far as it is held; the value itself elsewhere."""
    bounds = _BOUNDS.get(container)
    if bounds is None:
        return start, end
    left, right = bounds
    low = max(held.rfind(bytes((byte,)), 0, start) for byte in left) + 1
    ends = [at for byte in right if (at := held.find(bytes((byte,)), end)) >= 0]
    return low, min(ends, default=end)


def applied(held: bytes, limit: int, edits: list[Edit]) -> bytes:
    """`held[:limit]` with `edits`, which are in order and apart, carried out."""
    if not edits:
        return held if limit == len(held) else held[:limit]
    pieces: list[bytes] = []
    done = 0
    for edit in edits:
        pieces += (held[done : edit.start], edit.text)
        done = edit.end
    pieces.append(held[done:limit])
    return b"".join(pieces)
