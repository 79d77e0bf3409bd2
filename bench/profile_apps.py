"""Applications that do not exist and their users: traffic for measuring learned profiles.

`App(seed, style)` draws an application: places, forms, parameters and how their values are distributed. Everything
comes from the seed; nothing is shared with the learner, and no constant of the learner was chosen by this file.
Users are drawn from seeds of their own, so that those who are learned from and those who are measured are disjoint.
"""

from __future__ import annotations

import json
import math
import random
import string
from collections.abc import Callable
from typing import Final
from urllib.parse import quote, quote_plus

import msgspec

STYLES: Final = ("shop", "rest", "json", "cms")


class Sent(msgspec.Struct, frozen=True):
    """One request as it is sent: `target` and `body` are on-the-wire bytes; `user` tells clients apart."""

    method: str
    target: str
    user: int
    hour: int
    cookies: tuple[tuple[str, str], ...] = ()
    form: tuple[tuple[str, str], ...] | None = None
    document: object = None  # JSON, where there is any
    attack: str = ""  # its class, "" for a normal request
    codec: str = "utf-8"  # in which form and query values are percent-encoded
    multipart: bool = False  # the form is sent as multipart/form-data


class User(msgspec.Struct):
    """One client: an accent, a session, habits."""

    number: int
    rng: random.Random
    session: str
    letters: str
    formal: bool
    hour: int


_CONSONANTS: Final = "bcdfghjklmnpqrstvwxyz"
_VOWELS: Final = "aeiou"
_ACCENTS: Final = ("áéíóúñ", "äöüß", "éèêçà", "åøæ", "", "", "", "")
_SCRIPTS: Final = ("абвгдежзиклмнопрст", "αβγδεζηθικλμνο", "的一是不了人我在有他")


def word(rng: random.Random, extra: str = "", least: int = 1, most: int = 4) -> str:
    out = ""
    for _ in range(rng.randint(least, most)):
        vowel = rng.choice(extra) if extra and rng.random() < 0.08 else rng.choice(_VOWELS)
        out += rng.choice(_CONSONANTS) + vowel + (rng.choice("nrslt") if rng.random() < 0.3 else "")
    return out


def zipf(rng: random.Random, size: int, bend: float = 1.0) -> int:
    """An index below `size`; small ones are common, large ones rare."""
    if bend == 1.0:
        return min(size - 1, int(math.exp(rng.random() * math.log(size + 1))) - 1)
    return min(size - 1, int(size * rng.random() ** (1 + bend)))


Draw = Callable[[User], str]


def _vocabulary(rng: random.Random, size: int) -> list[str]:
    return [word(rng) for _ in range(size)]


def _enum(rng: random.Random) -> Draw:
    size = rng.choice((1, 2, 2, 3, 4, 5, 8, 12, 25, 40))
    style = rng.randrange(4)
    names = [word(rng) for _ in range(size)]
    if style == 1:
        names = [name.capitalize() + " " + word(rng) for name in names]
    elif style == 2:
        names = [name.upper() + "_" + word(rng).upper() for name in names]
    elif style == 3:
        names = [str(rng.randrange(100)) for _ in range(size)]
    return lambda user: names[zipf(user.rng, size)]


def _name(rng: random.Random) -> Draw:
    def draw(user: User) -> str:
        r = user.rng
        name = word(r, user.letters, 1, 4).capitalize()
        x = r.random()
        if x < 0.25:
            name += " " + word(r, user.letters).capitalize()
        elif x < 0.28:
            name += "-" + word(r, user.letters).capitalize()
        elif x < 0.285:
            name = "O'" + name
        elif x < 0.29:
            name = r.choice("ABJM") + ". " + name
        return name if r.random() < 0.93 else name.lower()

    return draw


def _login(rng: random.Random) -> Draw:
    digits = rng.random() < 0.5

    def draw(user: User) -> str:
        r = user.rng
        text = word(r, "", 2, 4)
        if digits and r.random() < 0.4:
            text += str(r.randrange(1, 2010))
        elif r.random() < 0.05:
            text += r.choice("._-") + word(r)
        return text

    return draw


