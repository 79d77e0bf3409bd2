"""Headers of responses: what they carry, and the same head with less in it.

Most answers have no header that could carry anything, which costs a comparison of two sets. Credentials are what
cookies and redirects are for, so secrets there are reported at most, unless a rule names the field.
"""

from __future__ import annotations

import contextlib
from typing import Final

import msgspec

from waf.model import PASSED, Action, BodyRefused, HeaderLine, Headers, Response, Verdict
from waf.sensitive.containers import Container
from waf.sensitive.find import Finder
from waf.sensitive.mask import Key
from waf.sensitive.orders import Orders
from waf.sensitive.stream import Redactor
from waf.sensitive.tally import Tally
from waf.sensitive.views import view

QUIET: Final = frozenset(
    b"""accept-ranges access-control-allow-credentials access-control-allow-headers access-control-allow-methods
    access-control-allow-origin access-control-expose-headers access-control-max-age age allow alt-svc cache-control
    connection content-encoding content-language content-length content-security-policy
    content-security-policy-report-only content-type cross-origin-embedder-policy cross-origin-opener-policy
    cross-origin-resource-policy date etag expires keep-alive last-modified nel origin-agent-cluster permissions-policy
    pragma referrer-policy report-to retry-after server server-timing strict-transport-security timing-allow-origin
    trailer transfer-encoding upgrade vary via www-authenticate x-cache x-content-type-options x-dns-prefetch-control
    x-download-options x-frame-options x-permitted-cross-domain-policies x-powered-by x-request-id
    x-xss-protection""".split()
)
"""Headers that carry no one's data."""

_COOKIE: Final = b"set-cookie"
_CODED: Final = frozenset({_COOKIE, b"location", b"content-location", b"link", b"refresh"})
"""Headers whose values are percent-encoded."""


class HeadHits(msgspec.Struct, frozen=True):
    """A head that carries something: as it may be sent, what was found, and the verdict that tells it."""

    response: Response
    tally: Tally
    verdict: Verdict


def suspicious(finder: Finder, response: Response) -> bool:
    """False: there is nothing in the headers; one scan at most."""
    headers = response.headers
    if QUIET.issuperset(headers.index):
        return False
    text = b"".join([b"\n%b=%b" % (lower, value) for lower, _, value in headers.lines if lower not in QUIET])
    if finder.suspects(text):
        return True
    return (b"%" in text or b"+" in text) and finder.suspects(view(text, form=True).text)


def redact_head(
    finder: Finder, key: Key, orders: Orders, response: Response, *, enforce: bool
) -> HeadHits | None:
    """None where nothing was found after all. A value that policy refuses makes the verdict a block."""
    orders = orders.sparing_secrets()
    tally = Tally(key)
    lines: list[HeaderLine] = []
    altered = would_alter = False
    refusal: Verdict | None = None
    for lower, name, value in response.headers.lines:
        new = value
        if lower not in QUIET:
            container = Container.FORM if lower in _CODED else Container.TEXT
            redactor = Redactor(
                finder, container, orders, key, enforce=enforce, address=f"header.{lower.decode('latin-1')}",
                label=lower, tally=tally,
            )  # fmt: skip
            with contextlib.suppress(BodyRefused):  # the refusal stands in the redactor
                new = redactor.feed(value) + redactor.finish()
            refusal = refusal or redactor.refusal
            altered |= redactor.altered
            would_alter |= redactor.would_alter
        lines.append((lower, name, new))
    if not tally:
        return None
    if refusal is not None:
        return HeadHits(response, tally, refusal)
    if altered:
        response = response.with_headers(Headers.of(lines))
    verdict = msgspec.structs.replace(
        PASSED,
        action=Action.REDACT if altered else Action.FORWARD,
        would=Action.REDACT if would_alter else Action.FORWARD,
        findings=tally.findings("response"),
    )
    return HeadHits(response, tally, verdict)
