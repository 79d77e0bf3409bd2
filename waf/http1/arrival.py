"""When a head is complete, and when what has arrived of it can never become one.

The proxy asks after each read; garbage is refused at the read that brought it, however slowly it trickles in.
"""

from __future__ import annotations

import re
from typing import Final

from waf.config.schema import Limits
from waf.http1 import diagnose
from waf.http1.parse import RESPONSE_HEAD
from waf.http1.rules import client_fault, upstream_fault

_FORBIDDEN: Final = re.compile(rb"(?<!\r)\n|\r(?=[^\n])|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_REQUEST_LINE_PREFIX: Final = re.compile(
    rb"(?:\r\n)?+(?:\r|[A-Z]{1,24}+(?: (?:[\x21-\x7e]++(?: [A-Z0-9/.]{0,8}\r?+)?+)?+)?+)?+\Z"
)
_STATUS_LINE_PREFIX: Final = re.compile(rb"H(?:T(?:T(?:P(?:/.*)?+)?+)?+)?+\Z|\Z", re.DOTALL)


def request_head_end(buffer: bytes | bytearray, scanned: int, limits: Limits) -> int | None:
    """Where the request head at the start of `buffer` ends (just past its blank line); None: more must come.

    `scanned` is how many bytes of `buffer` an earlier call has seen already (0 on the first). One CRLF before
    the request line counts as part of the head, and `parse.request_head` drops it; with a second one the head
    found is the blank lines alone, which `request_head` refuses. Raises ClientFault as soon as no
    continuation could be a head: over the limit, bare LF or CR, control characters, a TLS handshake, a
    request line that is none.
    """
    end = buffer.find(b"\r\n\r\n", max(0, scanned - 3))
    if end >= 0:
        return end + 4
    if buffer[:2] == b"\x16\x03":
        raise client_fault("tls-on-plain")
    if _FORBIDDEN.search(buffer, max(0, scanned - 1)):
        raise client_fault(diagnose.request(bytes(buffer)))
    line_end = buffer.find(b"\r\n", 2)
    if line_end < 0:
        if _REQUEST_LINE_PREFIX.match(buffer) is None:
            raise client_fault("request-line")
        if len(buffer) > limits.line + 4:  # a CRLF before it, and half of the one after it
            raise client_fault("request-line-size")
    elif scanned < line_end + 2 and (broken := diagnose.request_line(bytes(buffer[:line_end]))):
        raise client_fault(broken)
    if len(buffer) > limits.head:
        raise client_fault("head-size")
    return None


def response_head_end(buffer: bytes | bytearray, scanned: int) -> int | None:
    """The same for a response head; raises UpstreamFault."""
    end = buffer.find(b"\r\n\r\n", max(0, scanned - 3))
    if end >= 0:
        return end + 4
    if _FORBIDDEN.search(buffer, max(0, scanned - 1)):
        raise upstream_fault(diagnose.response(bytes(buffer)))
    if _STATUS_LINE_PREFIX.match(buffer) is None:
        raise upstream_fault("status-line")
    if len(buffer) > RESPONSE_HEAD:
        raise upstream_fault("head-size")
    return None
