"""An extraction of files that is killed with -9 leaves raw and ops.source_file of one mind, and goes on when run again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.drop_folder import DAY, Desk, day
from tests.extract_source import empty_warehouse
from tests.faults.conftest import Tell

from fupan.errors import Busy
from fupan.extract.run import extract_system
from fupan.server.postgres import EmbeddedPostgres

ROWS = 2000
HEADER = (
    "chat_id,user_id,customer_id,topic,agent_id,handled_by_bot,is_vip_queue,"
    "queue_entered_at,first_reply_at,ended_at,resolved_flag,rating\n"
)

#: The process kills itself when it comes to a function for the n-th time.
_EXTRACT = """
import datetime, importlib, os, signal, sys
from fupan.extract.run import extract_system
module, _, name = sys.argv[2].rpartition(".")
module, left = importlib.import_module(module), [int(sys.argv[3])]
original = getattr(module, name)

def deadly(*given, **more):
    left[0] -= 1
    if not left[0]:
        os.kill(os.getpid(), signal.SIGKILL)
    return original(*given, **more)

setattr(module, name, deadly)
extract_system("service", datetime.date.fromisoformat(sys.argv[1]))
"""


@pytest.fixture
def desk(server: EmbeddedPostgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setenv("FUPAN_WAREHOUSE_URL", server.ensure_database("extract_tests"))
    found = Desk(tmp_path / "drop", empty_warehouse(server))
    monkeypatch.setenv("AIRFLOW_CONN_DESK_TEST", found.folder.as_uri())
    monkeypatch.setenv("FUPAN_SOURCES", str(tmp_path))
    (tmp_path / "service.yml").write_text(
        "{system: service, kind: files, connection: desk_test, time_zone: Asia/Shanghai,"
        " tables: {cs_chats: {files: 'chats_{date}.csv', format: csv, each_night: true}}}"
    )
    return found


def drop(desk: Desk, offset: int, rating: int) -> None:
    """A file in which every chat ended on that day."""
    stamp = f"{day(offset)} 10:00:00"
    lines = (f"CH{n},,,order,,true,false,{stamp},,{stamp},true,{rating}\n" for n in range(ROWS))
    desk.put(f"chats_{day(offset)}.csv", HEADER + "".join(lines))


def seen(desk: Desk) -> tuple[set[tuple[int, int]], set[str]]:
    """Ratings in raw with how many chats have them; files that the ledger knows."""
    ratings = desk.ask("select rating, count(*) from raw.cs_chats where _deleted_at is null group by 1")
    return {(r["rating"], r["count"]) for r in ratings}, {*desk.files()}


@pytest.mark.parametrize(
    ("place", "time_of_death", "is_committed"),
    [
        ("fupan.extract.file_ledger.fingerprint", 2, False),
        ("fupan.extract.files.convert", 2, False),
        ("fupan.extract.file_ledger.record", 2, False),
        ("fupan.extract.table.settle", 1, False),
        ("fupan.extract.ledger.succeed_load", 1, False),
        ("fupan.extract.table.report", 1, True),
    ],
)
def test_killed_and_run_again(desk: Desk, tell: Tell, place: str, time_of_death: int, is_committed: bool) -> None:
    names = [f"chats_{day(offset)}.csv" for offset in (-2, -1, 0)]
    drop(desk, -2, 1)
    extract_system("service", day(-2))
    before = seen(desk)
    assert before == ({(1, ROWS)}, {names[0]})
    drop(desk, -1, 2)
    drop(desk, 0, 3)

    killed = subprocess.run(
        [sys.executable, "-c", _EXTRACT, DAY.isoformat(), place, str(time_of_death)], env=os.environ.copy(), check=False
    )

    assert killed.returncode == -signal.SIGKILL
    after = ({(3, ROWS)}, {*names})
    assert seen(desk) == (after if is_committed else before)

    deadline = time.monotonic() + 30
    while True:
        try:
            (result,) = extract_system("service", DAY)
            break
        except Busy:
            assert time.monotonic() < deadline
            time.sleep(0.1)

    assert seen(desk) == after
    assert result.counts.read == (0 if is_committed else 2 * ROWS)
    assert desk.ask("select count(*) from ops.load where state = 'running'") == [{"count": 0}]
    assert desk.ask(
        "select bool_and(state = 'succeeded') as all_did from ops.load join ops.source_file using (load_id)"
    ) == [{"all_did": True}]
    tell(
        f"files: kill -9 of the extractor at {place.removeprefix('fupan.extract.')}",
        harm="files noted before their rows are lost, rows before their files doubled",
        ours="files and rows in one transaction: read again, or known, never half",
    )