def _password(rng: random.Random) -> Draw:
    strong = rng.random() < 0.4

    def draw(user: User) -> str:
        r = user.rng
        if strong:
            alphabet = string.ascii_letters + string.digits + ("!?$%&#*+-_." if r.random() < 0.4 else "")
            return "".join(r.choices(alphabet, k=r.randint(8, 20)))
        return word(r, "", 2, 5) + (str(r.randrange(100)) if r.random() < 0.3 else "")

    return draw


def _email(rng: random.Random) -> Draw:
    hosts = [word(rng) + rng.choice((".com", ".org", ".net", ".de", ".es", ".co.uk")) for _ in range(60)]

    def draw(user: User) -> str:
        r = user.rng
        local = word(r) + (r.choice("._-+") + word(r) if r.random() < 0.3 else "")
        local += str(r.randrange(100)) if r.random() < 0.2 else ""
        host = hosts[zipf(r, 60)] if r.random() < 0.7 else word(r) + ".com"
        return f"{local}@{host}"

    return draw


def _text(rng: random.Random) -> Draw:
    longest = rng.choice((12, 40, 120))
    foreign = rng.random() < 0.3

    def draw(user: User) -> str:
        r = user.rng
        count = max(1, int(r.lognormvariate(math.log(longest / 4), 0.7)))
        words = [word(r, user.letters) for _ in range(min(count, longest * 3))]
        if foreign and user.number % 11 == 0:
            script = _SCRIPTS[user.number % 3]
            words = ["".join(r.choices(script, k=r.randint(2, 7))) for _ in words]
        text = ""
        for plain in words:
            each, x = plain, r.random()
            mark = ", " if x < 0.06 else ". " if x < 0.13 else "! " if x < 0.15 else "? " if x < 0.17 else " "
            if x > 0.995:
                said = f'"{each}"' if r.random() < 0.5 else f"({each})"
            elif x > 0.985:
                said = each + "'s"
            elif x > 0.97:
                said = str(r.randrange(2000))
            else:
                said = f"{each} & {word(r)}" if x > 0.968 else each
            text += said + mark
        text = text.rstrip(" ,")
        return text[:1].upper() + text[1:] if user.formal else text

    return draw


def _search(rng: random.Random) -> Draw:
    common = _vocabulary(rng, 300)

    def draw(user: User) -> str:
        r = user.rng
        words = [common[zipf(r, 300)] for _ in range(1 + zipf(r, 4))]
        if r.random() < 0.15:
            words.append(word(r, user.letters))
        if r.random() < 0.05:
            words.append(str(r.randrange(2000)))
        if r.random() < 0.01:
            words[0] = f'"{words[0]}"'
        return " ".join(words)

    return draw


def _int(rng: random.Random) -> Draw:
    size = rng.choice((5, 10, 100, 1000, 100_000))
    bend = rng.choice((1.0, 1.0, 0.5))
    return lambda user: str(1 + zipf(user.rng, size, bend))


def _price(rng: random.Random) -> Draw:
    point = rng.choice(".,")
    return lambda user: f"{user.rng.lognormvariate(3, 1.2):.2f}".replace(".", point)


def _digits(rng: random.Random) -> Draw:
    size = rng.choice((4, 5, 8, 9, 16))
    letter = rng.random() < 0.3

    def draw(user: User) -> str:
        text = "".join(user.rng.choices(string.digits, k=size))
        return text + user.rng.choice("ABCDEFGHJKLMNPQRSTVWXYZ") if letter else text

    return draw


def _phone(rng: random.Random) -> Draw:
    def draw(user: User) -> str:
        r = user.rng
        digits = "".join(r.choices(string.digits, k=9))
        forms = (digits, f"+{r.randrange(1, 99)} {digits}", f"{digits[:3]} {digits[3:6]} {digits[6:]}",
                 f"({digits[:3]}) {digits[3:6]}-{digits[6:]}", f"{digits[:3]}-{digits[3:]}")  # fmt: skip
        return forms[zipf(r, 5)]

    return draw


def _date(rng: random.Random) -> Draw:
    form = rng.choice(("{y}-{m:02}-{d:02}", "{d:02}/{m:02}/{y}", "{y}-{m:02}-{d:02}T{h:02}:00:00Z"))

    def draw(user: User) -> str:
        r = user.rng
        return form.format(y=r.randint(1950, 2026), m=r.randint(1, 12), d=r.randint(1, 28), h=r.randrange(24))

    return draw


