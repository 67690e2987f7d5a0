"""Requests that the server turns away for asking too often: all wait, and one alone asks until it is let in again."""

from __future__ import annotations

import threading


class Turn:
    """Shared by all requests to one server, whatever thread makes them."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._asks: int | None = None
        self._given_up: BaseException | None = None
        self._is_over = False

    def await_mine(self) -> None:
        """Return when a request may be made. Raises what the one who asked gave up with."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_over or self._asks in (None, threading.get_ident()))
            if self._given_up is not None:
                raise self._given_up

    def take(self) -> bool:
        """Be the one who asks; false where another one is."""
        with self._changed:
            if self._asks is None:
                self._asks = threading.get_ident()
            return self._asks == threading.get_ident()

    def leave(self) -> None:
        """Let the others go on, where this one was asking for them."""
        with self._changed:
            if self._asks == threading.get_ident():
                self._asks = None
                self._changed.notify_all()

    def give_up(self, failure: BaseException) -> None:
        """Nobody needs to ask again, where this one was asking for them."""
        with self._changed:
            if self._asks == threading.get_ident():
                self._given_up = failure

    def pause(self, seconds: float) -> bool:
        """Wait so long; false at once where all is over."""
        with self._changed:
            return not self._changed.wait_for(lambda: self._is_over, seconds)

    def end(self) -> None:
        """Wake all who wait: there is nobody left who wants an answer."""
        with self._changed:
            self._is_over = True
            self._changed.notify_all()
