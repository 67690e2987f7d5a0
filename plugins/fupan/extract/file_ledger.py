"""ops.source_file: which contents of which files a table has read. Written in the load's own transaction."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from io import BufferedReader

from fupan.contracts.contract import Contract
from fupan.extract.file_due import DatedFile
from fupan.extract.file_folder import DroppedFile
from fupan.warehouse.connection import Connection


@dataclass(frozen=True)
class Ledger:
    """What is known of a table's files. ``files``: content read -> the file; ``latest``: the content read last."""

    contents: dict[tuple[str, int, datetime], str]
    files: dict[str, str]
    latest: str | None

    def content_of(self, file: DroppedFile) -> str | None:
        """SHA-256 of a file that has not been written to since it was last seen; None where only reading it would tell."""
        return self.contents.get((file.name, file.size, file.modified_at))


def ledger_of(connection: Connection, contract: Contract) -> Ledger:
    """The table's ledger; contents read before raw gained a column count as never read."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            select file_name, size_bytes, modified_at, sha256, same_as is null and not is_void as is_read
            from ops.source_file
            where system = %s and table_name = %s
            order by read_at
            """,
            [contract.system, contract.name],
        )
        rows = cursor.fetchall()
    read = [(sha256, name) for name, _, _, sha256, is_read in rows if is_read]
    return Ledger(
        contents={(name, size, modified_at): sha256 for name, size, modified_at, sha256, _ in rows},
        files=dict(reversed(read)),
        latest=read[-1][0] if read else None,
    )


def fingerprint(content: BufferedReader) -> str:
    """SHA-256 of a file, in hex; reading begins anew."""
    digest = hashlib.file_digest(content, "sha256").hexdigest()
    content.seek(0)
    return digest


def record(
    connection: Connection,
    contract: Contract,
    load_id: int,
    dated: DatedFile,
    sha256: str,
    *,
    row_count: int | None,
    same_as: str | None,
) -> None:
    """Write that a load has read this content, or that ``same_as``, read before, holds the same (not committed).

    A file that was written to and still has the content that was read of it stays as it was written down.
    """
    file = dated.file
    with connection.cursor() as cursor:
        cursor.execute(
            """
            insert into ops.source_file as f
                (system, table_name, file_name, sha256, size_bytes, modified_at, day, row_count, same_as, load_id)
            values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
            on conflict (system, table_name, file_name, sha256) do update set
                modified_at = excluded.modified_at,
                row_count = coalesce(excluded.row_count, f.row_count),
                same_as = case when excluded.same_as is not null then f.same_as end,
                is_void = f.is_void and excluded.same_as is not null,
                load_id = case when excluded.same_as is null then excluded.load_id else f.load_id end,
                read_at = case when excluded.same_as is null then excluded.read_at else f.read_at end
            """,
            [
                *(contract.system, contract.name, file.name, sha256, file.size, file.modified_at),
                *(dated.day, row_count, same_as, load_id),
            ],
        )
