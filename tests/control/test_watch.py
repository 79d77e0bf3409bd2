"""The watch, on real directories: edits, editors, and the symlink swap of a ConfigMap volume."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from waf.control.watch import Watch


class ConfigMap:
    """A volume as the kubelet keeps it: ..data -> ..<time>, and one link per key through ..data."""

    def __init__(self, root: Path, files: dict[str, str]) -> None:
        self.root = root
        self._count = 0
        root.mkdir()
        self._fill(files)
        os.symlink(self._current, root / "..data")
        for name in files:
            os.symlink(f"..data/{name}", root / name)

    def _fill(self, files: dict[str, str]) -> None:
        self._count += 1
        self._current = f"..2026_01_0{self._count}"
        directory = self.root / self._current
        directory.mkdir()
        for name, text in files.items():
            (directory / name).write_text(text)

    def swap(self, files: dict[str, str]) -> None:
        """kubernetes/pkg/volume/util/atomic_writer.go: new directory, new link, rename, delete."""
        old = self.root / self._current
        self._fill(files)
        os.symlink(self._current, self.root / "..data_tmp")
        os.rename(self.root / "..data_tmp", self.root / "..data")
        for name in os.listdir(old):
            (old / name).unlink()
        old.rmdir()


@pytest.fixture
def volume(tmp_path: Path) -> ConfigMap:
    return ConfigMap(tmp_path / "etc", {"waf.yaml": "mode: monitor\n"})


def watching(*paths: Path) -> Watch:
    return Watch(lambda: [str(path) for path in paths])


def noticed(watch: Watch) -> bool:
    """A change is told once it has settled, which is one look later."""
    assert not watch.look()
    return watch.look()


def test_nothing_changed(volume: ConfigMap) -> None:
    watch = watching(volume.root / "waf.yaml", volume.root)
    assert [watch.look() for _ in range(3)] == [False, False, False]


@pytest.mark.parametrize("what", ["file", "directory"])
def test_a_config_map_s_swap_is_noticed_again_and_again(volume: ConfigMap, what: str) -> None:
    watch = watching(volume.root / "waf.yaml" if what == "file" else volume.root)
    for i in range(3):
        # As long as before: size tells nothing.
        volume.swap({"waf.yaml": f"mode: monito{i}\n"})
        assert noticed(watch)
        assert not watch.look()


def rewrite(path: Path) -> None:
    path.write_text("mode: protect\n")


def rename_over(path: Path) -> None:
    path.with_suffix(".swp").write_text("mode: protect\n")
    path.with_suffix(".swp").rename(path)


def away(path: Path) -> None:
    path.unlink()


def same_size(path: Path) -> None:
    text = path.read_text()
    status = path.stat()
    path.write_text(text.swapcase())
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


@pytest.mark.parametrize("change", [rewrite, rename_over, away, same_size])
@pytest.mark.parametrize("what", ["file", "directory"])
def test_an_edit_is_noticed(tmp_path: Path, change: Callable[[Path], None], what: str) -> None:
    path = tmp_path / "d" / "waf.yaml"
    path.parent.mkdir()
    path.write_text("mode: monitor\n")
    watch = watching(path if what == "file" else path.parent)
    change(path)
    assert noticed(watch)
    assert not watch.look()


def test_a_file_that_comes_back_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "waf.yaml"
    watch = watching(path)
    path.write_text("mode: monitor\n")
    assert noticed(watch)


def test_new_files_in_a_directory_of_rules_are_noticed(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("[]")
    watch = watching(tmp_path)
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "b.yaml").write_text("[]")
    assert noticed(watch)


def test_hidden_files_of_editors_are_not(tmp_path: Path) -> None:
    watch = watching(tmp_path)
    (tmp_path / ".a.yaml.swp").write_text("x")
    assert not watch.look()
    assert not watch.moving


def test_a_change_is_told_only_when_it_has_settled(tmp_path: Path) -> None:
    path = tmp_path / "waf.yaml"
    path.write_text("0")
    watch = watching(path)
    for i in range(3):
        path.write_text("x" * (i + 2))
        assert not watch.look()
        assert watch.moving
    assert watch.look()
    assert not watch.moving


def test_a_path_watched_only_since_now_is_no_change(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("")
    (tmp_path / "b").write_text("")
    paths = [str(tmp_path / "a")]
    watch = Watch(lambda: paths)
    paths.append(str(tmp_path / "b"))
    assert [watch.look() for _ in range(2)] == [False, False]
    (tmp_path / "b").write_text("x")
    assert noticed(watch)
    del paths[0]
    assert [watch.look() for _ in range(2)] == [False, False]


def test_a_second_change_within_the_clock_s_tick_is_noticed(tmp_path: Path) -> None:
    """Same size, same inode, same time stamps: only the content differs."""
    path = tmp_path / "waf.yaml"
    path.write_text("a")
    status = path.stat()
    watch = Watch(lambda: [str(path)], clock=lambda: status.st_mtime)
    real = os.stat

    def frozen(name: str, **kwargs: object) -> os.stat_result:
        return status if name == str(path) else real(name)

    with pytest.MonkeyPatch.context() as patch:
        path.write_text("b")
        patch.setattr("waf.control.watch.os.stat", frozen)
        assert noticed(watch)


async def test_it_runs_until_cancelled(volume: ConfigMap, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("waf.control.watch.INTERVAL", 0.001)
    monkeypatch.setattr("waf.control.watch.SETTLE", 0.001)
    changed = asyncio.Event()

    async def tell() -> None:
        changed.set()

    running = asyncio.create_task(watching(volume.root).run(tell))
    volume.swap({"waf.yaml": "mode: protect\n"})
    await asyncio.wait_for(changed.wait(), 60)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
