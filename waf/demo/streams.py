"""The demo shop's slow page, event stream and WebSocket: what a proxy must not buffer, cut or hold back."""

from __future__ import annotations

import asyncio
import json
from typing import Final

from aiohttp import WSMsgType, web

from waf.demo.answers import number

MAX_SECONDS: Final = 30.0
MAX_EVENTS: Final = 100

routes = web.RouteTableDef()


@routes.get("/slow")
async def slow(request: web.Request) -> web.Response:
    """Answers after `seconds` (1 if not given, 30 at most)."""
    await asyncio.sleep(number(request, "seconds", 1.0, MAX_SECONDS))
    return web.Response(text="there you are\n")


@routes.get("/events")
async def events(request: web.Request) -> web.StreamResponse:
    """Server-sent events: `count` of them (3 if not given), `interval` seconds apart (0.2)."""
    count = int(number(request, "count", 3, MAX_EVENTS))
    interval = number(request, "interval", 0.2, MAX_SECONDS)
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
    await response.prepare(request)
    for turn in range(1, count + 1):
        await response.write(f"id: {turn}\ndata: {json.dumps({'visitors': 40 + turn})}\n\n".encode())
        if turn < count:
            await asyncio.sleep(interval)
    await response.write_eof()
    return response


@routes.get("/ws")
async def echo(request: web.Request) -> web.WebSocketResponse:
    """A WebSocket that says again what it hears."""
    socket = web.WebSocketResponse(max_msg_size=1024 * 1024)
    await socket.prepare(request)
    async for message in socket:
        if message.type is WSMsgType.TEXT:
            await socket.send_str(message.data)
        elif message.type is WSMsgType.BINARY:
            await socket.send_bytes(message.data)
    return socket
