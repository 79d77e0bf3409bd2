"""Every reason for which this room refuses a message: rule id -> status, RFC section, sentence.

Owns the ids `protocol.*`. Docs and tests read this table; nothing else in the room invents a status or a
wording. A sentence never quotes the peer, so it is safe to log and to show.
"""

from __future__ import annotations

from typing import Final

import msgspec

from waf.errors import ClientFault, UpstreamFault


class Rule(msgspec.Struct, frozen=True):
    """`status` is the answer to the client; `source` names the section that the message breaks."""

    status: int
    source: str
    sentence: str


_HTTP: Final = "RFC 9112 "
_SEMANTICS: Final = "RFC 9110 "

RULES: Final[dict[str, Rule]] = {
    # -- the head as a whole
    "protocol.tls-on-plain": Rule(400, _HTTP + "9.7", "a TLS handshake arrived on a plain HTTP port"),
    "protocol.http2-preface": Rule(
        505, "RFC 9113 3.4", "an HTTP/2 preface arrived; this port speaks HTTP/1.1"
    ),
    "protocol.blank-lines": Rule(400, _HTTP + "2.2", "more than one blank line stands before the request"),
    "protocol.bare-lf": Rule(400, _HTTP + "2.2", "a line feed without a carriage return ends a line"),
    "protocol.bare-cr": Rule(400, _HTTP + "2.2", "a carriage return without a line feed stands in the head"),
    "protocol.control-character": Rule(400, _SEMANTICS + "5.5", "a control character stands in the head"),
    "protocol.head-size": Rule(431, "RFC 6585 5", "the head is larger than the limit"),
    "protocol.header-line-size": Rule(431, "RFC 6585 5", "a header line is longer than the limit"),
    "protocol.header-count": Rule(431, "RFC 6585 5", "there are more header lines than the limit"),
    "protocol.malformed-head": Rule(400, _HTTP + "2.1", "the head does not fit the grammar"),
    # -- request line
    "protocol.request-line": Rule(
        400, _HTTP + "3", "the request line is not method, target and version with single spaces between"
    ),
    "protocol.request-line-size": Rule(414, _HTTP + "3", "the request line is longer than the limit"),
    "protocol.method": Rule(405, _SEMANTICS + "9.1", "the method is not one of those allowed"),
    "protocol.version-syntax": Rule(400, _HTTP + "2.3", "the HTTP version is not well-formed"),
    "protocol.version": Rule(505, _SEMANTICS + "15.6.6", "the HTTP version is neither 1.0 nor 1.1"),
    "protocol.target-character": Rule(
        400, "RFC 3986 2", "the request target holds a character that must be percent-encoded"
    ),
    "protocol.target-percent": Rule(
        400, "RFC 3986 2.1", "a percent sign in the request target is not followed by two hex digits"
    ),
    "protocol.target-fragment": Rule(400, _HTTP + "3.2", "the request target holds a fragment"),
    "protocol.target-form": Rule(
        400, _HTTP + "3.2", "the request target is neither a path nor an absolute http URL"
    ),
    "protocol.target-asterisk": Rule(400, _HTTP + "3.2.4", "the target * belongs to OPTIONS alone"),
    "protocol.target-authority": Rule(
        400, _HTTP + "3.2.2", "the authority of the absolute target differs from the Host header"
    ),
    # -- header lines
    "protocol.header-line": Rule(400, _HTTP + "5", "a header line has no colon"),
    "protocol.header-name": Rule(400, _HTTP + "5.1", "a header name is empty or not a token"),
    "protocol.header-name-space": Rule(
        400, _HTTP + "5.1", "white space stands between a header name and the colon"
    ),
    "protocol.obs-fold": Rule(400, _HTTP + "5.2", "a header line is folded"),
    "protocol.header-twin": Rule(
        400,
        "RFC 3875 4.1.18",
        "a header name is the twin of another one once the app maps names to variables",
    ),
    "protocol.header-duplicate": Rule(
        400, _SEMANTICS + "5.3", "a header that may stand once only stands twice"
    ),
    # -- Host
    "protocol.host-missing": Rule(400, _HTTP + "3.2", "the Host header is missing"),
    "protocol.host-duplicate": Rule(400, _HTTP + "3.2", "there is more than one Host header"),
    "protocol.host-syntax": Rule(400, _SEMANTICS + "7.2", "the Host header is not a host with optional port"),
    "protocol.host-not-allowed": Rule(421, _SEMANTICS + "7.4", "the host is not one of those served here"),
    # -- framing
    "protocol.content-length": Rule(
        400, _HTTP + "6.3", "Content-Length is not one plain decimal number of at most 15 digits"
    ),
    "protocol.content-length-duplicate": Rule(
        400, _HTTP + "6.3", "there is more than one Content-Length header"
    ),
    "protocol.transfer-encoding": Rule(400, _HTTP + "6.1", "Transfer-Encoding is not exactly chunked"),
    "protocol.transfer-encoding-duplicate": Rule(
        400, _HTTP + "6.1", "there is more than one Transfer-Encoding header"
    ),
    "protocol.te-with-cl": Rule(
        400, _HTTP + "6.1", "Transfer-Encoding and Content-Length stand in one message"
    ),
    "protocol.te-in-1.0": Rule(400, _HTTP + "6.1", "Transfer-Encoding stands in an HTTP/1.0 message"),
    "protocol.body-size": Rule(413, _SEMANTICS + "15.5.14", "the body is larger than the limit"),
    "protocol.body-cut": Rule(400, _HTTP + "8", "the connection was closed before the body ended"),
    "protocol.chunk-size": Rule(400, _HTTP + "7.1", "a chunk size is not 1 to 8 hex digits"),
    "protocol.chunk-line-size": Rule(400, _HTTP + "7.1.1", "a chunk's size line is longer than 256 bytes"),
    "protocol.chunk-extension": Rule(400, _HTTP + "7.1.1", "a chunk extension does not fit the grammar"),
    "protocol.chunk-extension-flood": Rule(
        400, _HTTP + "7.1.1", "the chunk extensions of one body are larger than the limit"
    ),
    "protocol.chunk-end": Rule(400, _HTTP + "7.1", "a chunk's data are not followed by CRLF"),
    "protocol.trailer-line": Rule(400, _HTTP + "7.1.2", "a trailer line does not fit the grammar"),
    "protocol.trailer-size": Rule(431, "RFC 6585 5", "the trailers are larger than the limit"),
    "protocol.trailer-field": Rule(
        400, _SEMANTICS + "6.5.1", "a trailer carries a field that may stand in the head only"
    ),
    # -- connection
    "protocol.connection-option": Rule(
        400, _SEMANTICS + "7.6.1", "the Connection header is not a list of tokens"
    ),
    "protocol.connection-nominates": Rule(
        400, _SEMANTICS + "7.6.1", "the Connection header nominates a field meant for the app"
    ),
    "protocol.upgrade": Rule(
        400,
        "RFC 6455 4.2.1",
        "Upgrade to websocket needs GET, HTTP/1.1, Connection: upgrade, version 13, a key and no body",
    ),
    "protocol.expect": Rule(417, _SEMANTICS + "10.1.1", "Expect is not exactly 100-continue"),
    # -- responses (the app's fault)
    "protocol.response-status-line": Rule(502, _HTTP + "4", "the app's status line does not fit the grammar"),
    "protocol.response-version": Rule(502, _HTTP + "2.3", "the app answered with an unknown HTTP version"),
    "protocol.response-status": Rule(502, _SEMANTICS + "15", "the app's status code is not 100 to 599"),
    "protocol.response-bare-lf": Rule(502, _HTTP + "2.2", "the app ended a line without a carriage return"),
    "protocol.response-bare-cr": Rule(502, _HTTP + "2.2", "a bare carriage return stands in the app's head"),
    "protocol.response-control-character": Rule(
        502, _SEMANTICS + "5.5", "a control character stands in the app's head"
    ),
    "protocol.response-head-size": Rule(502, "RFC 6585 5", "the app's head is larger than the limit"),
    "protocol.response-header-count": Rule(
        502, "RFC 6585 5", "the app sent more header lines than the limit"
    ),
    "protocol.response-malformed-head": Rule(502, _HTTP + "2.1", "the app's head does not fit the grammar"),
    "protocol.response-header-line": Rule(502, _HTTP + "5", "a header line of the app has no colon"),
    "protocol.response-header-name": Rule(
        502, _HTTP + "5.1", "a header name of the app is empty or not a token"
    ),
    "protocol.response-header-name-space": Rule(
        502, _HTTP + "5.1", "the app put white space between a header name and the colon"
    ),
    "protocol.response-obs-fold": Rule(502, _HTTP + "5.2", "the app folded a header line"),
    "protocol.response-header-duplicate": Rule(
        502, _SEMANTICS + "5.3", "the app sent a header twice that may stand once only"
    ),
    "protocol.response-content-length": Rule(
        502, _HTTP + "6.3", "the app's Content-Length is not one plain decimal number"
    ),
    "protocol.response-content-length-duplicate": Rule(
        502, _HTTP + "6.3", "the app sent more than one Content-Length"
    ),
    "protocol.response-transfer-encoding": Rule(
        502, _HTTP + "6.1", "the app's Transfer-Encoding is not exactly chunked"
    ),
    "protocol.response-transfer-encoding-duplicate": Rule(
        502, _HTTP + "6.1", "the app sent more than one Transfer-Encoding"
    ),
    "protocol.response-te-with-cl": Rule(
        502, _HTTP + "6.1", "the app sent Transfer-Encoding and Content-Length"
    ),
    "protocol.response-te-in-1.0": Rule(502, _HTTP + "6.1", "the app sent Transfer-Encoding with HTTP/1.0"),
    "protocol.response-framed-bodiless": Rule(
        502, _HTTP + "6.3", "the app announced a body for a status that has none"
    ),
    "protocol.response-connection-option": Rule(
        502, _SEMANTICS + "7.6.1", "the app's Connection header is not a list of tokens"
    ),
    "protocol.response-connection-nominates": Rule(
        502, _SEMANTICS + "7.6.1", "the app's Connection header nominates a field meant for the client"
    ),
    "protocol.response-body-cut": Rule(502, _HTTP + "8", "the app closed before its body ended"),
    "protocol.response-chunk-size": Rule(
        502, _HTTP + "7.1", "a chunk size of the app is not 1 to 8 hex digits"
    ),
    "protocol.response-chunk-line-size": Rule(
        502, _HTTP + "7.1.1", "a chunk's size line of the app is longer than 256 bytes"
    ),
    "protocol.response-chunk-extension": Rule(
        502, _HTTP + "7.1.1", "a chunk extension of the app does not fit the grammar"
    ),
    "protocol.response-chunk-extension-flood": Rule(
        502, _HTTP + "7.1.1", "the chunk extensions of the app's body are larger than the limit"
    ),
    "protocol.response-chunk-end": Rule(
        502, _HTTP + "7.1", "a chunk's data of the app are not followed by CRLF"
    ),
    "protocol.response-trailer-line": Rule(
        502, _HTTP + "7.1.2", "a trailer line of the app does not fit the grammar"
    ),
    "protocol.response-trailer-size": Rule(502, "RFC 6585 5", "the app's trailers are larger than the limit"),
    "protocol.response-trailer-field": Rule(
        502, _SEMANTICS + "6.5.1", "a trailer of the app carries a field that may stand in the head only"
    ),
}


def client_fault(name: str) -> ClientFault:
    """The fault for rule `protocol.<name>`, the client being guilty."""
    rule = RULES["protocol." + name]
    return ClientFault(rule.status, "protocol." + name, f"{rule.sentence} ({rule.source})")


def upstream_fault(name: str) -> UpstreamFault:
    """The fault for rule `protocol.response-<name>`, the app being guilty."""
    rule = RULES["protocol.response-" + name]
    return UpstreamFault(rule.status, "protocol.response-" + name, f"{rule.sentence} ({rule.source})")
