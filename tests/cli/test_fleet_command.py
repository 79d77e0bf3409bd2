"""`waf fleet` over a kubectl that answers from a file: export, difference, mode, status."""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from tests.profiles.traffic import START, learned_shop
from waf.cli.main import main
from waf.kube.fleet.shards import Blob, Index, name_of, split
from waf.kube.fleet.terms import Key
from waf.profiles.book import Book

KEY = Key("shop", "web")


class Desk:
    """What the cluster holds, and how `waf fleet` is asked about it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.book = learned_shop(1_500)
        self.book.advance(START)
        self.profile: dict[str, Any] = {
            "metadata": {"name": "web", "namespace": "shop"},
            "spec": {"mode": "monitor"},
            "status": {"mode": "monitor", "replicas": 2, "conditions": [
                {"type": "ConfigAccepted", "status": "True", "message": "every replica runs what it has"}]},
        }  # fmt: skip
        self.store(self.book.book.dump())
        kubectl = directory / "kubectl"
        kubectl.write_text(f"#!{sys.executable}\n{KUBECTL}")
        kubectl.chmod(0o755)

    def store(self, blob: bytes, *, lose: int = 0) -> None:
        import base64
        import hashlib

        import msgspec

        pieces = split(blob)
        names = tuple(f"shard-{number}" for number in range(len(pieces)))
        index = Index("shop", "web", {"profile": Blob(names, hashlib.sha256(blob).hexdigest())})
        found = [(name_of(KEY), "index.json", msgspec.json.encode(index)),
                 *((name, "data", piece) for name, piece in zip(names, pieces, strict=True))]  # fmt: skip
        items = [
            {"metadata": {"name": name}, "binaryData": {key: base64.b64encode(data).decode()}}
            for name, key, data in found[: len(found) - lose]
        ]
        (self.directory / "configmaps.json").write_text(json.dumps({"items": items}))

    def waf(self, *words: str) -> Result:
        (self.directory / "profile.json").write_text(json.dumps(self.profile))
        command, *rest = words
        given = ["fleet", "--kubectl", str(self.directory / "kubectl"), command, "-n", "shop", *rest]
        return CliRunner().invoke(main, given)

    @property
    def asked(self) -> str:
        return (self.directory / "asked").read_text()


KUBECTL = """
import pathlib, sys
here, words = pathlib.Path(__file__).parent, sys.argv[1:]
with (here / "asked").open("a") as asked:
    asked.write(" ".join(words) + "\\n")
if "missing" in words:
    sys.exit("Error from server (NotFound): wafprofiles.waf.sidecar \\"missing\\" not found")
if words[0] == "patch":
    print("patched")
elif "configmaps" in words:
    print((here / "configmaps.json").read_text())
else:
    print((here / "profile.json").read_text())
"""


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_what_is_exported_can_be_committed_and_says_what_is_learned(desk: Desk) -> None:
    file = desk.directory / "web.yaml"
    done = desk.waf("export", "web", "-o", str(file))
    assert (done.exit_code, done.output) == (0, "")
    thing = yaml.safe_load(file.read_text())
    assert thing["kind"] == "WafProfile"
    assert thing["metadata"] == {"name": "web", "namespace": "shop"}
    assert thing["spec"]["mode"] == "monitor"
    assert "GET /shop/search" in thing["spec"]["profile"]["endpoints"]
    assert desk.waf("diff", str(file)).exit_code == 0
    assert desk.waf("export", "web").output == file.read_text()


def test_what_the_cluster_learned_beyond_the_file_is_shown(desk: Desk) -> None:
    file = desk.directory / "web.yaml"
    desk.waf("export", "web", "-o", str(file))
    thing = yaml.safe_load(file.read_text())
    gone = thing["spec"]["profile"]["endpoints"].pop("GET /shop/search")
    file.write_text(yaml.safe_dump(thing))
    done = desk.waf("diff", str(file))
    assert done.exit_code == 1
    assert "shop/web + GET /shop/search" in done.output
    thing["spec"]["profile"]["endpoints"]["GET /shop/search"] = gone
    thing["spec"]["mode"] = "protect"
    thing["spec"]["profile"]["ignored"] = ["GET /x"]
    file.write_text(yaml.safe_dump(thing) + "---\nkind: Deployment\n")
    assert desk.waf("diff", str(file)).output.splitlines() == [
        "shop/web ~ mode: protect to monitor",
        "shop/web ~ no longer ignored: GET /x",
    ]


def test_promotion_is_one_word(desk: Desk) -> None:
    assert desk.waf("mode", "web", "protect").exit_code == 0
    assert '{"spec":{"mode":"protect"}}' in desk.asked
    assert desk.waf("mode", "web", "as-configured").exit_code == 0
    assert '{"spec":{"mode":null}}' in desk.asked
    assert desk.waf("mode", "web", "on").exit_code == 2


def test_the_status_names_what_is_not_as_it_should_be(desk: Desk) -> None:
    lines = desk.waf("status", "web").output.splitlines()
    assert "replicas     2" in lines
    assert "ConfigAccepted True: every replica runs what it has" in lines


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("export", "missing"), "not found"),
        (("diff", "bad.yaml"), "not YAML"),
        (("diff", "nameless.yaml"), "without metadata.name"),
        (("diff", "typo.yaml"), "spec.profile: endpoints.GET /a.tipe: not a mapping"),
    ],
)
def test_mistakes_are_told(desk: Desk, words: tuple[str, ...], said: str) -> None:
    files = {
        "bad.yaml": "a: [",
        "nameless.yaml": "kind: WafProfile\n",
        "typo.yaml": "kind: WafProfile\nmetadata: {name: web}\nspec: {profile: {endpoints: {GET /a: {tipe: 1}}}}\n",
    }
    for name, text in files.items():
        (desk.directory / name).write_text(text)
    words = tuple(str(desk.directory / word) if word in files else word for word in words)
    done = desk.waf(*words)
    assert done.exit_code == 2
    assert said in done.output


def test_what_is_stored_by_halves_is_not_shown(desk: Desk) -> None:
    desk.store(random.Random(1).randbytes(1_500_000), lose=1)
    done = desk.waf("export", "web")
    assert done.exit_code == 2
    assert "try again" in done.output
    desk.store(b"no book")
    assert "cannot be read" in desk.waf("export", "web").output
    desk.store(Book().dump(), lose=2)
    assert "no replica has taught anything yet" in desk.waf("export", "web").output


def test_without_kubectl_it_says_so(desk: Desk) -> None:
    done = CliRunner().invoke(main, ["fleet", "--kubectl", "no-such-program", "list"])
    assert done.exit_code == 2
    assert "--kubectl" in done.output
