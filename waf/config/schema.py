"""The one frozen schema of waf.yaml. Every default is here and nowhere else.

Unknown keys are refused. Sizes are bytes ("64KiB", 65536); times are seconds ("30s", "500ms", 30).
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from waf.model import Mode


class Size(int):
    """A number of bytes; in YAML a number or text such as "64KiB", "10MB"."""


class Seconds(float):
    """A span of time in seconds; in YAML a number or text such as "500ms", "30s", "5m", "1h", "2d"."""


Level = Annotated[int, Meta(ge=1, le=4)]
Share = Annotated[float, Meta(ge=0, le=1)]
Count = Annotated[int, Meta(ge=0)]
Positive = Annotated[int, Meta(ge=1)]


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=False):
    """Base of all sections: frozen, unknown keys refused."""


class Tls(Section, frozen=True):
    """TLS on the listener; both files are PEM, read again when they change."""

    certificate: str
    key: str
    client_ca: str | None = None  # ask for client certificates signed by this CA (mTLS)


class Listen(Section, frozen=True):
    address: str = "127.0.0.1:8080"  # host:port, [v6]:port or unix:/path
    tls: Tls | None = None
    workers: Positive = 1  # processes sharing the port by SO_REUSEPORT
    backlog: Positive = 1024
    hosts: tuple[str, ...] = ()  # allowed Host values, "*.example.com" too; empty: any valid one
    trusted_proxies: tuple[str, ...] = ()  # CIDRs whose X-Forwarded-* are believed
    trusted_hops: Count = 0  # how many proxies in front of us append to X-Forwarded-For
    websocket: bool = True  # let inspected WebSocket handshakes through


class Upstream(Section, frozen=True):
    url: str = "http://127.0.0.1:8000"  # http://host:port or unix:/path
    connections: Positive = 256
    idle_connections: Count = 64
    idle_timeout: Seconds = Seconds(30)


class Timeouts(Section, frozen=True):
    """All totals but where said; each ends the exchange with its own rule id."""

    head: Seconds = Seconds(10)  # whole request head, from its first byte
    body_idle: Seconds = Seconds(15)  # between two reads of a request body
    body_rate: Size = Size(500)  # least bytes a second of a request body, after 20 s
    keep_alive: Seconds = Seconds(60)  # idle client connection
    write: Seconds = Seconds(30)  # client that does not read
    connect: Seconds = Seconds(3)
    first_byte: Seconds = Seconds(60)  # from request sent to response head
    response_idle: Seconds = Seconds(60)  # between two reads of a response body
    tunnel_idle: Seconds = Seconds(3600)
    drain: Seconds = Seconds(25)  # from SIGTERM to the end of the last exchange


class Limits(Section, frozen=True):
    head: Size = Size(32 * 1024)
    line: Size = Size(8 * 1024)  # request line, and each header line
    headers: Positive = 100
    connections: Positive = 10_000
    connections_per_address: Positive = 10_000
    requests_per_connection: Positive = 100_000
    inspect_body: Size = Size(1024 * 1024)  # buffered and inspected whole
    body: Size = Size(10 * 1024 * 1024 * 1024)  # no request body may be larger
    over_limit: Literal["auto", "block", "stream"] = (
        "auto"  # bodies over inspect_body; auto: stream files and octets
    )
    buffer: Size = Size(256 * 1024)  # per direction and connection before reading pauses
    decompressed: Size = Size(10 * 1024 * 1024)
    ratio: Positive = 100  # of decompression
    depth: Positive = 64
    fields: Positive = 2_000
    value: Size = Size(64 * 1024)  # of one field


class Inspection(Section, frozen=True):
    level: Level = 2  # paranoia level: rules up to this level are on
    request_threshold: Positive = 7
    response_threshold: Positive = 7
    on_error: Literal["closed", "open"] = "closed"  # what a bug or an exhausted budget of ours leads to
    ambiguous_bodies: Literal["block", "report"] = "block"  # duplicate keys, mixed charsets …


class Signatures(Section, frozen=True):
    enabled: bool = True
    mode: Mode | None = None  # None: the global mode
    rules: tuple[str, ...] = ()  # further files or directories of rules
    defaults: bool = True  # load the rules that come with the package
    responses: bool = True  # look for leaks in responses


class CustomEntity(Section, frozen=True):
    """A sensitive-data entity of one's own; see docs for the columns."""

    id: str
    pattern: str
    validator: str = ""
    context: tuple[str, ...] = ()
    negative_context: tuple[str, ...] = ()
    mask: str = "all"
    confidence: Share = 0.9


class ExactData(Section, frozen=True):
    """A list whose values are recognised by keyed hash; the file is read once and never kept in clear."""

    id: str
    file: str
    column: str = ""


