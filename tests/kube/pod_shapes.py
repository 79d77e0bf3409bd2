"""Pods as they are met in the world, by name; each a fresh copy."""

from __future__ import annotations

import copy
from typing import Any

Pod = dict[str, Any]


def container(name: str = "app", *ports: Any, **more: Any) -> dict[str, Any]:
    """A container; a port is a number, (name, number) or (name, number, protocol)."""
    made: dict[str, Any] = {"name": name, "image": f"registry.example/{name}:1.2"}
    listed = []
    for port in ports:
        match port:
            case int():
                listed.append({"containerPort": port})
            case (label, number):
                listed.append({"name": label, "containerPort": number})
            case (label, number, protocol):
                listed.append({"name": label, "containerPort": number, "protocol": protocol})
    if listed:
        made["ports"] = listed
    return made | more


def pod(*containers: dict[str, Any], labels: Any = None, annotations: Any = None, **spec: Any) -> Pod:
    metadata: dict[str, Any] = {"name": "shop-1", "labels": labels or {"app": "shop"}}
    if annotations:
        metadata["annotations"] = annotations
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
        "spec": {"containers": list(containers), **spec},
    }


def http(port: Any, **more: Any) -> dict[str, Any]:
    return {"httpGet": {"path": "/health", "port": port, **more}}


_OWNED = {
    "apiVersion": "apps/v1",
    "kind": "ReplicaSet",
    "name": "shop-6d4b75cb6d",
    "uid": "u",
    "controller": True,
}

SHAPES: dict[str, Pod] = {
    "one named port": pod(container("app", ("http", 8080))),
    "one number": pod(container("app", 8080)),
    "no ports": pod(container("worker")),
    "null ports": pod(container("worker", ports=None), volumes=None, initContainers=None),
    "empty lists": pod(container("worker", ports=[]), volumes=[], initContainers=[]),
    "udp and tcp": pod(container("dns", ("dns", 5353, "UDP"), ("dns-tcp", 5353, "TCP"))),
    "udp only": pod(container("dns", ("dns", 5353, "UDP"))),
    "sctp and http": pod(container("mix", ("sig", 3868, "SCTP"), ("http", 8080, "TCP"))),
    "long port name": pod(container("app", ("a-rather-long-n", 8080))),
    "port called app-http": pod(container("app", ("http", 8080), ("app-http", 8081))),
    "metrics first": pod(container("app", ("metrics", 9090), ("http", 8080))),
    "same port name in two containers": pod(container("a", ("http", 8080)), container("b", ("http", 8081))),
    "probes by name": pod(
        container(
            "app",
            ("http", 8080),
            livenessProbe=http("http"),
            readinessProbe={"tcpSocket": {"port": "http"}},
            startupProbe=http("http", httpHeaders=[{"name": "X-Probe", "value": "1"}]),
            lifecycle={"preStop": http("http")},
        )
    ),
    "probes by number": pod(container("app", 8080, livenessProbe=http(8080), readinessProbe=http(8080))),
    "probe on a port of its own": pod(
        container(
            "app",
            ("http", 8080),
            ("admin", 9000),
            readinessProbe=http("admin"),
            livenessProbe={"grpc": {"port": 9000}},
        )
    ),
    "exec probe": pod(container("app", ("http", 8080), livenessProbe={"exec": {"command": ["true"]}})),
    "init containers": pod(
        container("app", ("http", 8080)),
        initContainers=[container("migrate", command=["migrate"]), container("seed")],
    ),
    "native sidecar of another": pod(
        container("app", ("http", 8080)),
        initContainers=[container("logs", ("http", 9911), restartPolicy="Always")],
    ),
    "istio": pod(
        container("app", ("http", 8080)),
        container(
            "istio-proxy",
            ("http-envoy-prom", 15090, "TCP"),
            readinessProbe={"httpGet": {"path": "/healthz/ready", "port": 15021}},
        ),
        initContainers=[container("istio-init", securityContext={"capabilities": {"add": ["NET_ADMIN"]}})],
        annotations={"sidecar.istio.io/status": "{}"},
    ),
    "linkerd": pod(
        container("linkerd-proxy", ("linkerd-proxy", 4143), ("linkerd-admin", 4191)),
        container("app", ("web", 3000)),
        initContainers=[container("linkerd-init")],
    ),
    "statefulset": pod(
        container("db", ("http", 8080), volumeMounts=[{"name": "data", "mountPath": "/data"}]),
        labels={"app": "db", "statefulset.kubernetes.io/pod-name": "db-0"},
        volumes=[{"name": "data", "persistentVolumeClaim": {"claimName": "data-db-0"}}],
        hostname="db-0",
        subdomain="db",
    ),
    "deployment's": {
        **pod(container("app", ("http", 8080))),
        "metadata": {
            "generateName": "shop-6d4b75cb6d-",
            "labels": {"app": "x", "pod-template-hash": "6d4b75cb6d"},
            "ownerReferences": [_OWNED],
        },
    },
    "job": pod(container("batch", command=["run"]), restartPolicy="Never"),
    "scraped": pod(
        container("app", ("http", 8080)),
        annotations={"prometheus.io/scrape": "true", "prometheus.io/port": "9090"},
    ),
    "long grace": pod(container("app", ("http", 8080)), terminationGracePeriodSeconds=600),
    "no grace": pod(container("app", ("http", 8080)), terminationGracePeriodSeconds=0),
    "short grace": pod(container("app", ("http", 8080)), terminationGracePeriodSeconds=5),
    "no metadata": {"spec": {"containers": [container("app", ("http", 8080))]}},
    "restricted": pod(
        container(
            "app",
            ("http", 8080),
            securityContext={"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        ),
        securityContext={
            "runAsNonRoot": True,
            "fsGroup": 2000,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        shareProcessNamespace=True,
        automountServiceAccountToken=False,
    ),
}


def shape(name: str) -> Pod:
    return copy.deepcopy(SHAPES[name])
