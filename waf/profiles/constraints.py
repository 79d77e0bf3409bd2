"""What a profile says: constraints, each with a key that stays the same from one version to the next.

A constraint is one claim about one thing of one endpoint: "POST /login form.user charset.code" names it, and
`allowed` is what it allows, as sorted texts. The learned ones, those from an OpenAPI document and those a
person wrote are of one kind; they differ in `origin`.
"""

from __future__ import annotations

import enum
from typing import Final

import msgspec


class Aspect(enum.Enum):
    """What a constraint speaks of. In order of strength: the first that fails is the one to be told."""

    PATH = "path"  # the segments that may follow here
    METHOD = "method"
    CONTENT_TYPE = "content-type"
    NAMES = "names"  # of the parameters at one place
    REQUIRED = "required"
    REPEATS = "repeats"
    TYPE = "type"
    ENUM = "enum"
    LENGTH = "length"
    RANGE = "range"  # only from documents
    PATTERN = "pattern"  # only from documents
    PLAIN = "charset.plain"
    PROSE = "charset.prose"
    CODE = "charset.code"
    CONTROL = "charset.control"
    SCRIPT = "charset.script"
    SHAPE = "shape"
    SIZE = "size"

    @property
    def rule(self) -> str:
        """Id of the finding when it fails."""
        return _RULES[self]


_RULES: Final = {
    Aspect.PATH: "profile.unknown-path",
    Aspect.METHOD: "profile.unknown-method",
    Aspect.CONTENT_TYPE: "profile.content-type",
    Aspect.NAMES: "profile.unknown-parameter",
    Aspect.REQUIRED: "profile.missing-parameter",
    Aspect.REPEATS: "profile.repeats",
    Aspect.TYPE: "profile.type",
    Aspect.ENUM: "profile.enum",
    Aspect.LENGTH: "profile.length",
    Aspect.RANGE: "profile.range",
    Aspect.PATTERN: "profile.pattern",
    Aspect.PLAIN: "profile.charset",
    Aspect.PROSE: "profile.charset",
    Aspect.CODE: "profile.charset",
    Aspect.CONTROL: "profile.charset",
    Aspect.SCRIPT: "profile.charset",
    Aspect.SHAPE: "profile.shape",
    Aspect.SIZE: "profile.size",
}

CHARSETS: Final = (Aspect.PLAIN, Aspect.PROSE, Aspect.CODE, Aspect.CONTROL, Aspect.SCRIPT)
NEVER_ENFORCED: Final = frozenset({Aspect.SIZE})
"""Statistical aspects: they are reported and never refuse anything."""

EVERYWHERE: Final = "*"
"""Template and method of what holds for every request of the workload (headers, cookies)."""


ROOT: Final = "(root)"
"""How the root of the tree is written in ids: "/" is a page below it."""


class Stage(enum.IntEnum):
    """How far a constraint has come. DISCOVER is only learned, STAGE is watched, PROTECT refuses."""

    DISCOVER = 0
    STAGE = 1
    PROTECT = 2

    @property
    def label(self) -> str:
        return self.name.lower()


CAPS: Final = {
    "off": Stage.DISCOVER,
    "discover": Stage.DISCOVER,
    "monitor": Stage.STAGE,
    "protect": Stage.PROTECT,
}
"""The mode of a workload or a route: how far any constraint may come there."""
MODES: Final = {stage: mode for mode, stage in CAPS.items()}


def cap_of(usual: Stage, own: Stage | None, *, loosens: bool) -> Stage:
    """How far constraints come at a route that says `own` (None: nothing) where they come to `usual` elsewhere.

    A route that may not loosen (its request's path can be read in two ways) leaves them at least as far as elsewhere.
    """
    return usual if own is None else own if loosens else max(usual, own)


class Origin(enum.Enum):
    LEARNED = "learned"
    OPENAPI = "openapi"
    PINNED = "pinned"  # by a person


class Key(msgspec.Struct, frozen=True, order=True, gc=False):
    """Names a constraint: path template, method, address of the field ("" where it is about the place)."""

    template: str
    method: str
    address: str
    aspect: str

    def __str__(self) -> str:
        """The id that findings carry: "POST /login form.user charset.code"."""
        place = f"{self.method} {self.template or ROOT}"
        return f"{place} {self.address} {self.aspect}" if self.address else f"{place} {self.aspect}"

    @classmethod
    def parse(cls, text: str) -> Key:
        """The inverse of `str`. An address may hold blanks, the other parts do not. Raises ValueError."""
        method, template, *rest = text.split(" ")
        if not rest:
            raise ValueError(f"{text!r} is no constraint: it needs a method, a template and an aspect")
        return cls("" if template == ROOT else template, method, " ".join(rest[:-1]), rest[-1])


class Constraint(msgspec.Struct, frozen=True, gc=False):
    """One claim. `allowed` is sorted; how it is written for each aspect:

    PATH names and slots; METHOD methods; CONTENT_TYPE media types ("" for none); NAMES names, "*" for any;
    REQUIRED and SIZE one number; REPEATS the most; TYPE types, with a JSON kind as "number:int"; ENUM
    values as "=text" or "#hash"; LENGTH "least", "most" in bytes; RANGE "least", "most" ("" for none);
    PATTERN regular expressions; the charsets labels of `values.code_label`; SHAPE shapes.
    """

    key: Key
    allowed: tuple[str, ...]
    stage: Stage = Stage.DISCOVER
    origin: Origin = Origin.LEARNED


def names_allow(allowed: tuple[str, ...], name: str) -> bool:
    """True if a set of names has this one. "*" is any name, "maker.*" any below "maker"."""
    if name in allowed or "*" in allowed:
        return True
    return any(known[-2:] == ".*" and name.startswith(known[:-1]) for known in allowed)
