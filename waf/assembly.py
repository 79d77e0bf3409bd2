"""From files to a policy: reads configuration, rules, entities and tuning, and builds the engines of them.

The one place that knows which file feeds which engine; `app` calls it at start and at each reload, the
command line for `check`, `explain` and the like. What must outlive a reload (rate-limit buckets, the pattern
store, the key) is in `Kept`.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from waf.config.document import Tree, read_document
from waf.config.layers import find
from waf.config.load import Loaded, load
from waf.config.schema import Config
from waf.config.shape import read_struct
from waf.control.files import DirectoryPatternStore, atomic_write, default_cache_dir, read_capped
from waf.errors import ConfigError, Problem
from waf.inspect.answers import answer_expressions
from waf.inspect.rules import Rule, parse_rules
from waf.inspect.signatures import Signatures
from waf.model import Mask, PatternStore
from waf.policy.access import Buckets, Gate
from waf.policy.policy import Policy
from waf.policy.retune import retuned
from waf.policy.tuning import Tuning, TuningFile
from waf.profiles.check import Profile
from waf.profiles.contract import Contract
from waf.profiles.openapi_import import Imported, import_document
from waf.sensitive.anomaly import Disclosures
from waf.sensitive.detect import Detector
from waf.sensitive.entities import parse_entities
from waf.sensitive.exact import ExactData, read_list
from waf.sensitive.mask import Key

MAX_FILE: Final = 4 * 1024 * 1024  # bytes
MAX_LIST: Final = 256 * 1024 * 1024  # bytes of a list of exact values
KEY_BYTES: Final = 32
_KEY_FILE: Final = "sensitive.key"


class Bundle(msgspec.Struct, frozen=True):
    """All that one reading of the files gave."""

    policy: Policy
    rules: tuple[Rule, ...]  # in force, as tuning wants them
    documents: tuple[Imported, ...]  # OpenAPI documents that pin the profile
    loaded: Loaded
    warnings: tuple[Problem, ...]
    watched: tuple[str, ...]

    @property
    def version(self) -> str:
        return self.policy.version

    @property
    def mode(self) -> str:
        return self.policy.config.mode.value


class Kept:
    """What outlives a reload. `key` is the secret for tokens and sketches; `cold`: `store` holds nothing yet."""

    def __init__(self, key: bytes, store: PatternStore, buckets: int, *, cold: bool = False) -> None:
        self.key = key
        self.store = store
        self.cold = cold
        self.buckets = Buckets(buckets)
        self.profile: Profile | None = None
        self.disclosures: Disclosures | None = None  # what endpoints usually send
        self.mask: Mask = _unseen  # until a policy was built


def _unseen(_data: bytes) -> str:
    return "…"


class Files:
    """Where the configuration stands: files from far to near, the environment, options of the command line.

    With `optional` a file that is not there is an empty layer (and still watched): in a pod the ConfigMaps of
    cluster, namespace and workload are mounted where they exist.
    """

    def __init__(
        self,
        paths: Sequence[str] = (),
        environ: Mapping[str, str] | None = None,
        options: Mapping[str, str] | None = None,
        *,
        optional: bool = False,
    ) -> None:
        self.paths = tuple(paths)
        self._optional = optional
        self._environ = dict(environ or {})
        self._options = dict(options or {})

    def load(self) -> Loaded:
        """Read the configuration. Raises ConfigError with every problem."""
        there = [path for path in self.paths if not self._optional or os.path.exists(path)]
        return load([(_text(path), path) for path in there], self._environ, self._options)

    def beside(self, path: str, source: str) -> str:
        """A path that `source` names; a relative one counts from there, where that is one of the files."""
        if os.path.isabs(path) or source not in self.paths:
            return path
        return str(Path(source).parent / path)


def rules_directory() -> Path:
    """Where the rules that come with the package are: beside it in a checkout, else where pip put them."""
    beside = Path(__file__).resolve().parent.parent / "rules"
    if beside.is_dir():
        return beside
    import sysconfig

    return Path(sysconfig.get_path("data")) / "share" / "waf-sidecar" / "rules"


def keep(config: Config, environ: Mapping[str, str], key: bytes = b"") -> Kept:
    """What one process keeps over all its reloads. With `key` the secret is this, as of other workers."""
    directory = config.cache_dir or default_cache_dir(environ)
    store = DirectoryPatternStore(directory)
    return Kept(key or _key(config), store, config.access.rate_entries, cold=store.empty)


def build(files: Files, kept: Kept, generation: int = 0, *, samples: bool = True) -> Bundle:
    """Read all files and build the policy of them. Raises ConfigError with every problem, OSError for no
    file.

    Without `samples` the rules have lost their hits and misses, which who serves would hold for nothing.
    """
    loaded = files.load()
    config = loaded.config
    problems: list[Problem] = []
    names, digest = list(files.paths), hashlib.sha256(repr(config).encode())
    if (tls := config.listen.tls) is not None:  # renewed by whoever issues certificates, without a word to us
        names += [path for path in (tls.certificate, tls.key, tls.client_ca) if path]

    def named(path: str, key: str, index: int) -> str:
        origins = loaded.origins
        origin = origins.get(f"{key}[{index}]") or origins.get(f"{key}[{index}].file") or origins.get(key)
        place = files.beside(path, origin.source if origin is not None else "")
        names.append(place)
        return place

    def texts(places: Sequence[str]) -> list[tuple[str, str]]:
        out = []
        for place in places:
            for path in _yaml_files(place, problems):
                try:
                    text = _text(path)
                except ConfigError as error:
                    problems.extend(error.problems)
                    continue
                digest.update(text.encode())
                out.append((path, text))
        return out

    own = [named(path, "signatures.rules", i) for i, path in enumerate(config.signatures.rules)]
    shipped = [str(rules_directory() / "signatures")] if config.signatures.defaults else []
    rules = _gather(texts(shipped), lambda text, path: parse_rules(text, path, True), problems)
    rules += _gather(texts(own), parse_rules, problems)
    if not samples:
        rules = [msgspec.structs.replace(rule, hits=(), misses=()) for rule in rules]
    entities = _gather(texts([str(rules_directory() / "sensitive")]), parse_entities, problems)
    tuning = _tuning(texts([named(path, "tuning", i) for i, path in enumerate(config.tuning)]), problems)
    documents = []
    for i, path in enumerate(config.profiles.openapi):
        place = named(path, "profiles.openapi", i)
        try:
            text = _text(place, MAX_LIST)
            digest.update(text.encode())
            document = import_document(msgspec.yaml.decode(text), place)
            problems.extend(document.problems)
            documents.append(document)
        except ConfigError as error:
            problems.extend(error.problems)
        except msgspec.DecodeError as error:
            problems.append(
                Problem(place, 0, "", f"neither YAML nor JSON: {error}", "check it with a linter")
            )
    exact: dict[str, ExactData] = {}
    for i, listed in enumerate(config.sensitive.exact):
        place = named(listed.file, "sensitive.exact", i)
        try:
            text = _text(place, MAX_LIST)
            digest.update(text.encode())
            exact[listed.id] = ExactData(
                read_list(text, listed.column), Key(kept.key), f"sensitive.exact[{i}]"
            )
        except ConfigError as error:
            problems.extend(msgspec.structs.replace(p, file=p.file or place) for p in error.problems)
    if problems:
        raise ConfigError(problems)
    in_force = retuned(rules, tuning)
    # Rules that no request is measured by cost nothing.
    highest = max([config.inspection.level, *(route.level or 0 for route in config.routes)])
    leaks = answer_expressions(in_force, highest) if config.signatures.enabled else ()
    detector = Detector.build(config.sensitive, entities, kept.store, kept.key, exact, leaks)
    policy = _assemble(
        config, in_force, highest, detector, tuning, kept, digest.hexdigest()[:12], generation, documents
    )
    warnings = loaded.warnings
    if policy.signatures is not None and policy.signatures.searcher.program is None:
        from waf.inspect.cost import in_any_text  # which hardly any process needs

        warnings += tuple(in_any_text(policy.signatures.rules))
    return Bundle(policy, tuple(in_force), tuple(documents), loaded, warnings, tuple(dict.fromkeys(names)))


def _assemble(
    config: Config,
    rules: Sequence[Rule],
    highest: int,
    detector: Detector,
    tuning: Tuning,
    kept: Kept,
    version: str,
    generation: int,
    documents: Sequence[Imported],
) -> Policy:
    kept.mask = detector.mask
    signatures = None
    if config.signatures.enabled:
        signatures = Signatures.build(rules, kept.store, detector.mask, highest)
    return Policy(
        config,
        signatures=signatures,
        detector=detector,
        profile=kept.profile,
        disclosures=kept.disclosures,
        contract=Contract.joined(document.contract for document in documents),
        gate=Gate(config.access, kept.buckets),
        tuning=tuning,
        version=version,
        generation=generation,
    )


T = TypeVar("T")


def _gather(
    texts: Sequence[tuple[str, str]], parse: Callable[[str, str], Sequence[T]], problems: list[Problem]
) -> list[T]:
    """What `parse` makes of all texts; what it cannot use goes to `problems`."""
    out: list[T] = []
    for path, text in texts:
        try:
            out.extend(parse(text, path))
        except ConfigError as error:
            problems.extend(error.problems)
    return out


def _tuning(texts: Sequence[tuple[str, str]], problems: list[Problem]) -> Tuning:
    contents: list[tuple[str, TuningFile]] = []
    trees: dict[str, Tree] = {}
    for path, text in texts:
        try:
            trees[path] = tree = read_document(text, path, problems)
            content = read_struct(tree, TuningFile, problems)
        except ConfigError as error:
            problems.extend(error.problems)
            continue
        if content is not None:
            contents.append((path, content))
    try:
        return Tuning(contents, lambda file, place: find(trees[file], place).line)
    except ConfigError as error:
        problems.extend(error.problems)
        return Tuning()


def _text(path: str, limit: int = MAX_FILE) -> str:
    try:
        return read_capped(path, limit).decode()
    except UnicodeDecodeError:
        raise ConfigError([Problem(path, 0, "", "not UTF-8", "save the file as UTF-8")]) from None
    except OSError as error:
        raise ConfigError(
            [Problem(path, 0, "", error.strerror or "cannot be read", "name a readable file")]
        ) from None


def _yaml_files(place: str, problems: list[Problem]) -> list[str]:
    path = Path(place)
    if path.is_dir():
        return sorted(str(p) for p in path.iterdir() if p.suffix in (".yaml", ".yml"))
    if path.is_file():
        return [place]
    problems.append(Problem(place, 0, "", "no such file or directory", "correct the path in waf.yaml"))
    return []


def _key(config: Config) -> bytes:
    """The secret of tokens and sketches: from the file that is named, else kept in the state directory."""
    if config.sensitive.key_file:
        return hashlib.sha256(read_capped(config.sensitive.key_file, 4096).strip()).digest()
    if not config.state_dir:
        return os.urandom(KEY_BYTES)
    path = Path(config.state_dir) / _KEY_FILE
    try:
        key = read_capped(path, KEY_BYTES)
    except OSError:
        key = b""
    if len(key) != KEY_BYTES:
        key = os.urandom(KEY_BYTES)
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(path, key)
    return key
