"""The demo shop: a small real web application, as careless as many.

It knows nothing of the sidecar. Here are its pages with their forms and the upload; `api` has the JSON,
`streams` what is slow or does not end. State is a few bounded dictionaries; nothing is written to disk.
"""

from __future__ import annotations

import hashlib
from typing import Any, Final

from aiohttp import BodyPartReader, web

from waf.demo import api, catalogue, pages, streams
from waf.demo.answers import as_json, found, html, plain_errors, problem

MAX_UPLOAD: Final = 64 * 1024 * 1024

routes = web.RouteTableDef()


def make_shop() -> web.Application:
    """A fresh shop with empty carts; give it to an `AppRunner` or to aiohttp's test client."""
    app = web.Application(middlewares=[plain_errors], client_max_size=MAX_UPLOAD)
    app[api.STORE] = api.Store()
    for table in (routes, api.routes, streams.routes):
        app.add_routes(table)
    return app


async def serve_shop(host: str = "127.0.0.1", port: int = 0) -> tuple[web.AppRunner, int]:
    """Serve a fresh shop; gives the runner (call `cleanup()` to end it) and the port it got."""
    runner = web.AppRunner(make_shop(), access_log=None, shutdown_timeout=2.0)
    await runner.setup()
    await web.TCPSite(runner, host, port).start()
    return runner, int(runner.addresses[0][1])


@routes.get("/")
async def home(request: web.Request) -> web.Response:
    return html("Welcome", pages.product_list(catalogue.PRODUCTS))


@routes.get("/search")
async def search(request: web.Request) -> web.Response:
    text, category = request.query.get("q", ""), request.query.get("category", "")
    return html("Search", pages.product_list(catalogue.search(text, category), text, category))


@routes.get(r"/products/{id:\d{1,6}}")
async def product_page(request: web.Request) -> web.Response:
    product = found(catalogue.product(int(request.match_info["id"])))
    return html(product.name, pages.product_detail(product))


@routes.get("/login")
async def login_form(request: web.Request) -> web.Response:
    return html("Log in", pages.login_form())


@routes.post("/login")
async def login(request: web.Request) -> web.Response:
    form = await request.post()
    email, password = form.get("email", ""), form.get("password", "")
    if not isinstance(email, str) or "@" not in email or password != "demo":
        return html("Log in", pages.login_form(failed=True), status=401)
    response = web.Response(status=303, headers={"Location": "/"})
    session = hashlib.sha256(email.casefold().encode()).hexdigest()[:32]
    response.set_cookie(api.SESSION_COOKIE, session, httponly=True, samesite="Lax")
    return response


@routes.get("/feedback")
async def feedback_form(request: web.Request) -> web.Response:
    return html("Feedback", pages.feedback_form())


@routes.post("/feedback")
async def feedback(request: web.Request) -> web.Response:
    form = await request.post()
    message = form.get("message", "")
    if not isinstance(message, str) or not message.strip():
        return html("Feedback", "<p>Please write something.</p>" + pages.feedback_form(), status=422)
    return html("Thank you", f"<p>We read all of your {len(message)} characters.</p>")


@routes.get("/upload")
async def upload_form(request: web.Request) -> web.Response:
    return html("Upload", pages.upload_form())


@routes.post("/upload")
async def upload(request: web.Request) -> web.Response:
    """Reads the parts as they come, keeps none, tells each file's size and digest."""
    if request.content_type != "multipart/form-data":
        return problem(415, "send multipart/form-data")
    fields: dict[str, str] = {}
    files: list[dict[str, Any]] = []
    async for part in await request.multipart():
        if not isinstance(part, BodyPartReader):
            return problem(400, "nested multipart is not taken")
        if part.filename is None:
            fields[part.name or ""] = (await part.read(decode=False))[:1_000].decode("utf-8", "replace")
            continue
        digest, size = hashlib.sha256(), 0
        while piece := await part.read_chunk(64 * 1024):
            digest.update(piece)
            size += len(piece)
        files.append({"name": part.filename, "size": size, "sha256": digest.hexdigest()})
    return as_json({"fields": fields, "files": files}, status=201)


@routes.get(r"/customers/{id:\d{1,6}}")
async def customer_page(request: web.Request) -> web.Response:
    customer = found(catalogue.customer(int(request.match_info["id"])))
    return html(customer.name, pages.customer_page(customer))
