"""Annotations: every one has a check, every mistake is named, the nearest layer wins."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.together import together
from waf.kube.settings import ANNOTATIONS, PREFIX, STATUS, Settings, SettingsError, quantity, settle

GOOD = {
    "image": "registry.example:5000/team/waf@sha256:" + "0" * 64,
    "image-pull-policy": "Always",
    "mode": "protect",
    "config": "shop-waf",
    "listen-port": "16006",
    "control-port": "16021",
    "app-port": "3000",
    "excluded-ports": "22, 9090",
    "address-family": "ipv6",
    "capture": "redirect",
    "probes": "sidecar",
    "cpu-request": "0.5",
    "cpu-limit": "1500m",
    "memory-request": "96Mi",
    "memory-limit": "1Gi",
    "workload": "shop",
    "native": "false",
    "fleet": "waf-fleet.waf-system.svc:8443",
    "drain-seconds": "60",
}


def test_every_annotation_has_an_example_and_a_setting() -> None:
    assert GOOD.keys() == ANNOTATIONS.keys()
    settled = settle(Settings(), {PREFIX + k: v for k, v in GOOD.items()})
    fields = {name for name, _ in ANNOTATIONS.values()}
    assert settled.asked == fields
    for name in fields:
        value, default = settled, Settings()
        for part in name.split("."):
            value, default = getattr(value, part), getattr(default, part)  # type: ignore[assignment]
        assert value != default, name


@together(
    ("name", "text"),
    [
        ("listen-port", "0"), ("listen-port", "65536"), ("listen-port", "80"), ("listen-port", " 8080"),
        ("listen-port", "٨٠٨٠"), ("listen-port", "9" * 5000), ("app-port", "http"), ("app-port", ""),
        ("excluded-ports", "80;90"), ("excluded-ports", "-1"), ("mode", "Protect"), ("mode", ""),
        ("capture", "none"), ("native", "yes"), ("drain-seconds", "0"), ("drain-seconds", "1h"),
        ("cpu-request", "0"), ("cpu-request", "1 core"), ("cpu-limit", "-1"), ("memory-limit", "64MB"),
        ("image", "a b"), ("image", "$(id)"), ("image", "a:b:c"), ("workload", "Shop"), ("workload", "../x"),
        ("config", "a/b"), ("config", "a:b"), ("config", "a,..,b"), ("fleet", "host"), ("fleet", "host:99999"),
        ("fleet", "http://h:1"), ("probes", "kubelet"), ("image-pull-policy", "always"), ("moode", "protect"),
        ("inject", "true"),
    ],
)  # fmt: skip
def test_a_mistake_names_its_annotation(name: str, text: str) -> None:
    with pytest.raises(SettingsError) as error:
        settle(Settings(), {PREFIX + name: text})
    assert f"annotation {PREFIX}{name}: " in str(error.value)


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(SettingsError) as error:
        settle(Settings(), {PREFIX + "mode": "x"}, {PREFIX + "native": "y", PREFIX + "nonsense": "z"})
    assert str(error.value).count("annotation ") == 3


@pytest.mark.parametrize(
    ("annotations", "says"),
    [
        ({"listen-port": "15021"}, "choose two"),
        ({"app-port": "15006"}, "sidecar's own"),
        ({"app-port": "80", "excluded-ports": "80", "capture": "redirect"}, "cannot be both"),
        ({"memory-request": "1Gi"}, "above memory-limit"),
        ({"cpu-request": "2", "cpu-limit": "500m"}, "above cpu-limit"),
    ],
)
def test_contradictions_are_found(annotations: dict[str, str], says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        settle(Settings(), {PREFIX + k: v for k, v in annotations.items()})


def test_the_nearest_layer_wins_and_lists_of_config_join() -> None:
    settled = settle(
        Settings(mode="off"),
        {PREFIX + "mode": "monitor", PREFIX + "config": "team", PREFIX + "cpu-request": "1"},
        {PREFIX + "mode": "protect", PREFIX + "config": "shop,waf-config", "other/mode": "x", STATUS: "{}"},
    )
    assert settled.mode == "protect"
    assert settled.config == ("team", "shop", "waf-config")
    assert settled.resources.cpu_request == "1"
    assert settle(settled, {PREFIX + "config": ""}).config == ()


@pytest.mark.parametrize(
    ("text", "number"),
    [("100m", 0.1), ("1Ki", 1024), ("2", 2), ("1.5G", 1.5e9), ("64Mi", 64 * 2**20), ("3k", 3e3)],
)
def test_quantities(text: str, number: float) -> None:
    assert quantity(text) == number


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(ANNOTATIONS)), st.text(max_size=40))
def test_any_text_is_a_setting_or_a_settings_error(name: str, text: str) -> None:
    try:
        settled = settle(Settings(), {PREFIX + name: text})
    except SettingsError:
        return
    assert msgspec.json.encode(settled)


def test_the_page_names_every_annotation() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "kubernetes.md").read_text()
    table = [line.split("|")[1] for line in page.splitlines() if line.startswith("| `")]
    named = {word.strip("` ") for cell in table for word in cell.split(",")}
    assert ANNOTATIONS.keys() <= named
