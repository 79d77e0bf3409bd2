"""The demo shop's JSON API: products, cart, orders, and a customer who is told too much of."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from waf.demo import catalogue
from waf.demo.answers import as_json, found, plain, problem, read_object

SESSION_COOKIE: Final = "shop_session"
MAX_SESSIONS: Final = 1_000
PAGE_SIZE: Final = 5

routes = web.RouteTableDef()


class Store:
    """What the shop remembers: carts by session (the oldest make room) and a count of orders."""

    def __init__(self) -> None:
        self.carts: dict[str, dict[int, int]] = {}
        self.orders = 0

    def cart(self, session: str) -> dict[int, int]:
        if session not in self.carts:
            while len(self.carts) >= MAX_SESSIONS:
                del self.carts[next(iter(self.carts))]
            self.carts[session] = {}
        return self.carts[session]


STORE: Final = web.AppKey("store", Store)


@routes.get("/api/products")
async def list_products(request: web.Request) -> web.Response:
    found = catalogue.search(request.query.get("q", ""), request.query.get("category", ""))
    try:
        number = max(1, int(request.query.get("page", "1")))
    except ValueError:
        return problem(400, "page is a number")
    first = (number - 1) * PAGE_SIZE
    return as_json(
        {"total": len(found), "page": number, "items": [plain(p) for p in found[first : first + PAGE_SIZE]]}
    )


@routes.get(r"/api/products/{id:\d{1,6}}")
async def show_product(request: web.Request) -> web.Response:
    return as_json(plain(found(catalogue.product(int(request.match_info["id"])))))


@routes.get("/api/cart")
async def show_cart(request: web.Request) -> web.Response:
    return as_json(_cart(request))


@routes.post("/api/cart")
async def add_to_cart(request: web.Request) -> web.Response:
    """Takes {"product": 3, "quantity": 2}."""
    order = await read_object(request)
    number, quantity = order.get("product"), order.get("quantity", 1)
    if type(number) is not int or type(quantity) is not int or not 1 <= quantity <= 99:
        return problem(422, "product and quantity are numbers, quantity from 1 to 99")
    found(catalogue.product(number))
    lines = request.app[STORE].cart(session(request))
    lines[number] = min(99, lines.get(number, 0) + quantity)
    return as_json(_cart(request), status=201)


@routes.delete("/api/cart")
async def empty_cart(request: web.Request) -> web.Response:
    request.app[STORE].cart(session(request)).clear()
    return web.Response(status=204)


@routes.post("/api/orders")
async def order(request: web.Request) -> web.Response:
    """Takes {"items": [{"product": 3, "quantity": 2}], "note": "…", "address": {…}}."""
    wanted = await read_object(request)
    items = wanted.get("items")
    if not isinstance(items, list) or not 1 <= len(items) <= 50:
        return problem(422, "items is a list of 1 to 50")
    total = 0
    for item in items:
        number, quantity = (
            (item.get("product"), item.get("quantity", 1)) if isinstance(item, dict) else (0, 0)
        )
        if type(number) is not int or type(quantity) is not int or not 1 <= quantity <= 99:
            return problem(422, "each item has a product and a quantity from 1 to 99")
        total += found(catalogue.product(number)).price * quantity
    request.app[STORE].orders += 1
    return as_json({"order": request.app[STORE].orders, "items": len(items), "total": total}, status=201)


@routes.get(r"/api/customers/{id:\d{1,6}}")
async def show_customer(request: web.Request) -> web.Response:
    return as_json(plain(found(catalogue.customer(int(request.match_info["id"])))))


def session(request: web.Request) -> str:
    return request.cookies.get(SESSION_COOKIE, "guest")[:64]


def _cart(request: web.Request) -> dict[str, object]:
    lines = request.app[STORE].cart(session(request))
    items = [
        {**plain(found(catalogue.product(number))), "quantity": count} for number, count in lines.items()
    ]
    total = sum(found(catalogue.product(number)).price * count for number, count in lines.items())
    return {"items": items, "total": total}
