"""What people ask of each workload: `spec` of its WafProfile, kept fresh by a watch.

Of a profile that stands in a spec only its hash is kept here: it may be long, and is read when it is to be taken.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any, Final

import msgspec

from waf.kube.client import Kube, NotFound, Object
from waf.kube.fleet.terms import MODES, Key
from waf.kube.watch import Watched

GROUP: Final = "waf.sidecar/v1alpha1"


class Spec(msgspec.Struct, frozen=True):
    """`mode` is "" where nobody set one, `document` the hash of `spec.profile`, "" where there is none."""

    mode: str = ""
    document: str = ""


NOTHING: Final = Spec()


class Specs:
    """`removed` is called with each workload whose WafProfile was deleted."""

    def __init__(self, kube: Kube) -> None:
        self._kube = kube
        self.removed: Callable[[Key], None] = lambda key: None
        self.watched = Watched(kube, f"/apis/{GROUP}/wafprofiles", keep=_spec_of, changed=self._changed)

    def of(self, key: Key) -> Spec:
        found: Spec = self.watched.items.get(str(key), NOTHING)
        return found

    def with_documents(self) -> list[Key]:
        """The workloads whose profile stands in their spec."""
        return [_key(text) for text, spec in self.watched.items.items() if spec.document]

    async def document(self, key: Key) -> tuple[Any, str]:
        """`spec.profile` as it is now, and its hash; (None, "") for none. Raises ApiError."""
        try:
            thing = await self._kube.get(path_of(key))
        except NotFound:
            return None, ""
        document = (thing.get("spec") or {}).get("profile")
        return document, digest_of(document)

    def _changed(self, text: str) -> None:
        if text not in self.watched.items:
            self.removed(_key(text))


def collection_of(namespace: str) -> str:
    return f"/apis/{GROUP}/namespaces/{namespace}/wafprofiles"


def path_of(key: Key) -> str:
    """A WafProfile has the name of its workload."""
    return f"{collection_of(key.namespace)}/{key.workload}"


def digest_of(document: Any) -> str:
    """The same for the same content, in whatever order it is written; "" for none."""
    if document is None:
        return ""
    return hashlib.sha256(msgspec.json.encode(document, order="deterministic")).hexdigest()[:16]


def _key(text: str) -> Key:
    namespace, _, name = text.partition("/")
    return Key(namespace, name)


def _spec_of(thing: Object) -> Spec:
    spec = thing.get("spec") or {}
    mode = spec.get("mode")
    return Spec(mode if mode in MODES else "", digest_of(spec.get("profile")))
