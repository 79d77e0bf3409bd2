"""What is compiled of the hot path is never older than its source, and the sources alone do as well."""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from waf import compiled


def copied(tmp_path: Path) -> Path:
    """The sources of the compiled modules, as a tree of their own with a digest that fits."""
    for module in compiled.MODULES:
        file = compiled.source(module)
        there = compiled.source(module, tmp_path)
        there.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, there)
        shutil.copy(file.with_suffix(".pxd"), there.with_suffix(".pxd"))
    (tmp_path / compiled.DIGEST).write_text(compiled.digest(tmp_path))
    return tmp_path


def files(**environ: str) -> dict[str, str]:
    """Where each compiled module comes from, in a process of its own."""
    code = (
        "import importlib, waf.compiled\n"
        "for name in waf.compiled.MODULES: print(name, importlib.import_module(name).__file__)"
    )
    env = {k: v for k, v in os.environ.items() if k != "WAF_PURE_PYTHON"} | environ
    out = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    return dict(line.split(" ", 1) for line in out.stdout.splitlines())


def test_the_digest_is_of_the_sources_at_hand(tmp_path: Path) -> None:
    root = copied(tmp_path)
    assert compiled.current(root)
    assert compiled.digest(root) == compiled.digest()


@pytest.mark.parametrize("suffix", [".py", ".pxd"])
def test_a_changed_source_is_noticed(tmp_path: Path, suffix: str) -> None:
    root = copied(tmp_path)
    file = compiled.source(compiled.MODULES[-1], root).with_suffix(suffix)
    file.write_text(file.read_text() + "\n")
    assert not compiled.current(root)


def test_without_a_digest_nothing_compiled_is_used(tmp_path: Path) -> None:
    root = copied(tmp_path)
    (root / compiled.DIGEST).unlink()
    assert not compiled.current(root)


def test_accelerators_of_other_sources_are_not_used(tmp_path: Path) -> None:
    """As after an update of the tree that nobody built: old C beside new Python would misjudge what is ordinary."""
    root = tmp_path / "waf"
    root.mkdir()
    (root / "_one.c").write_text("int one;")
    assert compiled.fits(root)  # nobody built in place
    (root / compiled.NATIVE).write_text(compiled.native(root) + "\n")
    assert compiled.fits(root)
    (root / "_one.h").write_text("int two;")
    assert not compiled.fits(root)
    code = (
        "import pathlib, waf.compiled as c, os\n"
        "c.fits = lambda: False\n"
        "c.choose()\n"
        "from waf.sensitive import speed\n"
        "print(os.environ['WAF_PURE_PYTHON'], speed.judge_type())"
    )
    env = {k: v for k, v in os.environ.items() if k != "WAF_PURE_PYTHON"}
    out = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "1 None"
    assert "make setup" in out.stderr


def test_the_sources_can_be_had_instead() -> None:
    assert {Path(file).suffix for file in files(WAF_PURE_PYTHON="1").values()} == {".py"}


def test_what_is_compiled_is_used() -> None:
    if not compiled.current() and shutil.which("cc") is None and shutil.which("gcc") is None:
        pytest.skip("no C compiler")
    assert compiled.current(), "nothing was compiled of these sources: make setup"
    assert ".py" not in {Path(file).suffix for file in files().values()}


@pytest.mark.parametrize(
    "name", ["_speed", "_bodies", "_finder", "_search", "_shell", "_sql", "_values", "_views"]
)
def test_the_accelerators_are_there_where_they_can_be_built(name: str) -> None:
    """They are optional, so a build that fails says nothing."""
    if shutil.which("cc") is None and shutil.which("gcc") is None:
        pytest.skip("no C compiler")
    assert importlib.util.find_spec(f"waf.{name}") is not None


def test_only_these_modules_are_looked_for() -> None:
    assert compiled.Sources.find_spec("waf.model") is None
    spec = compiled.Sources.find_spec(compiled.MODULES[0])
    assert spec is not None
    assert spec.origin == str(compiled.source(compiled.MODULES[0]))