def _uuid(rng: random.Random) -> Draw:
    def draw(user: User) -> str:
        h = f"{user.rng.getrandbits(128):032x}"
        return f"{h[:8]}-{h[8:12]}-{h[12:16]}-{h[16:20]}-{h[20:]}"

    return draw


def _token(rng: random.Random) -> Draw:
    alphabet = rng.choice((string.hexdigits[:16], string.ascii_letters + string.digits + "-_"))
    size = rng.choice((16, 22, 32, 40))
    return lambda user: "".join(user.rng.choices(alphabet, k=size))


def _bool(rng: random.Random) -> Draw:
    pair = rng.choice((("true", "false"), ("on", "off"), ("1", "0"), ("yes", "no")))
    return lambda user: pair[user.rng.random() < 0.3]


def _return(rng: random.Random) -> Draw:
    paths = ["/" + "/".join(_vocabulary(rng, rng.randint(1, 3))) for _ in range(30)]

    def draw(user: User) -> str:
        path = paths[zipf(user.rng, 30)]
        return path + (f"?page={user.rng.randrange(20)}" if user.rng.random() < 0.2 else "")

    return draw


def _address(rng: random.Random) -> Draw:
    def draw(user: User) -> str:
        r = user.rng
        text = word(r, user.letters).capitalize() + r.choice((" Street ", " Road ", " ", " Avenue "))
        text += str(r.randrange(1, 200))
        if r.random() < 0.2:
            text += r.choice((", ", " - ", "/")) + str(r.randrange(1, 9)) + r.choice(("", "A", "B", "º"))
        return text

    return draw


VALUES: Final = (
    _enum, _enum, _enum, _int, _int, _name, _login, _password, _email, _text, _search, _price, _digits, _digits,
    _phone, _date, _uuid, _token, _bool, _return, _address,
)  # fmt: skip
_PLAIN: Final = (_enum, _enum, _enum, _int, _int, _bool, _search, _date, _token, _digits)


class Parameter(msgspec.Struct):
    name: str
    draw: Draw
    share: float  # of requests that have it


class Place(msgspec.Struct):
    """One endpoint: `path` has a "{}" for each of `slots`; `weight` is its share of the visits."""

    method: str
    path: str
    weight: float
    slots: list[Draw]
    query: list[Parameter]
    form: list[Parameter] | None = None
    document: Callable[[User], object] | None = None
    crew: int = 0  # only users whose number is divisible by this come here (0: all)


