"""A loopback address for the servers of this process alone.

Ports are given out again, soon where tests start thousands of servers; and whoever talked to the former one may come
back, from another process of the same run or from something else on this machine. Nobody but us knows this address.
"""

from __future__ import annotations

import os
import socket
from typing import Final


def _own() -> str:
    number = os.getpid()
    address = f"127.{1 + number // (256 * 250) % 60}.{number // 250 % 256}.{1 + number % 250}"
    with socket.socket() as probe:
        try:
            probe.bind((address, 0))
        except OSError:  # not everywhere is all of 127.0.0.0/8 there
            return "127.0.0.1"
    return address


HOST: Final = _own()
MANY: Final = HOST != "127.0.0.1"
"""Whether there are more."""
