"""A response body on its way to the client: decoded, redacted, encoded again."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from typing import Any, Final, Literal

from waf.model import (
    Action,
    BodyRefused,
    Finding,
    Response,
    Verdict,
)
from waf.sensitive.candidates import Candidate
from waf.sensitive.coding import BadCoding, Unfolded
from waf.sensitive.stream import Redactor
from waf.sensitive.tally import Count, Tally, remark, verdict_of
from waf.sensitive.views import View

Exhausted = Literal["pass", "block"]
Tap = Callable[[bytes], None]


class ResponseFilter:
    """A `model.BodyFilter` with the head to send beside it.

    `tap` is shown the redacted text before it is encoded again, and may raise BodyRefused. `response` is the
    head; with `changes_length` its body is framed anew. `may_block`: the body may be refused while it passes,
    so the head had better wait for its first bytes. `tally` is what the inventory keeps.
    """

    unmet: Final = False  # see `Screened`; of a body in pieces that is not known

    def __init__(
        self,
        response: Response,
        redactor: Redactor,
        *,
        enforce: bool,
        inflate: Unfolded | None = None,
        gzip: bool = False,
        changes_length: bool = False,
        may_block: bool = False,
        exhausted: Exhausted = "pass",
        remarks: Sequence[Finding] = (),
    ) -> None:
        self.response: Final = response
        self.changes_length: Final = changes_length
        self.may_block: Final = may_block
        self._redactor = redactor
        self._enforce = enforce
        self._inflate = inflate
        self._exhausted = exhausted
        self._deflate: Any = zlib.compressobj(1, zlib.DEFLATED, 31) if gzip and enforce else None
        self._remarks = list(remarks)
        self.tap: Tap | None = None
        self._seen: View | None = None
        self._found: list[Candidate] = []

    @property
    def tally(self) -> Tally:
        return self._redactor.tally

    @property
    def hits(self) -> Sequence[Count]:
        """What was found, by field and entity."""
        return tuple(self._redactor.tally)

    def look_at(self, seen: View, found: list[Candidate]) -> None:
        """Before `whole`: the view of the body, and the candidates in it."""
        self._seen, self._found = seen, found

    def whole(self, body: bytes) -> bytes:
        """All of a body at once: gives what `feed` and `finish` would give together. Raises BodyRefused."""
        if self._seen is None or self._inflate is not None:
            return self.feed(body) + self.finish()
        return self._redactor.whole(body, self._seen, self._found)

    def feed(self, data: bytes) -> bytes:
        """Take bytes of payload as the app sent them; raises BodyRefused."""
        if not self._enforce:
            self._watch(data)
            return data
        if self._inflate is None:
            return self._shown(self._redactor.feed(data))
        return self._packed([self._shown(self._redactor.feed(piece)) for piece in self._unfolded(data)])

    def idle(self) -> bytes:
        """Give out what is held back, but for a value that may have begun."""
        if not self._enforce:
            return b""
        out = self._shown(self._redactor.idle())
        if self._deflate is not None and out:
            return bytes(self._deflate.compress(out) + self._deflate.flush(zlib.Z_SYNC_FLUSH))
        return out

    def finish(self) -> bytes:
        if not self._enforce:
            self._shown(self._redactor.finish())
            return b""
        out = self._shown(self._redactor.finish())
        if self._deflate is not None:
            return bytes(self._deflate.compress(out) + self._deflate.flush())
        return out

    def verdict(self) -> Verdict:
        """What was found and done up to here."""
        redactor = self._redactor
        if redactor.refusal is not None:
            return redactor.refusal
        return verdict_of(redactor.tally, self._remarks, redactor.altered, redactor.would_alter)

    def _packed(self, pieces: list[bytes]) -> bytes:
        out = b"".join(pieces)
        return bytes(self._deflate.compress(out)) if self._deflate is not None else out

    def _unfolded(self, data: bytes) -> list[bytes]:
        assert self._inflate is not None
        pieces: list[bytes] = []
        try:
            for piece in self._inflate.feed(data):
                pieces.append(piece)
        except BadCoding as error:
            # What was announced as decoded cannot be sent encoded, so such a body ends here in either case.
            finding = remark("sensitive.coding", str(error))
            self._remarks.append(finding)
            raise BodyRefused(Verdict(Action.BLOCK, Action.BLOCK, status=502, findings=(finding,))) from None
        return pieces

    def _shown(self, text: bytes) -> bytes:
        if self.tap is not None and text:
            self.tap(text)
        return text

    def _watch(self, data: bytes) -> None:
        """Look only: the client gets the bytes of the app, whatever they are."""
        if self._inflate is None:
            self._shown(self._redactor.feed(data))
            return
        try:
            for piece in self._inflate.feed(data):
                self._shown(self._redactor.feed(piece))
        except BadCoding as error:
            self._remarks.append(remark("sensitive.coding", str(error)))
            self._inflate = Unfolded([])
            self._redactor.stop()


class Clean:
    """A whole response that was looked at and has nothing in it."""

    __slots__ = ("tally", "unmet")

    def __init__(self, tally: Tally, unmet: bool = False) -> None:
        self.tally: Final = tally  # of all such responses, and empty
        self.unmet: Final = unmet  # as that of `Screened`


class Unread:
    """A response in scope that cannot be read: passed and counted, or refused, as policy says."""

    changes_length: Final = False
    unmet: Final = False

    def __init__(
        self, response: Response, finding: Finding, tally: Tally, *, block: bool, enforce: bool
    ) -> None:
        self.response: Final = response
        self.tap: Tap | None = None  # never shown anything: there is no text to show
        self.may_block: Final = block
        self.tally: Final = tally
        self.hits: Final[Sequence[Count]] = ()
        would = Action.BLOCK if block else Action.FORWARD
        self._blocks = block and enforce
        self._verdict = Verdict(would if enforce else Action.FORWARD, would, status=502, findings=(finding,))

    def feed(self, data: bytes) -> bytes:
        if self._blocks:
            raise BodyRefused(self._verdict)
        return data

    def whole(self, body: bytes) -> bytes:
        return self.feed(body)

    def idle(self) -> bytes:
        return b""

    def finish(self) -> bytes:
        if self._blocks:
            raise BodyRefused(self._verdict)
        return b""

    def verdict(self) -> Verdict:
        return self._verdict
