"""What lies in a drop folder, seen once a run: regular files directly in it, none that is still being written."""

from __future__ import annotations

import os
import stat
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from io import BufferedReader
from pathlib import Path

from fupan.errors import ConfigurationError, SourceUnavailable
from fupan.extract.connections import source_url

#: A file changed within so many seconds is looked at again after a moment: whoever writes it may not be done.
SETTLED_AFTER_S, MOMENT_S = 3.0, 0.5

_UNFINISHED = (".part", ".tmp", ".temp", ".crdownload", ".partial", ".filepart", ".download", ".swp")
_EXAMPLE = "file:///srv/exports"


@dataclass(frozen=True)
class DroppedFile:
    """One file as it was when the run looked. ``is_settled``: nobody was seen writing it."""

    path: Path
    size: int
    modified_ns: int
    is_settled: bool = True

    @property
    def name(self) -> str:
        """Its name in the folder."""
        return self.path.name

    @property
    def modified_at(self) -> datetime:
        """When it was last written, to the microsecond."""
        seconds, rest = divmod(self.modified_ns, 10**9)
        return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest // 1000)

    @property
    def is_whole(self) -> bool:
        """Whether it looks delivered: not being written, not empty, and a workbook has the end that every zip has."""
        if not self.is_settled or not self.size:
            return False
        return self.path.suffix.lower() != ".xlsx" or zipfile.is_zipfile(self.path)

    @contextmanager
    def opened(self, system: str, table: str) -> Iterator[BufferedReader]:
        """The file's bytes; raises SourceUnavailable at the end where it is not the one that was seen, or was written to."""
        try:
            descriptor = os.open(self.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            with os.fdopen(descriptor, "rb") as content:
                yield content
                now = os.fstat(descriptor)
        except OSError as error:
            raise SourceUnavailable(
                f"{self.name} can't be read: {error.strerror}",
                system=system,
                table=table,
                remedy="Check that it is there and that Fupan's user may read it",
            ) from error
        if (now.st_size, now.st_mtime_ns) != (self.size, self.modified_ns):
            raise SourceUnavailable(
                f"{self.name} was written to while it was read",
                system=system,
                table=table,
                remedy="Have it written under another name and renamed when it is whole; it is read again",
            )


@dataclass(frozen=True)
class Folder:
    """A drop folder at one moment; files by name, without those that a program marks as unfinished."""

    path: Path
    files: list[DroppedFile]


def drop_folder(connection_id: str, system: str) -> Path:
    """The folder behind a connection: `file:///folder`, or Airflow's File (path) with its path.

    Raises ConfigurationError where there is no such connection or it names no folder by its whole path.
    """
    url = source_url(connection_id, system, _EXAMPLE)
    named = url.query.get("path") or (f"/{url.database.lstrip('/')}" if url.database else "")
    is_here = url.host in (None, "", "localhost")
    if url.drivername not in ("file", "fs") or not is_here or not isinstance(named, str) or not named.startswith("/"):
        raise ConfigurationError(
            f"Connection {connection_id} names no folder by its whole path",
            system=system,
            remedy=f"Set AIRFLOW_CONN_{connection_id.upper()} to something like {_EXAMPLE}",
        )
    return Path(named)


def look(path: Path, system: str) -> Folder:
    """What lies in the folder; where files are young it takes a second look. Raises SourceUnavailable."""
    found = _seen(path, system)
    if any(map(_is_young, found)):
        time.sleep(MOMENT_S)
        before = set(found)
        found = [
            file if file in before or not _is_young(file) else replace(file, is_settled=False)
            for file in _seen(path, system)
        ]
    return Folder(path, found)


def _seen(folder: Path, system: str) -> list[DroppedFile]:
    files = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith((".", "~$")) or entry.name.lower().endswith(_UNFINISHED):
                    continue
                # Renamed or fetched away since it was listed.
                with suppress(FileNotFoundError):
                    status = entry.stat(follow_symlinks=False)
                    if stat.S_ISREG(status.st_mode):
                        files.append(DroppedFile(folder / entry.name, status.st_size, status.st_mtime_ns))
    except OSError as error:
        raise SourceUnavailable(
            f"The drop folder {folder} can't be read: {error.strerror}",
            system=system,
            remedy="Check that it is there (mounted, perhaps) and that Fupan's user may read it",
        ) from error
    return sorted(files, key=lambda file: file.name)


def _is_young(file: DroppedFile) -> bool:
    return time.time() - file.modified_ns / 1e9 < SETTLED_AFTER_S
