"""A shop on a port of its own for each test."""

from collections.abc import AsyncIterator

import pytest
from aiohttp import CookieJar
from aiohttp.test_utils import TestClient, TestServer

from waf.demo.shop import make_shop

Client = TestClient  # type: ignore[type-arg]


@pytest.fixture
async def shop() -> AsyncIterator[Client]:
    async with TestClient(TestServer(make_shop()), cookie_jar=CookieJar(unsafe=True)) as client:
        yield client
