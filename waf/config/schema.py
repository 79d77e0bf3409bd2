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

    certificate: str  # PEM file, the chain included
    key: str  # PEM file
    client_ca: str | None = None  # ask for client certificates signed by this CA (mTLS)


class Listen(Section, frozen=True):
    address: str = "127.0.0.1:8080"  # host:port, [v6]:port or unix:/path
    tls: Tls | None = None  # plain HTTP if left out
    workers: Positive = 1  # processes sharing the port by SO_REUSEPORT
    backlog: Positive = 1024  # connections the kernel holds until they are accepted
    hosts: tuple[str, ...] = ()  # allowed Host values, "*.example.com" too; empty: any valid one
    trusted_proxies: tuple[str, ...] = ()  # CIDRs whose X-Forwarded-* are believed
    trusted_hops: Count = 0  # how many proxies in front of us append to X-Forwarded-For
    websocket: bool = True  # let inspected WebSocket handshakes through


class Upstream(Section, frozen=True):
    url: str = "http://127.0.0.1:8000"  # http://host:port or unix:/path
    connections: Positive = 256  # at most, per worker
    idle_connections: Count = 64  # kept open for the next request
    idle_timeout: Seconds = Seconds(30)  # shorter than the app's own keep-alive time


class Timeouts(Section, frozen=True):
    """All totals but where said; each ends the exchange with its own rule id."""

    head: Seconds = Seconds(10)  # whole request head, from its first byte
    body_idle: Seconds = Seconds(15)  # between two reads of a request body
    body_rate: Size = Size(500)  # least bytes a second of a request body, after 20 s
    keep_alive: Seconds = Seconds(60)  # idle client connection
    write: Seconds = Seconds(30)  # client that does not read
    connect: Seconds = Seconds(3)  # to the app
    first_byte: Seconds = Seconds(60)  # from request sent to response head
    response_idle: Seconds = Seconds(60)  # between two reads of a response body
    tunnel_idle: Seconds = Seconds(3600)  # upgraded connection without traffic
    drain: Seconds = Seconds(25)  # from SIGTERM to the end of the last exchange


class Limits(Section, frozen=True):
    head: Size = Size(32 * 1024)  # whole request or response head
    line: Size = Size(8 * 1024)  # request line, and each header line
    headers: Positive = 100  # header lines
    connections: Positive = 10_000  # open client connections
    connections_per_address: Positive = 10_000  # of one client address
    requests_per_connection: Positive = 100_000  # then it is closed politely
    inspect_body: Size = Size(1024 * 1024)  # buffered and inspected whole
    body: Size = Size(10 * 1024 * 1024 * 1024)  # no request body may be larger
    over_limit: Literal["auto", "block", "stream"] = "auto"  # larger bodies; auto: stream files and octets
    buffer: Size = Size(256 * 1024)  # per direction and connection before reading pauses
    bodies: Size = Size(128 * 1024 * 1024)  # held for inspection over all connections; more: 503
    decompressed: Size = Size(10 * 1024 * 1024)  # of one body
    ratio: Positive = 100  # of decompression
    depth: Positive = 64  # of nesting in JSON, XML and multipart
    fields: Positive = 2_000  # of one request
    value: Size = Size(64 * 1024)  # of one field


class Inspection(Section, frozen=True):
    level: Level = 2  # paranoia level: rules up to this level are on
    request_threshold: Positive = 7  # anomaly score from which a request is refused
    response_threshold: Positive = 7  # anomaly score from which a response is withheld
    response_action: Literal["report", "block"] = "report"  # on leaks found in responses by signatures
    on_error: Literal["closed", "open"] = "closed"  # what a bug or an exhausted budget of ours leads to
    ambiguous_bodies: Literal["block", "report"] = "block"  # duplicate keys, odd charsets, doubtful parts


class Signatures(Section, frozen=True):
    enabled: bool = True  # the attack signatures
    mode: Mode | None = None  # None: the global mode
    rules: tuple[str, ...] = ()  # further files or directories of rules
    defaults: bool = True  # load the rules that come with the package
    responses: bool = True  # look for leaks in responses


class CustomEntity(Section, frozen=True):
    """A sensitive-data entity of one's own; see docs for the columns."""

    id: str  # named in events and rules
    pattern: str  # Hyperscan syntax
    validator: str = ""  # name of a check on what the pattern found
    context: tuple[str, ...] = ()  # words nearby that make a find more certain
    negative_context: tuple[str, ...] = ()  # words nearby that make it less certain
    mask: str = "all"  # how a value is masked
    confidence: Share = 0.9  # of a find without context


class ExactData(Section, frozen=True):
    """A list whose values are recognised by keyed hash; the file is read once and never kept in clear."""

    id: str  # named in events and rules
    file: str  # one value a line, or CSV
    column: str = ""  # of a CSV file


SensitiveAction = Literal["ignore", "report", "mask", "hash", "tokenise", "drop", "block"]


class SensitiveRule(Section, frozen=True):
    """Overrides the default action; the last rule that fits wins. Empty means any."""

    action: SensitiveAction  # what is done with a value found
    direction: Literal["request", "response", "both"] = "both"  # of the messages it holds for
    entities: tuple[str, ...] = ()  # ids or groups ("pci", "bank", "person", "health", "secret")
    path: str = ""  # path template, "/customers/*"
    fields: tuple[str, ...] = ()  # field addresses, "json.card.number"


