"""Bodies of requests that are too long to be held, searched as they pass, in constant memory.

Such a body is never changed, as it leaves before its end is known: what policy would mask there is reported, and the
exchange says so. A value that policy refuses ends the upload.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final

from waf.http1.seek import find
from waf.model import Finding, Request
from waf.sensitive.coding import BadCoding, Unfolded, codings, decoder
from waf.sensitive.containers import Container, container_of, readable_charset
from waf.sensitive.find import Finder
from waf.sensitive.mask import Key
from waf.sensitive.orders import ALTERS, Orders
from waf.sensitive.places import safe_name
from waf.sensitive.stream import Redactor
from waf.sensitive.tally import Tally, remark

_BOUNDARY: Final = re.compile(rb"(?i)boundary=(?:\"([^\"]{1,200})\"|([^\s;,]{1,200}))")
_NAME: Final = re.compile(rb"(?i)[;\s]name=(?:\"([^\"]*)\"|([^\s;]+))")
_FILE: Final = re.compile(rb"(?i)[;\s]filename\*?=")
_TYPE: Final = re.compile(rb"(?im)^content-type:[ \t]*([^\r\n]+)")
_LONGEST_HEAD: Final = 8192  # bytes of a part's head; what is longer is taken for content

Open = Callable[[Container, str, bytes], Redactor]
"""A redactor that only looks, for (container, address, label)."""


class UploadSearch:
    """A scan of one body: gives findings at its end, or at once where policy refuses a value.

    `tally` is what the inventory keeps. `spared` is called at the end if something passed that policy wants altered.
    """

    def __init__(
        self,
        finder: Finder,
        key: Key,
        orders: Orders,
        request: Request,
        tally: Tally,
        spared: Callable[[], None],
    ) -> None:
        self.tally: Final = tally
        self._spared = spared
        self._wanted = orders
        orders = orders.unaltering()
        self._told = False
        self._remarks: list[Finding] = []
        self._inflate: Unfolded | None = None

        def opened(container: Container, address: str, label: bytes) -> Redactor:
            return Redactor(
                finder, container, orders, key, enforce=False, sniff=True, address=address, label=label,
                part="form" if container is Container.FORM else "", tally=tally,
            )  # fmt: skip

        content_type = request.headers.get(b"content-type")
        container = container_of(content_type)
        names = codings(request.headers.get(b"content-encoding"))
        self._parts: _Parts | None = None
        self._redactor: Redactor | None = None
        if container is None:
            return  # no text
        if names:
            self._inflate = decoder(names)
            if self._inflate is None:
                self._say("a content coding that cannot be undone here")
                return
        if not readable_charset(content_type):
            self._say("a character set in which nothing could be found")
            return
        boundary = _BOUNDARY.search(content_type or b"") if container is Container.MULTIPART else None
        if boundary is not None:
            self._parts = _Parts(boundary[1] or boundary[2], opened)
        else:
            self._redactor = opened(container, "", b"")

    @property
    def idle(self) -> bool:
        """There is no text in this body."""
        return self._parts is None and self._redactor is None and not self._remarks

    def feed(self, data: bytes) -> Sequence[Finding]:
        if self._inflate is None:
            self._look(data)
        else:
            try:
                for piece in self._inflate.feed(data):
                    self._look(piece)
            except BadCoding as error:
                self._say(str(error))
                self._parts = self._redactor = self._inflate = None
        return self._refused()

    def finish(self) -> Sequence[Finding]:
        if self._parts is not None:
            self._parts.finish()
        elif self._redactor is not None:
            self._redactor.finish()
        if any(c.sure and self._wanted.action(c.entity, c.address) in ALTERS for c in self.tally):
            self._spared()
        found = [*self._remarks, *(() if self._told else self.tally.findings("request"))]
        self._told = True
        return found

    def _look(self, data: bytes) -> None:
        if self._parts is not None:
            self._parts.feed(data)
        elif self._redactor is not None:
            self._redactor.feed(data)

    def _refused(self) -> Sequence[Finding]:
        """The findings so far, once one of them is refused."""
        if self._told or not any(c.action == "block" and c.test < c.count for c in self.tally):
            return ()
        self._told = True
        return self.tally.findings("request")

    def _say(self, detail: str) -> None:
        self._remarks.append(remark("sensitive.undecodable", detail))


class _Parts:
    """A multipart body (RFC 7578) in pieces: each part that holds text goes through a redactor of its own."""

    def __init__(self, boundary: bytes, opened: Open) -> None:
        self._mark = b"\r\n--" + boundary
        self._opened = opened
        self._redactor: Redactor | None = None
        self._in_head = False
        self._rest = b"\r\n"  # the first boundary stands at a line's beginning

    def feed(self, data: bytes) -> None:
        mark = self._mark
        # Content that nobody reads: only its end is looked for, and nothing is copied.
        unread = self._redactor is None and not self._in_head and len(data) > len(mark)
        if unread and (self._rest + data[: len(mark)]).find(mark) < 0 and find(data, mark) < 0:
            self._rest = data[-len(mark) :]
            return
        text = self._rest + data
        place = 0
        while True:
            if self._in_head:
                end = text.find(b"\r\n\r\n", place)
                if end < 0 and len(text) - place < _LONGEST_HEAD:
                    self._rest = text[place:]
                    return
                head = text[place : max(end, place)]
                place = end + 4 if end >= 0 else place
                self._begin(head)
                self._in_head = False
            found = text.find(self._mark, place)
            if found < 0:
                keep = max(place, len(text) - len(self._mark))
                self._content(text[place:keep])
                self._rest = text[keep:]
                return
            self._content(text[place:found])
            self._end()
            place = found + len(self._mark)
            self._in_head = True

    def finish(self) -> None:
        if not self._in_head:
            self._content(self._rest)
        self._end()

    def _begin(self, head: bytes) -> None:
        kind = _TYPE.search(head)
        container = container_of(kind[1] if kind else None)
        if (
            container is None
            or container is Container.MULTIPART
            or not readable_charset(kind[1] if kind else None)
        ):
            return
        name = _NAME.search(head)
        label = (name[1] or name[2] or b"") if name is not None else b""
        part = "file" if _FILE.search(head) else "form"
        name_of_part = safe_name(label.decode("utf-8", "replace"))
        self._redactor = self._opened(container, f"{part}.{name_of_part}", label)

    def _content(self, data: bytes) -> None:
        if self._redactor is not None and data:
            self._redactor.feed(data)

    def _end(self) -> None:
        if self._redactor is not None:
            self._redactor.finish()
            self._redactor = None
