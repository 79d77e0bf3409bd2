"""Measurements: what the sidecar costs, what it withstands, what it finds. Run as `python -m bench.NAME`.

Nothing here is imported by the product. Every run is bounded in time and count, uses loopback addresses only,
and compares with its peers in the same run: absolute figures of a shared machine tell little.
"""
