"""The service desk's drop folder, FUPAN_HOME/service_desk: its exports, as files that stand there whole or not at all."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

from fupan import settings
from fupan.demo.systems.exports import FILE_PATTERNS
from fupan.demo.systems.relations import Connection

FOLDER = "service_desk"


def folder() -> Path:
    """Where the files are dropped."""
    return settings.home().resolve() / FOLDER


def folder_url() -> str:
    """The folder as a connection."""
    return folder().as_uri()


def drop(connection: Connection) -> None:
    """Bring the folder to what has been exported; files that are there as exported are not touched.

    What was deleted by hand is written again, what another company had exported goes; nothing happens while the desk is
    stopped.
    """
    with connection.cursor() as cursor:
        cursor.execute("select 1 from demo.stopped where system = 'service'")
        if cursor.fetchone():
            return
        cursor.execute("select file_name, encode(sha256(content), 'hex') from demo.exports order by file_name")
        exported = dict(cursor.fetchall())
        folder().mkdir(mode=0o700, parents=True, exist_ok=True)
        there = {path.name: path for pattern in FILE_PATTERNS for path in folder().glob(pattern)}
        for name in there.keys() - exported.keys():
            there[name].unlink()
        for name, digest in exported.items():
            if name in there and sha256(there[name].read_bytes()).hexdigest() == digest:
                continue
            cursor.execute("select content from demo.exports where file_name = %s", [name])
            (content,) = cursor.fetchone() or (b"",)
            partial = folder() / f".{name}.partial"
            partial.write_bytes(content)
            partial.replace(folder() / name)
