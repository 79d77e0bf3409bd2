"""Why a head does not fit the grammar: bytes to the name of the rule that it breaks.

Called only for heads that are refused already. Nothing here can let a message through, so it may be as simple
as it likes; it names the first rule of the table that was broken, in the order in which an operator would
look.
"""

from __future__ import annotations

import re
from typing import Final

from waf.http1.grammar import PATH, QUERY, TOKEN, VALUE

_BARE_CR: Final = re.compile(rb"\r(?!\n)")
_BARE_LF: Final = re.compile(rb"(?<!\r)\n")
_CONTROL: Final = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_METHOD: Final = re.compile(TOKEN + rb"+\Z")
_VERSION: Final = re.compile(rb"HTTP/[0-9]\.[0-9]\Z")
_NOT_ASCII_TARGET: Final = re.compile(rb"[^\x21-\x7e]")
_PERCENT: Final = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_ABSOLUTE: Final = re.compile(rb"(?i:https?)://[A-Za-z0-9\-._:\[\]]+(?=[/?]|\Z)")
_PATH_AND_QUERY: Final = re.compile(rb"(?:/" + PATH + rb"*)?(?:\?" + QUERY + rb"*)?\Z")
_NAME: Final = re.compile(TOKEN + rb"+\Z")
_VALUE: Final = re.compile(VALUE + rb"*\Z")


def request(data: bytes) -> str:
    """The rule (without "protocol.") that a request head breaks."""
    if data.startswith(b"PRI * HTTP/2"):
        return "http2-preface"
    if data[:2] == b"\x16\x03":
        return "tls-on-plain"
    if data.startswith(b"\r\n"):
        data = data[2:]
        if data.startswith((b"\r", b"\n")):
            return "blank-lines"
    if broken := _line_ends(data):
        return broken
    first, _, fields = data.partition(b"\r\n")
    return request_line(first) or _fields(fields) or "malformed-head"


def request_line(line: bytes) -> str:
    """The rule that a request line (without the CRLF after it) breaks; "" for none."""
    parts = line.removeprefix(b"\r\n").split(b" ")
    if len(parts) != 3 or b"\t" in line or not _METHOD.match(parts[0]):
        return "request-line"
    method, target, version = parts
    if not method.isalpha() or not method.isupper() or len(method) > 24:
        return "method"
    if not _VERSION.match(version):
        return "version-syntax"
    if not version.startswith(b"HTTP/1.") or version[-1:] not in (b"0", b"1"):
        return "version"
    return _target(target)


def _target(target: bytes) -> str:
    if target == b"*":
        return ""
    if b"#" in target:
        return "target-fragment"
    if _NOT_ASCII_TARGET.search(target):
        return "target-character"
    if target[:1] != b"/":
        absolute = _ABSOLUTE.match(target)
        if absolute is None:
            return "target-form"
        target = target[absolute.end() :]
    if _PERCENT.search(target):
        return "target-percent"
    return "" if _PATH_AND_QUERY.match(target) else "target-character"


def response(data: bytes) -> str:
    """The rule (without "protocol.response-") that a response head breaks."""
    if broken := _line_ends(data):
        return broken
    first, _, fields = data.partition(b"\r\n")
    version, _, rest = first.partition(b" ")
    if not _VERSION.match(version):
        return "status-line"
    if version not in (b"HTTP/1.0", b"HTTP/1.1"):
        return "version"
    code, _space, reason = rest.partition(b" ")
    if len(code) != 3 or not code.isdigit() or not _VALUE.match(reason):
        return "status-line"
    if code[:1] not in b"12345":
        return "status"
    return _fields(fields) or "malformed-head"


def _line_ends(data: bytes) -> str:
    if _BARE_CR.search(data):
        return "bare-cr"
    if _BARE_LF.search(data):
        return "bare-lf"
    if _CONTROL.search(data):
        return "control-character"
    return ""


def _fields(fields: bytes) -> str:
    for line in fields.split(b"\r\n"):
        if not line:
            return ""
        if line[:1] in b" \t":
            return "obs-fold"
        name, colon, _ = line.partition(b":")
        if not colon:
            return "header-line"
        if not _NAME.match(name):
            return "header-name-space" if _NAME.match(name.rstrip(b" \t")) else "header-name"
    return ""
