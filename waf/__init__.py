"""A layer-7 web application firewall that runs as a sidecar beside every app container."""

__version__ = "0.1.0"
