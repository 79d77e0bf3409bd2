"""Headless Chromium over the DevTools protocol: pages that are clicked through, and the requests that they made.

Owns the browser's process and the protocol; knows nothing of sites or of the sidecar.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import aiohttp
import msgspec

NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "chrome")
START_SECONDS: Final = 30.0
PATIENCE: Final = 20.0  # seconds for an answer of the browser
IDLE: Final = 0.15  # seconds without a request in flight after which a page is at rest
REST: Final = 2.5  # seconds after which it is left alone anyway


class Asked(msgspec.Struct, frozen=True):
    """One request of a page, as the browser sent it."""

    method: str
    url: str
    headers: dict[str, str]
    body: str | None


class Lost(Exception):
    """The page or the browser does not answer any more."""


def browser_path() -> str | None:
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def _launch(path: str, home: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [
            path, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
            "--disable-background-networking", "--disable-sync", "--disable-extensions", "--disable-default-apps",
            "--disable-component-update", "--remote-debugging-port=0", f"--user-data-dir={home}", "about:blank",
        ],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip


class Browser:
    """A running browser; an async context manager. `page` opens one in a context of its own: a person of their own."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._pages: dict[str, Page] = {}

    async def __aenter__(self) -> Browser:
        path = browser_path()
        if path is None:
            raise RuntimeError("no Chromium is installed")
        self._directory = tempfile.TemporaryDirectory(prefix="waf-browser-", ignore_cleanup_errors=True)
        home = Path(self._directory.name)
        self._process = _launch(path, home)
        told = home / "DevToolsActivePort"
        started = time.monotonic()
        while not told.exists() or not told.read_text().strip():
            if self._process.poll() is not None or time.monotonic() - started > START_SECONDS:
                await self.__aexit__()
                raise RuntimeError("Chromium did not start")
            await asyncio.sleep(0.05)
        port, path = told.read_text().split()[:2]
        self._session = aiohttp.ClientSession()
        self._socket = await self._session.ws_connect(f"ws://127.0.0.1:{port}{path}", max_msg_size=0)
        self._reader = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *_: object) -> None:
        if hasattr(self, "_reader"):
            self._reader.cancel()
            await self._socket.close()
            await self._session.close()
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._directory.cleanup()

    async def page(self) -> Page:
        """A page of a new person: no cookies, nothing in the cache."""
        context = (await self.send("Target.createBrowserContext"))["browserContextId"]
        await self.send("Browser.setDownloadBehavior", behavior="deny", browserContextId=context)
        target = await self.send("Target.createTarget", url="about:blank", browserContextId=context)
        attached = await self.send("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        page = self._pages[attached["sessionId"]] = Page(self, attached["sessionId"], context)
        for domain in ("Page", "Network", "Runtime"):
            await page.send(f"{domain}.enable")
        return page

    async def leave(self, page: Page) -> None:
        self._pages.pop(page.session, None)
        with contextlib.suppress(Lost):
            await self.send("Target.disposeBrowserContext", browserContextId=page.context)

    async def send(self, method: str, session: str = "", /, **params: object) -> dict[str, Any]:
        """One command; gives its result. Raises Lost where there is none."""
        number = next(self._numbers)
        future = self._waiting[number] = asyncio.get_running_loop().create_future()
        command = {"id": number, "method": method, "params": params}
        if session:
            command["sessionId"] = session
        try:
            await self._socket.send_str(msgspec.json.encode(command).decode())
            return await asyncio.wait_for(future, PATIENCE)
        except (TimeoutError, ConnectionError) as error:
            raise Lost(method) from error
        finally:
            self._waiting.pop(number, None)

    async def _read(self) -> None:
        async for message in self._socket:
            said = msgspec.json.decode(message.data)
            if "id" in said:
                future = self._waiting.get(said["id"])
                if future is not None and not future.done():
                    if "error" in said:
                        future.set_exception(Lost(said["error"].get("message", "")))
                    else:
                        future.set_result(said.get("result", {}))
            elif (page := self._pages.get(said.get("sessionId", ""))) is not None:
                page.heard(said["method"], said["params"])


class Page:
    """One page. `asked` are the requests it made, in order; whoever reads them may clear them."""

    def __init__(self, browser: Browser, session: str, context: str) -> None:
        self.session = session
        self.context = context
        self.asked: dict[str, Asked] = {}
        self._browser = browser
        self._flying: set[str] = set()
        self._quiet = time.monotonic()
        self._tasks: set[asyncio.Task[object]] = set()

    async def send(self, method: str, **params: object) -> dict[str, Any]:
        return await self._browser.send(method, self.session, **params)

    def heard(self, event: str, params: dict[str, Any]) -> None:
        match event:
            case "Network.requestWillBeSent":
                request = params["request"]
                self._flying.add(params["requestId"])
                if request["url"].startswith("http"):
                    # A redirection has the number of the request that it answers.
                    key = (
                        f"{params['requestId']} {len(self.asked)}"
                        if "redirectResponse" in params
                        else params["requestId"]
                    )
                    self.asked[key] = Asked(
                        request["method"], request["url"], request["headers"], request.get("postData")
                    )
            case "Network.loadingFinished" | "Network.loadingFailed":
                self._flying.discard(params["requestId"])
                self._quiet = time.monotonic()
            case "Page.javascriptDialogOpening":
                task = asyncio.create_task(
                    self.send("Page.handleJavaScriptDialog", accept=True, promptText="a name")
                )
                self._tasks.add(task)
                task.add_done_callback(self._over)

    def _over(self, task: asyncio.Task[object]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # the dialog was gone already

    async def visit(self, url: str) -> None:
        """Go there and wait until the page is at rest."""
        await self.send("Page.navigate", url=url)
        await self.rest()

    async def rest(self) -> None:
        """Wait until nothing is in flight, within reason: some pages poll for ever."""
        self._quiet = time.monotonic()
        end = self._quiet + REST
        while (now := time.monotonic()) < end:
            if not self._flying and now - self._quiet > IDLE:
                return
            await asyncio.sleep(0.03)
        self._flying.clear()

    async def run(self, script: str) -> Any:
        """What a script comes to, as plain values; None where it fails or the page goes away meanwhile."""
        try:
            found = await self.send(
                "Runtime.evaluate", expression=script, returnByValue=True, userGesture=True
            )
        except Lost:
            return None
        return found.get("result", {}).get("value")

    async def cookies(self, urls: Sequence[str]) -> str:
        """The Cookie header that the page would send."""
        found = await self.send("Network.getCookies", urls=list(urls))
        return "; ".join(f"{c['name']}={c['value']}" for c in found["cookies"])