class App:
    """One application. `normal` gives a request of a user, `attack` one of an enemy."""

    def __init__(self, seed: int, style: str) -> None:
        self.rng = random.Random(f"app {style} {seed}")
        self.style = style
        self.codec = "latin-1" if style == "shop" and seed % 2 else "utf-8"
        self.cookie = "SID" + word(self.rng).upper()
        self._session = _token(self.rng)
        self.places = getattr(self, f"_{style}")()
        total = sum(place.weight for place in self.places)
        self._weights = [place.weight / total for place in self.places]

    # -------------------------------------------------------------------------------------------- drawing

    def _parameters(self, count: int, kinds: tuple[Callable[[random.Random], Draw], ...]) -> list[Parameter]:
        r = self.rng
        names = {word(r, "", 1, 3): None for _ in range(count)}
        shares = (1.0, 1.0, 1.0, 0.9, 0.5, 0.1)
        return [Parameter(name, r.choice(kinds)(r), r.choice(shares)) for name in names]

    def _weight(self) -> float:
        return self.rng.lognormvariate(0, 1.3)

    def _shop(self) -> list[Place]:
        r = self.rng
        base = "/" + word(r) + r.choice(("", "/public", "/web"))
        end = r.choice((".jsp", ".php", ".do", ""))
        places = []
        for _ in range(r.randint(14, 30)):
            path = f"{base}/{word(r)}{end}"
            query = self._parameters(zipf(r, 5), _PLAIN)
            places.append(Place("GET", path, self._weight(), [], query))
            if r.random() < 0.6:
                form = self._parameters(r.randint(1, 13), VALUES)
                places.append(Place("POST", path, self._weight(), [], [], form))
                if r.random() < 0.4:
                    places.append(Place("GET", path, self._weight(), [], form))
        for place in r.sample(places, 2):
            place.crew, place.weight = 9, 0.02
        for _ in range(r.randint(1, 4)):
            files = [word(r) + r.choice((".gif", ".jpg", ".css", ".js")) for _ in range(r.randint(3, 30))]
            path = f"{base}/{word(r)}/{{}}"
            places.append(Place("GET", path, 4.0, [lambda u, f=files: f[zipf(u.rng, len(f))]], []))  # type: ignore[misc]
        return places

    def _rest(self) -> list[Place]:
        r = self.rng
        places = []
        for _ in range(r.randint(6, 14)):
            base = r.choice(("/api/v1/", "/api/", "/")) + word(r) + "s"
            ident = r.choice((_int, _uuid, _digits, _token))(r)
            places.append(Place("GET", base, self._weight(), [], self._parameters(r.randint(0, 5), _PLAIN)))
            places.append(Place("GET", base + "/{}", self._weight(), [ident], []))
            if r.random() < 0.7:
                document = self._document(0)
                places.append(Place("POST", base, self._weight() / 2, [], [], None, document))
                places.append(Place("PUT", base + "/{}", self._weight() / 3, [ident], [], None, document))
            if r.random() < 0.4:
                places.append(Place("DELETE", base + "/{}", self._weight() / 8, [ident], []))
            if r.random() < 0.5:
                path = base + "/{}/" + word(r)
                places.append(Place("GET", path, self._weight(), [ident], self._parameters(2, _PLAIN)))
        for place in r.sample(places, 2):
            place.crew, place.weight = 9, 0.02
        return places

    def _json(self) -> list[Place]:
        r = self.rng
        places = [Place("GET", "/", 2.0, [], []), Place("GET", "/health", 1.0, [], [])]
        for _ in range(r.randint(8, 20)):
            path = "/rpc/" + word(r) + r.choice(("", "." + word(r)))
            places.append(Place("POST", path, self._weight(), [], [], None, self._document(0)))
        return places

    def _cms(self) -> list[Place]:
        r = self.rng
        slugs = ["-".join(_vocabulary(r, r.randint(1, 6))) for _ in range(400)]
        tags = _vocabulary(r, 60)
        assets = [
            f"{word(r)}.{r.getrandbits(32):08x}.{r.choice(('js', 'css', 'png', 'woff2'))}" for _ in range(80)
        ]

        def slug(user: User) -> str:
            return slugs[zipf(user.rng, 400)]

        places = [
            Place("GET", "/", 6.0, [], self._parameters(1, _PLAIN)),
            Place("GET", "/blog/{}", 8.0, [slug], []),
            Place("GET", "/tag/{}", 3.0, [lambda u: tags[zipf(u.rng, 60)]], self._parameters(1, (_int,))),
            Place("GET", "/assets/{}", 12.0, [lambda u: assets[zipf(u.rng, 80)]], []),
            Place("GET", "/search", 2.0, [], [Parameter("q", _search(r), 1.0), Parameter("p", _int(r), 0.2)]),
            Place("POST", "/blog/{}/comment", 1.0, [slug], [], [
                Parameter("author", _name(r), 1.0), Parameter("mail", _email(r), 1.0),
                Parameter("text", _text(r), 1.0), Parameter("nonce", _token(r), 1.0)]),
            Place("POST", "/login", 0.6, [], [], [
                Parameter("user", _login(r), 1.0), Parameter("pass", _password(r), 1.0)]),
            Place("GET", "/admin/posts", 0.05, [], self._parameters(2, _PLAIN), None, None, 9),
            Place("POST", "/admin/save", 0.03, [], [], self._parameters(4, VALUES), None, 9),
        ]  # fmt: skip
        for _ in range(r.randint(3, 10)):
            places.append(Place("GET", "/" + word(r), self._weight(), [], []))
        return places

    def _document(self, depth: int) -> Callable[[User], object]:
        r = self.rng
        parts: list[tuple[str, float, Callable[[User], object]]] = []
        for name in dict.fromkeys(word(r, "", 1, 3) for _ in range(r.randint(2, 7))):
            x = r.random()
            share = r.choice((1.0, 1.0, 0.8, 0.3))
            make: Callable[[User], object]
            if depth < 2 and x < 0.15:
                make = self._document(depth + 1)
            elif depth < 2 and x < 0.25:
                inner = self._document(depth + 1)
                make = lambda u, inner=inner: [inner(u) for _ in range(1 + zipf(u.rng, 4))]  # noqa: E731
            elif x < 0.4:
                number = _int(r)
                make = lambda u, number=number: int(number(u))  # noqa: E731
            elif x < 0.5:
                make = lambda u: u.rng.random() < 0.4  # noqa: E731
            elif x < 0.55:
                make = lambda u: round(u.rng.lognormvariate(2, 1), 2)  # noqa: E731
            elif x < 0.62:
                draw = r.choice(VALUES)(r)
                make = lambda u, draw=draw: draw(u) if u.rng.random() < 0.7 else None  # noqa: E731
            else:
                make = r.choice(VALUES)(r)
            parts.append((name, share, make))

        def build(user: User) -> object:
            return {name: make(user) for name, share, make in parts if user.rng.random() < share}

        return build

    # --------------------------------------------------------------------------------------------- traffic

    def user(self, number: int) -> User:
        rng = random.Random(f"user {self.style} {number}")
        user = User(number, rng, "", rng.choice(_ACCENTS), rng.random() < 0.8, 0)
        user.session = self._session(user)
        return user

    def normal(self, user: User) -> Sent:
        place = user.rng.choices(self.places, self._weights)[0]
        while place.crew and user.number % place.crew:
            place = user.rng.choices(self.places, self._weights)[0]
        return self.visit(place, user)

    def visit(self, place: Place, user: User) -> Sent:
        r = user.rng
        path = place.path.format(*(quote(draw(user)) for draw in place.slots))
        query = [(p.name, p.draw(user)) for p in place.query if p.share >= 1 or r.random() < p.share]
        if place.method == "GET" and r.random() < 0.002:
            query.append(("utm_source", word(r)))
        form = None
        if place.form is not None:
            form = tuple((p.name, p.draw(user)) for p in place.form if p.share >= 1 or r.random() < p.share)
        if r.random() < 0.01:
            user.session = self._session(user)
        document = place.document(user) if place.document else None
        target = path + ("?" + self.encode(query) if query else "")
        cookies = ((self.cookie, user.session),)
        return Sent(place.method, target, user.number, user.hour, cookies, form, document, "", self.codec)

    def encode(self, pairs: list[tuple[str, str]]) -> str:
        return "&".join(
            f"{quote_plus(n)}={quote_plus(v, encoding=self.codec, errors='replace')}" for n, v in pairs
        )


