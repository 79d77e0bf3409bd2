"""Capture by redirect: the rules that lead the app's port to the sidecar, as a value, as text and as bytes.

One nftables table of family inet, so that IPv6 is no way around IPv4's rules. Two chains: prerouting for what comes
from outside, output for what is sent to the pod's own addresses from inside it (over lo, whatever the address). The
sidecar's own connections to the app are let through by their owner's uid. Egress is not touched.

The kernel is spoken to directly (netlink), so the image needs no nft program. Applying it replaces the table of an
earlier run in one transaction: there is no moment without rules.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

TABLE: Final = "waf_redirect"
_HOOKS: Final = {"prerouting": 0, "output": 3}  # NF_INET_PRE_ROUTING, NF_INET_LOCAL_OUT
_DSTNAT: Final = -100  # priority of destination NAT
_PRIORITIES: Final = {"prerouting": "dstnat", "output": "-100"}  # nft knows the word in prerouting only


class Plan(msgspec.Struct, frozen=True):
    """What goes where: TCP to any of `ports` is led to port `to`, unless it comes from `uid` or is in `excluded`."""

    ports: tuple[int, ...]
    to: int
    uid: int
    excluded: tuple[int, ...] = ()


class Rule(msgspec.Struct, frozen=True):
    """One line of the table; what is None does not matter. `to` None: the chain is left, nothing is redirected."""

    chain: str
    loopback: bool = False
    uid: int | None = None
    port: int | None = None
    to: int | None = None


def rules(plan: Plan) -> tuple[Rule, ...]:
    """The table's lines in their order. Raises ValueError where nothing or everything in a circle is captured."""
    if plan.to in plan.ports:
        raise ValueError(f"port {plan.to} would be led to itself")
    if set(plan.ports) <= set(plan.excluded):
        raise ValueError("every port is excluded: nothing would be captured")
    made = [Rule("output", loopback=True, uid=plan.uid)]
    for chain in _HOOKS:
        made += [Rule(chain, port=port) for port in sorted({*plan.excluded, plan.to})]
        made += [
            Rule(chain, loopback=chain == "output", port=port, to=plan.to) for port in sorted(set(plan.ports))
        ]
    return tuple(made)


def as_text(plan: Plan) -> str:
    """The table as `nft -f` reads it, for people and audits."""
    lines = [f"table inet {TABLE}", f"delete table inet {TABLE}", f"table inet {TABLE} {{"]
    for chain in _HOOKS:
        lines += [
            f"\tchain {chain} {{",
            f"\t\ttype nat hook {chain} priority {_PRIORITIES[chain]}; policy accept;",
        ]
        lines += [f"\t\t{_line(rule)}" for rule in rules(plan) if rule.chain == chain]
        lines += ["\t}"]
    return "\n".join([*lines, "}", ""])


def _line(rule: Rule) -> str:
    words = []
    if rule.loopback:
        words.append('oifname "lo"')
    if rule.uid is not None:
        words.append(f"meta skuid {rule.uid}")
    if rule.port is not None:
        words.append(f"tcp dport {rule.port}")
    words.append("return" if rule.to is None else f"redirect to :{rule.to}")
    return " ".join(words)


# ------------------------------------------------------------------------------------------ netlink
# The numbers are those of linux/netfilter/nfnetlink.h and linux/netfilter/nf_tables.h.

_SUBSYSTEM: Final = 10
_BATCH_BEGIN, _BATCH_END = 0x10, 0x11
_NEW_TABLE, _DEL_TABLE, _NEW_CHAIN, _NEW_RULE = (_SUBSYSTEM << 8 | n for n in (0, 2, 3, 6))
_REQUEST, _ACK, _CREATE, _APPEND = 0x1, 0x4, 0x400, 0x800
_INET: Final = 1  # NFPROTO_INET
_NESTED: Final = 0x8000
_OIFNAME, _SKUID, _L4PROTO = 7, 10, 16  # NFT_META_*
_REGISTER, _VERDICT_REGISTER = 1, 0
_RETURN: Final = -5 & 0xFFFFFFFF
_PROTO_SPECIFIED: Final = 2  # NF_NAT_RANGE_PROTO_SPECIFIED
_TRANSPORT: Final = 2  # NFT_PAYLOAD_TRANSPORT_HEADER
_ERROR: Final = 2  # NLMSG_ERROR
_TIMEOUT: Final = 5.0  # seconds for the kernel's answer


def _attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("=HH", len(value) + 4, kind) + value + b"\0" * (-len(value) % 4)


def _nested(kind: int, *inner: bytes) -> bytes:
    return _attribute(kind | _NESTED, b"".join(inner))


def _number(kind: int, value: int) -> bytes:
    return _attribute(kind, struct.pack(">I", value))


def _word(kind: int, value: str) -> bytes:
    return _attribute(kind, value.encode() + b"\0")


def _expression(name: str, *inner: bytes) -> bytes:
    return _nested(1, _word(1, name), _nested(2, *inner))


