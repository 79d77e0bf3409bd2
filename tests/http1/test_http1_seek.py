"""Searching with the C library gives what `bytes.find` gives, however often it is asked."""

from hypothesis import given
from hypothesis import strategies as st

from waf.http1.seek import find

pieces = st.lists(st.sampled_from([b"\r\n--", b"edge", b"-", b"\0", b"a"]), max_size=8).map(b"".join)


@given(
    st.lists(st.tuples(pieces, st.integers(0, 2000)), min_size=1, max_size=4), st.lists(pieces, max_size=4)
)
def test_as_bytes_find_does(parts: list[tuple[bytes, int]], wanted: list[bytes]) -> None:
    data = b"".join(piece + b"x" * size for piece, size in parts)
    for one in (*wanted, *wanted, b""):
        assert find(data, one) == data.find(one)


def test_what_is_known_of_a_long_piece_is_of_that_piece_alone() -> None:
    """Pieces of an upload lie where the last one lay; who asks again, with other words or bytes, is told anew."""
    boundary = b"\r\n--boundary"
    for number in range(50):
        at = 1000 * number
        piece = bytes(at) + boundary + bytes(100_000 - at)
        assert find(piece, boundary) == at
        assert find(piece, bytes(bytearray(boundary))) == at
        assert find(piece, boundary + b"x") == -1
        assert find(piece, boundary) == at
        assert find(bytes(100_000), boundary) == -1
        del piece
