"""A loopback address for the servers of this process alone.

Ports are given out again, soon where tests start thousands of servers; and whoever talked to the former one may come
back, from another process of the same run or from something else on this machine. Nobody but us knows this address.
"""

from __future__ import annotations

import os
import sys
from typing import Final


def _own() -> str:
    if sys.platform != "linux":  # elsewhere there is one, not all of 127.0.0.0/8
        return "127.0.0.1"
    number = os.getpid()
    return f"127.{1 + number // (256 * 250) % 60}.{number // 250 % 256}.{1 + number % 250}"


HOST: Final = _own()