SensitiveAction = Literal["ignore", "report", "mask", "hash", "tokenise", "drop", "block"]


class SensitiveRule(Section, frozen=True):
    """Overrides the default action; the last rule that fits wins. Empty means any."""

    action: SensitiveAction
    direction: Literal["request", "response", "both"] = "both"
    entities: tuple[str, ...] = ()  # ids or groups ("pci", "bank", "person", "health", "secret")
    path: str = ""  # path template, "/customers/*"
    fields: tuple[str, ...] = ()  # field addresses, "json.card.number"


class Sensitive(Section, frozen=True):
    enabled: bool = True
    mode: Mode | None = None
    entities: tuple[str, ...] = ("pci", "bank", "person", "health", "secret")
    request_action: SensitiveAction = "report"
    response_action: SensitiveAction = "mask"
    report_only: tuple[str, ...] = (
        "email",
        "phone",
        "jwt",
    )  # too common in honest answers to be masked unasked
    rules: tuple[SensitiveRule, ...] = ()
    custom: tuple[CustomEntity, ...] = ()
    exact: tuple[ExactData, ...] = ()
    key_file: str | None = None  # HMAC key for tokens and sketches; made in the state directory if absent
    undecodable: Literal["pass", "block"] = "pass"  # responses in a coding we cannot read; always counted
    over_limit: Literal["pass", "block"] = "pass"
    disclosure: Literal["off", "report", "block"] = (
        "report"  # far more of an entity than an endpoint ever sent
    )


class Profiles(Section, frozen=True):
    enabled: bool = True
    mode: Literal["off", "discover", "monitor", "protect"] = "discover"
    promotion: Literal["auto", "manual"] = "auto"
    epsilon: Share = 0.002  # mass not yet seen at which a set counts as closed (Good-Turing)
    sources: Positive = 3
    hours: Positive = 3
    trusted_sources: tuple[str, ...] = ()  # CIDRs whose traffic counts at once (CI, replays)
    openapi: tuple[str, ...] = ()  # documents whose constraints are pinned
    memory: Size = Size(32 * 1024 * 1024)
    workload: str = "default"
    version: str = ""  # image digest of the app


class Route(Section, frozen=True):
    """Settings for the requests that fit `host`, `methods` and `path`; the first fitting route wins."""

    path: str  # "/api/*", "/users/{id}"; "*" any one segment, "**" the rest
    name: str = ""
    host: str = ""
    methods: tuple[str, ...] = ()
    mode: Mode | None = None
    level: Level | None = None
    allow_methods: tuple[str, ...] = ()
    allow_types: tuple[str, ...] = ()
    inspect_body: Size | None = None
    body: Size | None = None
    over_limit: Literal["auto", "block", "stream"] | None = None
    signatures: bool | None = None
    sensitive: bool | None = None
    profiles: bool | None = None
    responses: bool | None = None


class RateLimit(Section, frozen=True):
    """A token bucket per client address for the requests that fit."""

    name: str
    path: str = "/**"
    methods: tuple[str, ...] = ()
    rate: Annotated[float, Meta(gt=0)] = 10.0  # requests a second
    burst: Positive = 20
    key: str = "client"  # "client" or "header.NAME"


class Access(Section, frozen=True):
    allow: tuple[str, ...] = ()  # CIDRs never refused by address or rate
    deny: tuple[str, ...] = ()  # CIDRs refused with 403
    rate_limits: tuple[RateLimit, ...] = ()
    rate_entries: Positive = 50_000  # buckets kept


class Events(Section, frozen=True):
    output: str = "stdout"  # "stdout", "stderr", "none" or a file
    access: Literal["none", "sampled", "all"] = "none"  # unremarkable exchanges
    sample: Share = 0.01
    queue: Positive = 10_000
    recent: Positive = 500  # kept for the control API


class Control(Section, frozen=True):
    listen: str = "127.0.0.1:15021"
    token_file: str | None = None  # needed for all but health and metrics where listen is not loopback
    token_env: str = "WAF_CONTROL_TOKEN"


class Config(Section, frozen=True):
    mode: Mode = Mode.MONITOR
    listen: Listen = Listen()
    upstream: Upstream = Upstream()
    timeouts: Timeouts = Timeouts()
    limits: Limits = Limits()
    inspection: Inspection = Inspection()
    signatures: Signatures = Signatures()
    sensitive: Sensitive = Sensitive()
    profiles: Profiles = Profiles()
    routes: tuple[Route, ...] = ()
    access: Access = Access()
    events: Events = Events()
    control: Control = Control()
    tuning: tuple[str, ...] = ()  # tuning.yaml files, next to this file if relative
    state_dir: str = ""  # learned state; empty: nothing outlives the process
    cache_dir: str = ""  # compiled patterns; empty: the user's cache directory
    watch: bool = True  # reload when a file changes
