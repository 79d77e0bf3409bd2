"""`waf inject -f`: the webhook's function over manifests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from tests.kube.pod_shapes import container, pod, shape
from waf.cli.kube import inject
from waf.kube.inject import injected
from waf.kube.pods import OFFLINE
from waf.kube.settings import Settings


def template(kind: str, made: dict[str, Any]) -> dict[str, Any]:
    whole = {"metadata": made["metadata"], "spec": made["spec"]}
    spec: dict[str, Any] = {"template": whole}
    if kind == "CronJob":
        spec = {"schedule": "* * * * *", "jobTemplate": {"spec": spec}}
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": "shop"}, "spec": spec}


def run(tmp_path: Path, *documents: Any, args: tuple[str, ...] = ()) -> tuple[list[Any], str, int]:
    path = tmp_path / "in.yaml"
    path.write_text(yaml.safe_dump_all(documents))
    result = CliRunner().invoke(inject, ["-f", str(path), *args])
    return list(yaml.safe_load_all(result.stdout)), result.stderr, result.exit_code


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job"])
def test_the_template_gets_what_the_webhook_would_give(tmp_path: Path, kind: str) -> None:
    before = template(kind, shape("probes by name"))
    (after,), _, status = run(tmp_path, before)
    assert status == 0
    assert after["spec"]["template"] == injected(before["spec"]["template"], Settings(), (1, 31), OFFLINE)
    assert {k: v for k, v in after.items() if k != "spec"} == {k: v for k, v in before.items() if k != "spec"}


def test_pods_cron_jobs_and_lists(tmp_path: Path) -> None:
    lone, cron = shape("one number"), template("CronJob", shape("job"))
    documents = [
        {"apiVersion": "v1", "kind": "List", "items": [lone, cron]},
        {"kind": "ConfigMap", "data": {}},
    ]
    (listed, other), stderr, status = run(tmp_path, *documents)
    assert status == 0
    assert "has no name" in stderr
    assert other == documents[1]
    assert listed["items"][0] == injected(lone, Settings(), (1, 31), OFFLINE)
    spec = listed["items"][1]["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    assert spec["initContainers"][0]["restartPolicy"] == "Always"


def test_twice_is_once_and_defaults_can_be_given(tmp_path: Path) -> None:
    args = ("--image", "waf:9", "--set", "mode=protect", "--kubernetes", "v1.28")
    (once,), _, _ = run(tmp_path, template("Deployment", shape("one named port")), args=args)
    sidecar = once["spec"]["template"]["spec"]["containers"][0]
    assert sidecar["image"] == "waf:9"
    assert {"name": "WAF_MODE", "value": "protect"} in sidecar["env"]
    (twice,), _, _ = run(tmp_path, once, args=args)
    assert twice == once


@pytest.mark.parametrize(
    ("made", "says"),
    [
        (pod(container("a"), labels={"waf.sidecar/inject": "false"}), "opted out"),
        (pod(container("a"), hostNetwork=True), "host's network"),
        (pod(container("waf-sidecar")), "of its own"),
    ],
)
def test_what_is_not_to_be_injected_passes_with_a_word(tmp_path: Path, made: Any, says: str) -> None:
    before = template("Deployment", made)
    (after,), stderr, status = run(tmp_path, before)
    assert (after, status) == (before, 0)
    assert says in stderr


@pytest.mark.parametrize(
    "broken",
    [
        {"kind": "Deployment", "metadata": {"name": "x"}},
        {"kind": "Deployment", "metadata": None, "spec": {"template": None}},
        {"kind": "Pod", "spec": []},
        {"kind": "CronJob", "spec": {"jobTemplate": []}},
        template("Deployment", pod(container("a"), annotations={"waf.sidecar/mode": "x"})),
        template("Deployment", pod(container("a"), annotations={"waf.sidecar/app-port": 8080})),
    ],
)
def test_a_mistake_names_file_and_object(tmp_path: Path, broken: Any) -> None:
    out, stderr, status = run(tmp_path, broken)
    assert (out, status) == ([], 2)
    assert "in.yaml: " in stderr
    assert broken["kind"] in stderr


def test_options_that_cannot_be_used(tmp_path: Path) -> None:
    assert run(tmp_path, args=("--kubernetes", "latest"))[2] == 2
    assert run(tmp_path, args=("--set", "moode=x"))[2] == 2
    (tmp_path / "bad.yaml").write_text("a: [")
    assert CliRunner().invoke(inject, ["-f", str(tmp_path / "bad.yaml")]).exit_code == 2
