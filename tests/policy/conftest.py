"""Policies from files, their patterns compiled once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.policy.rig import PROTECT, Workshop
from waf.policy.policy import Policy


@pytest.fixture
def workshop(tmp_path: Path, pattern_cache: Path) -> Workshop:
    return Workshop(tmp_path, pattern_cache)


@pytest.fixture(scope="session")
def protecting(tmp_path_factory: pytest.TempPathFactory, pattern_cache: Path) -> Policy:
    """Default rules in protect mode; nothing in it changes from one exchange to the next."""
    return Workshop(tmp_path_factory.mktemp("policy"), pattern_cache).policy(PROTECT)
