"""HTTP/1.1: bytes to model and back. Strict by design: what the grammar does not name is refused.

Knows the wire (RFC 9110, RFC 9112) and nothing of sockets, time, inspection or policy.
"""
