"""Enemies of the applications of `bench.profile_apps`: normal requests with one thing wrong."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final
from urllib.parse import quote, quote_plus

import msgspec

from bench.profile_apps import App, Sent, User

_METHODS: Final = ("PUT", "DELETE", "PATCH", "TRACE", "PROPFIND", "DEBUG")
_SUFFIXES: Final = (".bak", ".old", "~", ".orig", ".swp", ".inc", ".zip", "/..;/admin", ".txt", ".save")
_GUESSES: Final = ("admin", "phpmyadmin", ".git/config", "backup.sql", "manager/html", "cgi-bin/test", "wp-login.php",
                   "server-status", ".env", "console", "config.php", "actuator/env")  # fmt: skip


def attacks(app: App, user: User, count: int, payload: Callable[[str, random.Random], str]) -> list[Sent]:
    """`count` attacks and anomalies, each a normal request of `user` with one thing wrong.

    `payload(class, rng)` composes a text of an attack class. Only what an app of this kind could not have meant is
    made: a value of a free text replaced by another free text is no attack.
    """
    rng = random.Random(f"attacks {app.style} {user.number}")
    out: list[Sent] = []
    while len(out) < count:
        sent = _ATTACKS[rng.choice(_MIX)](app, app.normal(user), rng, payload)
        if sent is not None:
            out.append(sent)
    return out


_INJECTED: Final = (
    "sqli",
    "xss",
    "rce-unix",
    "code",
    "lfi",
    "ssti",
    "crlf",
    "ldap",
    "xpath",
    "nosql",
    "log4shell",
    "ssrf",
)
Payload = Callable[[str, random.Random], str]


def _pairs(sent: Sent) -> tuple[str, list[tuple[str, str]]]:
    path, _, query = sent.target.partition("?")
    pairs = [tuple(pair.partition("=")[::2]) for pair in query.split("&")] if query else []
    return path, pairs  # type: ignore[return-value]


def _with(app: App, sent: Sent, rng: random.Random, change: Callable[[str], str], kind: str) -> Sent | None:
    """The request with one value changed: in the form, the query, the document or, rarely, the cookie."""
    path, pairs = _pairs(sent)
    if sent.form:
        i = rng.randrange(len(sent.form))
        form = tuple((n, change(v)) if j == i else (n, v) for j, (n, v) in enumerate(sent.form))
        return msgspec.structs.replace(sent, form=form, attack=kind)
    if isinstance(sent.document, dict) and sent.document:
        name = rng.choice(sorted(sent.document))
        value = sent.document[name]
        text = change(value if isinstance(value, str) else str(value))
        return msgspec.structs.replace(sent, document={**sent.document, name: text}, attack=kind)
    if pairs:
        i = rng.randrange(len(pairs))
        changed = quote_plus(change(pairs[i][1]), encoding="utf-8")
        query = "&".join(f"{n}={changed if j == i else v}" for j, (n, v) in enumerate(pairs))
        return msgspec.structs.replace(sent, target=f"{path}?{query}", attack=kind)
    if rng.random() < 0.1:
        name, value = sent.cookies[0]
        return msgspec.structs.replace(sent, cookies=((name, quote(change(value))),), attack=kind)
    return None


def _injection(app: App, sent: Sent, rng: random.Random, payload: Payload) -> Sent | None:
    kind = rng.choice(_INJECTED)
    text = payload(kind, rng)
    append = rng.random() < 0.4
    return _with(app, sent, rng, lambda value: value + text if append else text, f"injection {kind}")


def _renamed(app: App, sent: Sent, rng: random.Random, payload: Payload) -> Sent | None:
    path, pairs = _pairs(sent)
    if sent.form:
        i = rng.randrange(len(sent.form))
        form = tuple((n + "A", v) if j == i else (n, v) for j, (n, v) in enumerate(sent.form))
        return msgspec.structs.replace(sent, form=form, attack="renamed")
    if pairs:
        i = rng.randrange(len(pairs))
        query = "&".join(f"{n}{'A' if j == i else ''}={v}" for j, (n, v) in enumerate(pairs))
        return msgspec.structs.replace(sent, target=f"{path}?{query}", attack="renamed")
    return None


def _added(app: App, sent: Sent, rng: random.Random, payload: Payload) -> Sent | None:
    name = rng.choice(("debug", "admin", "cmd", "role", "isAdmin", "exec", "template"))
    if isinstance(sent.document, dict):
        return msgspec.structs.replace(sent, document={**sent.document, name: "1"}, attack="added")
    joint = "&" if "?" in sent.target else "?"
    return msgspec.structs.replace(sent, target=f"{sent.target}{joint}{name}=1", attack="added")


def _long(app: App, sent: Sent, rng: random.Random, payload: Payload) -> Sent | None:
    return _with(app, sent, rng, lambda value: (value or "a") * (1 + 600 // max(1, len(value))), "long")


def _odd(app: App, sent: Sent, rng: random.Random, payload: Payload) -> Sent | None:
    odd = rng.choice(("<", ">", "|", "`", "\x00", "\x08", "{{", "$(", ";", "%0a", "\\", "^", "]]", "\ufffd"))

    def change(value: str) -> str:
        at = rng.randint(0, len(value))
        return value[:at] + odd + value[at:]

    return _with(app, sent, rng, change, "odd")


def _typed(app: App, sent: Sent, rng: random.Random, payload: Payload) -> Sent | None:
    """A number, date or id that is none."""
    made = None

    def change(value: str) -> str:
        nonlocal made
        if not any(c.isdigit() for c in value) or any(c in " .@'" for c in value):
            return value
        made = rng.choice(
            (value + "x", "x" + value, "-" + value, value.replace(value[0], "?", 1), "true", "[]", "1e9")
        )
        return made

    changed = _with(app, sent, rng, change, "typed")
    return changed if made else None


def _unknown_path(app: App, sent: Sent, rng: random.Random, payload: Payload) -> Sent | None:
    path, _, query = sent.target.partition("?")
    path = path.rstrip("/") + rng.choice(_SUFFIXES) if rng.random() < 0.5 else "/" + rng.choice(_GUESSES)
    return msgspec.structs.replace(sent, target=path + ("?" + query if query else ""), attack="path")


def _method(app: App, sent: Sent, rng: random.Random, payload: Payload) -> Sent | None:
    path = sent.target.partition("?")[0]
    used = {place.method for place in app.places}
    method = rng.choice([m for m in _METHODS if m not in used])
    return msgspec.structs.replace(sent, method=method, target=path, attack="method")


_ATTACKS: Final = {
    "injection": _injection, "renamed": _renamed, "added": _added, "long": _long, "odd": _odd, "typed": _typed,
    "path": _unknown_path, "method": _method,
}  # fmt: skip
_MIX: Final = (
    ("injection",) * 9
    + ("path",) * 4
    + ("renamed", "renamed", "added", "long", "odd", "odd", "typed", "method")
)
