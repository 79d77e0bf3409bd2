"""A whole sidecar carries sensitive values both ways, and none of them is in anything that it writes or shows."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import quote

import pytest
import uvloop
from click.testing import CliRunner

from tests.app.rig import Site, serving, write
from tests.loopback import HOST
from waf.cli.main import main
from waf.sensitive.report import STANDARDS

PLANTED = {
    "pan": "4539148803436467", "pan grouped": "4539 1488 0343 6467", "ssn": "536-22-8145", "iban": "DE89370400440532013000",
    "track": "4539148803436467^DOE/JANE^2912", "pin block": "0412AC89ABCDEF67", "aws": "AKIAQ3EGRTZ5MWVN7KLA",
    "github": "ghp_x7Kq2mVbN4cRt8LwZp3JyHs6GdFa9EoU1iTy", "url": "tr0ub4dor", "mail": "jane.doe@mail.example.com",
    "phone": "+49 30 901820", "cpf": "529.982.247-25", "jwt": "c2lnbmF0dXJlb2ZqYW5l", "nino": "JG103759A",
}  # fmt: skip
TEXT = (
    "card 4539148803436467, 4539 1488 0343 6467; SSN 536-22-8145; DE89370400440532013000; "
    "swipe %B4539148803436467^DOE/JANE^29121011000012300000?; pinBlock: 0412AC89ABCDEF67; AKIAQ3EGRTZ5MWVN7KLA "
    "ghp_x7Kq2mVbN4cRt8LwZp3JyHs6GdFa9EoU1iTy postgres://app:tr0ub4dor@db/x jane.doe@mail.example.com tel +49 30 901820 "
    "CPF 529.982.247-25 eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJqYW5lIn0.c2lnbmF0dXJlb2ZqYW5l JG103759A"
)
ATTACK = "' OR '1'='1' -- "
FORMS = {
    form
    for value in PLANTED.values()
    for form in (value, quote(value), quote(value, safe="").replace("%20", "+"))
}


def spelled_in(output: bytes) -> set[str]:
    """Which planted values stand in it, as they are or percent-encoded."""
    text = output.decode("utf-8", "replace")
    return {form for form in FORMS if form in text or form.lower() in text}


@asynccontextmanager
async def leaking_app() -> AsyncIterator[str]:
    """Answers everything with a page, a document or a header full of values; /broken cuts its answer."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = re.search(rb"(?i)content-length: *(\d+)", head)
                await reader.readexactly(int(length[1]) if length else 0)
                body = json.dumps({"note": TEXT, "card": PLANTED["pan"], TEXT[5:21]: 1}).encode()
                kind = b"application/json"
                if b"/page" in head:
                    kind, body = b"text/html", f"<p>{TEXT}</p>SQL syntax; check the manual".encode()
                if b"/broken" in head:
                    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n" + body)
                    break
                writer.write(
                    b"HTTP/1.1 200 OK\r\nContent-Type: %b\r\nX-Card: %b\r\nContent-Length: %d\r\n\r\n%b"
                    % (kind, PLANTED["pan"].encode(), len(body), body)
                )
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, HOST, 0)
    try:
        yield f"http://{HOST}:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


async def traffic(site: Site) -> list[str]:
    """Requests with values everywhere, good and bad; gives the answers that are ours alone."""
    coded = quote(TEXT)
    own = []
    multipart = (
        f'--B\r\nContent-Disposition: form-data; name="{TEXT[:40]}"\r\n\r\n{TEXT}\r\n'
        f'--B\r\nContent-Disposition: form-data; name="f"; filename="{PLANTED["pan"]}.txt"\r\n'
        f"Content-Type: text/plain\r\n\r\n{TEXT}\r\n--B--\r\n"
    )
    kinds = {
        "application/json": json.dumps({"a": {"card": TEXT}, PLANTED["pan"]: TEXT, "n": int(PLANTED["pan"])}),
        "application/x-www-form-urlencoded": f"card={coded}&{quote(PLANTED['pan'])}={coded}",
        "multipart/form-data; boundary=B": multipart,
        "text/plain": TEXT,
        "application/xml": f"<a><card>{PLANTED['pan']}</card></a>",
    }
    for bad in ("", quote(ATTACK)):
        for path in ("/page", "/doc", f"/users/{PLANTED['ssn']}/{PLANTED['pan']}"):
            target = f"{path}?q={bad}{coded}&{PLANTED['pan']}=1&card={PLANTED['pan']}"
            cookies = f"card={PLANTED['pan']}; sid={TEXT.split()[-2]}; x={bad}{coded}"
            headers = {
                "Cookie": cookies,
                "X-Note": TEXT,
                "Authorization": f"Bearer {TEXT.split()[-2]}",
                "Referer": f"http://x/?{coded}",
            }
            status, _, text = await site.get(target, headers=headers)
            if status == 403:
                own.append(text)
        for kind, body in kinds.items():
            sent = body.replace("card", f"card{ATTACK if bad else ''}") if "json" in kind else body + bad
            status, _, text = await site.send(
                "POST", "/save", data=sent.encode(), headers={"Content-Type": kind}
            )
            if status == 403:
                own.append(text)
    for path in ("/broken", "/a%00b?card=" + PLANTED["pan"], f"/{PLANTED['pan']}/%zz"):
        with contextlib.suppress(Exception):
            status, _, text = await site.get(path)
            if status >= 400:
                own.append(text)
    return own


