"""No pattern stops what most values of most requests are: one that does makes each of them as dear as a suspicious one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from bench.corpora.everyday import EVERYDAY
from tests.patterns import patterns_made
from tests.rules.test_engine import RULES
from waf.config.schema import Limits
from waf.http1 import parse
from waf.http1.speed import PASSES
from waf.inspect.reading import read
from waf.inspect.signatures import Signatures

pytestmark = pytest.mark.skipif(PASSES is None, reason="without the accelerator nothing is proved")

_WORDS = """
search select order password passwd user users admin login id name email file path url query q page sort asc desc
true false null none yes no on off test get post delete update insert create drop union script import system
where from table join exec eval include require print echo cat ls id uname sleep version config template class
0 1 42 -1 3.14 1,299.00 2026-11-30 11:38:26 2026-11-30T11:38:26Z +49 30 1234567 10115 en-US de-DE UTF-8
mary@example.com mary.o-neill+news@mail.example /feedback /products/kettles/?page=2 /a/b/c.html ../ www.example.com
https://shop.example/products/4711 keep-alive gzip localhost:8080 127.0.0.1 192.0.2.7 application/json
3f2504e0-4f89-11d3-9a0c-0305e82c3301 b7e1a3f25c444f0e kettle_2.jpg report-final(2).pdf #ff8800 50% A&B
"""
PLAIN = (
    *_WORDS.split(),
    "O'Neill", "don't", "Mary Jones", "select one of the options", "please order from the table", "drop by or call",
    "Blue kettle, 1.5 l", "red & green", "It is and stays good.", "Where does it come from?", "union of the two sets",
    "5 > 3", "size: 10 x 20 cm", "and 1 more", "like new or better", "a or b", "Tom and Jerry", "cat and mouse", "sleep well",
    "Flat 3, 12 High Street", "(030) 123 45 67", "Who? Me!", "the id of the user", "10 Downing St.", "1st and 2nd",
)  # fmt: skip
"""Values of fields as people and programs send them, also words that attacks have."""

STOPPED = {
    *("admin", "off", "delete", "insert", "create", "drop", "script", "exec", "uname", "../", "#ff8800"),
    *("drop by or call", "It is and stays good.", "like new or better", "cat and mouse"),
}
"""Those of them that begin as attacks do, or hold what attacks are made of: the engine looks at them. The fewer the better."""


def _everyday() -> Iterator[bytes]:
    for one in EVERYDAY:
        head, _, body = one.raw().partition(b"\r\n\r\n")
        reading = read(parse.request_head(head + b"\r\n\r\n", Limits()), body, Limits(), repr)
        for field in (*reading.head, *reading.body_fields()):
            yield field.value


def _stopped(program: bytes | None, values: Sequence[bytes]) -> list[bytes]:
    assert PASSES is not None
    assert program is not None
    return [value for value in values if not PASSES(program, value)]


@pytest.fixture(scope="module")
def program() -> bytes | None:
    """Of the rules that are in force where nothing is set."""
    return Signatures.build(RULES, patterns_made(), repr, highest=2).searcher.program


def test_plain_values_are_proved_clean(program: bytes | None) -> None:
    assert {value.decode() for value in _stopped(program, [one.encode() for one in PLAIN])} == STOPPED


def test_most_values_of_everyday_requests_are_proved_clean(program: bytes | None) -> None:
    values = list(dict.fromkeys(_everyday()))
    assert len(values) > 400
    stopped = _stopped(program, values)
    assert len(stopped) <= 0.05 * len(values), stopped
