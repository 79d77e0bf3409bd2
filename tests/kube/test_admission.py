"""AdmissionReviews as an API server sends them, and what is answered."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.kube.json_patch import apply
from tests.kube.pod_shapes import SHAPES, container, pod, shape
from tests.together import together
from waf.kube.admission import BadReview, review, review_config
from waf.kube.inject import injected
from waf.kube.settings import LABEL_INJECT, PREFIX, Settings

NAMESPACES: dict[str, dict[str, Any]] = {
    "shop": {"labels": {LABEL_INJECT: "true"}},
    "tuned": {"labels": {LABEL_INJECT: "true"}, "annotations": {PREFIX + "mode": "protect"}},
    "wrong": {"labels": {LABEL_INJECT: "true"}, "annotations": {PREFIX + "mode": "on"}},
    "strict": {"labels": {LABEL_INJECT: "true", "pod-security.kubernetes.io/enforce": "baseline"}},
    "plain": {},
}


def asked(thing: Any, namespace: str = "shop", operation: str = "CREATE", kind: str = "Pod") -> bytes:
    return json.dumps(
        {
            "apiVersion": "admission.k8s.io/v1",
            "kind": "AdmissionReview",
            "request": {
                "uid": "705ab4f5-6393-11e8-b7cc-42010a800002",
                "kind": {"group": "", "version": "v1", "kind": kind},
                "resource": {"group": "", "version": "v1", "resource": "pods"},
                "namespace": namespace,
                "operation": operation,
                "userInfo": {"username": "system:serviceaccount:kube-system:replicaset-controller"},
                "object": thing,
                "oldObject": None,
                "dryRun": False,
                "options": {"kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1"},
            },
        }
    ).encode()


def answer(
    thing: Any, namespace: str = "shop", version: tuple[int, int] = (1, 31), **more: Any
) -> dict[str, Any]:
    outcome = review(asked(thing, namespace, **more), Settings(), NAMESPACES, version)
    whole = json.loads(outcome.body)
    assert (whole["apiVersion"], whole["kind"]) == ("admission.k8s.io/v1", "AdmissionReview")
    response: dict[str, Any] = whole["response"]
    assert response["uid"] == "705ab4f5-6393-11e8-b7cc-42010a800002"
    return response


@together("name", SHAPES)
def test_the_patch_makes_what_the_function_makes(name: str) -> None:
    before = shape(name)
    response = answer(before)
    assert response["allowed"] is True
    assert response["patchType"] == "JSONPatch"
    patch = json.loads(base64.b64decode(response["patch"]))
    assert apply(before, patch) == injected(before, Settings(), (1, 31))


def test_asked_again_nothing_is_left_to_do() -> None:
    response = answer(injected(shape("one named port"), Settings(), (1, 31)))
    assert response == {"uid": response["uid"], "allowed": True}


def test_who_did_not_ask_is_let_in_without_a_word() -> None:
    for namespace in ("plain", "unknown"):
        response = answer(pod(container("a"), annotations={PREFIX + "mode": "nonsense"}), namespace)
        assert response == {"uid": response["uid"], "allowed": True}
    response = answer(shape("one named port"), operation="UPDATE")
    assert response == {"uid": response["uid"], "allowed": True}


@pytest.mark.parametrize(
    ("made", "version", "says"),
    [
        (pod(container("a"), hostNetwork=True), (1, 31), "host's network"),
        (shape("job"), (1, 28), "never ends"),
        (pod(container("waf-sidecar")), (1, 31), "of its own"),
    ],
)
def test_who_asked_and_is_let_in_without_is_told(made: Any, version: tuple[int, int], says: str) -> None:
    response = answer(made, version=version)
    assert response["allowed"] is True
    assert "patch" not in response
    assert says in response["warnings"][0]


@pytest.mark.parametrize(
    ("made", "namespace", "says"),
    [
        (
            pod(container("a"), annotations={PREFIX + "mode": "on"}),
            "shop",
            "annotation waf.sidecar/mode: must be",
        ),
        (pod(container("a")), "wrong", "annotation waf.sidecar/mode: must be"),
        (pod(container("a", 15006)), "shop", "already uses port 15006"),
        (pod(container("a"), annotations={PREFIX + "capture": "redirect"}), "strict", "level baseline"),
        (pod({"name": "a", "ports": [{"containerPort": "x"}]}), "shop", "$.spec.containers[0].ports[0]"),
    ],
)
def test_who_cannot_have_what_is_asked_is_refused_with_the_mend(made: Any, namespace: str, says: str) -> None:
    response = answer(made, namespace)
    assert response["allowed"] is False
    assert response["status"]["message"].startswith("waf sidecar: ")
    assert says in response["status"]["message"]
    assert "patch" not in response


def test_the_namespaces_annotations_count() -> None:
    patch = json.loads(base64.b64decode(answer(shape("one named port"), "tuned")["patch"]))
    assert {"name": "WAF_MODE", "value": "protect"} in apply(shape("one named port"), patch)["spec"][
        "initContainers"
    ][0]["env"]


BAD = [
    b"", b"{", b"[]", b"null", b"{}", b'{"request":{}}', b'{"request":{"uid":1}}', b"[" * 100_000, b"\xff",
    b'{"request":{"uid":"u"}}', b'{"request":{"uid":"u","object":[]}}', b'{"request":{"uid":"u","object":{}}}',
    b'{"apiVersion":"admission.k8s.io/v1beta1","request":{"uid":"u","object":{"spec":{}}}}',
    b'{"request":{"uid":"u","object":{"spec":7}}}', b'{"request":{"uid":"u","object":' + b'{"a":' * 50_000,
]  # fmt: skip


@together("body", BAD, ids=range(len(BAD)))
def test_what_is_no_review_is_refused(body: bytes) -> None:
    with pytest.raises(BadReview):
        review(body, Settings(), NAMESPACES, (1, 31))


_JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=8)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(["name", "ports", "containers", "initContainers", "containerPort", "httpGet", "port",
                             "livenessProbe", "lifecycle", "metadata", "spec", "volumes", "annotations", "os"]),
            inner,
            max_size=5,
        ),
    ),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(_JSON, _JSON)
def test_anything_gets_an_answer_or_is_no_review(spec: Any, metadata: Any) -> None:
    try:
        outcome = review(asked({"spec": spec, "metadata": metadata}), Settings(), NAMESPACES, (1, 31))
    except BadReview:
        return
    assert json.loads(outcome.body)["response"]["uid"]


# ------------------------------------------------------------------------------------------ ConfigMaps


def config_map(**data: str) -> dict[str, Any]:
    return {
        "metadata": {"name": "waf-config", "labels": {"waf.sidecar/config": "true"}},
        "data": {key.replace("_", "."): text for key, text in data.items()},
    }


def config_answer(thing: Any, operation: str = "UPDATE") -> dict[str, Any]:
    outcome = review_config(asked(thing, operation=operation, kind="ConfigMap"))
    response: dict[str, Any] = json.loads(outcome.body)["response"]
    return response


RULE = """
- id: own-rule
  title: A probe of ours
  class: sqli
  severity: high
  confidence: high
  level: 1
  where: [arg]
  pattern: "drop table"
  hits: ["drop table"]
  misses: ["table"]
