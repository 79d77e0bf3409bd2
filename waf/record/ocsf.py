"""Our events as OCSF 1.4 (Open Cybersecurity Schema Framework): HTTP Activity, profile security_control.

A pure mapping of what `events.event` made: nothing is shown here that was not masked there.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Final

CLASS: Final = 4002  # HTTP Activity
CATEGORY: Final = 4  # Network Activity
SCHEMA_VERSION: Final = "1.4.0"

ACTIVITIES: Final[dict[str, tuple[int, str]]] = {
    "CONNECT": (1, "Connect"),
    "DELETE": (2, "Delete"),
    "GET": (3, "Get"),
    "HEAD": (4, "Head"),
    "OPTIONS": (5, "Options"),
    "POST": (6, "Post"),
    "PUT": (7, "Put"),
    "TRACE": (8, "Trace"),
    "PATCH": (9, "Patch"),
}
_OTHER_ACTIVITY: Final = (99, "Other")
_NO_ACTIVITY: Final = (0, "Unknown")

SEVERITIES: Final[dict[str, tuple[int, str]]] = {
    "info": (1, "Informational"),
    "low": (2, "Low"),
    "medium": (3, "Medium"),
    "high": (4, "High"),
    "critical": (5, "Critical"),
}

# By event.action: action_id and disposition_id. A thing that is only watched is an alert, not a denial.
ACTIONS: Final[dict[str, tuple[int, str, int, str]]] = {
    "forward": (1, "Allowed", 1, "Allowed"),
    "redact": (4, "Modified", 11, "Corrected"),
    "block": (2, "Denied", 2, "Blocked"),
}
_WATCHED: Final = (3, "Observed", 19, "Alert")


def ocsf(event: Mapping[str, Any], version: str = "") -> dict[str, Any]:
    """The OCSF form of an event; `version` is that of this product."""
    method = event.get("http.request.method", "")
    activity = ACTIVITIES.get(method, _OTHER_ACTIVITY) if method else _NO_ACTIVITY
    action = ACTIONS.get(event.get("event.action", ""), ACTIONS["forward"])
    if event.get("event.action") == "forward" and event.get("waf.would", "forward") != "forward":
        action = _WATCHED
    findings = event.get("waf.findings", [])
    severity = max((SEVERITIES[finding["severity"]] for finding in findings), default=SEVERITIES["info"])
    failed = event.get("event.outcome") == "failure"
    mapped: dict[str, Any] = {
        "class_uid": CLASS,
        "class_name": "HTTP Activity",
        "category_uid": CATEGORY,
        "category_name": "Network Activity",
        "activity_id": activity[0],
        "activity_name": activity[1],
        "type_uid": CLASS * 100 + activity[0],
        "type_name": f"HTTP Activity: {activity[1]}",
        "time": _milliseconds(event["@timestamp"]),
        "duration": round(event.get("event.duration", 0) / 1e6),
        "severity_id": severity[0],
        "severity": severity[1],
        "status_id": 2 if failed else 1,
        "status": "Failure" if failed else "Success",
        "status_detail": event.get("event.reason", ""),
        "action_id": action[0],
        "action": action[1],
        "disposition_id": action[2],
        "disposition": action[3],
        "is_alert": event.get("event.kind") == "alert",
        "metadata": {
            "version": SCHEMA_VERSION,
            "profiles": ["security_control"],
            "product": {"name": "waf-sidecar", "vendor_name": "waf-sidecar", "version": version},
            "uid": event.get("http.request.id", ""),
            "correlation_uid": event.get("trace.id", ""),
        },
        "http_request": {
            "uid": event.get("http.request.id", ""),
            "http_method": method,
            "version": event.get("http.version", ""),
            "user_agent": event.get("user_agent.original", ""),
            "length": event.get("http.request.bytes", 0),
            "url": {
                "scheme": event.get("url.scheme", ""),
                "hostname": event.get("url.domain", ""),
                "path": event.get("url.path", ""),
            },
        },
        "http_response": {
            "code": event.get("http.response.status_code", 0),
            "length": event.get("http.response.bytes", 0),
        },
        "src_endpoint": {"ip": event.get("source.ip", "")},
        "dst_endpoint": {"svc_name": event.get("service.name", ""), "hostname": event.get("url.domain", "")},
    }
    rules = event.get("rule.id", [])
    if rules:
        mapped["firewall_rule"] = {
            "uid": rules[0],
            "category": next(iter(event.get("rule.category", [])), ""),
        }
    techniques = dict.fromkeys(
        tag for finding in findings for tag in finding.get("tags", ()) if _technique(tag)
    )
    if techniques:
        mapped["attacks"] = [{"technique": {"uid": tag}, "version": "15"} for tag in techniques]
    mapped["unmapped"] = {key: value for key, value in event.items() if key.startswith("waf.")}
    return _filled(mapped)


def _filled(value: dict[str, Any]) -> dict[str, Any]:
    """Without empty texts and empty objects; numbers stay, zero included."""
    filled = {key: _filled(item) if isinstance(item, dict) else item for key, item in value.items()}
    return {key: item for key, item in filled.items() if item not in ("", {}, [])}


def _technique(tag: str) -> bool:
    return len(tag) >= 5 and tag[0] == "T" and tag[1:5].isdigit()


def _milliseconds(timestamp: str) -> int:
    moment = datetime.datetime.fromisoformat(timestamp.replace("Z", "+00:00"))
    return round(moment.timestamp() * 1000)
