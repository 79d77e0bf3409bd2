"""Files that outlive the process: compiled patterns, learned state, the control token.

Owns atomic replacement and distrust: what is read back is of bounded size, and was written whole, by us or
root.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from waf.config.schema import Control

MAX_DATABASE: Final = 64 * 1024 * 1024
MAX_STORE: Final = 256 * 1024 * 1024
MAX_TOKEN: Final = 4096

_MAGIC: Final = b"WAFPAT3\n"
_CHECKSUM: Final = 4  # bytes
_SUFFIX: Final = ".pat"
_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,199}", re.ASCII)


def atomic_write(
    path: str | Path, data: bytes, mode: int = 0o600, *, previous: str | Path | None = None
) -> None:
    """Replace the file at `path` by `data`, whole or not at all, even over a power cut. Raises OSError.

    What was there before is kept as `previous`, if that is named. At no time is there no whole file at `path`.
    """
    target = Path(path)
    temporary = target.with_name(f".{target.name}.{os.urandom(8).hex()}.tmp")
    # As `tempfile` does it, which would stay in memory with all that copies and packs files.
    fd = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(fd, "wb") as file:
            os.fchmod(fd, mode)
            file.write(data)
            file.flush()
            os.fsync(fd)
        if previous is not None:
            _keep(target, Path(previous))
        os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    directory = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(directory)
    except OSError:  # some network file systems cannot; the file itself is safe
        pass
    finally:
        os.close(directory)


def _keep(target: Path, previous: Path) -> None:
    """Give the file at `target` (if there is one) the name `previous` as well, in the place of what had it."""
    link = previous.with_name(f".{previous.name}.tmp")
    with contextlib.suppress(FileNotFoundError):  # the first one has none
        link.unlink(missing_ok=True)
        try:
            os.link(target, link, follow_symlinks=False)
        except FileNotFoundError:
            raise
        except OSError:  # a file system without hard links: then for a moment only the predecessor is there
            link = target
        os.replace(link, previous)


def read_capped(path: str | Path, limit: int) -> bytes:
    """The content of a regular file of at most `limit` bytes. Raises OSError, also for a larger one."""
    return _read_regular(path, limit, 0)[0]


def _read_regular(path: str | Path, limit: int, flags: int) -> tuple[bytes, os.stat_result]:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | flags)  # a FIFO must not hang us
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(f"{path}: not a regular file")
        with os.fdopen(fd, "rb", closefd=False) as file:
            data = file.read(limit + 1)
    finally:
        os.close(fd)
    if len(data) > limit:
        raise OSError(f"{path}: larger than {limit} bytes")
    return data, status


class DirectoryPatternStore:
    """Compiled pattern databases as files of one directory ("": nowhere). Never raises: a cache that fails is only slow.

    A compiled database is code to the engine, so only files of our own user or of root that nobody else may
    write are read, and only if their checksum fits. `hits`, `misses` and `problem` (the last one, as text)
    are for status.
    """

    def __init__(self, directory: str | Path) -> None:
        self.directory = Path(directory)
        self._nowhere = not str(directory)
        self.hits = 0
        self.misses = 0
        self.problem = ""

    @property
    def empty(self) -> bool:
        """Nothing was kept yet, so that everything will have to be compiled."""
        try:
            return self._nowhere or next(self.directory.glob("*" + _SUFFIX), None) is None
        except OSError:
            return True

    def load(self, key: str) -> bytes | None:
        database = None if self._nowhere else self._read(key)
        if database is None:
            self.misses += 1
        else:
            self.hits += 1
        return database

    def _read(self, key: str) -> bytes | None:
        head = len(_MAGIC) + _CHECKSUM
        try:
            content, status = _read_regular(self._path(key), MAX_DATABASE + head, os.O_NOFOLLOW)
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            self.problem = str(error)
            return None
        database = content[head:]
        if status.st_uid not in (0, os.geteuid()) or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            self.problem = f"{key}: another user could have written it"
        elif content[: len(_MAGIC)] != _MAGIC or content[len(_MAGIC) : head] != _checksum(key, database):
            self.problem = f"{key}: damaged"
        else:
            return database
        return None

    def save(self, key: str, database: bytes) -> None:
        if self._nowhere:
            self.problem = "no cache directory is configured, and there is no home"
            return
        if len(database) > MAX_DATABASE:
            self.problem = f"{key}: too large to keep"
            return
        try:
            path = self._path(key)
            self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._make_room(len(_MAGIC) + _CHECKSUM + len(database))
            # Readable by all, so that an image built by one user serves another.
            atomic_write(path, _MAGIC + _checksum(key, database) + database, 0o644)
        except (OSError, ValueError) as error:
            self.problem = str(error)

    def _path(self, key: str) -> Path:
        if not _KEY.fullmatch(key):
            raise ValueError("not a key of the pattern store")
        return self.directory / (key + _SUFFIX)

    def _make_room(self, size: int) -> None:
        """Delete what was written longest ago until `size` more bytes fit."""
        kept: list[tuple[float, int, Path]] = []
        for path in self.directory.glob("*" + _SUFFIX):
            with contextlib.suppress(OSError):
                status = path.lstat()
                kept.append((status.st_mtime, status.st_size, path))
        total = sum(entry[1] for entry in kept)
        for _, length, path in sorted(kept):
            if total + size <= MAX_STORE:
                return
            with contextlib.suppress(OSError):
                path.unlink()
                total -= length


def _checksum(key: str, database: bytes) -> bytes:
    """Against damage, which the engine's own checksum of a database finds as well: a hash would cost more than all else of
    loading it, and whoever may write the file could make one too.
    """
    return zlib.crc32(database, zlib.crc32(key.encode())).to_bytes(_CHECKSUM, "little")


def default_cache_dir(environ: Mapping[str, str]) -> str:
    """The user's cache directory for compiled patterns (XDG Base Directory), "" where there is no home."""
    base = environ.get("XDG_CACHE_HOME", "")
    if base.startswith("/"):
        return f"{base}/waf-sidecar"
    home = environ.get("HOME", "")
    return f"{home}/.cache/waf-sidecar" if home.startswith("/") and home != "/" else ""


def read_token(control: Control, environ: Mapping[str, str]) -> str | None:
    """The control token: the file's content if one is named, else the variable's. None: there is none.

    Read anew for each call, so that a rotated Secret counts at once. Raises OSError where a named file cannot
    be read: falling back to another token would hide it.
    """
    if control.token_file is not None:
        text = read_capped(control.token_file, MAX_TOKEN).decode("utf-8", "replace")
    else:
        text = environ.get(control.token_env, "")
    return text.strip() or None
