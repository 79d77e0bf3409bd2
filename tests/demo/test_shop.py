"""The demo shop over real sockets, without a sidecar: what it answers when nothing stands in front."""

import asyncio
import hashlib

import pytest
from aiohttp import FormData, WSMsgType
from aiohttp.test_utils import TestClient

from waf.demo import api, catalogue

Shop = TestClient  # type: ignore[type-arg]

PAGES = [
    ("/", 200, "12 found"),
    ("/search?q=coffee&category=kitchen", 200, "2 found"),
    ("/search?q=%3Cb%3E", 200, "&lt;b&gt;"),
    ("/products/5", 200, "Tom O&#x27;Reilly"),
    ("/login", 200, 'action="/login"'),
    ("/feedback", 200, "<textarea"),
    ("/upload", 200, "multipart/form-data"),
    ("/customers/1", 200, catalogue.grouped(catalogue.CUSTOMERS[0].card)),
    ("/products/99", 404, ""),
    ("/customers/99", 404, ""),
    ("/products/abc", 404, ""),
]


@pytest.mark.parametrize(("path", "status", "text"), PAGES)
async def test_pages(shop: Shop, path: str, status: int, text: str) -> None:
    answer = await shop.get(path)
    assert answer.status == status
    assert text in await answer.text()


API = [
    ("GET", "/api/products?category=books", None, 200, ("total", 2)),
    ("GET", "/api/products?page=3", None, 200, ("page", 3)),
    ("GET", "/api/products?page=x", None, 400, ("error", "page is a number")),
    ("GET", "/api/products/2", None, 200, ("name", "Coffee grinder")),
    ("GET", "/api/products/99", None, 404, ("error", "Not Found")),
    ("GET", "/api/customers/2", None, 200, ("card", catalogue.CUSTOMERS[1].card)),
    ("POST", "/api/orders", {"items": [{"product": 2, "quantity": 3}]}, 201, ("total", 26700)),
    ("POST", "/api/orders", {"items": [{"product": 99}]}, 404, ("error", "Not Found")),
    ("POST", "/api/orders", {"items": []}, 422, ("error", "items is a list of 1 to 50")),
    ("POST", "/api/orders", {"items": ["x"]}, 422, None),
    ("POST", "/api/orders", {"items": [{"product": True}]}, 422, None),
    ("POST", "/api/orders", [1], 422, ("error", "send an object")),
    ("POST", "/api/cart", {"product": 1, "quantity": 100}, 422, None),
]


@pytest.mark.parametrize(("method", "path", "body", "status", "holds"), API)
async def test_json(
    shop: Shop, *, method: str, path: str, body: object, status: int, holds: tuple[str, object] | None
) -> None:
    answer = await shop.request(method, path, json=body)
    assert answer.status == status
    document = await answer.json()
    if holds is not None:
        assert document[holds[0]] == holds[1]


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"{", "application/json", 400),
        (b"{}", "text/plain", 415),
        (b"\xff", "application/json", 400),
    ],
)
async def test_what_is_no_json_is_refused(shop: Shop, body: bytes, content_type: str, status: int) -> None:
    answer = await shop.post("/api/orders", data=body, headers={"Content-Type": content_type})
    assert answer.status == status


async def test_a_cart_belongs_to_its_session(shop: Shop) -> None:
    await shop.post("/login", data={"email": "a@example.com", "password": "demo"}, allow_redirects=False)
    added = await shop.post("/api/cart", json={"product": 1, "quantity": 2})
    assert added.status == 201
    assert (await (await shop.get("/api/cart")).json())["total"] == 4980
    await shop.post("/login", data={"email": "b@example.com", "password": "demo"}, allow_redirects=False)
    assert (await (await shop.get("/api/cart")).json())["items"] == []
    assert (await shop.delete("/api/cart")).status == 204


def test_carts_are_bounded_and_the_oldest_goes_first() -> None:
    store = api.Store()
    for number in range(api.MAX_SESSIONS + 1):
        store.cart(str(number))[1] = 1
    assert len(store.carts) == api.MAX_SESSIONS
    assert "0" not in store.carts
    assert store.cart(str(api.MAX_SESSIONS)) == {1: 1}


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"email": "a@example.com", "password": "demo"}, 303),
        ({"email": "a@example.com", "password": "no"}, 401),
        ({"email": "nobody", "password": "demo"}, 401),
        ({}, 401),
    ],
)
async def test_login(shop: Shop, form: dict[str, str], status: int) -> None:
    answer = await shop.post("/login", data=form, allow_redirects=False)
    assert answer.status == status
    assert (api.SESSION_COOKIE in answer.cookies) == (status == 303)


@pytest.mark.parametrize(("message", "status"), [("It's fine; thanks!", 200), (" ", 422)])
async def test_feedback(shop: Shop, message: str, status: int) -> None:
    assert (await shop.post("/feedback", data={"name": "x", "message": message})).status == status


async def test_an_upload_is_read_to_its_end(shop: Shop) -> None:
    content = bytes(range(256)) * 1000
    form = FormData({"title": "holiday"})
    form.add_field("file", content, filename="a.bin", content_type="application/octet-stream")
    answer = await shop.post("/upload", data=form)
    assert answer.status == 201
    assert await answer.json() == {
        "fields": {"title": "holiday"},
        "files": [{"name": "a.bin", "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}],
    }


async def test_an_upload_of_another_type_is_refused(shop: Shop) -> None:
    assert (await shop.post("/upload", data=b"x")).status == 415


@pytest.mark.parametrize(("query", "status"), [("seconds=0", 200), ("seconds=-5", 200), ("seconds=x", 400)])
async def test_slow(shop: Shop, query: str, status: int) -> None:
    assert (await shop.get(f"/slow?{query}")).status == status


async def test_events_come_one_by_one_and_end(shop: Shop) -> None:
    answer = await shop.get("/events?count=4&interval=0")
    assert answer.headers["Content-Type"] == "text/event-stream"
    assert (await answer.read()).count(b"data: ") == 4


async def test_not_a_number_is_the_default(shop: Shop) -> None:
    assert (await (await shop.get("/events?count=nan&interval=0")).read()).count(b"data: ") == 3


async def test_websocket_says_again_what_it_hears(shop: Shop) -> None:
    async with asyncio.timeout(60), shop.ws_connect("/ws") as socket:
        await socket.send_str("hello")
        assert (await socket.receive()).data == "hello"
        await socket.send_bytes(b"\x00\x01")
        message = await socket.receive()
        assert (message.type, message.data) == (WSMsgType.BINARY, b"\x00\x01")
