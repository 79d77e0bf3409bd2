"""Programs are kept in a cache that several releases share: whoever changes their layout has to give it another number."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from waf.prefilter import layout
from waf.prefilter.layout import MAGIC

DIGEST = "e0436cee4c595ebd"
"""Of the layout that has the number `MAGIC`."""


def test_another_layout_has_another_number() -> None:
    header = (Path(layout.__file__).parents[1] / "_prefilter.h").read_text("utf-8")
    structs = re.findall(r"typedef struct \{.*?\} Prefilter\w+;", header, re.S)
    constants = re.findall(r"^enum \{ PF_.*?\};", header, re.M)
    assert len(structs) >= 5
    assert constants
    text = "\n".join([*structs, *constants, Path(layout.__file__).read_text("utf-8")])
    plain = re.sub(r"\s+", " ", re.sub(r"/\*.*?\*/", "", text, flags=re.S))
    digest = hashlib.sha256(f"{MAGIC} {plain}".encode()).hexdigest()[:16]
    assert digest == DIGEST, (
        "the layout changed: give MAGIC another number here and in C, then note its digest"
    )
