"""JSON Schema and the reference: they say what the reader accepts."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
import yaml

from tests.together import together
from waf.config.address import Endpoint, parse_endpoint, parse_upstream
from waf.config.describe import json_schema, reference
from waf.config.load import parse_config
from waf.config.schema import Config
from waf.config.shape import plain

SCHEMA = json_schema()

GOOD = [
    "mode: monitor",
    "limits: {head: 64KiB, body: 65536, value: 64 Ki}",
    "timeouts: {head: 500ms, connect: 3, drain: 1h30m}",
    "routes: [{path: /a, mode: protect, level: 2, inspect_body: 1MiB}]",
    "listen: {tls: {certificate: a.pem, key: b.pem}}",
    "signatures: {mode: null}",
]
BAD = [
    "moed: monitor",
    "limits: {head: [1]}",
    "limits: {depth: 0}",
    "timeouts: {head: soon}",
    "routes: [{mode: protect}]",
    "inspection: {level: 5}",
    "sensitive: {rules: [{action: forget}]}",
    "access: {rate_limits: [{name: a, rate: 0}]}",
]


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert json.loads(json.dumps(SCHEMA)) == SCHEMA


@pytest.mark.parametrize("text", GOOD)
def test_the_schema_takes_what_the_reader_takes(text: str) -> None:
    parse_config(text, "f")
    jsonschema.Draft202012Validator(SCHEMA).validate(yaml.safe_load(text))


@pytest.mark.parametrize("text", BAD)
def test_the_schema_refuses_what_the_reader_refuses(text: str) -> None:
    with pytest.raises(Exception, match=r"\w"):
        parse_config(text, "f")
    assert not jsonschema.Draft202012Validator(SCHEMA).is_valid(yaml.safe_load(text))


def test_the_defaults_fit_the_schema() -> None:
    shown: dict[str, Any] = plain(Config())
    del shown["listen"]["tls"]  # null only as "left out"
    jsonschema.Draft202012Validator(SCHEMA).validate(shown)


def test_every_key_is_explained() -> None:
    keys = reference()
    assert len(keys) > 100
    assert [key.path for key in keys if not key.about] == []
    assert {key.path: key.default for key in keys}["limits.head"] == "32768"
    assert {key.path: key.default for key in keys}["routes[].path"] == ""


ENDPOINTS = {
    "127.0.0.1:80": (Endpoint("127.0.0.1", 80), True),
    "localhost:0": (Endpoint("localhost", 0), True),
    "[::1]:8080": (Endpoint("::1", 8080), True),
    ":8080": (Endpoint("0.0.0.0", 8080), False),
    "[::]:8080": (Endpoint("::", 8080), False),
    "0.0.0.0:1": (Endpoint("0.0.0.0", 1), False),
    "App.Example:1": (Endpoint("app.example", 1), False),
    "unix:/run/a b.sock": (Endpoint(path="/run/a b.sock"), True),
}


@pytest.mark.parametrize(("text", "expected"), ENDPOINTS.items())
def test_an_endpoint_is_read(text: str, expected: tuple[Endpoint, bool]) -> None:
    endpoint = parse_endpoint(text)
    assert (endpoint, endpoint.loopback) == expected
    assert parse_endpoint(str(endpoint)) == endpoint


@together(
    "text",
    ["", "80", "a", "a:", "a:-1", "a:65536", "a:080", "a b:80", "-a:80", "a..b:80", "256.0.0.1:80", "1.2:80",
     "[::g]:80", "::1:80", "unix:a", "unix:/", "unix:/" + "a" * 107, "a:８０"],
)  # fmt: skip
def test_what_is_no_endpoint_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        parse_endpoint(text)


UPSTREAMS = {
    "http://127.0.0.1:8000": Endpoint("127.0.0.1", 8000),
    "http://127.0.0.1:8000/": Endpoint("127.0.0.1", 8000),
    "HTTP://app": Endpoint("app", 80),
    "http://[::1]": Endpoint("::1", 80),
    "http://[::1]:81": Endpoint("::1", 81),
    "unix:/run/app.sock": Endpoint(path="/run/app.sock"),
}


@pytest.mark.parametrize(("text", "expected"), UPSTREAMS.items())
def test_an_upstream_is_read(text: str, expected: Endpoint) -> None:
    assert parse_upstream(text) == expected


@together(
    "text",
    ["", "127.0.0.1:80", "https://a", "ftp://a", "http://", "http://:80", "http://a:0", "http://a/b", "http://a?b",
     "http://a#b", "http://u:p@a", "http://a:b"],
)  # fmt: skip
def test_what_is_no_upstream_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        parse_upstream(text)
