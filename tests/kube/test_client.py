"""The client and the watch against a double that conflicts, forgets, refuses and dies."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.kube.api_double import ApiDouble, status
from waf.kube.client import ApiError, Conflict, Gone, Kube, NotFound
from waf.kube.watch import Watched

MAPS = "/api/v1/namespaces/shop/configmaps"
PATIENCE = 60.0
"""Seconds for what must come true; so long only where something hangs."""


def config_map(name: str, **data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not true():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.005)


async def test_what_is_created_can_be_read_changed_and_deleted(kube: Kube) -> None:
    made = await kube.create(MAPS, config_map("a", k="1"))
    assert (await kube.get(f"{MAPS}/a"))["data"] == {"k": "1"}
    made["data"]["k"] = "2"
    await kube.replace(f"{MAPS}/a", made)
    assert (await kube.patch(f"{MAPS}/a", {"data": {"l": "3"}}))["data"] == {"k": "2", "l": "3"}
    await kube.delete(f"{MAPS}/a")
    with pytest.raises(NotFound):
        await kube.get(f"{MAPS}/a")


async def test_a_stale_write_is_a_conflict(kube: Kube) -> None:
    first = await kube.create(MAPS, config_map("a", k="1"))
    with pytest.raises(Conflict):
        await kube.create(MAPS, config_map("a"))
    await kube.replace(f"{MAPS}/a", first)
    with pytest.raises(Conflict):
        await kube.replace(f"{MAPS}/a", first)


@pytest.mark.parametrize("code", [429, 500, 503])
async def test_a_passing_fault_is_asked_again(api: ApiDouble, kube: Kube, code: int) -> None:
    await kube.create(MAPS, config_map("a", k="1"))
    left = [2]

    def fail(request: web.Request) -> web.Response | None:
        left[0] -= 1
        return status(code, "Busy") if left[0] >= 0 else None

    api.fail = fail
    assert (await kube.get(f"{MAPS}/a"))["data"] == {"k": "1"}
    assert left[0] == -1


async def test_a_creation_is_repeated_only_where_nothing_was_done(api: ApiDouble, kube: Kube) -> None:
    api.fail = lambda request: status(503, "Down")
    with pytest.raises(ApiError):
        await kube.create(MAPS, config_map("a"))
    assert len(api.requests) == 1
    api.requests.clear()
    api.fail = lambda request: status(429, "Busy") if len(api.requests) < 2 else None
    assert await kube.create(MAPS, config_map("a"))


@pytest.mark.parametrize("code", [400, 401, 403, 422])
async def test_a_refusal_is_not_asked_again(api: ApiDouble, kube: Kube, code: int) -> None:
    api.fail = lambda request: status(code, "No", "because")
    with pytest.raises(ApiError) as error:
        await kube.get(f"{MAPS}/a")
    assert error.value.status == code
    assert len(api.requests) == 1


async def test_a_server_that_is_away_is_an_error_of_status_0(api: ApiDouble, kube: Kube) -> None:
    await api.stop()
    with pytest.raises(ApiError) as error:
        await kube.get(f"{MAPS}/a")
    assert error.value.status == 0


@pytest.mark.parametrize("body", [b"", b"no json", b"[]", b"[" * 100_000])
async def test_an_answer_that_is_no_object_is_an_error(api: ApiDouble, kube: Kube, body: bytes) -> None:
    api.fail = lambda request: web.Response(body=body)
    with pytest.raises(ApiError):
        await kube.get(f"{MAPS}/a")


@pytest.mark.parametrize(("told", "version"), [(("1", "31"), (1, 31)), (("1", "27+"), (1, 27))])
async def test_the_version(
    api: ApiDouble, kube: Kube, told: tuple[str, str], version: tuple[int, int]
) -> None:
    api.kubernetes = told
    assert await kube.version() == version


async def test_the_token_is_sent_and_read_again_when_it_is_refused(api: ApiDouble, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("one\n")
    seen: list[str] = []

    def fail(request: web.Request) -> web.Response | None:
        seen.append(request.headers["Authorization"])
        return status(401, "Unauthorized") if seen[-1] == "Bearer one" else None

    api.fail = fail
    client = Kube(api.base, token_file=token, pause=0.001)
    try:
        with pytest.raises(ApiError):
            await client.version()
        token.write_text("two\n")
        assert await client.version() == (1, 31)
    finally:
        await client.close()
    assert seen == ["Bearer one", "Bearer two"]


def test_outside_of_a_cluster_the_client_says_so(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="no pod"):
        Kube.in_cluster({}, tmp_path)


# ------------------------------------------------------------------------------------------ watch


@pytest.fixture
async def watched(api: ApiDouble, kube: Kube) -> AsyncIterator[Watched]:
    await kube.create(MAPS, config_map("a", k="1"))
    copy = Watched(kube, "/api/v1/configmaps", keep=lambda thing: thing["data"], pause=0.001)
    task = asyncio.create_task(copy.run())
    async with asyncio.timeout(PATIENCE):
        await copy.synced.wait()
    yield copy
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_the_copy_follows(watched: Watched, kube: Kube) -> None:
    assert watched.items == {"shop/a": {"k": "1"}}
    await kube.create(MAPS, config_map("b", k="2"))
    await until(lambda: "shop/b" in watched.items)
    await kube.patch(f"{MAPS}/b", {"data": {"k": "3"}})
    await until(lambda: watched.items["shop/b"] == {"k": "3"})
    await kube.delete(f"{MAPS}/a")
    await until(lambda: list(watched.items) == ["shop/b"])


async def test_the_copy_survives_410_gone(watched: Watched, api: ApiDouble, kube: Kube) -> None:
    await api.cut_watches()
    await kube.create(MAPS, config_map("lost", k="2"))
    await kube.delete(f"{MAPS}/a")
    api.compact()
    await until(lambda: list(watched.items) == ["shop/lost"])
    await kube.create(MAPS, config_map("later", k="3"))
    await until(lambda: "shop/later" in watched.items)


async def test_the_copy_survives_the_servers_restart(watched: Watched, api: ApiDouble, kube: Kube) -> None:
    await api.stop()
    await until(lambda: watched.failures > 0)
    assert watched.items == {"shop/a": {"k": "1"}}
    await api.start()
    await kube.create(MAPS, config_map("b", k="2"))
    await until(lambda: "shop/b" in watched.items)


async def test_a_long_list_is_read_by_pages(api: ApiDouble, kube: Kube) -> None:
    for number in range(25):
        await kube.create(MAPS, config_map(f"m{number:02}", k=str(number)))
    api.page = 10
    copy = Watched(kube, "/api/v1/configmaps", pause=0.001)
    task = asyncio.create_task(copy.run())
    async with asyncio.timeout(PATIENCE):
        await copy.synced.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert len(copy.items) == 25


async def test_a_watch_of_the_forgotten_past_is_gone(api: ApiDouble, kube: Kube) -> None:
    with pytest.raises(Gone):
        async for _ in kube.watch("/api/v1/configmaps", "1"):
            pass
