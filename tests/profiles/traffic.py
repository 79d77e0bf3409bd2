"""Small traffic for the tests of learned profiles: requests as values, and learners that have seen them."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from urllib.parse import urlencode

from waf.config.schema import Profiles
from waf.model import Field, Framing, Headers, Kind, Part, Request
from waf.profiles.check import Check, Profile
from waf.profiles.learner import Learner
from waf.profiles.observe import HOUR, Observation, Sources

KEY = b"k" * 32
SOURCES = Sources(KEY)
START = 1_000_000 * HOUR
FORM = b"application/x-www-form-urlencoded"
JSON = b"application/json"


def request(path: str, method: str = "GET", headers: dict[str, str] | None = None) -> Request:
    raw = path.encode()
    return Request(
        method=method.encode(),
        target=raw,
        path=raw,
        query=None,
        minor=1,
        headers=Headers.make(*((n.encode(), v.encode("latin-1")) for n, v in (headers or {}).items())),
        host=b"app.example",
        framing=Framing.NONE,
        length=0,
        keep_alive=True,
        expects_continue=False,
        upgrade=None,
    )


class Given:
    """Fields as a request's, by what they are; `body` may be what makes them."""

    plain_body = b"", False

    def __init__(
        self, fields: Sequence[Field] = (), body: Sequence[Field] | Callable[[], Sequence[Field]] = ()
    ) -> None:
        self.cookies = [field for field in fields if field.part is Part.COOKIE]
        self.target = [field for field in fields if field.part in (Part.ARG, Part.ARG_NAME, Part.QUERY)]
        self._body = body

    def body_fields(self) -> Sequence[Field]:
        return self._body() if callable(self._body) else self._body

    def request(self, path: str, method: str = "GET", headers: dict[str, str] | None = None) -> Request:
        """A request that may have such fields."""
        cookie = "; ".join(f"{f.name}={f.value.decode('latin-1')}" for f in self.cookies)
        headers = {**(headers or {}), **({"Cookie": cookie} if self.cookies else {})}
        args = [(f.name, f.value) for f in self.target if f.part is Part.ARG]
        query = urlencode(args).encode() if len(args) == len(self.target) else b"given"
        made = request(path, method, headers)
        return made.altered(query=query) if self.target else made


def args(**values: str | bytes) -> list[Field]:
    return _fields(Part.ARG, values)


def form(**values: str | bytes) -> list[Field]:
    return _fields(Part.FORM, values)


def cookies(**values: str | bytes) -> list[Field]:
    return _fields(Part.COOKIE, values)


def json(**values: object) -> list[Field]:
    """Names with "__" for dots and "_0" for brackets are not needed: pass a dict with ** for odd names."""
    made = []
    for name, value in values.items():
        if value is None:
            made.append(Field(Part.JSON, name, b"null", kind=Kind.NULL))
        elif isinstance(value, bool):
            made.append(Field(Part.JSON, name, str(value).lower().encode(), kind=Kind.BOOL))
        elif isinstance(value, (int, float)):
            made.append(Field(Part.JSON, name, str(value).encode(), kind=Kind.NUMBER))
        else:
            made.append(Field(Part.JSON, name, str(value).encode()))
    return made


def _fields(part: Part, values: dict[str, str | bytes]) -> list[Field]:
    return [Field(part, name, v if isinstance(v, bytes) else v.encode()) for name, v in values.items()]


def seen(
    path: str,
    fields: Sequence[Field] = (),
    *,
    method: str = "GET",
    source: str = "10.0.0.1",
    wall: float = START,
    status: int = 200,
    content_type: bytes = b"",
    **more: object,
) -> Observation:
    return Observation(
        method=method.encode(),
        path=path.encode(),
        fields=fields,
        source=SOURCES.of(source),
        wall=wall,
        status=status,
        content_type=content_type,
        **more,  # type: ignore[arg-type]
    )


def learner(mode: str = "protect", **config: object) -> Learner:
    return Learner(Profiles(mode=mode, **config), KEY)  # type: ignore[arg-type]


def check(
    profile: Profile, path: str, fields: Sequence[Field] = (), body: Sequence[Field] = (), **more: object
) -> Check:
    method = str(more.get("method", "GET"))
    content_type = more.get("content_type", b"")
    assert isinstance(content_type, bytes)
    given = Given(fields, body)
    return profile.check(given.request(path, method), given, content_type)


def rules(found: Check, *, enforced: bool | None = None) -> list[str]:
    return [f.rule for f in found.findings if enforced is None or f.enforced is enforced]


Draw = Callable[[random.Random], Observation]


def shop(rng: random.Random, **more: object) -> Observation:
    """One request of a small shop: pages, a search, a login, items, pictures."""
    x = rng.random()
    if x < 0.2:
        return seen(f"/shop/img/{rng.randrange(9)}.gif", **more)  # type: ignore[arg-type]
    if x < 0.5:
        fields = args(
            q=rng.choice(["red", "blue cheese", "ham", "wine 2004", "olive oil"])
            + rng.choice(["", " old", " new"]),
            page=str(rng.randrange(1, 30)),
            sort=rng.choice(["asc", "desc"]),
        )
        return seen("/shop/search", fields, **more)  # type: ignore[arg-type]
    if x < 0.75:
        name = "".join(rng.choices("abcdefghijklmnop", k=rng.randint(4, 12)))
        word = "".join(rng.choices("abcdefgh0123456789", k=rng.randint(6, 14)))
        fields = form(user=name, password=word, go="Enter")
        return seen("/shop/login", fields, method="POST", content_type=FORM, **more)  # type: ignore[arg-type]
    if x < 0.9:
        return seen(f"/shop/items/{rng.randrange(100_000)}", **more)  # type: ignore[arg-type]
    fields = json(
        id=rng.randrange(10_000),
        title="".join(rng.choices("abcdefgh ", k=rng.randint(3, 20))),
        open=rng.random() < 0.5,
    )
    return seen("/shop/notes", fields, method="PUT", content_type=JSON, **more)  # type: ignore[arg-type]


def learned_shop(n: int = 1_500, mode: str = "protect", seed: int = 1) -> Learner:
    """A shop learned from a trusted source."""
    rng = random.Random(seed)
    made = learner(mode)
    for number in range(n):
        made.observe(shop(rng, trusted=True, wall=START + number), START + number)
    return made
