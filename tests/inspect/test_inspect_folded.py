"""Folded texts are searched only for the patterns that look at them: what counts is found all the same."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.inspect.inspect_samples import STORE
from waf.inspect.matcher import Pattern
from waf.inspect.search import Searcher
from waf.inspect.views import FOLDS, LAYERS, View

PATTERNS = [
    Pattern(one)
    for one in (rb"union\s+select", rb"cat\s+/etc/passwd", rb"/etc/passwd", rb"javascript:", rb"alert\(")
]
ALL = int(LAYERS | FOLDS)
VIEWS = [
    int(LAYERS | View.SQLSPACE),
    int(LAYERS | View.SHELL | View.PATHNORM),
    int(LAYERS | View.PATHNORM),
    int(LAYERS | View.SQUASH),
    int(View.PERCENT | View.CONCAT),
]
_ALL_VIEWS = Searcher.build(PATTERNS, STORE)
_OWN_VIEWS = Searcher.build(PATTERNS, STORE, VIEWS)

PIECES = st.sampled_from(
    [
        "union", "select", "uni/**/on", "/**/", "c'a't", "cat", " ", "/etc/passwd", "/etc/./passwd", "/e'tc/x/../passwd",
        "java\tscript:", "al'+'ert(", "%27", "%2561", "&#97;", "\\x61", "'", '"', "$@", "\n", "x",
    ]
)  # fmt: skip


@given(
    st.lists(
        st.lists(PIECES, max_size=6).map(lambda pieces: "".join(pieces).encode()), min_size=1, max_size=4
    )
)
@settings(max_examples=300, deadline=None)
def test_what_counts_in_its_view_is_found(values: list[bytes]) -> None:
    def found(searcher: Searcher) -> set[tuple[int, int, bytes]]:
        result = searcher.search(values, searcher.scan_all(values))
        return {
            (hit.text.owner, hit.match[0], hit.text.data)
            for hit in result.hits
            if not hit.text.mask & ALL & ~VIEWS[hit.match[0]]
        }

    # Where all combinations are made there may be no room for all texts that count.
    assert found(_OWN_VIEWS) >= found(_ALL_VIEWS)


def test_combinations_that_nothing_looks_at_are_not_made() -> None:
    value = [b"c'a't /e'tc/./passwd /**/ uni/**/on"]
    chains = [text.chain for text in _OWN_VIEWS.search(value, _OWN_VIEWS.scan_all(value)).decoded]
    assert (View.SHELL, View.PATHNORM) in chains
    assert not any({View.SQLSPACE, View.SHELL} <= {*chain} for chain in chains)
    folded = _OWN_VIEWS.folded
    assert folded.wants(int(View.SQLSPACE))
    assert not folded.wants(int(View.SQLSPACE | View.SHELL))
    assert folded.goes_on(int(View.SHELL))
    assert not folded.goes_on(int(View.SQLSPACE))
