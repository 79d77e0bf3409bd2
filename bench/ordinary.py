"""How many ordinary requests are settled without any engine, and what the others are searched for.

    python -m bench.ordinary [--all]

Each request of `bench.corpora.everyday` is judged as a sidecar with default rules in protect mode does, once each client's own
header lines are known. Told is which of its halves (head, body) the accelerator proves to be clean for rules and for sensitive data;
`--all` names each request that is not. Bodies that are neither JSON nor forms have no such way and are not counted.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from typing import Final

from bench.corpora.everyday import EVERYDAY, Everyday
from waf.policy.screens import DATA_CLEAR, RULES_CLEAR

_HALVES: Final = ("head, rules", "head, sensitive data", "body, rules", "body, sensitive data")


class Told:
    """What of a request is proved clean; of what is not, the values that are left for the rules."""

    def __init__(self, cache: str) -> None:
        from waf.assembly import Files, build, keep

        self._files = Files(options={"mode": "protect", "cache_dir": cache})
        self.config = self._files.load().config
        kept = keep(self.config, {})
        self.policy = build(self._files, kept).policy

    def halves(self, one: Everyday) -> tuple[dict[str, bool], str]:
        """Of each half that the request has whether it is settled, and how the request was judged."""
        from waf.http1 import parse
        from waf.inspect.bodies.choose import PLAIN_KIND
        from waf.inspect.reading import BodyKind, Reading
        from waf.model import Exchange, Peer, Refused

        policy = self.policy
        head, _, body = one.raw().partition(b"\r\n\r\n")
        request = parse.request_head(head + b"\r\n\r\n", self.config.limits)
        screen = policy._screens.get(2)
        found = screen(request) if screen is not None else 0
        told = {_HALVES[0]: bool(found & RULES_CLEAR), _HALVES[1]: bool(found & DATA_CLEAR)}
        if PLAIN_KIND[request.headers.index.get(b"content-type", b"")] is not BodyKind.NONE:
            reading = Reading(request, self.config.limits, policy.detector.mask)
            found = policy._read_body.read(reading, body)
            told |= {_HALVES[2]: bool(found & RULES_CLEAR), _HALVES[3]: bool(found & DATA_CLEAR)}
        exchange = Exchange("0123456789abcdef", Peer("192.0.2.7", 40_000, "192.0.2.7", "http"), 1.0, 1.7e9)
        exchange.request = request
        policy.plan(exchange, 1.0)
        refused = isinstance(policy.admit(exchange, body, 1.0), Refused)
        return told, "refused" if refused else "admitted"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.ordinary", description=__doc__.partition("\n")[0])
    parser.add_argument("--all", action="store_true", help="name the requests that are not settled")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="waf-ordinary-") as cache:
        told = Told(cache)
        for client in dict.fromkeys(one.client for one in EVERYDAY):
            told.halves(Everyday("known", client, "GET /"))
        results = [(one, *told.halves(one)) for one in EVERYDAY]
    for half in _HALVES:
        known = [halves[half] for _, halves, _ in results if half in halves]
        print(f"{half:22} {sum(known):3} of {len(known):3} settled")
    whole = sum(all(halves.values()) for _, halves, _ in results)
    print(f"{'whole requests':22} {whole:3} of {len(results):3} settled")
    for one, halves, judged in results:
        if judged == "refused":
            print(f"refused: {one.name}")
        open_ = [half for half in _HALVES if not halves.get(half, True)]
        if options.all and open_:
            print(f"  {one.name:24} {'; '.join(open_)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
