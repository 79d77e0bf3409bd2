"""The cases that detection is measured on: which corpora they are drawn from, how many of each, and under which rows they are told.

Owns the order and the sampling: with one seed they are the same in every run. What becomes of them is the business of `bench.detection`.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import Final, NamedTuple

from bench.corpora import (
    blind,
    classics,
    families,
    fresh,
    held,
    machines,
    payloads,
    requests,
    shapes,
    striking,
    talk,
    tester,
    texts,
)

_ALL = ("query", "form", "json", "multipart", "xml", "path", "cookie", "header", "graphql")


def _raw(r: random.Random, payload: str) -> requests.Message:
    """A payload that is keys rather than a value: the body itself, or the query itself."""
    if payload.startswith("{"):
        return requests.message(
            r, "POST", "/api/settings", [("Content-Type", "application/json")], payload.encode(), "json"
        )
    return requests.message(r, "GET", f"/api/settings?{payload}", [], b"", "query")


class Case(NamedTuple):
    """One message; the first of its `rows` of the report tells its class. `shown` is False of families held back."""

    attack: bool
    rows: tuple[str, ...]
    message: requests.Message
    text: str
    shown: bool = True


def attacks(seed: int, count: int) -> Iterable[Case]:
    """The first set: `count` for each class plain, a quarter of that for each wrapping."""
    for kind in payloads.SHAPES:
        for wrapping, wrap in requests.ENCODINGS.items():
            plain = wrapping == "plain"
            r = random.Random(f"{kind}:{wrapping}:{seed}")
            for _ in range(count if plain else max(1, count // 4)):
                payload = payloads.payload(kind, r)
                place = r.choice(striking.PLACES.get(kind, _ALL))
                if place == "xml-raw":
                    made = requests.untyped(r, payload, "application/xml")
                elif not place.endswith("-raw"):
                    made = requests.PLACES[place](r, wrap(payload))
                elif plain:
                    made = _raw(r, payload)
                else:
                    continue
                total = f"1 {'plain' if plain else 'wrapped'} total"
                yield Case(
                    True,
                    (f"1 {kind if plain else 'wrapped ' + wrapping}", total, f"1 at {place}"),
                    made,
                    payload,
                )


def wider(seed: int, count: int) -> Iterable[Case]:
    """The second set: `count` of each family plain at common places, and as many wrapped and at all places."""
    places = requests.PLACES | requests.MORE_PLACES
    wrappings = requests.MORE_ENCODINGS | requests.ENCODINGS
    for name, (kind, templates) in (families.FAMILIES | held.HELD).items():
        r = random.Random(f"{name}:{seed}")
        shown = name not in held.HELD
        set_ = "open" if shown else "held"
        able = [place for place in places if place not in striking.NOT_AT.get(kind, ())]
        usual = [place for place in ("query", "form", "json", "multipart") if place in able] or able
        for payload in families.drawn(templates, r, count if shown else 2 * count):
            rows = (f"2 {set_} {kind}", f"2 {set_} plain total")
            yield Case(True, rows, places[r.choice(usual)](r, payload), payload, shown)
            place, wrapping = r.choice(able), r.choice(list(wrappings))
            try:
                made = places[place](r, wrappings[wrapping](payload))
            except UnicodeError:
                continue
            rows = (f"2 wrapped {wrapping}", f"2 {set_} all places and wrappings total", f"2 at {place}")
            yield Case(True, rows, made, payload, shown)


def by_hand(seed: int, count: int) -> Iterable[Case]:
    """The third set: at most `count` of each class as they are, at common places."""
    for kind, written in classics.CLASSICS.items():
        r = random.Random(f"{kind}:{seed}")
        able = [
            place
            for place in ("query", "form", "json", "multipart")
            if place not in striking.NOT_AT.get(kind, ())
        ]
        for payload in r.sample(written, min(count, len(written))):
            made = _raw(r, payload) if kind == "keys" else requests.PLACES[r.choice(able)](r, payload)
            yield Case(True, (f"3 {kind}", "3 plain total"), made, payload)


def _common_places(kind: str) -> list[str]:
    return [
        place
        for place in ("query", "form", "json", "multipart")
        if place not in striking.NOT_AT.get(kind, ())
    ]


def _written(kind: str, payload: str, r: random.Random) -> requests.Message:
    if kind == "keys" or (kind in ("nosql", "deserialization") and payload.startswith("{")):
        return _raw(r, payload)
    if kind == "xxe":
        return requests.untyped(r, payload, "application/xml")
    return requests.PLACES[r.choice(_common_places(kind) or ["form"])](r, payload)


def afresh(seed: int, count: int) -> Iterable[Case]:
    """The fourth set: at most `count` of each class, and what acts whatever words stand before it in the value."""
    for kind, written in fresh.FRESH.items():
        r = random.Random(f"fresh:{kind}:{seed}")
        for payload in r.sample(written, min(count, len(written))):
            yield Case(True, (f"4 {kind}", "4 plain total"), _written(kind, payload, r), payload)
    for kind, endings in fresh.BEHIND_WORDS.items():
        r = random.Random(f"words:{kind}:{seed}")
        for text in (words + ending for words in fresh.WORDS for ending in endings):
            made = requests.PLACES[r.choice(_common_places(kind))](r, text)
            yield Case(True, (f"4 {kind} behind words", "4 behind words total"), made, text)
        for text in (fresh.PAGE + ending for ending in endings):
            made = requests.PLACES[r.choice(_common_places(kind))](r, text)
            yield Case(True, (f"4 {kind} behind a page", "4 behind a page total"), made, text)


def unread(seed: int, count: int) -> Iterable[Case]:
    """The fifth set: payloads and whole requests written before the rules were read."""
    for kind, written in blind.payloads().items():
        r = random.Random(f"blind:{kind}:{seed}")
        for payload in r.sample(written, min(count, len(written))):
            yield Case(True, (f"5 {kind}", "5 plain total"), _written(kind, payload, r), payload)
    for kind, request in blind.hostile_requests():
        yield Case(True, (f"5 requests {kind}", "5 requests total"), _whole(request, seed), request[1])


_AT_HOME: Final = frozenset({"keys", "xxe", "graphql", "redirect", "crlf", "mail", "rfi", "ssrf"})
"""Kinds that act at some places alone, so that places cannot be compared by them."""


def _everywhere(group: str, kind: str, written: list[str], r: random.Random, few: int) -> Iterable[Case]:
    """A few payloads of a kind in every encoding at every place."""
    able = [payload for payload in written if payload.isprintable() and "%" not in payload]
    if kind.split(maxsplit=1)[0] not in _AT_HOME:
        for payload in r.sample(able, min(few, len(able))):
            for encoding, place, made in tester.sent(payload, r):
                rows = (f"{group} at {place}", f"{group} as {encoding}", f"{group} everywhere total")
                yield Case(True, rows, made, payload)


def unread_again(seed: int, count: int) -> Iterable[Case]:
    """The sixth set, unread too; and of each of its kinds a few payloads in every encoding at every place."""
    for group, file in (("6", "unread.txt"), ("6 again", "unread_again.txt")):
        for kind, written in blind.payloads(file).items():
            r = random.Random(f"{file}:{kind}:{seed}")
            for payload in r.sample(written, min(count, len(written))):
                made = _written(kind.split()[0], payload, r)
                yield Case(True, (f"{group} {kind}", f"{group} plain total"), made, payload)
            yield from _everywhere(group, kind, written, r, max(1, min(count // 50, 4)))
    for kind, request in blind.hostile_requests("unread_requests.jsonl"):
        yield Case(True, (f"6 requests {kind}", "6 requests total"), _whole(request, seed), request[1])


_UNSEEN: Final[dict[str, requests.Place]] = {
    "graphql": lambda r, text: tester.posted_json(r, "/graphql", {"query": text}),
    "upload": tester.uploaded,
    "names": requests.MORE_PLACES["file-name"],
}
"""Kinds of the eighth set and of later ones that mean something at one place: a query, the content of a file, its name."""


_UNSEEN_SETS: Final = (
    ("8", "unseen"),
    ("8 last", "unseen_last"),
    ("10", "tenth"),
    ("10 again", "tenth_again"),
    ("11", "eleventh"),
    ("11 again", "eleventh_again"),
    ("12", "twelfth"),
    ("13", "thirteenth"),
    ("14", "fourteenth"),
)
_UNSEEN_REQUESTS: Final = (
    "unseen",
    "unseen_last",
    "tenth",
    "eleventh",
    "twelfth",
    "thirteenth",
    "fourteenth",
)


def unseen(seed: int, count: int) -> Iterable[Case]:
    """The eighth set, unread as well: half of it what scanners send first, half what follows; a smaller one, the tenth to the fourteenth."""
    for group, file in _UNSEEN_SETS:
        for kind, written in blind.payloads(f"{file}.txt").items():
            r = random.Random(f"{file}:{kind}:{seed}")
            for payload in r.sample(written, min(count, len(written))):
                put = _UNSEEN.get(kind)
                made = put(r, payload) if put else _written(kind.split()[0], payload, r)
                yield Case(True, (f"{group} {kind}", f"{group} plain total"), made, payload)
            if file in ("eleventh", "twelfth", "thirteenth", "fourteenth") and not put:
                yield from _everywhere(group, kind, written, r, max(1, count // 100))
    for group, file in _UNSEEN_SETS:
        if file not in _UNSEEN_REQUESTS:
            continue
        for kind, request in blind.hostile_requests(f"{file}_requests.jsonl"):
            rows = (f"{group} requests {kind}", f"{group} requests total")
            yield Case(True, rows, _whole(request, seed), request[1])


def _whole(request: blind.Request, seed: int) -> requests.Message:
    method, target, headers, body = request
    return requests.message(random.Random(f"{target}:{seed}"), method, target, headers, body, "whole")


def technical_talk(seed: int, count: int) -> Iterable[Case]:
    """At most `count` of each kind of `talk`."""
    for shown, kinds in ((True, talk.TALK), (False, talk.HELD_TALK)):
        group = "talk" if shown else "held talk"
        for kind, written in kinds.items():
            r = random.Random(f"{group}/{kind}:{seed}")
            for text in r.sample(written, min(count, len(written))):
                made = requests.PLACES[r.choice(_TEXT_PLACES)](r, text)
                yield Case(False, (f"{group}/{kind}", f"{group} total"), made, text, shown)


def honest(seed: int, count: int) -> Iterable[Case]:
    """At most `count` of each kind of `machines`, and each of its requests."""
    for kind, written in machines.HONEST.items():
        r = random.Random(f"honest/{kind}:{seed}")
        for text in r.sample(written, min(count, len(written))):
            made = requests.PLACES[r.choice(_TEXT_PLACES)](r, text)
            yield Case(False, (f"honest/{kind}", "honest total"), made, text)
    for world, name, request in blind.worlds():
        total = "pieces total" if world == "pieces" else "worlds total"
        yield Case(
            False,
            (f"worlds/{world}", total),
            _whole(request, seed),
            f"{name} {request[1]} {request[3][:80]!r}",
        )
    for group, named in (("machines", machines.MACHINES.items()), ("products", blind.product_requests())):
        for name, request in named:
            yield Case(False, (f"{group} total",), _whole(request, seed), f"{name} {request[1]}")


_FEW: Final = ("query", "form", "json")


def unlooked(seed: int) -> Iterable[Case]:
    """What nobody had looked at when it was written: each text at the common places and at one of the others."""
    for group, texts_, requests_ in (
        ("plain", "plain.txt", "plain_requests.jsonl"),
        ("plain again", "plain_again.txt", "plain_requests_again.jsonl"),
        ("plain tenth", "tenth_plain.txt", "tenth_plain_requests.jsonl"),
        ("alike eleventh", "eleventh_alike.txt", ""),
        ("plain eleventh", "eleventh_plain.txt", "eleventh_plain_requests.jsonl"),
        ("plain twelfth", "twelfth_plain.txt", "twelfth_plain_requests.jsonl"),
        ("alike twelfth", "twelfth_alike.txt", ""),
        ("plain thirteenth", "thirteenth_plain.txt", "thirteenth_plain_requests.jsonl"),
        ("alike thirteenth", "thirteenth_alike.txt", ""),
        ("alike fourteenth", "fourteenth_alike.txt", ""),
    ):
        for kind, written in blind.payloads(texts_).items():
            r = random.Random(f"{texts_}:{kind}:{seed}")
            who = kind.partition(" ")[0]
            for text in written:
                for place in (*_FEW, r.choice(_TEXT_PLACES[3:])):
                    made = requests.PLACES[place](r, text)
                    yield Case(False, (f"{group}/{kind}", f"{group} {who} total"), made, text)
        for world, name, request in blind.worlds(requests_) if requests_ else ():
            yield Case(
                False,
                (f"{group}/products {world}", f"{group} products total"),
                _whole(request, seed),
                f"{name} {request[1]} {request[3][:80]!r}",
            )


def benign(seed: int, count: int) -> Iterable[Case]:
    for kind, (group, _) in texts.KINDS.items():
        r = random.Random(f"place:{kind}:{seed}")
        long = group in ("rich", "code") or kind in ("paragraphs", "foreign")
        places = ("form", "json", "multipart") if long else _TEXT_PLACES
        for text in texts.texts(kind, seed, count):
            made = requests.PLACES[r.choice(places)](r, text)
            yield Case(False, (f"{group}/{kind}", f"{group} total"), made, text)
    for kind, whole in shapes.WHOLE.items():
        r = random.Random(f"{kind}:{seed}")
        for _ in range(count):
            made = whole(r)
            text = (made.head.partition(b"\r\n")[0] + made.body).decode("latin-1")
            yield Case(False, (f"everyday/{kind}", "everyday total"), made, text)
    for kind, (group, draw) in shapes.TEXTS.items():
        r = random.Random(f"{kind}:{seed}")
        for _ in range(count):
            text = draw(r)
            yield Case(
                False,
                (f"{group}/{kind}", f"{group} total"),
                requests.PLACES[r.choice(_TEXT_PLACES)](r, text),
                text,
            )


_TEXT_PLACES = ("query", "form", "json", "multipart", "xml", "cookie", "graphql")


def legitimate(file: str, seed: int) -> list[Case]:
    """The requests of a file, one a line as JSON: `world`, `name`, `request` (method and target), `headers`, `body` or `base64`."""
    return [
        Case(False, (f"{world}", "total"), _whole(request, seed), name)
        for world, name, request in blind.worlds(file)
    ]


def all_cases(seed: int, count: int, which: str) -> list[Case]:
    cases: list[Case] = []
    if which in ("all", "attacks"):
        cases += [
            *attacks(seed, count),
            *wider(seed, max(count // 4, 1)),
            *by_hand(seed, count),
            *afresh(seed, count),
            *unread(seed, count),
            *unread_again(seed, count),
            *unseen(seed, count),
        ]
    if which in ("all", "benign"):
        cases += [*benign(seed, count), *technical_talk(seed, count), *honest(seed, count), *unlooked(seed)]
    return cases
