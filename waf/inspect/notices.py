"""What reading a message can notice, in one table that findings, docs and tests read.

Owns the ids, weights and sentences of `protocol.*` and `limit.*` findings that are made in this room. Whether they
block is decided elsewhere: HIGH with high confidence is for what two parsers read differently, so that what was
inspected may not be what the app gets; what is merely odd only adds to the score; INFO is for the record.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from waf.model import Confidence, Engine, Finding, Severity


class Notice(msgspec.Struct, frozen=True):
    severity: Severity
    confidence: Confidence
    sentence: str


_AMBIGUOUS: Final = (Severity.HIGH, Confidence.HIGH)  # blocks alone at the default threshold
_SUSPICIOUS: Final = (Severity.MEDIUM, Confidence.HIGH)  # needs company
_ODD: Final = (Severity.LOW, Confidence.HIGH)  # seen in honest traffic, too
_NOTED: Final = (Severity.INFO, Confidence.HIGH)  # counts nothing

NOTICES: Final[dict[str, Notice]] = {
    # Which parser reads the body.
    "protocol.content-type": Notice(*_AMBIGUOUS, "more than one content type"),
    "protocol.content-type-syntax": Notice(*_SUSPICIOUS, "a content type that does not follow the grammar"),
    "protocol.body-mismatch": Notice(*_SUSPICIOUS, "the body is not what its content type claims"),
    "protocol.body-mislabelled": Notice(*_ODD, "a document under the content type of another kind"),
    "protocol.charset": Notice(*_AMBIGUOUS, "a charset in which ASCII text is written otherwise"),
    "protocol.charset-unknown": Notice(*_SUSPICIOUS, "a charset that is not known here"),
    # Codings of the body.
    "protocol.coding-doubled": Notice(*_AMBIGUOUS, "more than one content coding"),
    "protocol.coding-unknown": Notice(*_AMBIGUOUS, "a content coding that cannot be undone here"),
    "protocol.coding-mislabelled": Notice(*_AMBIGUOUS, "the body is not in the coding that it claims"),
    "protocol.coding-damaged": Notice(*_AMBIGUOUS, "the coded body is cut, damaged or followed by other bytes"),
    # JSON (RFC 8259; where parsers differ).
    "protocol.json-duplicate-key": Notice(*_AMBIGUOUS, "a JSON object has a key twice"),
    "protocol.json-trailing": Notice(*_AMBIGUOUS, "more follows after the JSON document"),
    "protocol.json-charset": Notice(*_AMBIGUOUS, "JSON that is not UTF-8"),
    "protocol.json-syntax": Notice(*_SUSPICIOUS, "JSON as only lenient parsers read it"),
    "protocol.json-byte-order-mark": Notice(*_ODD, "JSON begins with a byte order mark"),
    "protocol.json-number": Notice(*_ODD, "a JSON number that parsers read differently"),
    "protocol.json-surrogate": Notice(*_ODD, "half a surrogate pair in a JSON string"),
    # XML.
    "protocol.xml-doctype": Notice(*_AMBIGUOUS, "XML with a document type declaration"),
    "protocol.xml-charset": Notice(*_AMBIGUOUS, "XML in a charset in which ASCII text is written otherwise"),
    # Multipart (RFC 7578, RFC 2046).
    "protocol.multipart-boundary": Notice(*_AMBIGUOUS, "the boundary is absent, doubled or not as it must be"),
    "protocol.multipart-syntax": Notice(*_AMBIGUOUS, "a multipart body that parsers split differently"),
    "protocol.multipart-header": Notice(*_AMBIGUOUS, "a part header that parsers read differently"),
    "protocol.multipart-coding": Notice(*_AMBIGUOUS, "a part in a transfer encoding"),
    "protocol.multipart-charset": Notice(*_AMBIGUOUS, "a part in a charset in which ASCII is written otherwise"),
    "protocol.multipart-nested": Notice(*_AMBIGUOUS, "a multipart body within a part"),
    "protocol.multipart-subtype": Notice(*_ODD, "a multipart body that is no form"),
    # Values.
    "protocol.double-encoding": Notice(*_ODD, "a value percent-encoded more often than needed hides characters"),
    "protocol.mixed-encoding": Notice(*_ODD, "a value in two encodings on top of each other hides characters"),
    "protocol.percent-u": Notice(*_ODD, "ASCII characters written as %uXXXX"),
    "protocol.overlong-utf8": Notice(Severity.HIGH, Confidence.MEDIUM, "ASCII characters in overlong UTF-8"),
    "protocol.null-byte": Notice(*_SUSPICIOUS, "a null byte within text"),
    "protocol.null-byte-path": Notice(*_AMBIGUOUS, "a null byte within the path"),
    "protocol.legacy-cookie": Notice(*_ODD, "cookie attributes of RFC 2965 change how cookies are split"),
    # Limits: what lies beyond is inspected as raw text, or not decoded further; each says so.
    "limit.fields": Notice(*_NOTED, "more fields than the limit; the rest was inspected as one text"),
    "limit.value": Notice(*_NOTED, "a value longer than the limit"),
    "limit.depth": Notice(*_AMBIGUOUS, "nested deeper than the limit"),
    "limit.decompressed": Notice(*_AMBIGUOUS, "the body inflates beyond the limit"),
    "limit.encodings": Notice(*_AMBIGUOUS, "inspection budget spent: encoded text was left as it is, and may hide something"),
    "limit.views": Notice(*_NOTED, "inspection budget spent: text could be written in more ways than were tried"),
    "limit.candidates": Notice(*_SUSPICIOUS, "more candidates in a long text than are looked at"),
    "limit.questions": Notice(*_AMBIGUOUS, "more candidates in short values than are looked at"),
    "limit.matches": Notice(*_AMBIGUOUS, "more matches than are counted"),
    "limit.graphql-depth": Notice(*_SUSPICIOUS, "a GraphQL document nested deeper than the limit"),
    "limit.graphql-aliases": Notice(*_SUSPICIOUS, "a GraphQL document with more aliases than the limit"),
    "limit.graphql-fields": Notice(*_SUSPICIOUS, "a GraphQL document with more selections than the limit"),
    "limit.graphql-batch": Notice(*_SUSPICIOUS, "more GraphQL operations in one request than the limit"),
    "limit.graphql-guesses": Notice(*_AMBIGUOUS, "GraphQL operations in one request that ask the same with a secret, again and again"),
    "protocol.graphql-syntax": Notice(*_ODD, "a GraphQL document that does not follow the grammar"),
}  # fmt: skip


AMBIGUOUS_BODIES: Final = frozenset(
    rule
    for rule, told in NOTICES.items()
    if rule.startswith(("protocol.json-", "protocol.multipart-", "protocol.charset", "protocol.content-type"))
    and (told.severity, told.confidence) == _AMBIGUOUS
)
"""What two parsers of a body read differently, each of whose readings was inspected. Not among it: what could not be read at all."""


def doubtful(findings: Iterable[Finding]) -> bool:
    """Whether what was noticed refuses the message at the default threshold, or does not take much more."""
    return any(one.severity >= Severity.MEDIUM for one in findings)


def notice(rule: str, address: str = "body", detail: str = "", excerpt: str = "") -> Finding:
    """A finding of the table. `address` and `excerpt` must be safe to show; `detail` adds to the sentence."""
    known = NOTICES[rule]
    return Finding(
        rule=rule,
        kind=rule.partition(".")[0],
        engine=Engine.PROTOCOL,
        severity=known.severity,
        confidence=known.confidence,
        address=address,
        excerpt=excerpt,
        detail=f"{known.sentence}: {detail}" if detail else known.sentence,
    )
