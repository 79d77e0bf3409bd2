"""Bodies changed while they pass: constant memory, the same result wherever chunks are cut.

What is held back is decided by the text alone: everything up to the last byte that no value contains (a
quote, a bracket, a line's end) may go, and never more than `HOLD` bytes stay. A hit is settled only when the
byte behind it is known. Values without bounds (keys) are masked as they pass, until a byte that cannot belong
to them.
"""

from __future__ import annotations

import re
from typing import Final

from waf.config.schema import SensitiveAction
from waf.model import Action, BodyRefused, Verdict
from waf.sensitive.beside import BESIDE, Neighbours
from waf.sensitive.candidates import Candidate
from waf.sensitive.containers import Container, sniffed
from waf.sensitive.edits import Edit, applied, mask_edit, masked_edit, replaced_edit
from waf.sensitive.find import Finder
from waf.sensitive.hits import Hit, apart
from waf.sensitive.mask import Key, masked
from waf.sensitive.orders import ALTERS, LENGTHENS, Orders
from waf.sensitive.tally import Tally
from waf.sensitive.views import View, view
from waf.sensitive.whereabouts import Whereabouts
from waf.sensitive.whole import FINAL, IDLE, IN_SCRIPT, Piece, Terms, settled_piece
from waf.sensitive.window import Endless, Window, open_tail

HOLD: Final = 768
"""Bytes held back at most, but for a value that has not ended: twice the longest bounded value, so that
overlaps are settled alike.
"""

KEEP_BEHIND: Final = 640
"""Bytes kept after they were sent: context of what follows, escapes included."""

_HARD: Final = (b"\n", b'"', b"<", b">", b"{", b"}", b"[", b"]")
"""Bytes that no bounded value contains: what stands before the last of them is decided."""

_SPACES: Final = re.compile(rb"[ \t]{0,64}")
_PAST: Final = 320  # bytes behind the frontier in which a value may begin that overlaps one before it
_LEAST: Final = 3  # bytes of the shortest value
_PARTIAL: Final = 8  # bytes that may be the beginning of an escape


