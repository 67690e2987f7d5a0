"""A load in pieces whose workers are killed with -9, and whose source goes on working: whole, or not to be seen."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.faults.conftest import Tell
from tests.pieces_source import BigTable, big_table

from fupan.errors import Busy
from fupan.extract.pieces import Piece
from fupan.extract.run import extract_piece, join_pieces
from fupan.server.postgres import EmbeddedPostgres

SEED = 20260310
ROWS, PIECE_ROWS = 30_000, 6_000

_STEP = """
import pathlib, sys
from fupan import settings
from fupan.extract.run import extract_piece, join_pieces
settings.DBT_PROJECT = pathlib.Path(sys.argv[1])
print("ready", flush=True)
if sys.argv[3] == "join":
    join_pieces("shop", [int(sys.argv[2])])
else:
    extract_piece("shop", int(sys.argv[2]), int(sys.argv[3]))
"""


@pytest.fixture
def orders(server: EmbeddedPostgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> BigTable:
    table = big_table(server, tmp_path, monkeypatch, {"order_id": ("text", "text"), "line_no": ("integer", "integer")})
    table.install(pieces={"rows": PIECE_ROWS})
    table.fill("'SO' || i / 3, i % 3", ROWS)
    table.at_source("alter table big add primary key (order_id, line_no)")
    return table


def killed(project: Path, load_id: int, step: str, after: float) -> bool:
    """Run a step in a process of its own and kill it; whether it was still at work."""
    process = subprocess.Popen(
        [sys.executable, "-c", _STEP, str(project), str(load_id), step], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    time.sleep(after)
    process.send_signal(signal.SIGKILL)
    return process.wait() == -signal.SIGKILL


def again(load_id: int, step: str) -> None:
    """The same step, as soon as the server has noticed that the killed process is gone."""
    deadline = time.monotonic() + 30
    while True:
        try:
            if step == "join":
                join_pieces("shop", [load_id])
            else:
                extract_piece("shop", load_id, int(step))
            return
        except Busy:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def test_killed_workers_cost_their_own_piece_alone(orders: BigTable, tmp_path: Path, rounds: int, tell: Tell) -> None:
    dice, kills = random.Random(SEED), {"piece": 0, "join": 0}
    for _ in range(rounds):
        parts = orders.cut()
        load_id, unlucky = parts[0].load_id, dice.choice(parts).number
        for part in parts:
            if part.number == unlucky:
                kills["piece"] += killed(tmp_path / "project", load_id, str(part.number), dice.uniform(0, 0.25))
                assert orders.ask("select * from raw.big") == []
            again(load_id, str(part.number))
        kills["join"] += killed(tmp_path / "project", load_id, "join", dice.uniform(0, 0.6))
        seen = orders.ask("select count(*) as rows from raw.big")[0]["rows"]
        assert seen in (0, ROWS)
        again(load_id, "join")

        assert orders.raw() == orders.there()
        tries = {
            row["piece"]: row["tries"] for row in orders.ask("select * from ops.load_piece where load_id = %s", load_id)
        }
        assert {number for number, count in tries.items() if count > 1} <= {unlucky}
        (load,) = orders.ask("select * from ops.load where load_id = %s", load_id)
        assert (load["rows_read"], load["rows_inserted"], load["state"]) == (ROWS, ROWS, "succeeded")
        assert orders.ask("select bool_and(agrees) as agree from ops.control_total") == [{"agree": True}]
        assert orders.outcome()["left"] == []
        orders.execute("drop table raw.big; truncate ops.landing, ops.watermark, ops.control_total")
    assert sum(kills.values()) >= rounds / 2, "the workers were too fast for their killer"
    tell(
        f"worker of a piece, or of the join, killed ({rounds} rounds)",
        harm="of a load in one: everything is read again",
        ours=f"{kills['piece']} killed pieces loaded again alone, {kills['join']} killed joins joined again, raw = source",
    )


def test_the_source_moves_between_two_pieces(orders: BigTable, tell: Tell) -> None:
    """Rows change, change their keys, come and go while the pieces are read, each in a snapshot of its own."""
    parts = orders.cut()
    orders.execute("create table if not exists public.naive (row text)")
    orders.execute("truncate public.naive")
    dice = random.Random(SEED)
    for part in parts:
        append(orders, part)
        orders.load([part])
        for _ in range(20):
            order = f"SO{dice.randrange(ROWS // 3)}"
            orders.at_source(
                dice.choice(
                    [
                        f"update big set note = 'changed', changed_at = '2026-03-09' where order_id = '{order}'",
                        f"update big set order_id = 'N' || order_id, changed_at = '2026-03-09' where order_id = '{order}'",
                        f"update big set order_id = 'T' || order_id, changed_at = '2026-03-09' where order_id = '{order}'",
                        f"delete from big where order_id = '{order}'",
                        f"insert into big values ('{order}', {dice.randrange(10, 10**8)}, 1, 'new', null, '2026-03-09')",
                    ]
                )
            )
    there = orders.there()
    naive = [row["row"] for row in orders.ask("select row from public.naive")]
    assert sorted(naive) != sorted(there)
    orders.join(parts)
    assert orders.raw() == there
    tell(
        "source goes on working while pieces are read",
        harm=f"pieces added up: {len(set(naive) - set(there))} rows stale, {len(set(there) - set(naive))} missing",
        ours="read what changed in the join's snapshot, find what vanished by key: raw = source",
    )


def append(orders: BigTable, part: Piece) -> None:
    """The naive way: what is in the range right now, once and for all."""
    condition = " and ".join(
        f"(order_id, line_no) {operator} ('{limit[0]}', {limit[1]})"
        for operator, limit in ((">=", part.low), ("<", part.high))
        if limit is not None
    )
    rows = ", ".join("('" + row.replace("'", "''") + "')" for row in orders.there(condition))
    orders.execute(f"insert into public.naive values {rows}")