def files_in(directory: Path) -> list[Path]:
    return [path for path in sorted(directory.rglob("*")) if path.is_file()]


def report(*args: str) -> bytes:
    """In this process: a dozen of them would start as many."""
    result = CliRunner().invoke(main, ("report", *args), catch_exceptions=False)
    assert result.exit_code in (0, 1), result.output
    return result.output.encode()


async def command(*args: str) -> bytes:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "waf.cli",
        *args,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await process.communicate()
    assert process.returncode in (0, 1), out
    return out


async def _carried(cache: Path, directory: Path) -> dict[str, bytes]:
    """All that a sidecar wrote or showed while it carried the values, by where."""
    config = write(directory / "waf.yaml", {
        "mode": "protect", "state_dir": str(directory / "state"), "cache_dir": str(cache),
        "events": {"output": str(directory / "events.jsonl"), "access": "all"},
        "profiles": {"sources": 1, "hours": 1, "trusted_sources": ["127.0.0.0/8"]},
    })  # fmt: skip
    shown: dict[str, bytes] = {}
    async with (
        leaking_app() as upstream,
        serving(cache, upstream, config, events__output=str(directory / "events.jsonl")) as site,
    ):
        async with site.session.post(site.control + "/v1/capture", json={"exchanges": 50}) as answer:
            assert answer.status == 201
        for number, page in enumerate(await traffic(site)):
            shown[f"answer of ours {number}"] = page.encode()
        await site.learned(15)
        for path in (
            "/metrics",
            "/v1/status",
            "/v1/config",
            "/v1/events",
            "/v1/capture",
            "/v1/profile",
            "/v1/profile/status",
        ):
            async with site.session.get(site.control + path) as answer:
                shown[path] = await answer.read()
                assert answer.status == 200, path
    shown |= {str(path.relative_to(directory)): path.read_bytes() for path in files_in(directory)}
    for standard in STANDARDS:
        for form in ("html", "json", "csv"):
            args = ("-c", str(config), "--standard", standard, "--format", form)
            shown[f"report {standard} {form}"] = report(*args)
    curl = f"curl 'http://shop/p?q={quote(ATTACK + TEXT)}' -H 'X-Note: {TEXT}' -d 'card={quote(TEXT)}'"
    shown["explain"] = await command("explain", "-c", str(config), curl)
    shown["explain as json"] = await command("explain", "-c", str(config), "--json", curl)
    shown["profile"] = await command(
        "profile", "--state", str(directory / "state"), "-c", str(config), "show"
    )
    return shown


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory, pattern_cache: Path) -> dict[str, bytes]:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(asyncio.wait_for(_carried(pattern_cache, tmp_path_factory.mktemp("carried")), 600))


def test_there_is_something_to_look_at(shown: dict[str, bytes]) -> None:
    assert b"sensitive.pan" in shown["events.jsonl"]
    assert b"453914******6467" in shown["events.jsonl"] + shown["/v1/capture"]
    assert b"waf_requests_total" in shown["/metrics"]
    assert sum(name.startswith("answer of ours") for name in shown) >= 5
    assert any(name.startswith("state/") for name in shown)
    assert b"json.card" in shown["report pci-dss html"]
    assert b"sensitive.pan" in shown["explain"]


def test_no_planted_value_is_in_anything(shown: dict[str, bytes]) -> None:
    found = {name: values for name, output in shown.items() if (values := spelled_in(output))}
    assert found == {}


def test_what_must_not_be_stored_is_not_even_masked(shown: dict[str, bytes]) -> None:
    for name, output in shown.items():
        assert b"DOE/JANE" not in output, name
        assert b"0412AC" not in output, name
