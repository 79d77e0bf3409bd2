"""What only a start opens: a reload that asks for something else says so."""

from __future__ import annotations

import pytest

from waf.app import opened_otherwise
from waf.config.schema import Config, Control, Listen, Tls, Upstream

TLS = Tls(certificate="c.pem", key="k.pem")


@pytest.mark.parametrize(
    ("config", "settings"),
    [
        (Config(), []),
        (Config(listen=Listen(backlog=9, websocket=False)), []),
        (Config(listen=Listen(tls=TLS)), ["listen.tls"]),
        (Config(listen=Listen(address="127.0.0.1:1", workers=2)), ["listen.address", "listen.workers"]),
        (Config(upstream=Upstream(url="http://127.0.0.1:3")), ["upstream.url"]),
        (Config(control=Control(listen="127.0.0.1:2")), ["control.listen"]),
    ],
)
def test_what_the_next_start_opens(config: Config, settings: list[str]) -> None:
    assert opened_otherwise(Config(), config) == settings
    assert opened_otherwise(config, Config()) == settings


def test_a_certificate_in_another_file_waits_for_it_too() -> None:
    other = Config(listen=Listen(tls=Tls(certificate="d.pem", key="k.pem")))
    assert opened_otherwise(Config(listen=Listen(tls=TLS)), other) == ["listen.tls"]
