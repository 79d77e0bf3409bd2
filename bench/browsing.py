"""Real browsing: applications that people run, clicked through in a real browser behind the sidecar.

    python -m bench.browsing [--sites NAME,…] [--steps 300] [--python PATH] [--node-modules DIR] [--results] [--refused]

Headless Chromium; each person is a seed, and clicks, searches and writes what comes into their mind in a browser profile
of their own. Six teach (the sidecar learns, nothing is enforced), four others are then measured with everything in force
by default: signatures, sensitive data, and the profile in protect mode. Counted are their requests that were refused, and by
whom. Then those requests are sent again with an attack in one of their values, or at a path or with a parameter that
nobody knows. What is not installed is skipped with a word: pip has django, wagtail, datasette and jupyterlab, npm has
tiddlywiki, Debian has chromium, mediawiki and php-cli.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import quote_plus, urlsplit

import msgspec

from bench.browsing_sites import PASSWORD, SITES, Site, Tools, person
from bench.corpora.payloads import payload
from bench.devtools import Asked, Browser, Lost, Page, browser_path
from bench.figures import replace_section
from bench.peers import Peer, start_sidecar
from bench.processes import cores, free_port
from bench.profiles_proxy import control, statuses
from bench.surfer import Surfer
from waf.control.files import default_cache_dir

HERE: Final = Path(__file__).resolve().parent
TEACHERS: Final = range(6)
OTHERS: Final = range(6, 10)
TESTED: Final = 0.5  # steps of all the others, as a share of those of the teachers
ATTACKS: Final = 300
CLASSES: Final = ("sqli", "xss", "rce-unix", "code", "lfi", "ssti", "crlf", "log4shell", "ssrf")
SETTINGS: Final = """
profiles:
  mode: {mode}
  trusted_sources: [127.0.0.0/8]
