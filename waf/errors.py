"""Whose fault it is: every error of the data path names the guilty side and carries the status to answer with.

Nobody branches on the text of a message: `rule` is the machine-readable name, `detail` the sentence for people.
"""

from __future__ import annotations

from typing import Final

import msgspec


class Fault(Exception):
    """Base of the faults an exchange can end with.

    `rule` is the finding's id ("protocol.te-with-cl"), `status` the HTTP status to answer with, `detail` one
    sentence for people. `detail` never quotes bytes of the peer unescaped and never quotes a header value.
    """

    def __init__(self, status: int, rule: str, detail: str) -> None:
        super().__init__(f"{rule}: {detail}")
        self.status: Final = status
        self.rule: Final = rule
        self.detail: Final = detail


class ClientFault(Fault):
    """The client sent what must not be forwarded (4xx)."""


class UpstreamFault(Fault):
    """The app (or the way to it) failed, or answered what must not be passed on (502, 503, 504)."""


class OwnFault(Fault):
    """A limit or a bug of ours (500, 503); whether the exchange may go on is the configured `on_error`."""


class Problem(msgspec.Struct, frozen=True):
    """One mistake in a file that a person wrote.

    `path` is the dotted place in the document ("routes[2].mode"); `line` counts from 1, 0 where unknown;
    `mend` says what to write instead.
    """

    file: str
    line: int
    path: str
    message: str
    mend: str = ""

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        place = f" {self.path}:" if self.path else ""
        mend = f" ({self.mend})" if self.mend else ""
        return f"{where}:{place} {self.message}{mend}"


class ConfigError(Exception):
    """Configuration or rules that cannot be used; carries every problem found, not only the first."""

    def __init__(self, problems: tuple[Problem, ...] | list[Problem]) -> None:
        super().__init__("\n".join(str(p) for p in problems))
        self.problems: Final = tuple(problems)