class Sensitive(Section, frozen=True):
    enabled: bool = True  # the search for sensitive data
    mode: Mode | None = None  # none: the global mode
    entities: tuple[str, ...] = ("pci", "bank", "person", "health", "secret")  # groups or ids searched
    request_action: SensitiveAction = "report"  # on values in requests
    response_action: SensitiveAction = "mask"  # on values in responses
    report_only: tuple[str, ...] = ("email", "phone", "jwt")  # too common in honest answers to be masked
    rules: tuple[SensitiveRule, ...] = ()  # exceptions from the two actions
    custom: tuple[CustomEntity, ...] = ()  # entities of your own
    exact: tuple[ExactData, ...] = ()  # lists of values that are known
    key_file: str | None = None  # HMAC key for tokens and sketches; made in the state directory if absent
    undecodable: Literal["pass", "block"] = "pass"  # responses in a coding we cannot read; always counted
    disclosure: Literal["off", "report", "block"] = "report"  # far more of an entity than ever before


class Profiles(Section, frozen=True):
    enabled: bool = True  # the learned positive model
    mode: Literal["off", "discover", "monitor", "protect"] = "discover"  # discover learns only
    promotion: Literal["auto", "manual"] = "auto"  # how a learned constraint comes into force
    epsilon: Share = 0.002  # mass not yet seen at which a set counts as closed (Good-Turing)
    sources: Positive = 3  # different clients that must have been seen
    hours: Positive = 3  # different hours in which they were seen
    trusted_sources: tuple[str, ...] = ()  # CIDRs whose traffic counts at once (CI, replays)
    openapi: tuple[str, ...] = ()  # documents whose constraints are pinned
    memory: Size = Size(32 * 1024 * 1024)  # for what is learned
    workload: str = "default"  # name of the app, the profile is kept under it
    version: str = ""  # image digest of the app


ProfilesMode = Literal["discover", "monitor", "protect"]


class Route(Section, frozen=True):
    """Settings for the requests that fit `host`, `methods` and `path`; the first fitting route wins."""

    path: str  # "/api/*", "/users/{id}"; "*" any one segment, "**" the rest
    name: str = ""  # shown in events and metrics
    host: str = ""  # empty: any
    methods: tuple[str, ...] = ()  # empty: any
    mode: Mode | None = None  # here and below: none leaves it as it is elsewhere
    level: Level | None = None  # as in inspection
    allow_methods: tuple[str, ...] = ()  # others are refused
    allow_types: tuple[str, ...] = ()  # other content types of bodies are refused
    inspect_body: Size | None = None  # as in limits
    body: Size | None = None  # as in limits
    over_limit: Literal["auto", "block", "stream"] | None = None  # as in limits
    signatures: bool | None = None  # whether they are searched here
    sensitive: bool | None = None  # whether it is searched here
    profiles: bool | None = None  # whether requests are held against the profile
    profiles_mode: ProfilesMode | None = None  # as profiles.mode, for these requests
    responses: bool | None = None  # whether responses are searched for leaks


class RateLimit(Section, frozen=True):
    """A token bucket per client address for the requests that fit."""

    name: str  # shown in events
    path: str = "/**"  # as of routes
    methods: tuple[str, ...] = ()  # empty: any
    rate: Annotated[float, Meta(gt=0)] = 10.0  # requests a second
    burst: Positive = 20  # requests at once
    key: str = "client"  # "client" or "header.NAME"


class Access(Section, frozen=True):
    allow: tuple[str, ...] = ()  # CIDRs never refused by address or rate
    deny: tuple[str, ...] = ()  # CIDRs refused with 403
    rate_limits: tuple[RateLimit, ...] = ()  # token buckets
    rate_entries: Positive = 50_000  # buckets kept


class Events(Section, frozen=True):
    output: str = "stdout"  # "stdout", "stderr", "none" or a file
    access: Literal["none", "sampled", "all"] = "none"  # unremarkable exchanges
    sample: Share = 0.01  # share that "sampled" writes
    queue: Positive = 10_000  # lines that wait to be written; more are dropped and counted
    recent: Positive = 500  # kept for the control API


class Control(Section, frozen=True):
    listen: str = "127.0.0.1:15021"  # health, metrics, API: as of listen.address
    token_file: str | None = None  # needed for all but health and metrics where listen is not loopback
    token_env: str = "WAF_CONTROL_TOKEN"  # variable that holds the token, where there is no file
    refused_config: Literal["ready", "unready"] = "ready"  # /readyz while a changed file is refused


class Fleet(Section, frozen=True):
    """Learning together with the other replicas; read at start."""

    address: str = ""  # host:port of the aggregator's Service; empty: this process learns alone
    token_file: str = "/var/run/secrets/waf/token"  # proves which pod this is
    ca_file: str = "/var/run/secrets/waf/ca.crt"  # PEM of the aggregator's authority
    every: Seconds = Seconds(20)  # between two pushes, a third more or less; longer if asked


class Config(Section, frozen=True):
    mode: Mode = Mode.MONITOR  # off inspects nothing, monitor reports, protect enforces
    listen: Listen = Listen()
    upstream: Upstream = Upstream()
    timeouts: Timeouts = Timeouts()
    limits: Limits = Limits()
    inspection: Inspection = Inspection()
    signatures: Signatures = Signatures()
    sensitive: Sensitive = Sensitive()
    profiles: Profiles = Profiles()
    routes: tuple[Route, ...] = ()  # the first that fits wins
    access: Access = Access()
    events: Events = Events()
    control: Control = Control()
    fleet: Fleet = Fleet()
    tuning: tuple[str, ...] = ()  # tuning.yaml files, next to this file if relative
    state_dir: str = ""  # learned state; empty: nothing outlives the process
    cache_dir: str = ""  # compiled patterns; empty: the user's cache directory
    watch: bool = True  # reload when a file changes
