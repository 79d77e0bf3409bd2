"""Whether the values of a configuration can be used, and fit one another.

Owns what the types cannot say. Every check is a generator of `Remark`s; it names the dotted path, and the
line is found later from that path. An error refuses the configuration; a warning is a thing that works, yet
hardly as meant.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import msgspec

from waf.config.address import Endpoint, parse_endpoint, parse_upstream
from waf.config.schema import Config, Route
from waf.config.shape import did_you_mean, shown
from waf.model import Mode


class Remark(msgspec.Struct, frozen=True):
    path: str
    message: str
    mend: str = ""
    warning: bool = False


_METHOD = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}", re.ASCII)  # RFC 9110 section 5.6.2, token
_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]{1,64}/[a-z0-9!#$&^_.+*-]{1,64}", re.ASCII)
_HOST = re.compile(
    r"(?:\*\.)?(?:[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63})*|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?"
)
_ENVIRONMENT_NAME = re.compile(r"[A-Z_][A-Z0-9_]{0,127}", re.ASCII)
_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}", re.ASCII)
_RATE_KEY = re.compile(r"client|header\.[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}", re.ASCII)
_EVENT_WORDS: Final = ("stdout", "stderr", "none")


def check(config: Config) -> Iterator[Remark]:
    """Every remark on `config`, in the order of the schema."""
    for one in _CHECKS:
        yield from one(config)


def _addresses(config: Config) -> Iterator[Remark]:
    ends: dict[str, Endpoint] = {}
    for path, text, parse in (
        ("listen.address", config.listen.address, parse_endpoint),
        ("upstream.url", config.upstream.url, parse_upstream),
        ("control.listen", config.control.listen, parse_endpoint),
    ):
        try:
            ends[path] = parse(text)
        except ValueError as error:
            yield Remark(path, f"{_without_credentials(text)}: {error}")
    for one, other, mend in (
        ("upstream.url", "listen.address", "the app must listen on another port than the sidecar"),
        ("control.listen", "listen.address", "give the control API a port of its own"),
        ("control.listen", "upstream.url", "give the control API a port of its own"),
    ):
        if one in ends and other in ends and _meet(ends[one], ends[other]):
            yield Remark(one, f"is the same address as {other}", mend)


def _without_credentials(text: str) -> str:
    """A URL with a password in it must not be quoted in a message."""
    return shown(re.sub(r"(?<=//)[^/]*@", "***@", text))


def _meet(a: Endpoint, b: Endpoint) -> bool:
    """Both cannot be bound at once on one machine."""
    if a.path or b.path:
        return a.path == b.path
    if a.port == 0 or a.port != b.port:
        return False
    everywhere = {"0.0.0.0", "::"}
    local = {"localhost": "127.0.0.1", "::1": "127.0.0.1"}
    left, right = local.get(a.host, a.host), local.get(b.host, b.host)
    return left == right or bool({left, right} & everywhere)


_MOST: Final[dict[str, tuple[Callable[[Config], int], int]]] = {
    "listen.workers": (lambda config: config.listen.workers, 128),
    "listen.backlog": (lambda config: config.listen.backlog, 65_535),
    "limits.depth": (lambda config: config.limits.depth, 512),
    "events.queue": (lambda config: config.events.queue, 1_000_000),
    "events.recent": (lambda config: config.events.recent, 20_000),
}
"""What would end the process, or eat its memory, where a digit too many was typed."""


def _amounts(config: Config) -> Iterator[Remark]:
    for path, (value, most) in _MOST.items():
        if value(config) > most:
            yield Remark(path, f"is more than {most}", f"at most {most}")


def _listen(config: Config) -> Iterator[Remark]:
    listen = config.listen
    for i, host in enumerate(listen.hosts):
        yield from _host(f"listen.hosts[{i}]", host)
    yield from _networks("listen.trusted_proxies", listen.trusted_proxies)
    if listen.trusted_hops and not listen.trusted_proxies:
        yield Remark(
            "listen.trusted_hops",
            "no proxy is trusted, so no X-Forwarded-For would be believed",
            "list the proxies' CIDRs in listen.trusted_proxies",
        )
    if listen.trusted_proxies and not listen.trusted_hops:
        yield Remark(
            "listen.trusted_proxies",
            "trusted_hops is 0: the client's address is still that of the proxy",
            "set listen.trusted_hops to the number of proxies, mostly 1",
            warning=True,
        )
    for i, cidr in enumerate(listen.trusted_proxies):
        if cidr in ("0.0.0.0/0", "::/0"):
            yield Remark(
                f"listen.trusted_proxies[{i}]",
                "every client may then write its own address into X-Forwarded-For",
                "list only the addresses of your proxies",
                warning=True,
            )
    if listen.tls is not None:
        for name in ("certificate", "key"):
            if not getattr(listen.tls, name):
                yield Remark(f"listen.tls.{name}", "is empty", "the path of a PEM file")


def _timeouts(config: Config) -> Iterator[Remark]:
    for name in config.timeouts.__struct_fields__:
        if name != "body_rate" and not getattr(config.timeouts, name) > 0:
            yield Remark(f"timeouts.{name}", "must be longer than 0", "a long time where none is wanted: 1h")
    if not config.upstream.idle_timeout > 0:
        yield Remark("upstream.idle_timeout", "must be longer than 0", "idle_connections: 0 keeps none")


def _limits(config: Config) -> Iterator[Remark]:
    limits = config.limits
    for name, least in (
        ("head", 1024),
        ("line", 256),
        ("buffer", 4096),
        ("value", 64),
        ("decompressed", 1024),
    ):
        if getattr(limits, name) < least:
            yield Remark(f"limits.{name}", f"at least {least} bytes are needed to serve anything")
    if limits.line > limits.head:
        yield Remark("limits.line", "is more than limits.head, which ends it first", warning=True)
    for path, size in [("limits.inspect_body", limits.inspect_body)] + [
        (f"routes[{i}].inspect_body", r.inspect_body) for i, r in enumerate(config.routes) if r.inspect_body
    ]:
        if size > 256 * 1024 * 1024:
            yield Remark(
                path, "so much is held in memory for each such request", "use over_limit: stream", True
            )


def _routes(config: Config) -> Iterator[Remark]:
    seen: dict[tuple[str, str, tuple[str, ...]], int] = {}
    for i, route in enumerate(config.routes):
        at = f"routes[{i}]"
        yield from _template(f"{at}.path", route.path)
        if route.host:
            yield from _host(f"{at}.host", route.host)
        yield from _methods(f"{at}.methods", route.methods)
        yield from _methods(f"{at}.allow_methods", route.allow_methods)
        for j, kind in enumerate(route.allow_types):
            if not _TYPE.fullmatch(kind):
                lower = kind.lower().partition(";")[0].strip()
                mend = f'write "{lower}"' if _TYPE.fullmatch(lower) else 'such as "application/json"'
                yield Remark(f"{at}.allow_types[{j}]", f"{shown(kind)} is no media type in lower case", mend)
        if route.profiles_mode is not None:
            yield from _profiles_mode(f"{at}.profiles_mode", route, config)
        same = (route.path, route.host.lower(), tuple(sorted(route.methods)))
        if same in seen:
            yield Remark(
                at, f"is never reached: routes[{seen[same]}] fits the same requests first", "join the two"
            )
        elif ("/**", "", ()) in seen and same != ("/**", "", ()):
            yield Remark(at, "is never reached: a route before it fits every request", 'put "/**" last', True)
        seen.setdefault(same, i)


def _profiles_mode(at: str, route: Route, config: Config) -> Iterator[Remark]:
    if route.profiles is False:
        yield Remark(at, "means nothing beside profiles: false", "remove one of the two")
    elif not config.profiles.enabled or config.profiles.mode == "off":
        yield Remark(at, "means nothing while profiles are off", "set profiles.mode to discover")
    elif route.profiles_mode == "protect" and (route.mode or config.mode) is not Mode.PROTECT:
        of = (route.mode or config.mode).value
        yield Remark(at, f"refuses nothing where the mode is {of}", "set mode: protect on the route", True)


def _access(config: Config) -> Iterator[Remark]:
    yield from _networks("access.allow", config.access.allow)
    yield from _networks("access.deny", config.access.deny)
    limits = config.access.rate_limits
    yield from _unique("access.rate_limits", "name", [limit.name for limit in limits])
    for i, limit in enumerate(limits):
        at = f"access.rate_limits[{i}]"
        yield from _template(f"{at}.path", limit.path)
        yield from _methods(f"{at}.methods", limit.methods)
        if not _RATE_KEY.fullmatch(limit.key):
            yield Remark(f"{at}.key", f"{shown(limit.key)} is no key", '"client" or "header.NAME"')


def _sensitive(config: Config) -> Iterator[Remark]:
    custom, exact = config.sensitive.custom, config.sensitive.exact
    for path, ids in (
        ("sensitive.custom", [e.id for e in custom]),
        ("sensitive.exact", [e.id for e in exact]),
    ):
        yield from _unique(path, "id", ids)
        for i, name in enumerate(ids):
            if not _ID.fullmatch(name):
                yield Remark(
                    f"{path}[{i}].id", f"{shown(name)} is no id", "lower-case letters, digits, - and _"
                )
    for i, entity in enumerate(custom):
        if not entity.pattern:
            yield Remark(f"sensitive.custom[{i}].pattern", "is empty", "a regular expression")
    for i, data in enumerate(exact):
        if not data.file:
            yield Remark(f"sensitive.exact[{i}].file", "is empty", "the path of a list, one value a line")
    for i, rule in enumerate(config.sensitive.rules):
        if rule.path:
            yield from _template(f"sensitive.rules[{i}].path", rule.path)


def _profiles(config: Config) -> Iterator[Remark]:
    yield from _networks("profiles.trusted_sources", config.profiles.trusted_sources)
    if config.profiles.epsilon <= 0:
        yield Remark("profiles.epsilon", "at 0 no set would ever count as closed", "such as 0.002")


def _outputs(config: Config) -> Iterator[Remark]:
    output = config.events.output
    if output not in _EVENT_WORDS and "/" not in output:
        near = did_you_mean(output, _EVENT_WORDS)
        if near or not output:
            yield Remark(
                "events.output", f"{shown(output)} is no output", near or "stdout, stderr, none or a file"
            )
    elif output.endswith("/"):
        yield Remark("events.output", f"{shown(output)} is a directory", "name a file in it")
    if not _ENVIRONMENT_NAME.fullmatch(config.control.token_env):
        # Not quoted: whoever errs here has most likely written the token itself.
        yield Remark(
            "control.token_env", "is no name of an environment variable", "WAF_CONTROL_TOKEN, not the token"
        )


def _host(path: str, host: str) -> Iterator[Remark]:
    if not _HOST.fullmatch(host):
        yield Remark(path, f"{shown(host)} is no host", '"example.com", "*.example.com" or "[::1]"')


def _methods(path: str, methods: Sequence[str]) -> Iterator[Remark]:
    for i, method in enumerate(methods):
        if not _METHOD.fullmatch(method):
            yield Remark(f"{path}[{i}]", f"{shown(method)} is no method", "such as GET")
        elif method != method.upper():
            yield Remark(f"{path}[{i}]", "methods are case-sensitive", f"write {method.upper()}")


def _template(path: str, template: str) -> Iterator[Remark]:
    if not template.startswith("/"):
        yield Remark(path, f"{shown(template)} does not start with /", f'write "/{template[:60]}"')
        return
    if any(c in template for c in "?#") or any(c <= " " or c == "\x7f" for c in template):
        yield Remark(path, f"{shown(template)} holds what no path does", "leave query and spaces out")
    segments = template[1:].split("/")
    if "**" in segments[:-1]:
        yield Remark(path, '"**" may stand at the end only', '"*" stands for one segment')
    if any(("{" in s or "}" in s) and not re.fullmatch(r"\{[^{}]*\}", s) for s in segments):
        yield Remark(path, "a {name} must be a whole segment", "such as /users/{id}")


def _networks(path: str, cidrs: Sequence[str]) -> Iterator[Remark]:
    for i, cidr in enumerate(cidrs):
        try:
            ipaddress.ip_network(cidr)
        except ValueError:
            try:
                mend = f"write {ipaddress.ip_network(cidr, strict=False)}"
                message = f"{shown(cidr)} has bits set beyond its prefix"
            except ValueError:
                message, mend = f"{shown(cidr)} is no CIDR", "such as 10.0.0.0/8 or fd00::/8"
            yield Remark(f"{path}[{i}]", message, mend)


def _unique(path: str, key: str, names: Sequence[str]) -> Iterator[Remark]:
    for i, name in enumerate(names):
        if name in names[:i]:
            yield Remark(f"{path}[{i}].{key}", f"{shown(name)} is taken by {path}[{names.index(name)}]")


_CHECKS: Final[tuple[Callable[[Config], Iterator[Remark]], ...]] = (
    _addresses,
    _amounts,
    _listen,
    _timeouts,
    _limits,
    _routes,
    _access,
    _sensitive,
    _profiles,
    _outputs,
)