def _meta(key: int, value: bytes) -> list[bytes]:
    return [_expression("meta", _number(2, key), _number(1, _REGISTER)), _equals(value)]


def _equals(value: bytes) -> bytes:
    return _expression("cmp", _number(1, _REGISTER), _number(2, 0), _nested(3, _attribute(1, value)))


def _expressions(rule: Rule) -> list[bytes]:
    made: list[bytes] = []
    if rule.loopback:
        made += _meta(_OIFNAME, b"lo".ljust(16, b"\0"))
    if rule.uid is not None:
        made += _meta(_SKUID, struct.pack("=I", rule.uid))
    if rule.port is not None:
        made += _meta(_L4PROTO, bytes([socket.IPPROTO_TCP]))
        # Two bytes from offset 2 of the transport header: the destination port.
        made.append(
            _expression(
                "payload", _number(1, _REGISTER), _number(2, _TRANSPORT), _number(3, 2), _number(4, 2)
            )
        )
        made.append(_equals(struct.pack(">H", rule.port)))
    if rule.to is None:
        verdict = _nested(2, _nested(2, _number(1, _RETURN)))
        made.append(_expression("immediate", _number(1, _VERDICT_REGISTER), verdict))
    else:
        port = _nested(2, _attribute(1, struct.pack(">H", rule.to)))
        made.append(_expression("immediate", _number(1, _REGISTER), port))
        made.append(_expression("redir", _number(1, _REGISTER), _number(3, _PROTO_SPECIFIED)))
    return made


def messages(plan: Plan) -> list[tuple[int, int, bytes]]:
    """The transaction as (type, flags, attributes): the table anew, its chains, its rules."""
    table = _word(1, TABLE)
    made = [
        (_NEW_TABLE, _CREATE, table),  # so that there is one to delete
        (_DEL_TABLE, 0, table),
        (_NEW_TABLE, _CREATE, table),
    ]
    for chain, hook in _HOOKS.items():
        place = _nested(4, _number(1, hook), _number(2, _DSTNAT & 0xFFFFFFFF))
        made.append((_NEW_CHAIN, _CREATE, table + _word(3, chain) + place + _number(5, 1) + _word(7, "nat")))
    for rule in rules(plan):
        made.append(
            (_NEW_RULE, _CREATE | _APPEND, table + _word(2, rule.chain) + _nested(4, *_expressions(rule)))
        )
    return made


def as_bytes(plan: Plan) -> bytes:
    """The transaction as the kernel reads it; message n has the sequence number n, begin and end included."""
    listed = [(_BATCH_BEGIN, 0, b""), *messages(plan), (_BATCH_END, 0, b"")]
    return b"".join(_message(number, *each) for number, each in enumerate(listed))


def _message(number: int, kind: int, flags: int, attributes: bytes) -> bytes:
    edge = kind in (_BATCH_BEGIN, _BATCH_END)
    head = struct.pack(">BBH", 0 if edge else _INET, 0, _SUBSYSTEM if edge else 0)
    flags |= _REQUEST if edge else _REQUEST | _ACK
    return struct.pack("=IHHII", 16 + len(head) + len(attributes), kind, flags, number, 0) + head + attributes


def apply(plan: Plan) -> None:
    """Put the rules into this network namespace.

    Raises OSError with what the kernel refused; then nothing has changed.
    """
    with socket.socket(
        socket.AF_NETLINK, socket.SOCK_RAW, getattr(socket, "NETLINK_NETFILTER", 12)
    ) as kernel:
        kernel.settimeout(_TIMEOUT)
        kernel.bind((0, 0))
        kernel.send(as_bytes(plan))
        awaited = set(range(1, len(messages(plan)) + 1))
        while awaited:
            for number, code in _answers(kernel.recv(65536)):
                if code:
                    raise OSError(code, f"{os.strerror(code)}{_advice(code)}")
                awaited.discard(number)


def _advice(code: int) -> str:
    if code in (errno.EPERM, errno.EACCES):
        return ": the capability NET_ADMIN is needed"
    if code in (errno.ENOENT, errno.EOPNOTSUPP):
        return ": this kernel has no nftables NAT (module nft_redir); capture by port-name instead"
    return ""


def _answers(data: bytes) -> Iterable[tuple[int, int]]:
    """(sequence number, errno or 0) of each acknowledgement in a datagram."""
    while len(data) >= 16:
        length, kind, _, number, _ = struct.unpack_from("=IHHII", data)
        if kind == _ERROR and len(data) >= 20:
            (code,) = struct.unpack_from("=i", data, 16)
            yield number, -code
        data = data[max(length + 3 & ~3, 16) :]


def plan_of(ports: Sequence[int], to: int, uid: int, excluded: Sequence[int]) -> Plan:
    """A plan that can be carried out. Raises ValueError."""
    plan = Plan(tuple(ports), to, uid, tuple(excluded))
    rules(plan)
    return plan
