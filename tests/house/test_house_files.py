"""The house itself: modules stay small, nothing private leaks into the tree, manifests and image are
sound."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests import schemas
from tests.together import together

ROOT = Path(__file__).resolve().parents[2]
MODULES = sorted(ROOT.glob("waf/**/*.py"))
MOST_LINES = 400
MANIFEST = ROOT / "docs" / "examples" / "static-sidecar.yaml"
KUBERNETES = ("1.29", "1.31", "1.33")


def manifests() -> list[dict[str, Any]]:
    return [document for document in yaml.safe_load_all(MANIFEST.read_text()) if document]


def of_kind(kind: str) -> dict[str, Any]:
    found = [document for document in manifests() if document["kind"] == kind]
    assert len(found) == 1
    return found[0]


# ------------------------------------------------------------------------------------------ sources


def test_no_module_is_too_long_to_be_read() -> None:
    long = {
        str(path.relative_to(ROOT)): n
        for path in MODULES
        if (n := len(path.read_text().splitlines())) > MOST_LINES
    }
    assert long == {}


def test_every_module_says_what_it_owns() -> None:
    silent = [
        str(path.relative_to(ROOT))
        for path in MODULES
        if path.read_text().strip() and not path.read_text().lstrip().startswith(('"""', "#"))
    ]
    assert silent == []


HEAVY = (
    "aiohttp",
    "prometheus_client",
    "cryptography",
    "phonenumbers",
    "importlib.metadata",
    "email",
    "waf.kube",
    "waf.demo",
)
"""What the running sidecar must not hold: megabytes each, of use to other commands only."""


def test_the_sidecar_loads_nothing_heavy_that_it_does_not_use() -> None:
    code = "import sys, waf.cli.serve, waf.processes; print(*sorted(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = set(ran.stdout.split())
    assert "waf.proxy.server" in loaded
    assert not loaded & set(HEAVY)


@pytest.mark.parametrize("word", ["utils", "helpers", "manager", "handler", "service"])
def test_no_module_has_a_name_that_says_nothing(word: str) -> None:
    assert [path.name for path in MODULES if path.stem == word or path.stem.endswith(f"_{word}")] == []


