"""Legitimate texts: real prose, code and markup from this machine's documentation, and everyday form input.

Each kind is a generator of texts drawn by a seeded `random.Random`; sources are files that Debian packages and
Python ship (documentation, changelogs, source, manual pages). Nothing of them is kept in the project.
"""

from __future__ import annotations

import base64
import glob
import gzip
import json
import random
import re
import sysconfig
import uuid
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Final

_SOURCES: Final[dict[str, tuple[str, ...]]] = {
    "prose": ("/usr/share/doc/*/README*", "/usr/share/doc/*/NEWS*", "/usr/share/doc/*/changelog*", "/usr/share/doc/*/copyright",
              "/usr/share/games/fortunes/*", "/usr/share/common-licenses/*", "/usr/share/perl/*/pod/*.pod"),
    "html": ("/usr/share/doc/**/*.html", "/usr/share/doc/**/*.htm"),
    "code": ("{stdlib}/*.py", "{stdlib}/json/*.py", "/usr/share/perl/5*/*.pm", "/etc/init.d/*", "/usr/bin/*.sh", "/usr/sbin/*conf*",
             "/usr/share/bash-completion/completions/*", "/usr/lib/node_modules/npm/lib/**/*.js", "/usr/include/*.h"),
    "pages": ("/usr/share/doc/*/README*", "/usr/share/doc/*/NEWS*", "/usr/share/man/man[1-8]/*.gz", "/usr/share/doc/**/*.html", "/usr/share/info/*.gz",
              "/usr/share/perl/5*/pod/*.pod", "/usr/lib/node_modules/**/*.md", "/usr/share/doc/**/examples/*", "/var/lib/dpkg/info/*.postinst",
              "/usr/share/vim/**/*.txt", "/etc/**/*.conf", "{stdlib}/*/*.py", "/usr/lib/node_modules/npm/lib/*/*.js"),
    "languages": ("/usr/share/locale/*/LC_MESSAGES/*.mo", "/usr/share/doc/*/*.[a-z][a-z]", "/usr/share/man/??/man1/*.gz"),
}  # fmt: skip
_FILES_PER_KIND: Final = 300
_BYTES_PER_FILE: Final = 60_000


@cache
def documents(kind: str) -> tuple[str, ...]:
    """Documents of a kind, at most a few MB; the same on one machine, whatever the seed."""
    stdlib = sysconfig.get_path("stdlib")
    out: list[str] = []
    for pattern in _SOURCES[kind]:
        files = sorted(glob.glob(pattern.format(stdlib=stdlib), recursive=True))[:_FILES_PER_KIND]
        for name in files:
            try:
                data = Path(name).read_bytes()[: _BYTES_PER_FILE * 4]
                if name.endswith(".gz"):
                    data = gzip.decompress(Path(name).read_bytes())
            except (OSError, EOFError, gzip.BadGzipFile):
                continue
            text = data[:_BYTES_PER_FILE].decode("utf-8", "ignore").replace("\x00", " ")
            if (
                text.isprintable()
                or sum(c.isprintable() or c in "\n\t\r" for c in text) > 0.97 * len(text) > 50
            ):
                out.append(text)
    return tuple(out)


def _slice(r: random.Random, kind: str, low: int, high: int) -> str:
    texts = documents(kind) or documents("prose")
    text = r.choice(texts)
    start = r.randrange(max(1, len(text) - high))
    cut = text[start : start + r.randint(low, high)]
    return cut[cut.find(" ") + 1 :] if " " in cut[:40] else cut


def search(r: random.Random) -> str:
    """Search boxes: a few words of real prose."""
    words = re.findall(r"[^\s<>]+", _slice(r, "prose", 150, 400)) or ["coffee"]
    start = r.randrange(len(words))
    text = " ".join(words[start : start + r.randint(1, 5)])
    return r.choice([text, text, f'"{text}"', f"{text} OR {r.choice(words)}", f"+{text} -{r.choice(words)}"])


def sentence(r: random.Random) -> str:
    """Comments and messages: one to six sentences of real prose."""
    return " ".join(_slice(r, "prose", 60, 900).split())


def paragraphs(r: random.Random) -> str:
    return _slice(r, "prose", 400, 4000)


def lines(r: random.Random) -> str:
    """One to forty whole lines of documentation, manuals, settings and sources of all kinds."""
    for _ in range(8):
        written = r.choice(documents("pages")).splitlines()
        count = min(r.choice([1, 1, 2, 3, 5, 8, 13, 20, 40]), len(written))
        start = r.randrange(len(written) - count + 1)
        text = "\n".join(written[start : start + count])[:6000]
        if len(text.strip()) >= 15:
            return text
    return "a line of text"


def foreign(r: random.Random) -> str:
    return _slice(r, "languages", 60, 900)


def html(r: random.Random) -> str:
    """A CMS editor's field: a run of real HTML documentation, whole elements where possible."""
    text = _slice(r, "html", 400, 4000)
    start, end = text.find("<"), text.rfind(">")
    cut = text[start : end + 1] if 0 <= start < end else text
    # Editors send bodies of pages; their scripts are not what people write.
    return re.sub(
        r"(?is)<script.*?(</script>|$)|<!DOCTYPE[^>]*>|</?(?:html|head|body|meta|link)[^>]*>", "", cut
    )


def code(r: random.Random) -> str:
    """Code review, issue tracker, log upload: lines of real source."""
    lines = _slice(r, "code", 300, 4000).splitlines()
    return "\n".join(lines[1:]) or "pass"


