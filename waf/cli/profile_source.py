"""Where `waf profile` finds the profile: behind a running sidecar's control port, or in a state directory."""

from __future__ import annotations

import os
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Final, Protocol
from urllib.parse import quote

import msgspec

from waf import edits
from waf.assembly import build, keep
from waf.cli.common import fail, files_of, show_problems
from waf.config.schema import Control
from waf.control.files import read_capped
from waf.memory import Memory, reach_of
from waf.profiles.openapi_import import import_document

TIMEOUT: Final = 120.0  # seconds for an answer of the control port
MAX_FILE: Final = 1024 * 1024 * 1024  # bytes of a recording or a document
_PART: Final = 500  # requests of a recording sent at once
_PART_BYTES: Final = 4 * 1024 * 1024


class Source(Protocol):
    def view(self, name: str) -> str:
        """The profile as a text, in one of `edits.VIEWS`."""
        ...

    def status(self) -> dict[str, Any]: ...

    def edit(self, edit: edits.Edit) -> list[str]:
        """Do it; gives what changed. Ends the command where it cannot be done."""
        ...

    def learn(self, har: Any, host: str) -> tuple[int, dict[str, int]]:
        """Learn from a HAR; gives how many requests were learned from, and why others were not."""
        ...

    def shadows(self, document: str | None) -> dict[str, Any]: ...

    def merge(self, directory: str) -> bool:
        """Add what another state directory has learned; false if that was known."""
        ...


class Stored:
    """A state directory whose sidecar is stopped."""

    def __init__(self, configs: Sequence[str], state: str) -> None:
        files = files_of(configs, state_dir=state)
        config = files.load().config
        kept = keep(config, os.environ)
        build(files, kept)
        self._mask = kept.mask
        self._config = config
        self._workload = config.profiles.workload
        self._memory, self._key = self._open(state)

    def _open(self, directory: str) -> tuple[Memory, bytes]:
        config = msgspec.structs.replace(self._config, state_dir=directory)
        key = keep(config, os.environ).key
        memory = Memory(directory, config.profiles, key, reach=reach_of(config))
        memory.load()
        show_problems(memory.problems, warning=True)
        return memory, key

    def view(self, name: str) -> str:
        return edits.view(self._memory.learner, self._workload, name, self._mask)

    def status(self) -> dict[str, Any]:
        return edits.status(self._memory.learner, self._workload, self._mask, edits.route_modes(self._config))

    def edit(self, edit: edits.Edit) -> list[str]:
        try:
            lines = edits.apply(self._memory.learner, edit, time.time())
        except ValueError as error:
            fail(str(error))
        self._memory.save()
        return lines

    def learn(self, har: Any, host: str) -> tuple[int, dict[str, int]]:
        learned, skipped = edits.learn_recording(self._memory, har, host=host)
        self._memory.save()
        return learned, skipped

    def shadows(self, document: str | None) -> dict[str, Any]:
        if document is None:
            fail("with --state name an OpenAPI document")
        places = _places(document)
        return edits.compare(self._memory.learner.state, places, time.time(), self._mask)

    def merge(self, directory: str) -> bool:
        other, key = self._open(directory)
        if key != self._key:
            fail(
                f"{directory} was learned under another secret, so its values and sources cannot be compared; "
                "give all replicas one secret (sensitive.key_file)"
            )
        try:
            new = self._memory.learner.merge(other.learner)
        except ValueError as error:
            fail(f"{directory}: {error}")
        self._memory.inventory.merge(other.inventory)
        self._memory.save()
        return new


class Refusal(ValueError):
    """What a control port says to what it will not do."""


class Remote:
    """A running sidecar."""

    def __init__(self, control: str | None) -> None:
        self.url: Final = (control or f"http://{Control().listen}").rstrip("/")

    def view(self, name: str) -> str:
        return self._ask(f"/v1/profile?view={name}").decode()

    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = msgspec.json.decode(self._ask("/v1/profile/status"))
        return found

    def edit(self, edit: edits.Edit) -> list[str]:
        answer = msgspec.json.decode(self._ask("/v1/profile", msgspec.json.encode(edit)))
        changed: list[str] = answer["changed"]
        return changed

    def learn(self, har: Any, host: str) -> tuple[int, dict[str, int]]:
        learned, skipped = 0, Counter[str]()
        for part in _parts(har):
            answer = msgspec.json.decode(self._ask(f"/v1/profile/har?host={quote(host)}", part))
            learned += answer["learned"]
            skipped.update(answer["skipped"])
        return learned, dict(skipped)

    def shadows(self, document: str | None) -> dict[str, Any]:
        body = None
        if document is not None:
            _places(document)  # so that what is wrong is told with the file's name
            body = read_capped(document, MAX_FILE)
        found: dict[str, Any] = msgspec.json.decode(self._ask("/v1/profile/shadows", body))
        return found

    def merge(self, directory: str) -> bool:
        fail("this works on a state directory whose sidecar is stopped: give --state DIR")

    def _ask(self, path: str, body: bytes | None = None) -> bytes:
        try:
            return self.ask(path, body)
        except (Refusal, ConnectionError) as error:
            fail(str(error))

    def ask(self, path: str, body: bytes | None = None, method: str | None = None) -> bytes:
        """The body of an answer. Raises Refusal, and ConnectionError where nobody answers."""
        request = urllib.request.Request(self.url + path, data=body, method=method)
        if token := os.environ.get("WAF_CONTROL_TOKEN"):
            request.add_header("Authorization", f"Bearer {token}")
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
                data: bytes = answer.read()
                return data
        except urllib.error.HTTPError as error:
            raise Refusal(_said(error.read())) from None
        except (OSError, ValueError) as error:
            reason = getattr(error, "reason", error)
            said = f"no sidecar answers at {self.url} ({reason}); name another with --control, or --state DIR"
            raise ConnectionError(said) from None


def _said(body: bytes) -> str:
    try:
        answer = msgspec.json.decode(body)
        return "; ".join(answer.get("problems") or [answer["error"]])
    except (msgspec.DecodeError, KeyError, AttributeError):
        return "the control port refused it"


def _places(document: str) -> dict[str, frozenset[str]]:
    try:
        imported = import_document(msgspec.yaml.decode(read_capped(document, MAX_FILE)), document)
    except msgspec.DecodeError as error:
        fail(f"{document}: neither YAML nor JSON: {error}")
    show_problems(imported.problems, warning=True)
    return imported.places


def _parts(har: Any) -> Iterator[bytes]:
    """A recording in parts that a control port takes, without the texts of answers, which nobody learns from."""
    part: list[bytes] = []
    size = 0
    for entry in har["log"]["entries"]:
        answer = entry.get("response") if isinstance(entry, dict) else None
        if isinstance(answer, dict) and isinstance(answer.get("content"), dict):
            answer["content"].pop("text", None)
        data = msgspec.json.encode(entry)
        if part and (len(part) >= _PART or size + len(data) > _PART_BYTES):
            yield _har(part)
            part, size = [], 0
        part.append(data)
        size += len(data)
    if part:
        yield _har(part)


def check_har(har: Any, file: str) -> None:
    """End the command where a file is JSON and no recording."""
    log = har.get("log") if isinstance(har, dict) else None
    if not isinstance(log, dict) or not isinstance(log.get("entries"), list):
        fail(f"{file}: this is no HAR: it has no log.entries")


def _har(entries: Sequence[bytes]) -> bytes:
    return b'{"log":{"entries":[' + b",".join(entries) + b"]}}"
