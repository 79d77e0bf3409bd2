"""A layer-7 web application firewall that runs as a sidecar beside every app container."""

from waf import compiled as _compiled

__version__ = "0.1.0"

_compiled.choose()
