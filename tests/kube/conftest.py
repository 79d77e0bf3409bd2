"""An API double and a client of it, for every test that asks."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.kube.api_double import ApiDouble
from waf.kube.client import Kube
from waf.record.log import Log


@pytest.fixture
async def api() -> AsyncIterator[ApiDouble]:
    double = ApiDouble()
    await double.start()
    yield double
    await double.stop()


@pytest.fixture
async def kube(api: ApiDouble) -> AsyncIterator[Kube]:
    client = Kube(api.base, timeout=60.0, pause=0.001)
    yield client
    await client.close()


@pytest.fixture
def log() -> Log:
    return Log(lambda line: None)
