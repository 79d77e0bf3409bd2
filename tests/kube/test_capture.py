"""Capture without a redirect, with real packets: who answers at the port that a Service leads to."""

from __future__ import annotations

from typing import Any

from tests.kube.pod_shapes import shape
from tests.kube.test_redirect import POD4, POD6, Network, network, packets
from waf.kube.inject import injected, remarks
from waf.kube.settings import PREFIX, Settings, settle

__all__ = ["network"]

NEW = (1, 33)


def target(spec: dict[str, Any], name: str) -> int:
    """The container port that a Service with `targetPort: name` leads to; ordinary containers are looked at first."""
    for container in [*spec["containers"], *spec.get("initContainers", ())]:
        for port in container.get("ports", ()):
            if port.get("name") == name:
                return int(port["containerPort"])
    raise AssertionError(name)


def made(capture: str) -> dict[str, Any]:
    pod = shape("one named port")
    after: dict[str, Any] = injected(pod, settings_of(capture), NEW)["spec"]
    return after


def settings_of(capture: str) -> Settings:
    return settle(Settings(), {f"{PREFIX}capture": capture})


@packets
def test_a_service_by_name_leads_to_the_sidecar_and_nobody_past_it(network: Network) -> None:
    before = target(shape("one named port")["spec"], "http")
    port = target(made("port-name"), "http")
    assert port != before
    network.serve(network.pod, 1000, str(before), "app", hosts="127.0.0.1,::1")  # an app that keeps to itself
    network.serve(network.pod, 1337, str(port), "waf")
    assert network.ask(network.near, 1000, f"{POD4}@{port}", f"{POD6}@{port}") == ["waf"] * 2
    past = network.ask(network.near, 1000, f"{POD4}@{before}", f"{POD6}@{before}")
    assert past == ["ConnectionRefusedError"] * 2
    assert network.ask(network.pod, 1337, f"127.0.0.1@{before}") == ["app"], "the sidecar reaches it"


@packets
def test_a_service_by_number_leads_to_the_sidecar_and_its_way_past_is_told(network: Network) -> None:
    before = target(shape("one named port")["spec"], "http")
    after = made("service")
    assert target(after, "http") == before, "names stay as they are: the Service is changed instead"
    port = target(after, "waf-http")
    network.serve(network.pod, 1000, str(before), "app")
    network.serve(network.pod, 1337, str(port), "waf")
    assert network.ask(network.near, 1000, f"{POD4}@{port}", f"{POD6}@{port}") == ["waf"] * 2
    assert network.ask(network.near, 1000, f"{POD4}@{before}") == ["app"]
    told = remarks(shape("one named port"), settings_of("service"))
    assert any("waf-http" in line for line in told), "whoever installs it is told what to change"
