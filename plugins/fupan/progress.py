"""What a waiting person sees: a spinner with the current step on a terminal, one line a step elsewhere; always on stderr."""

from __future__ import annotations

import contextlib
import time
from types import TracebackType

from rich.console import Console
from rich.markup import escape


class Progress:
    """Say what is being done now (`say`) and what is done (`done`); use it as a context manager."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True, highlight=False)
        self._status = self._console.status("")
        self._began = time.monotonic()
        self._last = ""

    def __enter__(self) -> Progress:
        if self._console.is_terminal:
            self._status.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._status.stop()

    def say(self, doing: str) -> None:
        """What is being done now; said again and again it shows once."""
        if doing == self._last:
            return
        self._last = doing
        if self._console.is_terminal:
            self._status.update(escape(doing))
        else:
            self._print(doing)

    def done(self, what: str) -> None:
        """A line that stays, with the seconds since the start."""
        self._print(what)

    def _print(self, line: str) -> None:
        # Nobody may be listening any more (`fupan nightly | head`); what was started must be stopped all the same.
        with contextlib.suppress(OSError, SystemExit):
            self._console.print(f"{time.monotonic() - self._began:6.1f} s  {escape(line)}", soft_wrap=True)
