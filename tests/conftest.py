"""What rooms share: compiled patterns, which take seconds to make, are made once for all test runs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

# Two busy cores decide how long an example takes; a test that needs a bound on time is a benchmark. The default run
# tries the same examples each time, so that a red run means a change; `make fuzz` looks for new ones.
settings.register_profile("checks", deadline=None, derandomize=True)
settings.register_profile("fuzz", deadline=None)
settings.load_profile(os.environ.get("WAF_HYPOTHESIS", "checks"))


@pytest.fixture(scope="session")
def pattern_cache(pytestconfig: pytest.Config) -> Path:
    """A directory for `cache_dir`; its files are named by content, so what is in it is never stale."""
    return Path(pytestconfig.cache.mkdir("pattern-store"))
