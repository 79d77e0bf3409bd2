"""The demo shop alone, as an app to try the sidecar with: `python -m waf.demo --port 8000`."""

from __future__ import annotations

import argparse

from aiohttp import web

from waf.demo.shop import make_shop


def main() -> None:
    """Serve until SIGINT or SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m waf.demo", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    options = parser.parse_args()
    web.run_app(make_shop(), host=options.host, port=options.port, access_log=None)


if __name__ == "__main__":
    main()
