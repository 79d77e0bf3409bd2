"""Which settings hold for a request: the first fitting route, and nothing looser on an ambiguous path."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.together import together
from waf.config.schema import Config, Inspection, Route, Size
from waf.model import Mode
from waf.policy.paths import canonical
from waf.policy.routes import Routes, Settings, host_fits
from waf.profiles.constraints import Stage, cap_of


def find(
    routes: tuple[Route, ...], path: bytes, *, method: bytes = b"GET", host: bytes = b"shop", **config: Any
) -> Settings:
    config = {"mode": Mode.MONITOR, **config}
    return Routes(Config(routes=routes, **config)).find(host, method, canonical(path))


def test_the_first_fitting_route_wins() -> None:
    routes = (
        Route(path="/api/health", mode=Mode.OFF),
        Route(path="/api/**", name="api", mode=Mode.PROTECT),
        Route(path="/api/x", mode=Mode.OFF),
    )
    assert find(routes, b"/api/health").mode is Mode.OFF
    assert find(routes, b"/api/x").name == "api"
    assert find(routes, b"/").name == ""
    assert find(routes, b"/").mode is Mode.MONITOR


@pytest.mark.parametrize(
    ("route", "fits"),
    [
        (Route(path="/**", methods=("POST", "PUT")), {(b"POST", b"a.example"), (b"POST", b"b.example:80")}),
        (Route(path="/**", host="a.example"), {(b"POST", b"a.example"), (b"GET", b"A.Example:8080")}),
        (Route(path="/**", host="*.example", methods=("GET",)), {(b"GET", b"A.Example:8080")}),
    ],
)
def test_a_route_may_be_for_some_methods_and_hosts(route: Route, fits: set[tuple[bytes, bytes]]) -> None:
    asked = {(b"POST", b"a.example"), (b"POST", b"b.example:80"), (b"GET", b"A.Example:8080")}
    found = {pair for pair in asked if find((route,), b"/x", method=pair[0], host=pair[1]).name}
    assert found == fits


@together(
    ("pattern", "host", "fits"),
    [
        ("shop.example", b"shop.example", True),
        ("shop.example", b"SHOP.example:8080", True),
        ("shop.example", b"shop.example.", True),
        ("shop.example", b"shop.example.:443", True),
        ("shop.example", b"a.shop.example", False),
        ("*.shop.example", b"a.b.shop.example", True),
        ("*.shop.example", b"shop.example", False),
        ("*.shop.example", b"evilshop.example", False),
        ("[::1]", b"[::1]", True),
        ("[::1]", b"[::1]:8080", True),
        ("[::1]", b"[::2]:8080", False),
    ],
)
def test_hosts(pattern: str, host: bytes, fits: bool) -> None:
    assert host_fits(pattern, host) is fits


LOOSE = Route(
    path="/static/**",
    name="static",
    mode=Mode.OFF,
    level=1,
    signatures=False,
    sensitive=False,
    profiles=False,
    responses=False,
    inspect_body=Size(10),
    body=Size(1 << 40),
    over_limit="stream",
)


def test_a_route_loosens_where_the_path_is_clear() -> None:
    loose = find((LOOSE,), b"/static/x.css", mode=Mode.PROTECT)
    assert (loose.mode, loose.level, loose.over_limit) == (Mode.OFF, 1, "stream")
    assert not any((loose.signatures, loose.sensitive, loose.profiles, loose.responses))


@pytest.mark.parametrize(
    "path", [b"/static/..%2fadmin/../static/x", b"/static//x", b"/static/x;y", b"/static/%00"]
)
def test_nothing_is_looser_where_the_path_is_ambiguous(path: bytes) -> None:
    settings = find((LOOSE,), path, mode=Mode.PROTECT)
    plain = find((), path, mode=Mode.PROTECT)
    assert settings.mode is Mode.PROTECT
    assert (settings.level, settings.body) == (plain.level, plain.body)
    assert settings.inspect_body == plain.inspect_body
    assert settings.over_limit == "auto"
    assert settings.signatures
    assert settings.sensitive
    assert settings.profiles
    assert settings.responses


def test_what_is_stricter_holds_on_an_ambiguous_path_too() -> None:
    strict = Route(path="/admin/**", mode=Mode.PROTECT, level=4, allow_methods=("GET",), over_limit="block")
    settings = find((strict,), b"/admin//x", inspection=Inspection(level=1))
    assert (settings.mode, settings.level, settings.over_limit) == (Mode.PROTECT, 4, "block")
    assert settings.allow_methods == {b"GET"}


SETTINGS = st.builds(
    Route,
    path=st.just("/**"),
    mode=st.sampled_from([None, *Mode]),
    level=st.none() | st.integers(1, 4),
    signatures=st.none() | st.booleans(),
    sensitive=st.none() | st.booleans(),
    responses=st.none() | st.booleans(),
)
ORDER = [Mode.OFF, Mode.MONITOR, Mode.PROTECT]


@given(SETTINGS, st.sampled_from(ORDER), st.integers(1, 4))
def test_an_ambiguous_path_never_gets_less_than_the_defaults_or_the_route(
    route: Route, mode: Mode, level: int
) -> None:
    config: dict[str, Any] = {"mode": mode, "inspection": Inspection(level=level)}
    odd, clear, plain = (
        find((route,), b"/a//b", **config), find((route,), b"/a/b", **config), find((), b"/a/b", **config)
    )  # fmt: skip
    for other in (clear, plain):
        assert ORDER.index(odd.mode) >= ORDER.index(other.mode)
        assert odd.level >= other.level
        assert odd.signatures >= other.signatures
        assert odd.sensitive >= other.sensitive
        assert odd.responses >= other.responses


@pytest.mark.parametrize(
    ("own", "path", "usual", "comes"),
    [
        (None, b"/a/x", Stage.PROTECT, Stage.PROTECT),
        ("discover", b"/a/x", Stage.PROTECT, Stage.DISCOVER),
        ("monitor", b"/a/x", Stage.PROTECT, Stage.STAGE),
        ("protect", b"/a/x", Stage.DISCOVER, Stage.PROTECT),
        ("discover", b"/a//x", Stage.PROTECT, Stage.PROTECT),  # read in two ways: nothing looser
        ("protect", b"/a//x", Stage.STAGE, Stage.PROTECT),
        ("discover", b"/b", Stage.PROTECT, Stage.PROTECT),
    ],
)
def test_how_far_the_profile_goes_at_a_route(own: Any, path: bytes, usual: Stage, comes: Stage) -> None:
    settings = find((Route(path="/a/**", profiles_mode=own),), path)
    assert cap_of(usual, settings.profile_cap, loosens=settings.profile_loosens) is comes
