"""`waf run` read without the library for command lines: the same as with it, or left to it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tests.together import together
from waf.cli import entry, serve
from waf.cli.entry import OPTIONS, plain_run
from waf.cli.main import main


@pytest.fixture
def by_click(monkeypatch: pytest.MonkeyPatch) -> Any:
    def read(arguments: Sequence[str], environ: Mapping[str, str]) -> dict[str, Any]:
        seen: list[Any] = []
        monkeypatch.setattr(serve, "serve", lambda files: seen.append(files) or 0)
        result = CliRunner().invoke(main, list(arguments), env=dict(environ), catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return vars(seen[0])

    return read


@pytest.mark.parametrize(
    "arguments",
    [
        ["run"],
        ["run", "--listen", "127.0.0.1:1", "--upstream", "unix:/x", "--mode", "off", "--workers", "3"],
        ["run", "--listen=127.0.0.1:1", "--control=127.0.0.1:2", "--mode=protect"],
        ["run", "--config", "a.yaml", "-c", "b.yaml", "--config=c.yaml"],
        ["run", "--mode", "off", "--mode", "monitor"],
    ],
)
@pytest.mark.parametrize("config", ["", "x.yaml", f"x.yaml{os.pathsep}y.yaml"])
def test_what_is_plain_is_read_as_click_reads_it(by_click: Any, arguments: list[str], config: str) -> None:
    environ = {"WAF_CONFIG": config} if config else {}
    files = plain_run(arguments, environ)
    assert files is not None
    mine, theirs = vars(files), by_click(arguments, environ)
    differing = {name for name in mine if mine[name] != theirs[name]}
    assert differing <= {"_environ", "environ"}
    assert set(mine) == set(theirs)


@together(
    "arguments",
    [
        [],
        ["demo"],
        ["run", "--help"],
        ["run", "--listen"],
        ["run", "--listen", "--mode"],
        ["run", "--listen="],
        ["run", "--mode", "strict"],
        ["run", "--workers", "0"],
        ["run", "--workers", "two"],
        ["run", "--workers", "9" * 5_000],
        ["run", "--colour", "red"],
        ["run", "-c=a.yaml"],
        ["run", "--config", "."],
        ["run", "extra"],
    ],
)
def test_what_is_not_is_left_to_click(arguments: list[str]) -> None:
    assert plain_run(arguments, {}) is None


def test_it_knows_the_options_of_the_command() -> None:
    known = {name for param in serve.run.params for name in param.opts}
    assert known == {*OPTIONS, "--config", "-c"}


def test_a_file_that_is_not_there_is_a_clear_error(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "waf.cli", "run", "--config", str(tmp_path / "none.yaml")]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert ended.returncode == 2
    assert "none.yaml" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_the_sidecar_does_not_load_the_library_for_command_lines() -> None:
    code = (
        "import sys; from waf.cli import entry; entry.serve = lambda files: 0; sys.argv[1:] = ['run'];"
        "import waf.processes\ntry: entry.main()\nexcept SystemExit: print('click' in sys.modules)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=True
    )
    assert ended.stdout.strip() == "False"
    assert entry.__doc__


_IN_PLACE = """
def importing(name, *rest):
    module = real(name, *rest)
    if name == "waf.processes":
        module.run = run
    return module

real, builtins.__import__ = builtins.__import__, importing
sys.argv[1:] = ["run", "--config", sys.argv[1]]
entry.main()
"""
"""Has `run` called in place of that of `waf.processes`."""

LOADED = """
import builtins, sys
from waf.cli import entry

def run(files, environ):
    print(*sorted({"_ssl", "_hashlib", "typing_extensions", "uvloop"} & sys.modules.keys()))
    import asyncio, hashlib, hmac, ssl, uvloop
    assert hashlib.sha256(b"a").hexdigest().startswith("ca978112")
    assert hmac.new(b"k", b"m", "sha256").digest() and hashlib.blake2b(b"a", person=b"p").digest()
    assert ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    async def one(): return await asyncio.to_thread(lambda: 7)
    assert uvloop.run(one()) == 7
    return 0
"""


UNUSED = """
import builtins, sys
from waf.cli import entry

def run(files, environ):
    print(*sorted({"ast", "dataclasses", "html", "inspect", "shutil", "tempfile"} & sys.modules.keys()))
    import asyncio, functools, signal, uvloop
    async def serve():
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGUSR1, asyncio.Event().set)
        return await asyncio.to_thread(functools.partial(len, "seven__"))
    assert uvloop.run(serve()) == 7
    print(*sorted({"ast", "inspect"} & sys.modules.keys()))

    stood_in = asyncio.coroutines.inspect
    import inspect
    class Thing:
        async def later(self): pass
        def now(self): pass
    things = [Thing.later, Thing().later, Thing.now, Thing().now, len, [].append, Thing, 7, lambda: 7]
    things += [functools.partial(thing) for thing in things if callable(thing)]
    for thing in things:
        assert stood_in.iscoroutinefunction(thing) == inspect.iscoroutinefunction(thing), thing
    assert stood_in.isgenerator(one for one in ()) and not stood_in.isgenerator([])
    assert stood_in.unwrap is inspect.unwrap

    import multipart, orjson
    with multipart.tempfile.TemporaryFile() as file:
        assert file.write(b"a") == 1
    assert orjson.dumps({"a": [1]}) == b'{"a":[1]}'
    return 0
"""


@pytest.mark.parametrize("config", ["", "listen: {tls: {certificate: a.pem, key: b.pem}}"])
def test_what_serves_has_nothing_of_what_only_others_ask_of_python(tmp_path: Path, config: str) -> None:
    file = tmp_path / "waf.yaml"
    file.write_text(config)
    ended = subprocess.run(
        [sys.executable, "-c", UNUSED + _IN_PLACE, str(file)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.splitlines() == ["", ""]


@pytest.mark.parametrize(
    ("config", "loaded"),
    [
        ("", ["uvloop"]),
        ("listen: {tls: {certificate: a.pem, key: b.pem}}", ["_ssl", "uvloop"]),
        ("fleet: {address: 'https://fleet.example:8443'}", ["_ssl", "uvloop"]),
    ],
)
def test_openssl_is_loaded_where_tls_is_spoken(tmp_path: Path, config: str, loaded: list[str]) -> None:
    file = tmp_path / "waf.yaml"
    file.write_text(config)
    ended = subprocess.run(
        [sys.executable, "-c", LOADED + _IN_PLACE, str(file)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.split() == loaded