"""


@pytest.mark.parametrize(
    "good",
    [
        config_map(),
        config_map(waf_yaml="mode: protect\n"),
        config_map(waf_yaml="tuning: [tuning.yaml]\n", tuning_yaml="exclusions: []\n"),
        config_map(tuning_yaml="exclusions: []\n"),
        config_map(waf_yaml="tuning: [/elsewhere/tuning.yaml]\n"),
        config_map(waf_yaml="signatures: {rules: [own.yaml]}\n", own_yaml=RULE),
        {"metadata": {"name": "theirs"}, "data": {"waf.yaml": "mode: nonsense"}},
    ],
)
def test_a_config_map_that_can_be_used_is_let_in(good: Any) -> None:
    assert config_answer(good)["allowed"] is True


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        (config_map(waf_yaml="mode: monitor\nmoode: protect\n"), ["waf.yaml:2", "moode"]),
        (config_map(waf_yaml="mode: [\n"), ["waf.yaml:"]),
        (config_map(waf_yaml="mode: x\nlimits: {head: many}\n"), ["waf.yaml:1", "waf.yaml:2"]),
        (config_map(waf_yaml="tuning: [tuning.yaml]\n"), ["tuning.yaml is no key"]),
        (config_map(waf_yaml="tuning: [tuning.yaml]\n", tuning_yaml="exclusion: []\n"), ["tuning.yaml:1"]),
        (config_map(tuning_yaml="exclusions:\n  - {rule: 7x, expires: soon}\n"), ["tuning.yaml"]),
        (config_map(waf_yaml="signatures: {rules: [own.yaml]}\n", own_yaml="- id: x\n"), ["own.yaml"]),
        (config_map(config_yaml="mode: monitor\n"), ["no such key"]),
    ],
)
def test_a_broken_config_map_is_refused_with_the_place(bad: Any, says: list[str]) -> None:
    response = config_answer(bad)
    assert response["allowed"] is False
    for words in says:
        assert words in response["status"]["message"]


def test_a_config_map_can_always_be_deleted() -> None:
    assert config_answer(config_map(waf_yaml="mode: x"), "DELETE")["allowed"] is True
