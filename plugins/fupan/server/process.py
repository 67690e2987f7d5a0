"""Processes that outlive the command that started them: how they are told from strangers, and where they may listen."""

from __future__ import annotations

import contextlib
import os
import socket
from dataclasses import dataclass

import psutil

from fupan.errors import SourceUnavailable


@dataclass(frozen=True)
class Process:
    """A process in a session of its own; ``created`` tells it from a stranger that got the same pid later."""

    pid: int
    created: float

    @classmethod
    def of(cls, pid: int) -> Process:
        """The process that has this pid now."""
        return cls(pid, psutil.Process(pid).create_time())

    def alive(self) -> bool:
        """Whether it still runs."""
        try:
            process = psutil.Process(self.pid)
            return process.create_time() == self.created and process.status() != psutil.STATUS_ZOMBIE
        except psutil.Error:
            return False

    def family(self) -> list[psutil.Process]:
        """Every process of its session, also when it was itself killed."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, ProcessLookupError, PermissionError):
                same_session = os.getsid(process.pid) == self.pid and process.create_time() >= self.created
                if same_session and (process.pid != self.pid or process.create_time() == self.created):
                    found.append(process)
        return found


def free_port(wanted: int = 0) -> int:
    """``wanted`` if it is free on 127.0.0.1, so that a saved address goes on working; else a free port."""
    for port in (wanted, 0):
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return int(probe.getsockname()[1])
    raise SourceUnavailable("No free TCP port on 127.0.0.1")
