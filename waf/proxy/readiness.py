"""Whether a socket has something to be read: one question to the kernel, by C where it was built."""

from __future__ import annotations

import select


def _stirs(fd: int) -> bool:
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    return bool(poll.poll(0))


try:
    from waf._speed import stirs
except ImportError:
    stirs = _stirs

__all__ = ["stirs"]
