"""Files: written whole or not at all, and read back with distrust."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waf.config.schema import Control
from waf.control.files import (
    DirectoryPatternStore,
    atomic_write,
    default_cache_dir,
    read_capped,
    read_token,
)

AS_ROOT = os.geteuid() == 0


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "state"
    path.write_bytes(b"old")
    atomic_write(path, b"new", 0o640)
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert os.listdir(tmp_path) == ["state"]


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_fd: int) -> None:
        raise OSError(28, "No space left on device")

    path = tmp_path / "state"
    path.write_bytes(b"old")
    monkeypatch.setattr("waf.control.files.os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        atomic_write(path, b"new")
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["state"]


def test_reading_is_bounded_and_never_hangs(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"x" * 10)
    os.mkfifo(tmp_path / "fifo")
    assert read_capped(tmp_path / "f", 10) == b"x" * 10
    with pytest.raises(OSError, match="larger than 9"):
        read_capped(tmp_path / "f", 9)
    with pytest.raises(OSError, match="not a regular file"):
        read_capped(tmp_path / "fifo", 9)


# --------------------------------------------------------------------------- pattern store


@pytest.fixture
def store(tmp_path: Path) -> DirectoryPatternStore:
    return DirectoryPatternStore(tmp_path / "cache" / "patterns")


def test_without_a_directory_nothing_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    nowhere = DirectoryPatternStore("")
    assert nowhere.empty
    nowhere.save("abc", b"database")
    assert nowhere.load("abc") is None
    assert "no cache directory" in nowhere.problem
    assert list(tmp_path.iterdir()) == []


def test_it_is_empty_until_something_was_kept(store: DirectoryPatternStore) -> None:
    assert store.empty
    store.save("abc", b"database")
    assert not store.empty


def test_a_database_comes_back(store: DirectoryPatternStore) -> None:
    assert store.load("abc") is None
    store.save("abc", b"database")
    assert store.load("abc") == b"database"
    assert DirectoryPatternStore(store.directory).load("abc") == b"database"
    assert (store.hits, store.misses, store.problem) == (1, 1, "")


@given(st.binary(max_size=200))
def test_any_bytes_come_back(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    store = DirectoryPatternStore(tmp_path_factory.getbasetemp() / "any")
    store.save("key", data)
    assert store.load("key") == data


def file_of(store: DirectoryPatternStore) -> Path:
    (path,) = store.directory.glob("*.pat")
    return path


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def foreign(path: Path) -> None:
    path.write_bytes(b"something else entirely")


def writable(path: Path) -> None:
    path.chmod(0o666)


def linked(path: Path) -> None:
    target = path.with_name("elsewhere")
    path.rename(target)
    path.symlink_to(target)


def directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("spoil", [flip, cut, empty, foreign, writable, linked, directory])
def test_what_is_not_as_we_wrote_it_is_not_used(
    store: DirectoryPatternStore, spoil: Callable[[Path], None]
) -> None:
    store.save("abc", b"database")
    spoil(file_of(store))
    assert store.load("abc") is None
    assert store.problem


@pytest.mark.parametrize("spoil", [flip, cut, empty, foreign, writable])
def test_a_spoilt_file_is_replaced(store: DirectoryPatternStore, spoil: Callable[[Path], None]) -> None:
    store.save("abc", b"database")
    spoil(file_of(store))
    store.save("abc", b"database")
    assert store.load("abc") == b"database"


def test_a_file_under_another_key_is_not_used(store: DirectoryPatternStore) -> None:
    store.save("abc", b"database")
    file_of(store).rename(store.directory / "xyz.pat")
    assert store.load("xyz") is None


@pytest.mark.skipif(not AS_ROOT, reason="only root can give files away")
def test_a_file_of_another_user_is_not_used(store: DirectoryPatternStore) -> None:
    store.save("abc", b"database")
    os.chown(file_of(store), 12345, -1)
    assert store.load("abc") is None
    assert "another user" in store.problem


@pytest.mark.parametrize("key", ["", "../abc", "/etc/passwd", "a/b", ".hidden", "a" * 300, "a\0b"])
def test_a_key_is_no_path(store: DirectoryPatternStore, key: str) -> None:
    store.save(key, b"database")
    assert store.load(key) is None
    assert not store.directory.exists() or not list(store.directory.iterdir())


def test_a_place_that_cannot_be_written_is_only_slow(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    store = DirectoryPatternStore(tmp_path / "file" / "patterns")
    store.save("abc", b"database")
    assert store.load("abc") is None
    assert store.problem


def test_a_database_too_large_is_not_kept(
    store: DirectoryPatternStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("waf.control.files.MAX_DATABASE", 10)
    store.save("abc", b"x" * 11)
    assert store.load("abc") is None


def test_the_store_does_not_grow_without_end(
    store: DirectoryPatternStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("waf.control.files.MAX_STORE", 800)
    for i in range(10):
        store.save(f"k{i}", b"x" * 300)
        os.utime(store.directory / f"k{i}.pat", (i, i))
    assert sorted(path.name for path in store.directory.glob("*.pat")) == ["k8.pat", "k9.pat"]


# --------------------------------------------------------------------------- small things


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"XDG_CACHE_HOME": "/c", "HOME": "/h"}, "/c/waf-sidecar"),
        ({"XDG_CACHE_HOME": "relative", "HOME": "/h"}, "/h/.cache/waf-sidecar"),
        ({"HOME": "/h"}, "/h/.cache/waf-sidecar"),
        ({"HOME": "/"}, ""),
        ({}, ""),
    ],
)
def test_where_the_cache_is(environ: dict[str, str], expected: str) -> None:
    assert default_cache_dir(environ) == expected


def test_the_token_comes_from_file_or_variable(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text(" secret\n")
    by_file = Control(token_file=str(path))
    assert read_token(by_file, {"WAF_CONTROL_TOKEN": "other"}) == "secret"
    path.write_text("rotated\n")
    assert read_token(by_file, {}) == "rotated"
    path.write_text("\n")
    assert read_token(by_file, {"WAF_CONTROL_TOKEN": "other"}) is None
    path.unlink()
    with pytest.raises(OSError, match="token"):
        read_token(by_file, {"WAF_CONTROL_TOKEN": "other"})
    assert read_token(Control(token_env="MY_TOKEN"), {"MY_TOKEN": "x"}) == "x"
    assert read_token(Control(), {}) is None
