"""What all tests share."""

from __future__ import annotations

from hypothesis import settings

# Two busy cores decide how long an example takes; a test that needs a bound on time is a benchmark.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
