"""Whose token it is: TokenReview for our audience, remembered for a while by the token's hash.

The token is projected into the sidecar alone and is worthless at the API server. What it proves is the pod and its
namespace; a pod can therefore teach only workloads of its own namespace.
"""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Final

import msgspec

from waf.kube.client import Kube
from waf.kube.sidecar import TOKEN_AUDIENCE

GOOD_SECONDS: Final = 1800.0
BAD_SECONDS: Final = 10.0
_MOST: Final = 50_000
_LONGEST_TOKEN: Final = 8192
_REVIEWS: Final = "/apis/authentication.k8s.io/v1/tokenreviews"
_ACCOUNT: Final = "system:serviceaccount:"
_POD: Final = "authentication.kubernetes.io/pod-name"
_POD_UID: Final = "authentication.kubernetes.io/pod-uid"


class Caller(msgspec.Struct, frozen=True):
    namespace: str
    pod: str
    uid: str


class Identities:
    def __init__(self, kube: Kube, clock: Callable[[], float] = time.monotonic) -> None:
        self._kube = kube
        self._clock = clock
        self._known: OrderedDict[bytes, tuple[float, Caller | None]] = OrderedDict()

    async def of(self, authorization: str) -> Caller | None:
        """The pod that an Authorization header proves, None for nobody. Raises ApiError where it cannot be asked."""
        kind, _, token = authorization.partition(" ")
        if kind.lower() != "bearer" or not token or len(token) > _LONGEST_TOKEN:
            return None
        digest = hashlib.sha256(token.encode()).digest()
        until, caller = self._known.get(digest, (0.0, None))
        if self._clock() < until:
            return caller
        review = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenReview",
            "metadata": {},
            "spec": {"token": token, "audiences": [TOKEN_AUDIENCE]},
        }
        answer = await self._kube.create(_REVIEWS, review)
        caller = caller_of(answer.get("status") or {})
        self._known[digest] = (self._clock() + (GOOD_SECONDS if caller else BAD_SECONDS), caller)
        while len(self._known) > _MOST:
            self._known.popitem(last=False)
        return caller


def caller_of(status: dict[str, Any]) -> Caller | None:
    """The pod in a TokenReview's status; None for tokens that are refused, of another audience, or of no pod."""
    if status.get("authenticated") is not True or TOKEN_AUDIENCE not in (status.get("audiences") or []):
        return None
    user = status.get("user") or {}
    name, extra = str(user.get("username", "")), user.get("extra") or {}
    parts = name.removeprefix(_ACCOUNT).split(":")
    pods, uids = extra.get(_POD) or [], extra.get(_POD_UID) or []
    if not name.startswith(_ACCOUNT) or len(parts) != 2 or not pods or not uids:
        return None
    return Caller(parts[0], str(pods[0]), str(uids[0]))
