"""Where sensitive data went is told by a template of the path even where no route is named, and never by a value."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from tests.app.rig import RawApp, on_uvloop, serving
from tests.sensitive.messages import CARD, detector
from tests.together import together
from waf.guesses import DEEPEST, MOST, SIDE_BY_SIDE, Guesses
from waf.sensitive.anomaly import KNOWN_AFTER
from waf.sensitive.inventory import OTHER

MASK = detector().mask


@together(
    ("path", "place"),
    [
        (b"/", "/"),
        (b"/api/v2/customers/4711/cards", "/api/v2/customers/{int}/cards"),
        (b"/api/v1.2/Export/customers.csv", "/api/v1.2/Export/customers.csv"),
        (b"/o/3f2504e0-4f89-41d3-9a0c-0305e82c3301/", "/o/{uuid}/"),
        (b"/oauth2/token", "/oauth2/token"),
        (b"/users/jane.doe@example.com", "/users/{id}"),
        (b"/users/Jane%20Doe", "/users/{str}"),
        (b"/users/jane.doe", "/users/{str}"),
        (b"/u/J%C3%A4ne", "/u/{str}"),
        (b"/pay/" + CARD.encode(), "/pay/{int}"),
        (b"/pay/4539-1488-0343-6467", "/pay/{id}"),
        (b"/s/536-22-8145", "/s/{id}"),
        (b"/t/abc123def456abc", "/t/{hex}"),
        (b"/t/sk_live_4eC39HqLyjWDarjtT1zdp7dc", "/t/{token}"),
        (b"/img/logo.png", "/img/{file}"),
        (b"/a/../b", OTHER),
        (b"/a%2Fb", OTHER),
        (b"*", OTHER),
        (b"/" + b"a/" * DEEPEST, OTHER),
        (b"/" + b"a" * 5000, OTHER),
    ],
)
def test_places(path: bytes, place: str) -> None:
    assert Guesses().place(path, MASK) == place


def test_a_word_that_is_a_secret_is_none() -> None:
    assert (
        Guesses().place(b"/reset/swordfish", lambda data: data.decode().replace("fish", "****"))
        == "/reset/{str}"
    )


def test_names_side_by_side_become_a_slot() -> None:
    guesses = Guesses()
    names = [f"{chr(97 + n // 26)}{chr(97 + n % 26)}" for n in range(100)]
    places = {guesses.place(f"/users/{name}/cards".encode(), MASK) for name in names}
    assert len(places) == SIDE_BY_SIDE + 1
    assert "/users/{str}/cards" in places
    assert guesses.place(b"/users/aa/cards", MASK) == "/users/aa/cards"


def test_places_are_bounded_also_by_those_known_before() -> None:
    guesses = Guesses()
    guesses.know([OTHER, "named", *(f"/x/{n}" for n in range(MOST - 1))])
    assert guesses.place(b"/a/b", MASK) == "/a/b"
    assert guesses.place(b"/a/c", MASK) == OTHER
    assert guesses.place(b"/a/b", MASK) == "/a/b"


def test_what_the_app_has_not_is_no_place() -> None:
    guesses = Guesses()
    assert guesses.place(b"/wp-admin", MASK, found=False) == OTHER
    assert guesses.place(b"/cards", MASK) == "/cards"
    assert guesses.place(b"/cards", MASK, found=False) == "/cards"
    assert guesses.place(b"/orders", MASK, most=1) == OTHER


@given(st.lists(st.binary(max_size=30), max_size=6))
def test_never_a_number_of_many_digits_nor_anything_unprintable(segments: list[bytes]) -> None:
    place = Guesses().place(b"/" + b"/".join(segments), MASK)
    assert place.isprintable()
    assert place.isascii()
    assert sum(c.isdigit() for c in place) <= 6 * max(1, len(segments))
    assert "@" not in place


@on_uvloop
async def test_the_inventory_tells_where_without_routes_and_profiles(pattern_cache: Path) -> None:
    body = b'{"card":"%b"}' % CARD.encode()
    answer = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (
        len(body),
        body,
    )
    options = {"profiles.enabled": "false", "mode": "protect"}
    async with RawApp() as app, serving(pattern_cache, app.url, **options) as site:
        app.answer = answer
        for number in range(3):
            status, _, text = await site.get(f"/customers/{number}/card")
            assert status == 200
            assert CARD not in text
        await site.recorded(3)
        learning = site.sidecar.learning
        learning._learn(1.0)
        endpoints = {place.endpoint for place, _ in learning.memory.inventory}
    assert endpoints == {"/customers/{int}/card"}


@on_uvloop
async def test_a_new_entity_is_told_by_its_place_without_routes_and_profiles(pattern_cache: Path) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
    options = {"profiles.enabled": "false", "mode": "protect"}
    async with RawApp() as app, serving(pattern_cache, app.url, **options) as site:
        learning = site.sidecar.learning
        app.answer = head % (2, b"{}")
        for number in range(KNOWN_AFTER):
            await site.get(f"/orders/{number}")
        await site.recorded(KNOWN_AFTER)
        learning._count()
        body = b'{"card":"%b"}' % CARD.encode()
        app.answer = head % (len(body), body)
        await site.get("/cards/1")
        await site.get("/orders/1")
        await site.recorded(KNOWN_AFTER + 2)
        learning._learn(1.0)
        assert learning.memory.disclosures.knows("/orders/{int}")
        assert not learning.memory.disclosures.knows("/cards/{int}")
        assert learning.disclosures == 2  # the first as one of all that have no route


def test_paths_that_are_made_up_are_not_masked_once_nothing_new_is_a_place() -> None:
    guesses = Guesses()
    guesses.know(f"/x/{n}" for n in range(MOST))
    masked: list[bytes] = []

    def mask(data: bytes) -> str:
        masked.append(data)
        return MASK(data)

    assert guesses.place(b"/alpha/beta/gamma", mask) == OTHER
    assert not masked
