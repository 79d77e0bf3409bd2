"""Two more applications that do not exist, of other kinds than those of `bench.profile_apps`: a held-out check.

Nothing of the learner was chosen by what comes out here. A *forum* is rendered on the server and addressed by its
query: `index.php?board=3&start=40`, posts of many paragraphs with code and quotations in them, attachments as
multipart, a nonce in every form, titles in many scripts. A *backend* serves a mobile app: batches of events,
persisted GraphQL queries with variables, positions, versions of the app side by side. Both change while they are
watched: releases bring new parameters and pages, clients send again what failed, and a crawler walks the site.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final
from urllib.parse import quote_plus

import msgspec

from bench.profile_apps import App, Draw, Parameter, Place, Sent, User, word, zipf

HELD_OUT: Final = ("forum", "backend")

_ALPHABETS: Final = (
    "אבגדהוזחטיכלמנסעפ",
    "ابتثجحخدذرزسشصض",
    "กขคงจฉชซญดตถ",
    "あいうえおかきくけこさしすせそ",
    "абвгдежзиклмн",
)
_CODE: Final = ("for (int i = 0; i < n; i++) { a[i] = b[i]; }", "SELECT name FROM users WHERE id = 3;", "<b>note</b>",
                "if x and y: return {1: 'a'}", "ls -l | grep foo > out.txt", "a && b || c", "$total = $price * 1.2;")  # fmt: skip


class Change(msgspec.Struct, frozen=True):
    """What a release brings: a parameter of a place, from an hour on."""

    hour: int
    place: Place
    parameter: Parameter


class HeldOut(App):
    """An application with releases, a crawler and clients that send again."""

    def __init__(self, seed: int, style: str) -> None:
        self.changes: list[Change] = []
        self._last: dict[int, Sent] = {}
        self._multipart: set[str] = set()
        super().__init__(seed, style)

    def normal(self, user: User) -> Sent:
        r = user.rng
        last = self._last.get(user.number)
        if last is not None and r.random() < 0.02:
            return msgspec.structs.replace(last, hour=user.hour)
        if user.number % 97 == 5:  # a crawler: every page, none of the forms, no session
            place = r.choice([place for place in self.places if place.method == "GET" and not place.crew])
            sent = msgspec.structs.replace(self.visit(place, user), cookies=())
        else:
            sent = super().normal(user)
        self._last[user.number] = sent
        return sent

    def visit(self, place: Place, user: User) -> Sent:
        sent = msgspec.structs.replace(super().visit(place, user), multipart=place.path in self._multipart)
        for change in self.changes:
            # Measured users come after the last release: all of theirs are numbered from 1,000 on.
            live = user.number >= 1_000 or user.hour >= change.hour
            if change.place is place and live and user.rng.random() < change.parameter.share:
                pair = (change.parameter.name, change.parameter.draw(user))
                if sent.form is not None:
                    sent = msgspec.structs.replace(sent, form=(*sent.form, pair))
                elif isinstance(sent.document, dict):
                    sent = msgspec.structs.replace(sent, document={**sent.document, pair[0]: pair[1]})
                else:
                    joint = "&" if "?" in sent.target else "?"
                    sent = msgspec.structs.replace(
                        sent, target=f"{sent.target}{joint}{pair[0]}={quote_plus(pair[1])}"
                    )
        return sent

    # --------------------------------------------------------------------------------------------- a forum

    def _forum(self) -> list[Place]:
        r = self.rng
        page = r.choice(("/index.php", "/board/", "/f"))
        boards, topics = r.randint(5, 40), r.choice((200, 3_000, 40_000))

        def board(user: User) -> str:
            return str(1 + zipf(user.rng, boards))

        def topic(user: User) -> str:
            return f"{1 + zipf(user.rng, topics)}.{20 * zipf(user.rng, 8)}"

        def sort(user: User) -> str:
            return user.rng.choice(("subject", "starter", "last_post", "replies"))

        nonce: Draw = lambda user: f"{user.rng.getrandbits(128):032x}"  # noqa: E731
        profile = [
            Parameter("u", lambda u: str(1 + zipf(u.rng, 5_000)), 1.0),
            Parameter("area", lambda u: u.rng.choice(("summary", "posts", "tracking")), 0.3),
        ]
        post = Place("POST", page, 3.0, [], [Parameter("action", lambda u: "post2", 1.0)], [
            Parameter("subject", self._title, 1.0), Parameter("message", self._post, 1.0),
            Parameter("topic", topic, 0.8), Parameter("notify", lambda u: "1", 0.2), Parameter("icon", sort, 1.0),
            Parameter("last_msg", lambda u: str(u.rng.randrange(90_000)), 1.0), Parameter("nonce", nonce, 1.0)],
        )  # fmt: skip
        view = Place("GET", page, 25.0, [], [Parameter("topic", topic, 1.0)])
        login = Place("POST", page, 1.5, [], [Parameter("action", lambda u: "login2", 1.0)], [
            Parameter("user", self._nick, 1.0), Parameter("passwrd", lambda u: "", 1.0),
            Parameter("hash_passwrd", lambda u: f"{u.rng.getrandbits(160):040x}", 1.0),
            Parameter("cookielength", lambda u: u.rng.choice(("-1", "60", "1440")), 1.0), Parameter("nonce", nonce, 1.0)],
        )  # fmt: skip
        places = [
            Place("GET", page, 10.0, [], []),
            Place("GET", page, 12.0, [], [Parameter("board", lambda u: board(u) + ".0", 1.0), Parameter("sort", sort, 0.1),
                                          Parameter("desc", lambda u: "", 0.05)]),
            view, post, login,
            Place("GET", page, 2.0, [], [Parameter("action", lambda u: "profile", 1.0), *profile]),
            Place("POST", page, 1.0, [], [Parameter("action", lambda u: "search2", 1.0)], [
                Parameter("search", self._query, 1.0), Parameter("advanced", lambda u: "1", 0.3),
                Parameter("brd[]", board, 0.4)]),
            Place("GET", "/attachments/{}", 6.0, [lambda u: f"{1 + zipf(u.rng, 900)}_{'%08x' % (zipf(u.rng, 900) * 7919)}.png"], []),
            Place("GET", "/themes/default/{}", 9.0, [lambda u: ("style.css", "script.js", "print.css")[zipf(u.rng, 3)]], []),
            Place("GET", "/wiki/{}", 5.0, [self._article], [Parameter("action", lambda u: u.rng.choice(("history", "edit", "raw")), 0.1)]),
            Place("POST", "/upload", 0.7, [], [], [Parameter("description", self._title, 0.8), Parameter("folder", board, 1.0),
                                                   Parameter("nonce", nonce, 1.0)]),
            Place("GET", page, 0.05, [], [Parameter("action", lambda u: "admin", 1.0), Parameter("area", sort, 1.0)], None, None, 7),
        ]  # fmt: skip
        self._multipart = {"/upload"}
        self.changes = [
            Change(20, view, Parameter("highlight", self._query, 0.05)),
            Change(45, post, Parameter("draft", lambda u: str(u.rng.randrange(5_000)), 0.5)),
            Change(50, login, Parameter("tfa_code", lambda u: f"{u.rng.randrange(10**6):06}", 0.2)),
        ]
        return places

    def _nick(self, user: User) -> str:
        r = random.Random(f"nick {user.number}")
        return word(r).capitalize() + r.choice(
            ("", "", str(r.randrange(99)), "_" + word(r), "-x", " " + word(r))
        )

    def _foreign(self, user: User) -> str:
        r = user.rng
        return "".join(r.choices(_ALPHABETS[user.number % len(_ALPHABETS)], k=r.randint(2, 8)))

    def _words(self, user: User, count: int) -> str:
        make: Callable[[], str] = (lambda: self._foreign(user)) if user.number % 6 == 0 else (
            lambda: word(user.rng, user.letters))  # fmt: skip
        return " ".join(make() for _ in range(count))

    def _title(self, user: User) -> str:
        r = user.rng
        title = self._words(user, r.randint(1, 8))
        tag = r.random()
        return (f"[{word(r)}] {title}" if tag < 0.08 else f"Re: {title}" if tag < 0.4 else title) + r.choice(
            ("", "", "", "?", "!", " :)")
        )

    def _query(self, user: User) -> str:
        r = user.rng
        text = self._words(user, 1 + zipf(r, 4))
        return f'"{text}"' if r.random() < 0.04 else f"-{word(r)} {text}" if r.random() < 0.03 else text

    def _post(self, user: User) -> str:
        r = user.rng
        parts = []
        for _ in range(1 + zipf(r, 6)):
            x = r.random()
            text = self._words(user, max(1, int(r.lognormvariate(2.5, 0.9)))) + r.choice(".?!")
            if x < 0.06:
                text = f"[code]{r.choice(_CODE)}[/code]"
            elif x < 0.16:
                text = f"[quote author={self._nick(user)} link=topic={r.randrange(999)}.msg{r.randrange(9999)}]{text}[/quote]"
            elif x < 0.2:
                text += f" https://{word(r)}.example/{word(r)}?{word(r)}={r.randrange(99)}&b=2"
            parts.append(text)
        return "\r\n\r\n".join(parts)

    def _article(self, user: User) -> str:
        r = random.Random(f"article {zipf(user.rng, 600)}")
        kind = r.choice(("", "", "", "Talk:", "User:", "Help:"))
        return (
            kind
            + "_".join(word(r).capitalize() for _ in range(r.randint(1, 4)))
            + r.choice(("", "", "_(" + word(r) + ")"))
        )

    # ------------------------------------------------------------------------------------------- a backend

    def _backend(self) -> list[Place]:
        r = self.rng
        names = [
            word(r) + r.choice(("Clicked", "Shown", "Failed", ".open", "_done"))
            for _ in range(r.randint(10, 60))
        ]
        screens = [word(r).capitalize() + "Screen" for _ in range(20)]
        queries = [
            (word(r) + r.choice(("List", "Detail", "Update")), f"{r.getrandbits(256):064x}")
            for _ in range(r.randint(8, 25))
        ]
        skus = [f"{word(r).upper()}-{r.randrange(10_000):04}" for _ in range(300)]

        def device(user: User) -> str:
            h = f"{random.Random(f'device {user.number}').getrandbits(128):032x}"
            return f"{h[:8]}-{h[8:12]}-{h[12:16]}-{h[16:20]}-{h[20:]}"

        def version(user: User) -> str:
            return f"{3 + (user.number % 5 == 0)}.{user.number % 7 + user.hour // 24}.{user.number % 3}"

        def event(user: User) -> dict[str, object]:
            rng = user.rng
            made: dict[str, object] = {
                "name": names[zipf(rng, len(names))], "ts": 1_760_000_000_000 + user.hour * 3_600_000 + rng.randrange(3_600_000),
                "screen": screens[zipf(rng, 20)], "seq": rng.randrange(500),
            }  # fmt: skip
            if rng.random() < 0.5:
                made["props"] = {k: v for k, v, p in (
                    ("sku", skus[zipf(rng, 300)], 0.7), ("price", round(rng.lognormvariate(3, 1), 2), 0.5),
                    ("term", self._words(user, 1 + zipf(rng, 3)), 0.2), ("ok", rng.random() < 0.9, 0.4),
                    ("error", rng.choice(("timeout", "HTTP 503", "no network (offline)")), 0.03)) if rng.random() < p}  # fmt: skip
            return made

        def batch(user: User) -> object:
            return {"device": device(user), "app": version(user), "sent": 1_760_000_000 + user.hour * 3_600,
                    "events": [event(user) for _ in range(1 + zipf(user.rng, 12))]}  # fmt: skip

        def query(user: User) -> object:
            rng = user.rng
            name, digest = queries[zipf(rng, len(queries))]
            variables: dict[str, object] = {"first": rng.choice((10, 20, 50))}
            if name.endswith("Detail"):
                variables = {"id": f"gid://{word(random.Random(name))}/{rng.randrange(90_000)}"}
            elif name.endswith("Update"):
                variables = {
                    "input": {
                        "note": self._title(user),
                        "count": rng.randrange(1, 30),
                        "tags": [screens[zipf(rng, 20)] for _ in range(zipf(rng, 4))],
                    }
                }
            elif rng.random() < 0.4:
                variables["after"] = f"{rng.getrandbits(96):024x}"
            return {"operationName": name, "variables": variables,
                    "extensions": {"persistedQuery": {"version": 1, "sha256Hash": digest}}}  # fmt: skip

        def position(user: User) -> object:
            rng = user.rng
            return {"lat": round(rng.uniform(36, 60), 5), "lon": round(rng.uniform(-9, 25), 5), "accuracy": rng.choice((5, 10, 65, 1414)),
                    **({"speed": round(rng.expovariate(0.2), 1)} if rng.random() < 0.4 else {})}  # fmt: skip

        def message(user: User) -> object:
            return {
                "text": self._title(user),
                "to": [device(user)],
                "reply_to": None if user.rng.random() < 0.7 else user.rng.randrange(10**7),
            }

        rooms: Draw = lambda u: f"r{1 + zipf(u.rng, 4_000)}"  # noqa: E731
        sku: Draw = lambda u: skus[zipf(u.rng, 300)]  # noqa: E731
        events = Place("POST", "/v2/events", 12.0, [], [], None, batch)
        search = Place("GET", "/v2/catalog/search", 5.0, [], [Parameter("q", self._query, 1.0), Parameter("limit", lambda u: "25", 1.0),
                       Parameter("lang", lambda u: u.rng.choice(("de", "en", "pt-BR", "he", "ja")), 1.0)])  # fmt: skip
        places = [
            events, search,
            Place("POST", "/graphql", 14.0, [], [], None, query),
            Place("POST", "/v2/position", 4.0, [], [], None, position),
            Place("POST", "/v2/rooms/{}/messages", 3.0, [rooms], [], None, message),
            Place("GET", "/v2/rooms/{}/messages", 6.0, [rooms], [Parameter("before", lambda u: str(u.rng.randrange(10**7)), 0.5)]),
            Place("GET", "/v2/catalog/{}", 8.0, [sku], [Parameter("fields", lambda u: u.rng.choice(("price", "price,stock", "all")), 0.3)]),
            Place("PUT", "/v2/cart/{}", 2.0, [sku], [], None, lambda u: {"quantity": 1 + zipf(u.rng, 9)}),
            Place("DELETE", "/v2/cart/{}", 0.5, [sku], []),
            Place("GET", "/v2/config", 3.0, [], [Parameter("v", version, 1.0), Parameter("os", lambda u: ("ios", "android")[u.number % 2], 1.0)]),
            Place("POST", "/v2/token", 1.0, [], [], [Parameter("grant_type", lambda u: "refresh_token", 1.0),
                  Parameter("refresh_token", lambda u: f"{u.rng.getrandbits(256):064x}", 1.0), Parameter("client_id", lambda u: "mobile", 1.0)]),
            Place("GET", "/internal/flags", 0.03, [], [Parameter("user", device, 0.5)], None, None, 11),
        ]  # fmt: skip
        self.changes = [
            Change(30, search, Parameter("sort", lambda u: u.rng.choice(("price", "-price", "new")), 0.3)),
            Change(48, events, Parameter("consent", lambda u: u.rng.choice(("all", "none", "some")), 0.9)),
        ]
        return places


def app_of(seed: int, style: str) -> App:
    """The application of a style, one of `bench.profile_apps.STYLES` or of `HELD_OUT`."""
    return HeldOut(seed, style) if style in HELD_OUT else App(seed, style)
