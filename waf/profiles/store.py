"""Learned state to bytes and back: versioned, checksummed, refused where damaged.

    magic (8 bytes) | version (1) | BLAKE2b-128 of the rest (16) | length of the content (4) | zlib of
    MessagePack

Owns the format. Where the bytes are kept, and what is done when they are refused, is the caller's business.
"""

from __future__ import annotations

import hashlib
import math
import zlib
from typing import Any, Final

import msgspec

from waf.profiles.endpoint import Endpoint
from waf.profiles.evidence import BYTES, SOURCE_BITS
from waf.profiles.model import Node, State
from waf.profiles.parameter import Parameter, pack_things, unpack_things
from waf.profiles.sequence import Before

MAGIC: Final = b"\x89WAFPRO\n"
LEARNER_MAGIC: Final = b"\x89WAFLRN\n"
VERSION: Final = 1
_HEAD: Final = len(MAGIC) + 1 + 16 + 4
_LIMIT: Final = 256 * 1024 * 1024  # bytes of unpacked content; a bomb is no state
_LONG: Final = 1024 * 1024  # bytes of content; compressing them takes ten times as long as all else
_ENDPOINT: Final = 14  # parts of an endpoint that are always written
_DEPTH: Final = 20  # of the tree; `segments.MAX_DEPTH` and some


class Damaged(ValueError):
    """The bytes are no state that this version can read; the text says why, for people."""


def seal(content: Any, magic: bytes = MAGIC, *, dense: bool = False) -> bytes:
    """Plain values as bytes. A long content that is `dense`, compressed in most of its parts already, is not again."""
    plain = msgspec.msgpack.encode(content)
    data = zlib.compress(plain, 0 if dense and len(plain) > _LONG else 1)
    head = len(data).to_bytes(4, "big")
    return magic + bytes([VERSION]) + hashlib.blake2b(head + data, digest_size=16).digest() + head + data


def unseal(data: bytes, magic: bytes = MAGIC) -> Any:
    """The plain values in `data`. Raises Damaged."""
    if data[: len(magic)] != magic:
        raise Damaged("not a file of learned profiles")
    if len(data) < _HEAD:
        raise Damaged("cut off within its head")
    if data[len(magic)] != VERSION:
        raise Damaged(f"version {data[len(magic)]} of the format; this program reads version {VERSION}")
    body = data[len(magic) + 17 :]
    length = int.from_bytes(body[:4], "big")
    if len(body) - 4 != length:
        raise Damaged(f"{len(body) - 4} bytes of content where {length} were written")
    if hashlib.blake2b(body, digest_size=16).digest() != data[len(magic) + 1 : len(magic) + 17]:
        raise Damaged("the checksum does not fit the content")
    try:
        inflate = zlib.decompressobj()
        content = inflate.decompress(body[4:], _LIMIT)
        if inflate.unconsumed_tail or not inflate.eof:
            raise Damaged("larger than any state may be")
        return msgspec.msgpack.decode(content)
    except (zlib.error, msgspec.DecodeError, RecursionError) as error:
        raise Damaged(f"unreadable content: {error}") from None


def dump(state: State) -> bytes:
    """The whole state. Endpoints that are packed already are copied as they are."""
    hosts = pack_things(state.hosts)
    content = [
        _node(state.root),
        _endpoint(state.common),
        hosts,
        state.refused,
        state.activity,
        state.requests,
    ]
    return seal(content, dense=True)


def load(data: bytes, memory: int) -> State:
    """The inverse of `dump`. Raises Damaged."""
    content = unseal(data)
    try:
        root, common, hosts, refused, activity, *more = content
        state = State(memory)
        state.root = _read_node(root, 0)
        state.common = _read_endpoint(common)
        state.hosts = unpack_things(hosts)
        state.refused = float(refused)
        state.activity = [float(count) for count in activity]
        state.requests = float(more[0]) if more else state.common.n  # not written by the first versions
        if len(state.activity) != SOURCE_BITS:
            raise ValueError("activity of another number of sources")
    except (ValueError, TypeError, IndexError, KeyError, OverflowError, AttributeError) as error:
        raise Damaged(f"content of an unknown form: {error}") from None
    state.settle()
    return state


def _bits(evidence: int) -> bytes:
    return evidence.to_bytes(BYTES, "little")


def _node(node: Node) -> list[Any]:
    return [
        node.n,
        _bits(node.seen),
        node.collapsed,
        None if node.values is None else node.values.pack(),
        [[method, _endpoint(endpoint)] for method, endpoint in node.endpoints.items()],
        [[name, _node(child)] for name, child in node.children.items()],
    ]


def _read_node(data: list[Any], depth: int) -> Node:
    if depth > _DEPTH:
        raise ValueError("a tree deeper than any that is learned")
    node = Node()
    node.n, seen, node.collapsed, values, endpoints, children = data
    node.seen = int.from_bytes(seen, "little")
    node.values = None if values is None else Parameter.unpack(values)
    node.endpoints = {method: _read_endpoint(endpoint) for method, endpoint in endpoints}
    node.children = {name: _read_node(child, depth + 1) for name, child in children}
    return node


def _endpoint(endpoint: Endpoint) -> list[Any]:
    e = endpoint
    sets = [pack_things(things) for things in (e.types_in, e.types_out, e.callers)]
    counts = [list(c.items()) for c in (e.statuses, e.request_sizes, e.response_sizes, e.auth, e.entities)]
    first = None if e.first == math.inf else e.first
    before = [e.before.pack()] if e.before.total else []
    return [e.n, _bits(e.seen), first, e.last, _bits(e.lost), *sets, *counts, e.as_bytes(), *before]


def _read_endpoint(data: list[Any]) -> Endpoint:
    e = Endpoint()
    if len(data) > _ENDPOINT:  # not written by the first versions, nor where there is nothing
        e.before = Before.unpack(data[_ENDPOINT])
    e.n, seen, first, e.last, lost, types_in, types_out, callers, *counts, parameters = data[:_ENDPOINT]
    e.seen, e.lost = int.from_bytes(seen, "little"), int.from_bytes(lost, "little")
    e.first = math.inf if first is None else first
    e.types_in, e.types_out, e.callers = map(unpack_things, (types_in, types_out, callers))
    e.statuses, e.request_sizes, e.response_sizes, e.auth, e.entities = map(dict, counts)
    e.take_bytes(parameters)
    return e