def markdown(r: random.Random) -> str:
    words = sentence(r)
    source = "\n".join(code(r).splitlines()[:8])
    return r.choice([
        f"# {search(r)}\n\n{words}\n\n```\n{source}\n```\n", f"* {words[:80]}\n* [{search(r)}](https://example.com/{r.randint(1, 99)})\n",
        f"> {words}\n\n**{search(r)}** and `{source[:40]}`\n", f"| a | b |\n|---|---|\n| {words[:30]} | {r.randint(1, 9)} |\n",
    ])  # fmt: skip


_TRICKY: Final = (
    "O'{Name} & Sons", "it's {n} or {m}, can't say", "select a plan from the list", "union of {word} and {word2} select committee",
    "Drop table {n} at the restaurant; update me", "where is the {word} and who has it?", "1 or 2 nights -- {word}", "rock 'n' roll",
    "if (a < b && c > d) then {word}", "5 > 3 and 2 < 4", "a <b>bold</b> move", "C:\\Users\\{Name}\\Documents", "/home/{word}/notes.txt",
    "price > {n} AND colour = red", "{{first_name}} will be there", "cost is ${n}.50 (incl. {m}% tax)", "SELECT is my favourite keyword",
    "http://localhost:3000 does not work for me", "see https://example.com/a?b=c&d=e#f", "{word}@{word2}.example", "(1=1) is always true",
    "script kiddie <3", "exec summary; id: {n}", "cat & dog | bird", "AT&T; Q&A", "100% sure", "50% off -- today only!",
    "group by age, order by name", "DELETE my account from your system please", "insert coin; having fun", "alert (medical): call {n}",
    "javascript: the good parts", "the onload event", "ping me at 5", "whoami? just {Name}", "ls, cd and rm are commands", "sleep (8 hours)",
    "C++ or C#", "f(x) = x^2 - {n}", "\"quoted\" 'text'", "'tis the season", "{n}' x {m}\"", "null and void", "true or false", "#hashtag; @mention",
    "$HOME is where the heart is", "print(\"hello\") prints hello", "../ is the parent directory", "<-- look here -->", "a=b; c=d", "**bold** _it_",
    "key:value, other:[1,2,3]", "{n}:{m} AM", "-- {Name}", "/* note */ {word}", "~{n} km", "who | what | where", "like '{word}%' or similar",
    "Robert'); and other jokes", "between {n} and {m}", "char (n) vs varchar", "benchmark (cpu) {n}", "eval of the course", "system (solar)",
)  # fmt: skip


def tricky(r: random.Random) -> str:
    """Apostrophes, SQL-like prose, tech talk: what naive patterns refuse."""
    words = re.findall(r"[a-z]{3,9}", _slice(r, "prose", 300, 500)) or ["word"]
    text = r.choice(_TRICKY)
    for slot, value in (("{n}", str(r.randint(1, 999))), ("{m}", str(r.randint(1, 99))), ("{word2}", r.choice(words)),
                        ("{word}", r.choice(words)), ("{Name}", r.choice(words).title())):  # fmt: skip
        text = text.replace(slot, value)
    return (
        text
        if r.random() < 0.6
        else f"{' '.join(r.choices(words, k=4))} {text} {' '.join(r.choices(words, k=3))}"
    )


def machine(r: random.Random) -> str:
    """What programs send: identifiers, tokens, URLs, numbers, dates, blobs, JSON in a string."""
    blob = r.randbytes(r.randint(12, 400))
    return r.choice([
        str(uuid.UUID(int=r.getrandbits(128))), base64.b64encode(blob).decode(), base64.urlsafe_b64encode(blob).decode().rstrip("="),
        blob.hex(), f"https://app.example/callback?code={r.getrandbits(80):x}&state={r.getrandbits(60):x}", str(r.random() * 1e6),
        f"2026-0{r.randint(1, 9)}-1{r.randint(0, 9)}T0{r.randint(0, 9)}:00:00Z", f"eyJhbGciOiJIUzI1NiJ9.{base64.urlsafe_b64encode(json.dumps({'sub': r.randint(1, 99)}).encode()).decode().rstrip('=')}.{base64.urlsafe_b64encode(r.randbytes(32)).decode().rstrip('=')}",
        json.dumps({"event": "click", "x": r.randint(0, 999), "path": "/a/b", "labels": ["one", "two's"]}), f"-{r.randint(1, 99)}.{r.randint(0, 99)}",
        f"data:image/png;base64,{base64.b64encode(blob).decode()}", f"GA1.2.{r.randint(10**8, 10**9)}.{r.randint(10**8, 10**9)}",
        ",".join(str(r.randint(1, 999)) for _ in range(8)), f"+49 {r.randint(100, 999)} {r.randint(10**5, 10**6)}", f"{r.getrandbits(32):08x}; Path=/", "a|b|c", "[1,2,3]",
        "name asc, created_at desc", f"status:open label:bug author:{r.randint(1, 9)}", f"query {{ user(id: {r.randint(1, 99)}) {{ name email }} }}", f"W/\"{r.getrandbits(40):x}\"",
    ])  # fmt: skip


KINDS: Final[dict[str, tuple[str, Callable[[random.Random], str]]]] = {
    "search": ("everyday", search), "sentence": ("everyday", sentence), "machine": ("everyday", machine), "foreign": ("everyday", foreign),
    "paragraphs": ("everyday", paragraphs), "tricky": ("tricky", tricky), "html": ("rich", html), "markdown": ("rich", markdown), "code": ("code", code), "lines": ("lines", lines),
}  # fmt: skip
"""Kind of text to (group of the report, its generator)."""


def texts(kind: str, seed: int, count: int) -> Iterator[str]:
    """`count` texts of a kind, the same for the same seed on the same machine."""
    r = random.Random(f"{kind}:{seed}")
    generate = KINDS[kind][1]
    for _ in range(count):
        yield generate(r)