def traffic(app: App, users: range, requests: int, hours: int, seed: int) -> list[Sent]:
    """Normal requests in order of time: users come and go in sessions spread over `hours`."""
    rng = random.Random(f"traffic {seed}")
    people = {number: app.user(number) for number in users}
    out: list[Sent] = []
    while len(out) < requests:
        user = people[rng.choice(users)]
        user.hour = rng.randrange(hours)
        for _ in range(1 + int(rng.expovariate(1 / 12))):
            out.append(app.normal(user))
    out = out[:requests]
    out.sort(key=lambda sent: sent.hour)
    return out


_BOUNDARY: Final = "----WebKitFormBoundary7MA4YWxkTrZu0gW"


def body_of(sent: Sent) -> tuple[bytes, bytes]:
    """The body as sent and its content type."""
    if sent.form is not None and sent.multipart:
        parts = "".join(
            f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="{quote(n, safe="[]")}"\r\n\r\n{v}\r\n'
            for n, v in sent.form
        )
        kind = f"multipart/form-data; boundary={_BOUNDARY}"
        return f"{parts}--{_BOUNDARY}--\r\n".encode("utf-8", "replace"), kind.encode()
    if sent.form is not None:
        pairs = (
            f"{quote_plus(n)}={quote_plus(v, encoding=sent.codec, errors='replace')}" for n, v in sent.form
        )
        return "&".join(pairs).encode(), b"application/x-www-form-urlencoded"
    if sent.document is not None:
        return json.dumps(sent.document).encode(), b"application/json"
    return b"", b""
