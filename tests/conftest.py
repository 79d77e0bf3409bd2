"""What rooms share: compiled patterns, which take seconds to make, are made once for all test runs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from waf.control.files import default_cache_dir

# Two busy cores decide how long an example takes; a test that needs a bound on time is a benchmark. The default run
# tries the same examples each time, so that a red run means a change; `make fuzz` looks for new ones.
_NO_CLOCK = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("checks", derandomize=True, **_NO_CLOCK)
settings.register_profile("fuzz", **_NO_CLOCK)
settings.load_profile(os.environ.get("WAF_HYPOTHESIS", "checks"))


def pytest_configure(config: pytest.Config) -> None:
    """Everything that runs without a `cache_dir`, processes of tests included, has the same compiled patterns as well."""
    os.environ["XDG_CACHE_HOME"] = str(config.cache.mkdir("home"))


@pytest.fixture(scope="session")
def pattern_cache() -> Path:
    """A directory for `cache_dir`; its files are named by content, so what is in it is never stale."""
    return Path(default_cache_dir(os.environ))
