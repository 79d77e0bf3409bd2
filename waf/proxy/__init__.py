"""The I/O shell: sockets, time and the straight path of one exchange between them.

Everything that is decided is decided elsewhere (`http1` reads and writes, the policy judges); this room moves
bytes, keeps deadlines, bounds memory, and sees to it that every exchange ends in one answer and one record.
"""

# First, whichever module is asked for: compiled, `straight` and `steps` know the layout of the conversation, which in turn
# imports them.
import waf.proxy.downstream  # noqa: F401
