"""Templates and the canonical reading of a path."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.together import together
from waf.policy.paths import canonical, template


@together(
    ("raw", "text", "ambiguous"),
    [
        (b"/", "/", False),
        (b"/a/b", "/a/b", False),
        (b"/a/b/", "/a/b/", False),
        (b"/a.b/c.js", "/a.b/c.js", False),
        (b"/%61/b", "/a/b", False),
        (b"/caf%C3%A9", "/café", False),
        (b"/a/../b", "/b", True),
        (b"/a/%2e%2e/b", "/b", True),
        (b"/a/./b", "/a/b", True),
        (b"/a//b", "/a/b", True),
        (b"/a%2fb", "/a/b", True),
        (b"/a%5cb", "/a/b", True),
        (b"/a;x=1/b", "/a;x=1/b", True),
        (b"/a%00b", "/a\x00b", True),
        (b"/%252e%252e/b", "/%2e%2e/b", True),
        (b"/../../etc", "/etc", True),
        (b"*", "/", False),
    ],
)
def test_canonical(raw: bytes, text: str, ambiguous: bool) -> None:
    path = canonical(raw)
    assert (path.text, path.ambiguous) == (text, ambiguous)


@given(st.binary(max_size=60))
def test_what_is_not_ambiguous_reads_the_same_twice(raw: bytes) -> None:
    path = canonical(b"/" + raw)
    assert path.text.startswith("/")
    if not path.ambiguous and path.text.isascii() and "%" not in path.text:
        assert canonical(path.text.encode()).text == path.text


@pytest.mark.parametrize(
    ("pattern", "fits", "misses"),
    [
        ("/api/*", ["/api/x"], ["/api", "/api/", "/api/x/y", "/apix/y"]),
        ("/users/{id}", ["/users/7"], ["/users/", "/users/7/edit"]),
        ("/static/**", ["/static", "/static/", "/static/a/b.js"], ["/statics"]),
        ("/a/*.php", ["/a/x.php"], ["/a/b/x.php", "/a/x.phps"]),
        ("/**", ["/", "/any/thing"], []),
        ("", ["/", "/x"], []),
        ("/a.c", ["/a.c"], ["/abc"]),
    ],
)
def test_template(pattern: str, fits: list[str], misses: list[str]) -> None:
    compiled = template(pattern)
    assert [p for p in fits if not compiled.fullmatch(p)] == []
    assert [p for p in misses if compiled.fullmatch(p)] == []


@pytest.mark.parametrize("pattern", ["api/*", "/a/**/b"])
def test_a_template_without_sense_says_what_to_write(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"template"):
        template(pattern)
