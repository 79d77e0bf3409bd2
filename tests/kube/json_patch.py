"""RFC 6902 as an API server applies it, for add, remove and replace on objects."""

from __future__ import annotations

import copy
from typing import Any


def apply(document: Any, patch: list[dict[str, Any]]) -> Any:
    out = copy.deepcopy(document)
    for step in patch:
        *way, last = [part.replace("~1", "/").replace("~0", "~") for part in step["path"].split("/")[1:]]
        node = out
        for key in way:
            node = node[key]
        match step["op"]:
            case "add":
                node[last] = copy.deepcopy(step["value"])
            case "remove":
                del node[last]
            case "replace":
                assert last in node
                node[last] = copy.deepcopy(step["value"])
            case other:
                raise AssertionError(f"operation {other}")
    return out
