"""An answer that is here whole and in which there is something: its body settled at once.

What `responses.ResponseFilter` is to a body in pieces, without what a body in pieces needs.
"""

from __future__ import annotations

from typing import Final

from waf.config.schema import SensitiveAction
from waf.model import Response, Verdict
from waf.sensitive.candidates import Candidate
from waf.sensitive.containers import Container
from waf.sensitive.edits import Edit
from waf.sensitive.find import Finder
from waf.sensitive.hits import Hit
from waf.sensitive.mask import Key
from waf.sensitive.orders import Orders
from waf.sensitive.stream import Redactor
from waf.sensitive.tally import Tally, verdict_of
from waf.sensitive.views import View
from waf.sensitive.whole import Terms, settled


class Screened:
    """As `ResponseFilter`; `response` is the head to send, `tally` what the inventory keeps."""

    def __init__(
        self,
        response: Response,
        finder: Finder,
        container: Container,
        orders: Orders,
        key: Key,
        seen: View,
        found: list[Candidate],
        *,
        enforce: bool,
        unmet: bool = False,
    ) -> None:
        """`found` are the candidates in `seen`; `orders` refuse nothing. `unmet`: none of the detector's `others` matches anywhere
        in what the app sent.
        """
        self.unmet: Final = unmet
        self.response: Final = response
        self.tally: Final = Tally(key)
        # What writes knows nothing of this: bodies must not wait in a cycle for the collector.
        writer = _Writer(finder, container, orders, key, seen, self.tally)
        self._terms = Terms(finder, container, orders, key, writer.edit, enforce)
        self._seen = seen
        self._found = found
        self._would_alter = False

    def whole(self, body: bytes) -> bytes:
        """The body as policy lets it go on."""
        done = settled(self._terms, self._seen, self._found, self.tally)
        assert done is not None, "whoever made this asked before"
        body, self._would_alter = done
        return body

    def verdict(self) -> Verdict:
        """What was found and done."""
        return verdict_of(self.tally, (), self._would_alter and self._terms.enforce, self._would_alter)


class _Writer:
    """What is no plain mask is written by the reference, which is made when it is wanted."""

    def __init__(
        self, finder: Finder, container: Container, orders: Orders, key: Key, seen: View, tally: Tally
    ) -> None:
        self._of = finder, container, orders, key
        self._seen = seen
        self._tally = tally
        self._redactor: Redactor | None = None

    def edit(self, hit: Hit, start: int, end: int, action: SensitiveAction) -> Edit:
        if self._redactor is None:
            self._redactor = Redactor(*self._of, tally=self._tally)
            self._redactor.show(self._seen)
        return self._redactor.edit(hit, start, end, action)
