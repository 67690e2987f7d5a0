"""A headless Chromium that takes pictures of pages, spoken to over its DevTools protocol."""

from __future__ import annotations

import base64
import contextlib
import itertools
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import requests
from websockets.sync.client import ClientConnection
from websockets.sync.client import connect as connect_websocket

from fupan.errors import ConfigurationError, SourceUnavailable

CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


class Page:
    """One tab. ``width`` of the window is in pixels; a picture is as high as the page, and ``height`` at least."""

    def __init__(self, socket: ClientConnection, width: int, height: int) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self._width, self._height = width, height
        self._window(height)

    def set_cookie(self, url: str, name: str, value: str) -> None:
        """Be logged in."""
        self._call("Network.setCookie", url=url, name=name, value=value)

    def open(self, url: str, shows: str, *, patience: float = 60) -> None:
        """Go to a page and wait until its text holds ``shows``; raises SourceUnavailable with what it shows instead."""
        self._call("Page.navigate", url=url)
        deadline, text = time.monotonic() + patience, ""
        while shows not in text:
            if time.monotonic() > deadline:
                raise SourceUnavailable(f"{url} does not show {shows!r} but: {text[:300]!r}")
            time.sleep(0.25)
            text = str(self._evaluate("document.body ? document.body.innerText : ''") or "")

    def picture(self, path: Path, *, settle: float = 0.5) -> None:
        """The whole page as PNG, ``settle`` seconds from now: fonts and charts come in late."""
        time.sleep(settle)
        self._window(max(self._height, int(self._evaluate("document.documentElement.scrollHeight"))))
        time.sleep(settle)
        path.write_bytes(base64.b64decode(self._call("Page.captureScreenshot", format="png")["data"]))
        self._window(self._height)

    def _window(self, height: int) -> None:
        self._call(
            "Emulation.setDeviceMetricsOverride", width=self._width, height=height, deviceScaleFactor=1, mobile=False
        )

    def _evaluate(self, expression: str) -> Any:
        return self._call("Runtime.evaluate", expression=expression, returnByValue=True)["result"].get("value")

    def _call(self, method: str, **parameters: Any) -> dict[str, Any]:
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            answer: dict[str, Any] = json.loads(self._socket.recv(timeout=60))
            if answer.get("id") != number:
                continue
            if "error" in answer:
                raise SourceUnavailable(f"Chromium refuses {method}: {answer['error'].get('message')}")
            result: dict[str, Any] = answer["result"]
            return result


@contextlib.contextmanager
def open_page(*, width: int = 1280, height: int = 800) -> Iterator[Page]:
    """A tab of a Chromium of its own, which ends with it. Raises ConfigurationError where none is installed."""
    program = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if program is None:
        raise ConfigurationError("Chromium is not installed", remedy="Debian and Ubuntu: apt install chromium")
    with tempfile.TemporaryDirectory(prefix="fupan-look-") as profile:
        process = subprocess.Popen(
            [
                *(program, "--headless", "--remote-debugging-port=0", f"--user-data-dir={profile}"),
                *(
                    "--hide-scrollbars",
                    "--no-first-run",
                    "--no-proxy-server",
                    "--disable-gpu",
                    "--disable-dev-shm-usage",
                ),
                # Chromium's sandbox refuses to run as root.
                *(["--no-sandbox"] if os.geteuid() == 0 else []),
                "about:blank",
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            with connect_websocket(_debugger(Path(profile), process), max_size=None, proxy=None) as socket:
                yield Page(socket, width, height)
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _debugger(profile: Path, process: subprocess.Popen[bytes]) -> str:
    """Address of the first tab."""
    announced, deadline = profile / "DevToolsActivePort", time.monotonic() + 30
    while not announced.exists() or len(announced.read_text().split()) < 2:
        if process.poll() is not None or time.monotonic() > deadline:
            raise SourceUnavailable("Chromium did not start", remedy="Try `chromium --headless --dump-dom about:blank`")
        time.sleep(0.05)
    port = announced.read_text().split()[0]
    with requests.Session() as session:
        session.trust_env = False
        tabs = session.get(f"http://127.0.0.1:{port}/json/list", timeout=10).json()
    return next(str(tab["webSocketDebuggerUrl"]) for tab in tabs if tab["type"] == "page")