def test_no_machine_path_stands_in_the_tree() -> None:
    """Paths of the place where something was written mean nothing to those who read it."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    private = re.compile(rb"/(?:work|root)/[a-z]")
    guilty = [
        name
        for name in listed.stdout.splitlines()
        if Path(name).suffix in (".md", ".toml", ".yaml", ".yml", "")
        and not {"rules", "cases"} & set(Path(name).parts)  # attacks name such paths
        and (ROOT / name).is_file()
        and private.search((ROOT / name).read_bytes())
    ]
    assert guilty == []


def test_the_licence_is_whole() -> None:
    text = (ROOT / "LICENSE").read_text()
    assert "Apache License" in text
    assert "Version 2.0, January 2004" in text
    assert "END OF TERMS AND CONDITIONS" in text
    assert len(text) > 10_000


def test_the_changelog_has_a_place_for_what_comes() -> None:
    assert "## [Unreleased]" in (ROOT / "CHANGELOG.md").read_text()


# ------------------------------------------------------------------------------------------ Kubernetes


@together("version", KUBERNETES)
@together("number", range(len(manifests())))
def test_the_manifest_is_valid(number: int, version: str) -> None:
    schemas.validate(manifests()[number], version, strict=True)


def test_the_schema_check_sees_mistakes() -> None:
    broken = of_kind("Deployment")
    broken["spec"]["template"]["spec"]["initContainers"][0]["restartPolice"] = "Always"
    with pytest.raises(schemas.ValidationError):
        schemas.validate(broken, KUBERNETES[0], strict=True)


def test_the_sidecar_is_native_and_takes_the_port_name() -> None:
    pod = of_kind("Deployment")["spec"]["template"]["spec"]
    sidecar = next(c for c in pod["initContainers"] if c["name"] == "waf-sidecar")
    assert sidecar["restartPolicy"] == "Always"
    holders = [
        c["name"]
        for c in (*pod["initContainers"], *pod["containers"])
        for p in c["ports"]
        if p["name"] == "http"
    ]
    assert holders == ["waf-sidecar"]
    assert [p["targetPort"] for p in of_kind("Service")["spec"]["ports"]] == ["http"]
    upstream = next(e["value"] for e in sidecar["env"] if e["name"] == "WAF_UPSTREAM")
    app_ports = [p["containerPort"] for c in pod["containers"] for p in c["ports"]]
    assert upstream in [f"http://127.0.0.1:{port}" for port in app_ports]


def test_every_container_passes_the_restricted_standard() -> None:
    """Pod Security Standards, level restricted."""
    spec = of_kind("Deployment")["spec"]["template"]["spec"]
    assert not spec.get("hostNetwork")
    for container in (*spec["initContainers"], *spec["containers"]):
        context = container["securityContext"]
        assert context["runAsNonRoot"] is True
        assert context["runAsUser"] > 0
        assert context["readOnlyRootFilesystem"] is True
        assert context["allowPrivilegeEscalation"] is False
        assert context["capabilities"] == {"drop": ["ALL"]}
        assert context["seccompProfile"] == {"type": "RuntimeDefault"}
    sidecar = spec["initContainers"][0]["securityContext"]
    assert (sidecar["runAsUser"], sidecar["runAsGroup"]) == (1337, 1337)


def test_probes_ask_the_control_port() -> None:
    sidecar = of_kind("Deployment")["spec"]["template"]["spec"]["initContainers"][0]
    control = next(p["containerPort"] for p in sidecar["ports"] if p["name"] == "waf-control")
    asked = {name: sidecar[name]["httpGet"] for name in ("startupProbe", "readinessProbe", "livenessProbe")}
    assert {probe["port"] for probe in asked.values()} == {control} == {15021}
    assert asked["livenessProbe"]["path"] == "/healthz"
    assert asked["startupProbe"]["path"] == asked["readinessProbe"]["path"] == "/readyz"


def test_what_is_mounted_is_there_and_nothing_is_a_subpath() -> None:
    spec = of_kind("Deployment")["spec"]["template"]["spec"]
    volumes = {volume["name"] for volume in spec["volumes"]}
    mounts = spec["initContainers"][0]["volumeMounts"]
    assert {mount["name"] for mount in mounts} == volumes
    assert not any("subPath" in mount for mount in mounts)


def test_the_configuration_in_the_manifest_is_valid() -> None:
    from tests.house.test_house_docs import read_tuning
    from waf.config.layers import ENVIRONMENT, OTHER_VARIABLES
    from waf.config.load import parse_config

    data = of_kind("ConfigMap")["data"]
    assert parse_config(data["waf.yaml"], "waf.yaml").tuning == ("tuning.yaml",)
    read_tuning(data["tuning.yaml"], "tuning.yaml")
    offered = "\n".join(line.removeprefix("# ") for line in data["tuning.yaml"].splitlines()[1:3])
    assert read_tuning(offered, "the comment").exclusions
    sidecar = of_kind("Deployment")["spec"]["template"]["spec"]["initContainers"][0]
    for variable in sidecar["env"]:
        assert variable["name"] in ENVIRONMENT or variable["name"] in OTHER_VARIABLES


# ------------------------------------------------------------------------------------------ the image


def dockerfile() -> tuple[list[str], list[str]]:
    """Instructions of the build stage and of the final one, continued lines joined."""
    text = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.M).replace("\\\n", " ")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    last = max(number for number, line in enumerate(lines) if line.startswith("FROM "))
    return lines[:last], lines[last:]


def test_the_image_is_slim_and_runs_as_nobody_in_particular() -> None:
    build, final = dockerfile()
    assert build[0] == "FROM python:3.11-slim-bookworm AS build"
    assert final[0] == "FROM python:3.11-slim-bookworm"
    assert "USER 1337:1337" in final
    assert "HEALTHCHECK NONE" in final
    assert not any(re.search(r"apt-get|gcc|build-essential|pip install", line) for line in final)
    assert 'ENTRYPOINT ["waf"]' in final


def test_the_image_is_built_with_its_patterns() -> None:
    build, final = dockerfile()
    compiled = re.search(r"waf rules compile --cache (\S+)", " ".join(build))
    assert compiled
    assert f"WAF_CACHE_DIR={compiled[1]}" in " ".join(final)


def test_the_image_copies_only_what_the_context_lets_in() -> None:
    build, _ = dockerfile()
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = {
        source
        for line in build
        if line.startswith("COPY ")
        for source in line.split()[1:-1]
        if "--from" not in line
    }
    assert copied - {"."} <= allowed
    assert "." in copied, "what is left out here is not in the image"
    for name in allowed - {"setup.py"}:  # there only where something is to be compiled
        assert (ROOT / name).exists(), name
