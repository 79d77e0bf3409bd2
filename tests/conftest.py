"""What rooms share: compiled patterns, which take seconds to make, are made once for all test runs; examples that do
not depend on what ran before."""

from __future__ import annotations

import importlib
import os
import pkgutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

import waf
from tests.patterns import forget_old
from tests.remembered import remember
from waf.control.files import default_cache_dir

# Two busy cores decide how long an example takes; a test that needs a bound on time is a benchmark. The default run
# tries the same examples each time, so that a red run means a change; `make fuzz` looks for new ones.
_NO_CLOCK = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("checks", derandomize=True, **_NO_CLOCK)
settings.register_profile("fuzz", **_NO_CLOCK)
settings.load_profile(os.environ.get("WAF_HYPOTHESIS", "checks"))

# Hypothesis tries constants of the modules that are loaded, too. With all of them loaded from the start, what it tries
# does not depend on which tests ran before in this process.
for _module in pkgutil.walk_packages(waf.__path__, "waf."):
    if not _module.name.endswith("__main__"):
        importlib.import_module(_module.name)
remember()


def pytest_configure(config: pytest.Config) -> None:
    """Everything that runs without a `cache_dir`, processes of tests included, has the same compiled patterns as well."""
    if config.pluginmanager.has_plugin("cacheprovider"):  # else whatever directory this person has for it
        os.environ["XDG_CACHE_HOME"] = str(config.cache.mkdir("home"))
        if not hasattr(config, "workerinput"):  # once, before there are workers
            forget_old(Path(default_cache_dir(os.environ)))


@pytest.fixture(scope="session")
def pattern_cache() -> Path:
    """A directory for `cache_dir`; its files are named by content, so what is in it is never stale."""
    return Path(default_cache_dir(os.environ))
