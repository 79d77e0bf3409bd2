"""What inspection looks at and what it says: fields, findings, verdicts. Part of `model`, which gives them out."""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Final

import msgspec


class Part(enum.IntEnum):
    """Where in a message a field stands. Rules, tuning and profiles name parts by `Part.label`."""

    METHOD = 0
    PATH = 1  # the whole path, percent-decoded once, dot segments kept
    SEGMENT = 2  # one path segment
    QUERY = 3  # the raw query string, only where it is no name=value list
    ARG_NAME = 4
    ARG = 5  # a query parameter's value
    FORM_NAME = 6
    FORM = 7  # a urlencoded or multipart form parameter's value
    HEADER_NAME = 8
    HEADER = 9
    COOKIE_NAME = 10
    COOKIE = 11
    JSON_KEY = 12
    JSON = 13
    XML_NAME = 14
    XML = 15  # element text or attribute value
    PART_NAME = 16  # multipart: name=
    FILE_NAME = 17  # multipart: filename=
    PART_HEADER = 18  # multipart: any other part header, content type included
    FILE = 19  # multipart: a file's content, where it is text
    GRAPHQL = 20  # the query document
    BODY = 21  # the raw body, where nothing finer fits
    STATUS = 22  # response: status code and reason
    RESPONSE_HEADER = 23
    RESPONSE = 24  # response body

    def __init__(self, _number: int) -> None:
        self.label: Final = self._name_.lower().replace("_", "-")  # asked for with each field that is named


HEAD_PARTS: Final = frozenset(
    {
        Part.METHOD, Part.PATH, Part.SEGMENT, Part.QUERY, Part.ARG_NAME, Part.ARG,
        Part.HEADER_NAME, Part.HEADER, Part.COOKIE_NAME, Part.COOKIE,
    }
)  # fmt: skip
"""Those of a request's head."""


class Kind(enum.IntEnum):
    """A field's type where the container has types (JSON); STRING everywhere else."""

    STRING = 0
    NUMBER = 1
    BOOL = 2
    NULL = 3
    OBJECT = 4  # an empty container, so that profiles see it
    ARRAY = 5


class Field(msgspec.Struct, frozen=True, gc=False):
    """One thing that a client controls.

    `name` is the field's address without its part: a parameter's name, a header's lower-case name, a JSON path
    with "[]" for every index ("items[].name"), "" where a part has no names. `value` is what a standard parser of
    the container hands to the app (percent-decoded once, JSON unescaped, cookie unquoted), as UTF-8 bytes.
    `raw` is the same as it stood on the wire, None where it is equal to `value`.
    """

    part: Part
    name: str
    value: bytes
    raw: bytes | None = None
    kind: Kind = Kind.STRING

    @property
    def address(self) -> str:
        """How people and tuning files name it: "arg.q", "json.items[].name", "path"."""
        return f"{self.part.label}.{self.name}" if self.name else self.part.label


class Severity(enum.IntEnum):
    INFO = 0
    LOW = 1
    MEDIUM = 2
    HIGH = 3
    CRITICAL = 4


class Confidence(enum.IntEnum):
    LOW = 0
    MEDIUM = 1
    HIGH = 2


class Engine(enum.Enum):
    """Which engine made a finding."""

    PROTOCOL = "protocol"
    SIGNATURE = "signature"
    PROFILE = "profile"
    SENSITIVE = "sensitive"
    ACCESS = "access"  # IP lists, rate limits, host policy, method and type rules of a route


class Finding(msgspec.Struct, frozen=True):
    """One thing that an engine noticed. Safe to log: `excerpt` is masked and `detail` quotes nothing unmasked.

    `rule` is the stable id; `kind` the class it is counted under ("sqli", "protocol", "profile", "pan" …);
    `views` tells how the value was decoded ("percent>html"), "" for as given; `expected` says what would have
    been normal, where an engine knows it.
    `enforced` is False for a finding that is only watched (staged constraint, monitor route): it never counts
    towards a verdict's `action`, only towards its `would`.
    """

    rule: str
    kind: str
    engine: Engine
    severity: Severity
    confidence: Confidence
    address: str = ""
    excerpt: str = ""
    views: str = ""
    detail: str = ""
    expected: str = ""
    tags: tuple[str, ...] = ()
    enforced: bool = True


class Action(enum.Enum):
    FORWARD = "forward"
    REDACT = "redact"
    BLOCK = "block"


class Mode(enum.Enum):
    """What a verdict leads to. OFF inspects nothing; MONITOR inspects and forwards; PROTECT enforces."""

    OFF = "off"
    MONITOR = "monitor"
    PROTECT = "protect"


class Verdict(msgspec.Struct, frozen=True):
    """What is done with a message (`action`) and what protect mode would do (`would`); equal in protect mode.

    `score` is the anomaly score that was held against the threshold. `status` is the answer of a block, with
    `retry_after` seconds (0 = none). `exclusion` holds the lines of tuning.yaml that would have let it pass, mostly one.
    """

    action: Action
    would: Action
    score: int = 0
    status: int = 403
    findings: tuple[Finding, ...] = ()
    retry_after: int = 0
    exclusion: str = ""


PASSED = Verdict(Action.FORWARD, Action.FORWARD)


def joined(first: Verdict, second: Verdict) -> Verdict:
    """Two verdicts on one message as one: the findings of both, the stronger action of the two."""
    if second is PASSED or second == PASSED:
        return first
    if first is PASSED or first == PASSED:
        return second
    stronger = second if second.action is Action.BLOCK or first.action is Action.FORWARD else first
    would = Action.BLOCK if Action.BLOCK in (second.would, first.would) else first.would
    if would is Action.FORWARD:
        would = second.would
    return msgspec.structs.replace(stronger, would=would, findings=(*first.findings, *second.findings))


Mask = Callable[[bytes], str]
"""Makes bytes safe to show: sensitive values masked, controls escaped, at most 120 characters."""
