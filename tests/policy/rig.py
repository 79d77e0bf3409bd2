"""Policies as the sidecar builds them, from files; and requests that walk through them without sockets."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from waf.assembly import Files, Kept, build, keep
from waf.config.schema import Limits
from waf.http1.parse import request_head, response_head
from waf.model import (
    Admitted,
    BodyPlan,
    BodyRefused,
    Exchange,
    Peer,
    Refused,
    Released,
    Response,
    Verdict,
    Withheld,
)
from waf.policy.policy import Policy

WALL = 1_795_478_400.0  # 2026-11-24
SQLI = "1' OR '1'='1' -- "
CARD = "4532 1988 7406 3150"  # valid, and no well-known test number
PROTECT: dict[str, Any] = {"mode": "protect"}
LEAN: dict[str, Any] = {"mode": "protect", "signatures": {"defaults": False}}  # quick to build: no rules
ATTACK = "/search?q=1%27%20OR%20%271%27=%271%27%20--%20"
FORM = "application/x-www-form-urlencoded"
JSON = "application/json"


def rules_of(verdict: Verdict) -> set[str]:
    return {finding.rule for finding in verdict.findings}


class Workshop:
    """Builds policies in one directory, over one pattern cache."""

    def __init__(self, directory: Path, cache: Path) -> None:
        self.directory = directory
        self._cache = cache
        self.kept: Kept | None = None

    def write(self, name: str, content: object) -> Path:
        path = self.directory / name
        path.write_text(content if isinstance(content, str) else yaml.safe_dump(content, sort_keys=False))
        return path

    def policy(self, config: Mapping[str, Any] | None = None, tuning: object = None) -> Policy:
        """The policy of a waf.yaml with this content and, if given, this tuning.yaml beside it."""
        content = dict(config or {})
        if tuning is not None:
            self.write("tuning.yaml", tuning)
            content["tuning"] = ["tuning.yaml"]
        files = Files([str(self.write("waf.yaml", content))], {}, {"cache_dir": str(self._cache)})
        self.kept = keep(files.load().config, {})
        return build(files, self.kept).policy


class Walk:
    """One exchange under a policy, step by step as the proxy takes them."""

    def __init__(
        self,
        policy: Policy,
        target: str = "/",
        *,
        method: str = "GET",
        body: bytes = b"",
        kind: str = "",
        client: str = "192.0.2.9",
        now: float = 0.0,
        chunked: bool = False,
        **headers: str,
    ) -> None:
        self.policy = policy
        self.body = body
        self.now = now
        lines = [f"{method} {target} HTTP/1.1"]
        if "host" not in headers:
            lines.append("Host: shop.example")
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        if kind:
            lines.append(f"Content-Type: {kind}")
        if chunked:
            lines.append("Transfer-Encoding: chunked")
        elif body:
            lines.append(f"Content-Length: {len(body)}")
        self.exchange = Exchange("id", Peer(client, 1, client, "http"), now, WALL)
        head = "\r\n".join(lines).encode() + b"\r\n\r\n"
        self.exchange.request = request_head(head, Limits())

    def plan(self) -> BodyPlan | Refused:
        return self.policy.plan(self.exchange, self.now)

    def admit(self, piece: int = 4096) -> Admitted | Refused:
        """Plan and body; a streamed body goes through its filter, and what came out is its body."""
        plan = self.plan()
        if isinstance(plan, Refused):
            return plan
        if not plan.stream and len(self.body) <= plan.buffer:
            return self.policy.admit(self.exchange, self.body, self.now)
        if not plan.stream and plan.over == "block":
            return Refused(self.policy.over_limit(self.exchange))
        answer = self.policy.admit_stream(self.exchange, self.now)
        if isinstance(answer, Refused):
            return answer
        if answer.stream is None:
            return answer.altered(body=self.body)
        out = b""
        try:
            for start in range(0, len(self.body), piece):
                out += answer.stream.feed(self.body[start : start + piece])
            out += answer.stream.finish()
        except BodyRefused as refused:
            return Refused(refused.verdict)
        return answer.altered(body=out, stream=None)

    def passed(self) -> Admitted:
        answer = self.admit()
        assert isinstance(answer, Admitted), answer.verdict
        return answer

    def refused(self) -> Verdict:
        answer = self.admit()
        assert isinstance(answer, Refused)
        return answer.verdict

    def release_whole(
        self, body: bytes, kind: str = "text/html", status: str = "200 OK", extra: str = ""
    ) -> tuple[Released | Withheld, bytes]:
        """As `release`, the body being here whole. What refuses it is in what is released."""
        released = self.policy.release(self.exchange, self._answered(body, kind, status, extra), body)
        if isinstance(released, Withheld):
            return released, b""
        return released, body if released.whole is None else released.whole

    def _answered(self, body: bytes, kind: str, status: str, extra: str) -> Response:
        self.passed()
        head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\n{extra}Content-Length: {len(body)}\r\n\r\n"
        request = self.exchange.request
        assert request is not None
        self.exchange.response = response_head(head.encode(), Limits(), request.method)
        return self.exchange.response

    def release(
        self, body: bytes, kind: str = "text/html", piece: int = 4096, status: str = "200 OK", extra: str = ""
    ) -> tuple[Released | Withheld, bytes]:
        """The app answers: what is released, and what the client gets of the body. Raises BodyRefused."""
        response = self._answered(body, kind, status, extra)
        released = self.policy.release(self.exchange, response)
        if isinstance(released, Withheld) or released.body is None:
            return released, b"" if isinstance(released, Withheld) else body
        out = b"".join(released.body.feed(body[i : i + piece]) for i in range(0, len(body), piece))
        out += released.body.finish()
        self.exchange.response_verdict = released.body.verdict()
        return released, out
