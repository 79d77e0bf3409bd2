"""AdmissionReview in, AdmissionReview out: the webhook's pure half (admission.k8s.io/v1).

Two questions are answered: how a pod is to be changed, and whether a ConfigMap can be used. A pod that does not ask
for a sidecar is never refused, and neither is a ConfigMap without our label.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from waf.kube.configmaps import LABEL_CONFIG, problems_of
from waf.kube.inject import inject, remarks
from waf.kube.pods import NOT_OPTED_IN, OPTED_OUT, check_shape, unfit, wanted
from waf.kube.settings import Settings, SettingsError, settle

Review = dict[str, Any]

_WARNING_LENGTH: Final = 250  # longer ones are cut by the API server (256 bytes each)
_MESSAGE_LENGTH: Final = 4_000


class BadReview(ValueError):
    """The body is no AdmissionReview that can be answered; the text says why."""


class _Request(msgspec.Struct, frozen=True):
    uid: str
    operation: str = "CREATE"
    namespace: str = ""
    object: dict[str, Any] | None = None


class _Asked(msgspec.Struct, frozen=True):
    request: _Request
    apiVersion: str = "admission.k8s.io/v1"


_ASKED: Final = msgspec.json.Decoder(_Asked)


def _read(body: bytes) -> _Request:
    try:
        asked = _ASKED.decode(body)
    except (msgspec.DecodeError, RecursionError) as error:
        raise BadReview(f"not an AdmissionReview: {error}") from None
    if asked.apiVersion != "admission.k8s.io/v1":
        raise BadReview(
            f"AdmissionReview of version {asked.apiVersion[:60]}; only admission.k8s.io/v1 is spoken"
        )
    return asked.request


class Outcome(msgspec.Struct, frozen=True):
    """One answer: the bytes to send, and what became of it for metric and log."""

    body: bytes
    outcome: str  # injected, unchanged, skipped, denied, allowed
    reason: str = ""
    namespace: str = ""


def review(
    body: bytes,
    defaults: Settings,
    namespaces: Mapping[str, Mapping[str, Any]],
    server_version: tuple[int, int],
) -> Outcome:
    """The answer to the review of a pod: allowed with a patch, allowed with a warning that tells why not, or denied.

    `namespaces` maps names to their metadata (labels, annotations). Denied are only pods that ask for a sidecar
    which they cannot have as they ask. Raises BadReview.
    """
    request = _read(body)
    pod = request.object
    if pod is None or not isinstance(pod.get("spec"), dict):
        raise BadReview("not an AdmissionReview of a pod")
    if request.operation != "CREATE":
        return _answer(request, "skipped", "not a creation")
    try:
        check_shape(pod)
        metadata = pod.get("metadata") or {}
        name = request.namespace or metadata.get("namespace") or "default"
        namespace = namespaces.get(name) or {}
        labels = namespace.get("labels") or {}
        why_not = wanted(labels, pod, name)
        if why_not:
            silent = why_not in (OPTED_OUT, NOT_OPTED_IN)
            return _answer(request, "skipped", why_not, warn=() if silent else (f"not injected: {why_not}",))
        settings = settle(defaults, namespace.get("annotations") or {}, metadata.get("annotations") or {})
        why_not = unfit(pod, settings, server_version)
        if why_not:
            return _answer(request, "skipped", why_not, warn=(f"not injected: {why_not}",))
        warn = remarks(pod, settings, labels)
        patch = inject(pod, settings, server_version)
    except SettingsError as error:
        return _denied(request, str(error))
    if not patch:
        return _answer(request, "unchanged", warn=warn)
    encoded = base64.b64encode(msgspec.json.encode(patch)).decode()
    return _answer(request, "injected", warn=warn, patchType="JSONPatch", patch=encoded)


def review_config(body: bytes) -> Outcome:
    """The answer to the review of a ConfigMap: denied with every located mistake. Raises BadReview."""
    request = _read(body)
    if request.operation not in ("CREATE", "UPDATE") or request.object is None:
        return _answer(request, "skipped", "nothing is written")
    metadata = request.object.get("metadata")
    labels = (metadata if isinstance(metadata, dict) else {}).get("labels")
    if not isinstance(labels, dict) or labels.get(LABEL_CONFIG) != "true":
        return _answer(request, "skipped", "not ours")
    problems = problems_of(request.object)
    if problems:
        return _denied(request, "\n".join(str(problem) for problem in problems))
    return _answer(request, "allowed")


def _answer(
    request: _Request, outcome: str, reason: str = "", warn: tuple[str, ...] | list[str] = (), **more: str
) -> Outcome:
    response: Review = {"uid": request.uid, "allowed": True, **more}
    if warn:
        response["warnings"] = [f"waf sidecar: {text}"[:_WARNING_LENGTH] for text in warn]
    return Outcome(_envelope(response), outcome, reason, request.namespace)


def _denied(request: _Request, reason: str) -> Outcome:
    message = f"waf sidecar: {reason}"[:_MESSAGE_LENGTH]
    status = {"code": 400, "reason": "Invalid", "message": message}
    return Outcome(_envelope({"uid": request.uid, "allowed": False, "status": status}), "denied", message)


def _envelope(response: Review) -> bytes:
    return msgspec.json.encode(
        {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response}
    )
