"""Entity files: their grammar, their mistakes, and that each entity finds its own hits and not its misses."""

from __future__ import annotations

import pytest

from tests.sensitive.messages import ENTITIES, FINDER
from tests.together import together
from waf.errors import ConfigError
from waf.sensitive.beside import settled_by
from waf.sensitive.candidates import Candidates
from waf.sensitive.entities import EDGES, GROUPS, Entity, custom_entity, parse_entities
from waf.sensitive.find import Finder
from waf.sensitive.validate import VALIDATORS

GOOD = """
thing:
  title: A thing
  group: secret
  pattern: 'thing-[0-9]{6}'
  hits: ['**thing-123456**']
"""


def test_there_are_entities_of_every_group() -> None:
    assert {e.group for e in ENTITIES} == set(GROUPS) - {"custom"}
    assert len({e.id for e in ENTITIES}) == len(ENTITIES) > 50


@together("entity", ENTITIES, ids=lambda e: e.id)
def test_its_hits_are_found_exactly(entity: Entity) -> None:
    for sample in entity.hits:
        text = sample.text.encode()
        found = [text[h.start : h.end] for h in settled_by(FINDER.find(text)) if h.entity.id == entity.id]
        assert sample.value.encode() in found, sample.text


@together("entity", [e for e in ENTITIES if e.misses], ids=lambda e: e.id)
def test_its_misses_are_not_found(entity: Entity) -> None:
    for sample in entity.misses:
        found = [h for h in settled_by(FINDER.find(sample.text.encode())) if h.entity.id == entity.id]
        assert not found, sample.text


def test_every_entity_that_acts_alone_says_what_it_is_not() -> None:
    assert not [e.id for e in ENTITIES if not e.misses]


def test_a_file_is_read() -> None:
    (entity,) = parse_entities(GOOD, "x.yaml")
    assert (entity.id, entity.group, entity.line) == ("thing", "secret", 2)
    assert entity.hits[0].value == "thing-123456"
    assert entity.edges in EDGES


@together(
    ("old", "new", "path", "line"),
    [
        ("group: secret", "group: secrets", "thing.group", 4),
        ("title:", "titel:", "thing.titel", 3),
        ("[0-9]{6}'", "(?=x)'", "thing.pattern", 5),
        ("[0-9]{6}'", "[0-9'", "thing.pattern", 5),
        ("  hits: ['**thing-123456**']\n", "", "thing.hits", 2),
        ("thing:", "Thing!:", "Thing!", 2),
        ("  group: secret", "  group: secret\n  validator: luna", "thing.validator", 5),
        ("  group: secret", "  group: secret\n  mask: stars", "thing.mask", 5),
        ("  group: secret", "  group: secret\n  confidence: 2", "thing.confidence", 5),
        ("  group: secret", "  group: secret\n  led: ['[0-9]+']", "thing.context", 2),
        ("  group: secret", "  group: secret\n  context: word", "thing.context", 5),
        ("  group: secret", "  group: secret\n  behind: 'x{0,1025}'", "thing.behind", 5),
        ("  group: secret", "  group: secret\n  behind: 'x*'", "thing.behind", 5),
        ("hits: ['**thing-123456**']", "hits: []", "thing.hits", 6),
    ],
)
def test_a_mistake_is_located(old: str, new: str, path: str, line: int) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_entities(GOOD.replace(old, new), "x.yaml")
    assert (path, line) in [(p.path, p.line) for p in caught.value.problems]
    assert all(p.file == "x.yaml" for p in caught.value.problems)


def test_what_stands_behind_may_be_long_where_it_is_seldom_tried() -> None:
    bounded = GOOD.replace("  group: secret", "  group: secret\n  behind: 'x{0,1024}'")
    free = GOOD.replace("  group: secret", "  group: secret\n  edges: run\n  behind: 'x{0,4000}'")
    assert parse_entities(bounded, "x.yaml")[0].behind == "x{0,1024}"
    assert parse_entities(free, "x.yaml")[0].edges == "run"


def test_all_mistakes_are_told_at_once() -> None:
    text = GOOD.replace("title:", "titel:").replace("secret", "secrets") + GOOD.replace("thing:", "other:")
    with pytest.raises(ConfigError) as caught:
        parse_entities(text.replace("[0-9]{6}", "[0-9"), "x.yaml")
    assert len(caught.value.problems) >= 4


def test_a_pattern_that_hyperscan_refuses_is_named() -> None:
    entities = parse_entities(GOOD.replace("[0-9]{6}", r"(a)\1"), "x.yaml")
    with pytest.raises(ConfigError) as caught:
        Candidates.build([*ENTITIES[:3], *entities], None)
    assert [p.path for p in caught.value.problems] == ["thing.pattern"]


class Store:
    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}
        self.loads = 0

    def load(self, key: str) -> bytes | None:
        self.loads += key in self.kept
        return self.kept.get(key)

    def save(self, key: str, database: bytes) -> None:
        self.kept[key] = database


def test_compiled_patterns_are_kept_and_used_again() -> None:
    store = Store()
    entities = parse_entities(GOOD, "x.yaml")
    Finder.build(entities, store)
    store.loads = 0
    again = Finder.build(entities, store)
    assert (len(store.kept), store.loads) == (3, 3)  # the database, its sieve, and the program that spares it
    assert len(again.find(b"a thing-123456 b")) == 1
    store.kept = dict.fromkeys(store.kept, b"rubbish")
    assert len(Finder.build(entities, store).find(b"thing-123456")) == 1


def test_an_entity_of_ones_own() -> None:
    entity = custom_entity("badge", r"\bEMP-[0-9]{5}\b", mask="last2", context=("employee",))
    hits = Finder.build([entity], None).find(b"employee EMP-12345 came")
    assert [(h.entity.group, h.start, h.end, h.acts) for h in hits] == [("custom", 9, 18, True)]


@pytest.mark.parametrize(
    ("bad", "key"),
    [
        ({"pattern": "("}, "pattern"),
        ({"pattern": r"(\w+\s?)*!"}, "pattern"),
        ({"pattern": "a", "validator": "none-such"}, "validator"),
        ({"pattern": "a", "mask": "first"}, "mask"),
        ({"pattern": "a", "context": ("(",)}, "context"),
    ],
)
def test_a_bad_entity_of_ones_own_is_refused(bad: dict[str, object], key: str) -> None:
    with pytest.raises(ConfigError) as caught:
        custom_entity("badge", where="sensitive.custom[0]", **bad)  # type: ignore[arg-type]
    assert caught.value.problems[0].path == f"sensitive.custom[0].{key}"


def test_validators_that_rules_name_exist() -> None:
    assert {e.validator for e in ENTITIES if e.validator} <= set(VALIDATORS)