class Redactor:
    """Decoded bytes of one body in, redacted bytes out; counts what it found in `tally`.

    With `enforce` false nothing is changed and nothing refused, only counted. `ceilings` are the most values
    of an entity that may pass; beyond them the body is refused as a disclosure. `address` is the field that
    all of it is, `label` the name that stands before it; `part` replaces the container in addresses ("arg"
    for a query). `tally` is one to go on with.
    """

    def __init__(
        self,
        finder: Finder,
        container: Container,
        orders: Orders,
        key: Key,
        *,
        enforce: bool = True,
        ceilings: dict[str, int] | None = None,
        sniff: bool = False,
        address: str = "",
        label: bytes = b"",
        part: str = "",
        tally: Tally | None = None,
    ) -> None:
        self._finder = finder
        self._container = container
        self._orders = orders
        self._key = key
        self._enforce = enforce
        self._ceilings = ceilings
        self._sniff = sniff
        self.tally = Tally(key) if tally is None else tally
        self.altered = False
        self.would_alter = False
        self.refusal: Verdict | None = None
        self._binary = False
        self._behind = b"\n" + label + b"=" if label else b""
        self._fixed_address = address
        self._part = part
        self._held = b""
        self._window: Window | None = None
        self._found: list[Candidate] | None = None  # in the window, where somebody looked already
        self._passed = 0  # bytes sent
        self._endless: Endless | None = None
        self._seen: dict[str, int] = {}  # end of the last hit of each entity, in bytes from the body's start
        self._script = False
        self._lasting = finder.lasting
        self._terms: Terms | None = None
        self._begin(container)

    # ------------------------------------------------------------------------------------------- the body

    def whole(self, body: bytes, seen: View, found: list[Candidate]) -> bytes:
        """All of a body at once, instead of `feed` and `finish`; `found` are the candidates in its view `seen`."""
        self._look_at_type(body)
        if self._binary:
            return body
        self.show(seen)
        self._found = found
        return self.finish()

    def show(self, seen: View) -> None:
        """All of a body, for `edit`."""
        self._held = seen.raw
        self._window = Window(seen, 0)

    def _look_at_type(self, data: bytes) -> None:
        """By the first bytes of the body."""
        if self._sniff and data:
            self._sniff = False
            container = sniffed(self._container, data)
            self._binary = container is None
            if container is not None and container is not self._container:
                self._begin(container)

    def feed(self, data: bytes) -> bytes:
        self._look_at_type(data)
        if self._binary:
            return data
        if data:
            self._window = self._found = None
        self._held = held = self._held + data if self._held else data
        return self._release(self._frontier(held), final=False)

    def idle(self) -> bytes:
        """All but a value that may have begun."""
        if self._binary or not self._held:
            return b""
        held = self._held
        return self._release(len(held) - open_tail(held[-HOLD:]), final=False, idle=True)

    def stop(self) -> None:
        """Look no further."""
        self._binary = True
        self._held = b""
        self._terms = None

    def finish(self) -> bytes:
        """The rest."""
        if len(self._held) < _LEAST and self._endless is None:
            return self._send(len(self._held), [], final=True)
        out = self._release(len(self._held), final=True)
        self._terms = None  # it knows this: a cycle would wait for the collector
        return out

    def _begin(self, container: Container) -> None:
        self._container = container
        self._where = Whereabouts(
            container, eager=self._orders.by_field, address=self._fixed_address, part=self._part
        )
        self._columns = self._where.columns
        judged = self._finder.judge is not None and self._ceilings is None
        if judged and not self._orders.blocks and not self._part:
            self._terms = Terms(
                self._finder, container, self._orders, self._key, self._edit_piece, self._enforce
            )

    def _frontier(self, held: bytes) -> int:
        """How many bytes of `held` no later byte can say anything about."""
        if self._columns is not None:
            line = held.rfind(b"\n")
            if line >= 0 or len(held) < 16 * 1024:
                return line + 1
        low = len(held) - HOLD if len(held) > HOLD else 0
        hard = max([held.rfind(byte, low) for byte in _HARD]) + 1
        return hard if hard > low else low

    def _release(self, limit: int, final: bool, idle: bool = False) -> bytes:
        if not limit and not final and self._endless is None:
            return b""
        window = self._window
        if window is None:
            behind = self._behind
            raw = behind + self._held if behind else self._held
            window = Window(view(raw, self._container is Container.FORM), self._passed - len(behind))
            self._window = window
        seen = window.seen
        offset = self._passed - window.origin
        begin = 0
        if self._endless is None and self._terms is not None:
            out = self._settled(self._terms, window, offset, limit, final, idle)
            if out is not None:
                return out
        edits: list[Edit] = []
        if self._endless is not None:
            begin = self._pass_on(self._endless, seen, offset, final, edits)
            limit = max(limit, begin) if self._endless is None else begin
        if limit > begin:
            ceiling = seen.place(limit + offset) + _PAST
            if window.hits is None or ceiling > window.ceiling or self._columns is not None:
                window.hits = self._hits(seen, limit, offset, ceiling)
                window.ceiling = len(seen.text) + _PAST if ceiling >= len(seen.text) else ceiling
            if window.hits:
                limit = self._settle(window.hits, seen, offset, begin, limit, final, idle, edits)
        if not limit:
            return b""
        return self._send(limit, edits, final)

    def _settled(
        self, terms: Terms, window: Window, offset: int, limit: int, final: bool, idle: bool
    ) -> bytes | None:
        """What goes, by one call of C; None where it has to be done here, step by step."""
        seen = window.seen
        if limit <= 0:
            return None
        columns = self._columns
        if columns is not None and not columns.ready:
            self._where.follow(self._held, self._held.find(b"\n", 0, limit) + 1)
        if window.candidates is None:
            window.candidates = self._finder.candidates(seen.text) if self._found is None else self._found
        if not window.candidates and (columns is None or not columns.names):
            return self._send(limit, [], final)
        place = Piece(
            offset,
            offset + limit,
            seen.place(offset) if offset else 0,
            seen.place(offset + limit) + _PAST,
            self._passed,
            final * FINAL | idle * IDLE | self._script * IN_SCRIPT,
            self._seen.copy(),
            lambda: self._where.path(offset),
        )
        done = settled_piece(
            terms, seen, window.candidates, self.tally, self._where.grammar(), columns, place
        )
        if done is None:
            return None
        out, would, upto, path = done
        if path is not None:
            self._where.told(path, seen.raw, offset)
        self._seen = place.seen
        self.would_alter |= would
        self.altered |= would and self._enforce
        if not final:
            self._sent(upto)
        return out

    def _edit_piece(self, hit: Hit, start: int, end: int, action: SensitiveAction) -> Edit:
        """As `edit`, with places of what is viewed."""
        window = self._window
        assert window is not None
        offset = self._passed - window.origin
        edit = self.edit(hit, start - offset, end - offset, action, offset)
        return Edit(edit.start + offset, edit.end + offset, edit.text)

    def _hits(self, seen: View, limit: int, offset: int, ceiling: int) -> list[Hit]:
        text = seen.text
        floor = seen.place(offset) if offset else 0
        columns = self._columns
        if columns is None:
            return self._finder.find(text, floor, ceiling, None, self._found)
        if not columns.ready:
            self._where.follow(self._held, self._held.find(b"\n", 0, limit) + 1)
        if not columns.names:
            return self._finder.find(text, floor, ceiling, None, self._found)
        hits = self._finder.find(text, floor, ceiling, columns, self._found)
        taken = {hit.start for hit in hits}
        end = seen.place(offset + limit)
        cells = self._finder.find_cells(text, floor, end, columns.names, columns.separator, taken)
        return apart([*hits, *cells]) if cells else hits

    def _settle(
        self, hits: list[Hit], seen: View, offset: int, begin: int, limit: int, final: bool, idle: bool,
        edits: list[Edit],
    ) -> int:  # fmt: skip
        """Act on the hits before `limit`; gives how much may go, less where a hit is still open."""
        held, text = self._held, seen.text
        size = len(held)
        neighbours = Neighbours(hits)
        for hit in hits:
            start, end = seen.span(hit.start, hit.end)
            start -= offset
            end -= offset
            if end <= begin:
                continue
            if start >= limit:
                break
            first = max(start, begin, 0)
            if not final:
                if hit.entity.endless and size - end < _PARTIAL:
                    if size - first < HOLD and not idle:
                        return first
                elif self._undecided(hit, text):
                    return first
            if hit.entity.beside and not self._beside(hit, neighbours, offset):
                if not final and not idle and len(text) - hit.end < BESIDE:
                    return first
                if not idle:
                    continue
            limit = max(limit, self._act(hit, seen, offset, first, end, edits))
            for wanted in self._lasting:
                if hit.entity.id.startswith(wanted):
                    self._seen[wanted] = self._passed + end
            if hit.entity.endless and not final and size - end < _PARTIAL:
                more = re.compile(b"(?:" + hit.entity.endless.encode() + b")*")
                self._endless = Endless(more, bool(edits) and edits[-1].end == end)
                return end
            begin = max(begin, end, edits[-1].end if edits else 0)
        return max(limit, begin)

    def _undecided(self, hit: Hit, text: bytes) -> bool:
        """What stands behind the value is not known yet."""
        spaces = _SPACES.match(text, hit.end)
        return spaces is None or (spaces.end() == len(text) and spaces.end() - hit.end < 64)

    def _beside(self, hit: Hit, neighbours: Neighbours, offset: int) -> bool:
        last = self._seen.get(hit.entity.beside)
        if last is not None and self._passed + hit.start - offset - last <= BESIDE:
            return True
        return neighbours.stand_by(hit)

    def _pass_on(self, endless: Endless, seen: View, offset: int, final: bool, edits: list[Edit]) -> int:
        place = seen.place(offset)
        match = endless.more.match(seen.text, place)
        end = match.end() if match is not None else place
        if endless.alters and end > place:
            edits.append(mask_edit(seen, place, masked(seen.text[place:end], "all"), offset))
        stop = seen.span(place, end)[1] - offset if end > place else 0
        if final or len(self._held) - stop >= _PARTIAL:
            self._endless = None
        return stop

    # ---------------------------------------------------------------------------------------------- a hit

    def _act(self, hit: Hit, seen: View, offset: int, start: int, end: int, edits: list[Edit]) -> int:
        """Count the hit and note the edit; gives where in `held` the edit ends."""
        text = seen.text
        value = text[hit.start : hit.end]
        entity = hit.entity
        address = self._where.address(text, hit.start, self._held, start)
        action = self._orders.action(entity, address)
        if action == "ignore":
            return end
        if not hit.acts:
            action = "report"
        elif action == "block" and hit.test:
            action = "mask"
        self.tally.add(entity, address, action, value, sure=hit.acts, test=hit.test)
        if action == "block" or self._over_ceiling(entity.id):
            self._refuse()
        if action not in ALTERS:
            return end
        self.would_alter = True
        if not self._enforce:
            return end
        self.altered = True
        edit = self.edit(hit, start, end, action, offset)
        edits.append(edit)
        return edit.end

    def edit(self, hit: Hit, start: int, end: int, action: SensitiveAction, offset: int = 0) -> Edit:
        """What is written over a value that stands at `held[start:end]`."""
        window = self._window
        assert window is not None
        container = window.container(self._container, hit.start, hit.end, self._script)
        if action in LENGTHENS:
            return replaced_edit(action, hit, window.seen, self._held, start, end, container, self._key)
        return masked_edit(hit, window.seen, offset, start, container)

    def _over_ceiling(self, entity: str) -> bool:
        if self._ceilings is None or entity not in self._ceilings:
            return False
        return self.tally.totals[entity] > self._ceilings[entity]

    def _refuse(self) -> None:
        if self.refusal is None:
            self.refusal = Verdict(
                Action.BLOCK if self._enforce else Action.FORWARD,
                Action.BLOCK,
                score=10,
                status=502,
                findings=self.tally.findings("response"),
            )
        if self._enforce:
            self._held = b""
            raise BodyRefused(self.refusal)

    def _send(self, limit: int, edits: list[Edit], final: bool) -> bytes:
        held = self._held
        if not final:
            self._sent(limit)
        return applied(held, limit, edits)

    def _sent(self, limit: int) -> None:
        """Forget what has gone, but for what later bytes are read by."""
        held = self._held
        self._where.sent(held, limit)
        if self._container is Container.HTML:
            opened = held.rfind(b"<script", 0, limit)
            if opened >= 0 or self._script:
                self._script = held.rfind(b"</script", 0, limit) < max(opened, 0)
        self._passed += limit
        self._behind = (self._behind + held[max(0, limit - KEEP_BEHIND) : limit])[-KEEP_BEHIND:]
        self._held = held[limit:]
