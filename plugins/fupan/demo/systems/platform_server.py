"""The process that serves the platform's API: detached, on 127.0.0.1, on a port that it keeps, behind a random token.

Its state (port, process, log) lives in FUPAN_HOME/platform.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import psutil

from fupan import settings
from fupan.errors import SourceUnavailable
from fupan.server.process import Process, free_port

TOKEN = "platform_token"


class PlatformServer:
    """The one server of this installation; every method may be called again and again."""

    def __init__(self) -> None:
        self.folder = settings.home().resolve() / "platform"
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.log = self.folder / "server.log"
        self._state = self.folder / "state.json"

    @property
    def url(self) -> str:
        """Address of the API with its token, as a connection. Raises SourceUnavailable before the first start."""
        port = self._read().get("port")
        if port is None:
            raise SourceUnavailable("The platform has never been started", remedy="Run `make up` (or `make nightly`)")
        return f"http://:{settings.secret(TOKEN)}@127.0.0.1:{port}"

    def running(self) -> bool:
        """Whether the process is alive."""
        process = self.process()
        return process is not None and process.alive()

    def start(self, database: str, *, patience: float = 30) -> None:
        """Serve a database of the embedded server, unless it is served; returns when the API answers.

        Raises SourceUnavailable with the end of its log where it does not come up.
        """
        with self._lock():
            if self.running():
                return
            settings.secret(TOKEN)
            port = free_port(self._read().get("port", 0))
            self._launch(port, database)
            deadline = time.monotonic() + patience
            while not _answers(port):
                if not self.running() or time.monotonic() > deadline:
                    self._stop()
                    raise SourceUnavailable(
                        f"The platform did not come up:\n{self.log.read_text(errors='replace')[-2000:]}\n",
                        remedy=f"See {self.log}",
                    )
                time.sleep(0.05)

    def stop(self) -> None:
        """End the process; it keeps nothing that could be lost."""
        with self._lock():
            self._stop()

    def _launch(self, port: int, database: str) -> None:
        command = [sys.executable, "-m", "fupan.demo.systems.platform_api", "--port", str(port), "--database", database]
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        with self.log.open("w") as output:
            child = subprocess.Popen(
                command,
                env=environment | {"FUPAN_HOME": str(settings.home().resolve())},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
                # A session of its own: it outlives our terminal.
                start_new_session=True,
            )
        self._write({"port": port, "process": asdict(Process.of(child.pid))})

    def _stop(self) -> None:
        process = self.process()
        if process is not None and process.alive():
            running = psutil.Process(process.pid)
            with contextlib.suppress(psutil.Error):
                running.terminate()
                try:
                    running.wait(5)
                except psutil.TimeoutExpired:
                    running.kill()
                    running.wait(5)

    def process(self) -> Process | None:
        """The process that was started last, None before the first."""
        known = self._read().get("process")
        return Process(**known) if known else None

    def _read(self) -> dict[str, Any]:
        state: dict[str, Any] = json.loads(self._state.read_text()) if self._state.exists() else {}
        return state

    def _write(self, state: dict[str, Any]) -> None:
        partial = self._state.with_suffix(".partial")
        partial.write_text(json.dumps(state, indent=2))
        partial.replace(self._state)

    @contextlib.contextmanager
    def _lock(self) -> Iterator[None]:
        with (self.folder / "lock").open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield


def _answers(port: int) -> bool:
    """Whether the API answers anything at all; without a token it says 401."""
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/v1/reviews", timeout=5).close()
    except urllib.error.HTTPError as refusal:
        refusal.close()
    except OSError:
        return False
    return True
