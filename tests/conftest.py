"""What rooms share: compiled patterns, which take seconds to make, are made once for all test runs."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

# Two busy cores decide how long an example takes; a test that needs a bound on time is a benchmark.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture(scope="session")
def pattern_cache(pytestconfig: pytest.Config) -> Path:
    """A directory for `cache_dir`; its files are named by content, so what is in it is never stale."""
    return Path(pytestconfig.cache.mkdir("pattern-store"))