"""
_LOGIN: Final = """
(() => {
  const word = document.querySelector("input[type=password]");
  if (!word) return false;
  const form = word.form, name = [...form.elements].find((e) => ["text", "email", ""].includes(e.type) && e.offsetParent !== null);
  name.value = %s;
  word.value = %s;
  (form.querySelector("button[type=submit], input[type=submit], button") || {click: () => form.submit()}).click();
  return true;
})()
"""


class Outcome(NamedTuple):
    site: str
    taught: int
    endpoints: int
    asked: int
    by_profile: int
    by_others: int
    attacks: int
    refused: int
    reasons: Counter[str]


async def surf(port: int, site: Site, people: range, steps: int) -> list[Asked]:
    """Let people use the site, one after the other; gives what their browsers asked of it."""
    asked: list[Asked] = []
    base = f"http://127.0.0.1:{port}"
    async with Browser() as browser:
        for number in people:
            page = await browser.page()
            try:
                await log_in(page, base, site, number)
                await Surfer(page, base + site.home, f"{site.name} {number}").surf(steps // len(people))
                cookie = await page.cookies([base])
            except Lost:
                cookie = ""
            for each in page.asked.values():
                if each.url.startswith(base + "/"):
                    asked.append(msgspec.structs.replace(each, headers={**each.headers, "Cookie": cookie}))
            await browser.leave(page)
    return asked


async def log_in(page: Page, base: str, site: Site, number: int) -> None:
    if site.login:
        await page.visit(base + site.login)
        name = person(number).capitalize() if site.name == "MediaWiki" else person(number)
        await page.run(_LOGIN % (msgspec.json.encode(name).decode(), msgspec.json.encode(PASSWORD).decode()))
        await page.rest()


def events_of(directory: Path) -> list[dict[str, Any]]:
    lines = (directory / "events.jsonl").read_bytes().splitlines()
    found = [msgspec.json.decode(line) for line in lines]
    return [event for event in found if event.get("event.dataset") == "waf.exchange"]


def measure(site: Site, tools: Tools, directory: Path, steps: int) -> Outcome:
    where = cores()
    upstream = free_port()
    place = directory / "site"
    place.mkdir(parents=True)
    with site.start(tools, place, upstream, where):
        more = SETTINGS.format(mode="discover")
        cache = Path(default_cache_dir(os.environ))  # compiling patterns anew for each site takes long
        with (peer := start_sidecar(directory / "waf", where, upstream, more=more, cache=cache)).server:
            control(peer, "/v1/status")
            _monitor(directory / "waf" / "waf.yaml", peer)
            asyncio.run(surf(peer.port, site, TEACHERS, steps))
            control(peer, "/v1/profile", {"operation": "compile"})
            learning = control(peer, "/v1/status")["learning"]
        (directory / "waf" / "events.jsonl").unlink(missing_ok=True)
        more = SETTINGS.format(mode="protect")
        with (
            peer := start_sidecar(directory / "waf", where, upstream, more=more, cache=cache, access="all")
        ).server:
            control(peer, "/v1/profile", {"operation": "compile"})
            endpoints = control(peer, "/v1/profile/status")["endpoints"]
            asked = asyncio.run(surf(peer.port, site, OTHERS, int(steps * TESTED)))
            time.sleep(1.0)  # the last events are on their way to the file
            events = events_of(directory / "waf")
            bad = attacks(asked, peer.port, f"attacks {site.name}")
            sent = asyncio.run(statuses(peer.port, bad)) if bad else []
    assert isinstance(learning, dict)
    assert isinstance(endpoints, int)
    denied = [event for event in events if "denied" in event["event.type"]]
    reasons: Counter[str] = Counter()
    by_profile = 0
    for event in denied:
        rules = event.get("rule.id", [])
        profiled = bool(rules) and all(rule.startswith("profile.") for rule in rules)
        by_profile += profiled
        for finding in event.get("waf.findings", []):
            told = " ".join(str(finding.get(key, "")) for key in ("rule", "field", "expected", "value"))
            reasons[f"{event.get('http.request.method')} {event.get('url.path')}: {told}"[:300]] += 1
    return Outcome(
        site.name, learning["observed"], endpoints, len(events), by_profile, len(denied) - by_profile,
        len(sent), sum(status in (400, 403, 413, 415) for status in sent), reasons,
    )  # fmt: skip


def _monitor(config: Path, peer: Peer) -> None:
    """While it is taught, nothing is refused by anybody."""
    config.write_text(config.read_text().replace("mode: protect\nlisten", "mode: monitor\nlisten"))
    control(peer, "/v1/reload", {})


def attacks(asked: list[Asked], port: int, seed: str) -> list[bytes]:
    """What people asked, each with one thing wrong."""
    rng = random.Random(seed)
    made: list[bytes] = []
    sent = [each for each in asked if each.method in ("GET", "POST", "PUT", "PATCH")]
    fit = [each for each in sent if "?" in each.url or (each.body and _is_form(each))]
    for number in range(ATTACKS if fit else 0):
        each = rng.choice(fit)
        parts = urlsplit(each.url)
        target, body = parts.path + (f"?{parts.query}" if parts.query else ""), each.body or ""
        if number % 6 == 0:
            target = parts.path.rstrip("/") + rng.choice(
                (".bak", ".old", "/.git/config", "~", "/wp-login.php")
            )
        elif number % 6 == 1:
            target += ("&" if "?" in target else "?") + rng.choice(
                ("debug=1", "cmd=id", "isAdmin=true", "template=x")
            )
        else:
            text = quote_plus(payload(rng.choice(CLASSES), rng))
            if body and _is_form(each):
                body = _with(body, text, rng)
            elif parts.query:
                target = f"{parts.path}?{_with(parts.query, text, rng)}"
        method = each.method if number % 6 else "GET"
        data = body.encode() if method != "GET" else b""
        lines = [f"{method} {target} HTTP/1.1", f"Host: 127.0.0.1:{port}"]
        for name in ("User-Agent", "Cookie", "Content-Type", "X-Requested-With", "X-CSRFToken"):
            value = next((v for key, v in each.headers.items() if key.lower() == name.lower()), "")
            if value and (data or name != "Content-Type"):
                lines.append(f"{name}: {value}")
        if data or method != "GET":
            lines.append(f"Content-Length: {len(data)}")
        made.append(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace") + data)
    return made


def _is_form(each: Asked) -> bool:
    return any(key.lower() == "content-type" and "urlencoded" in value for key, value in each.headers.items())


def _with(pairs: str, text: str, rng: random.Random) -> str:
    each = pairs.split("&")
    number = rng.randrange(len(each))
    name, _, value = each[number].partition("=")
    each[number] = f"{name}={value + text if rng.random() < 0.4 else text}"
    return "&".join(each)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.browsing", description=__doc__.split("\n")[0])
    parser.add_argument("--sites", default="", help="parts of names, by commas; all by default")
    parser.add_argument("--steps", type=int, default=300, help="clicks of all teachers together")
    parser.add_argument("--python", default=sys.executable, help="an interpreter with the applications")
    parser.add_argument("--node-modules", type=Path, default=Path("node_modules"))
    parser.add_argument("--refused", action="store_true", help="tell what was refused, and why")
    parser.add_argument("--results", action="store_true", help="write the run into RESULTS.md")
    options = parser.parse_args()
    if browser_path() is None:
        print("skipped: no Chromium is installed")
        return 0
    tools = Tools(options.python, options.node_modules)
    wanted = [part.lower() for part in options.sites.split(",")]
    rows, sums = [], [0, 0]
    for site in SITES:
        if not any(part in site.name.lower() for part in wanted):
            continue
        if why := site.lacks(tools):
            print(f"{site.name}: skipped, {why}", file=sys.stderr)
            continue
        with tempfile.TemporaryDirectory(prefix="waf-browsing-", ignore_cleanup_errors=True) as directory:
            try:
                found = measure(site, tools, Path(directory) / "run", options.steps)
            except (RuntimeError, subprocess.SubprocessError, OSError) as error:
                print(f"{site.name}: skipped, it does not start: {error}", file=sys.stderr)
                continue
        share = found.by_profile / found.asked if found.asked else 0.0
        sums[0] += found.asked
        sums[1] += found.by_profile
        rows.append(
            f"| {site.name} | {found.taught:,} | {found.endpoints} | {found.asked:,} | {found.by_profile} ({share:.2%}) "
            f"| {found.by_others} | {found.refused} of {found.attacks} |"
        )
        print(rows[-1], file=sys.stderr)
        if options.refused:
            for reason, count in found.reasons.most_common(40):
                print(f"   {count} × {reason}", file=sys.stderr)
    head = [
        "| site | lessons | endpoints | requests of others | refused by the profile | by signatures | attacks refused |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    told = f"Of {sums[0]:,} requests of other people the profile refused {sums[1]} ({sums[1] / max(1, sums[0]):.2%}; bar 0.3 %)."
    text = "\n".join(
        [
            "`python -m bench.browsing --results`: people with a real browser at real applications.",
            "",
            *head,
            *rows,
            "",
            told,
        ]
    )
    print(text)
    if options.results and rows:
        replace_section(HERE / "RESULTS.md", "browsing", "Real browsing", text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
