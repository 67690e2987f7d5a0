"""Random changes at the source, random faults and random runs: after each run that comes to its end, raw = source.

FUPAN_FAULT_ROUNDS scales how many courses are tried. The short form always tries the same ones. A course that fails is made
shorter by hypothesis and printed, with what runs it again.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any, get_args

import psycopg2
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from tests.extract_source import DAY, empty_warehouse
from tests.faults.breaking import CONNECTIONS, Breaker, How, Killed, breaking
from tests.faults.conftest import Tell
from tests.pieces_source import BigTable, big_table

from fupan.errors import FupanError
from fupan.extract.run import extract_or_cut, extract_piece, extract_system, join_pieces
from fupan.server.postgres import EmbeddedPostgres

COURSES_A_ROUND, STEPS = 5, 30

#: What is never touched: a source without a row looks broken, not cleaned up.
ANCHOR = "anchor"
KEYS = st.integers(0, 11).map(lambda number: f"订单{number}")
#: Some fit raw, some do not.
AMOUNTS = st.sampled_from(["1", "2.50", "-3", "99999999.99", "1.234", "'NaN'", "123456789.5", "null"])
FITTING = st.sampled_from(["1", "2.50", "-3", "99999999.99"])
STAMPS = st.sampled_from(["now", "now", "now", "none", "future"])
CHANGES = st.one_of(
    st.tuples(st.just("put"), KEYS, st.one_of(FITTING, FITTING, FITTING, AMOUNTS), STAMPS),
    st.tuples(st.just("delete"), KEYS),
    st.tuples(st.just("give another key"), KEYS, KEYS),
    st.tuples(st.just("give another day"), KEYS, st.integers(-3, 3)),
)
MEANWHILE = st.lists(CHANGES, max_size=6)
HOURS = st.sampled_from([0.01, 1, 7, 19, 30])
RUNS = st.sampled_from(["extract", "extract", "full", "anew", "window", "pieces", "pieces anew"])
FAULTS = st.tuples(st.sampled_from(get_args(How)), st.sampled_from(CONNECTIONS), st.integers(1, 40))


class Course(RuleBasedStateMachine):
    """One course of events at one table."""

    big: BigTable
    breaker: Breaker
    server: EmbeddedPostgres
    tally: Counter[str]

    @initialize(amounts=st.lists(AMOUNTS, min_size=8, max_size=8))
    def begin(self, amounts: list[str]) -> None:
        self._late: Any = None
        self._late_keys: set[str] = set()
        self._is_wide = self._is_promised = self._is_dropped = False
        self._warehouse = _Line(empty_warehouse(self.server))
        self._source = _Line(self.big.source)
        self.now = self._late_since = datetime(2026, 1, 1, 8)
        self.big.promise()
        self.big.install(pieces={"rows": 3})
        self._source.ask(
            "drop table if exists big;"
            " create table big (id text primary key, amount numeric, note text, day date, changed_at timestamp)"
        )
        self.change([("put", f"订单{number}", amount, "now") for number, amount in enumerate(amounts)])
        self.wait(30)
        self.change([("put", ANCHOR, "1", "now")])

    # What happens at the source.

    @rule(hours=HOURS)
    def wait(self, hours: float) -> None:
        """Time goes by; a transaction that is open ends within the lookback."""
        if self._late is not None and self.now + timedelta(hours=hours) > self._late_since + timedelta(hours=20):
            self.commit_late()
        self.now += timedelta(hours=hours)

    @rule(changes=st.lists(CHANGES, min_size=1, max_size=6))
    def change(self, changes: list[tuple[Any, ...]]) -> None:
        """Rows come, change, change their keys, go; many at the same moment."""
        for what, key, *more in changes:
            # Rows of the open transaction are locked.
            if not {key, *more} & self._late_keys:
                self._source.ask(self._statement(what, key, *more))

    @rule(key=KEYS, amount=FITTING)
    def write_and_commit_late(self, key: str, amount: str) -> None:
        """Written now, to be seen later, with the stamp of now."""
        if key in self._late_keys:
            return
        if self._late is None:
            self._late, self._late_since = psycopg2.connect(self.big.source), self.now
        with self._late.cursor() as cursor:
            cursor.execute(self._statement("put", key, amount, "now"))
        self._late_keys.add(key)
        # Later work is committed earlier: the watermark gets ahead of what is still to come.
        self.wait(1)
        self.change([("put", ANCHOR, "1", "now")])

    @rule()
    def commit_late(self) -> None:
        """What was written earlier is seen."""
        if self._late is not None:
            self._late.commit()
            self._late.close()
            self._late, self._late_keys = None, set()

    @rule()
    def gain_a_column(self) -> None:
        """The source has a new column, then the contract has it too."""
        if self._is_wide and not self._is_promised:
            self.big.promise("extra")
            self._is_promised = True
        elif not self._is_wide and self._late is None:
            self._source.ask("alter table big add column extra text default '额外'")
            self._is_wide = True

    def _statement(self, what: str, key: str, *more: Any) -> str:
        match what, *more:
            case "put", amount, stamp:
                at = {"now": f"'{self.now}'", "none": "null", "future": "'2099-01-01'"}[stamp]
                return (
                    "insert into big (id, amount, note, day, changed_at)"
                    f" values ('{key}', {amount}, '{self.now}', '2026-01-01', {at}) on conflict (id) do update"
                    " set amount = excluded.amount, note = excluded.note, changed_at = excluded.changed_at"
                )
            case "give another key", other:
                return (
                    f"update big set id = '{other}', changed_at = '{self.now}' where id = '{key}'"
                    f" and not exists (select from big where id = '{other}')"
                )
            case "give another day", days:
                return f"update big set day = day + {days}, changed_at = '{self.now}' where id = '{key}'"
        return f"delete from big where id = '{key}'"

    # Runs, and what ends them.

    @rule(kind=RUNS, meanwhile=MEANWHILE)
    def run(self, kind: str, meanwhile: list[tuple[Any, ...]]) -> None:
        """A run that nobody disturbs; ``meanwhile``: changes at the source between its pieces."""
        self._prepare(kind)
        self._extract(kind, meanwhile)
        self._ended(kind)

    @rule(kind=RUNS, meanwhile=MEANWHILE, fault=FAULTS)
    def run_and_break(self, kind: str, meanwhile: list[tuple[Any, ...]], fault: tuple[How, str, int]) -> None:
        """A run that ends before its time, or one that does not mind."""
        self._prepare(kind)
        before, how = self._raw(), fault[0]
        try:
            with self.breaker.armed(*fault):
                self._extract(kind, meanwhile)
        except (Killed, FupanError, psycopg2.Error):
            if not self.breaker.broken:
                raise
            self.tally[how] += 1
            self._prove_whole(before)
            self._prove_at_any_time()
        else:
            self._ended(kind)

    def _prepare(self, kind: str) -> None:
        self._wait_for_the_dead()
        self._source.ask("analyze big")
        if kind.endswith("anew"):
            self._warehouse.ask("drop table if exists raw.big")
            self._is_dropped = True
        elif kind in ("full", "pieces"):
            self._warehouse.ask("update ops.watermark set position = '{}'")

    def _ended(self, kind: str) -> None:
        self.tally[kind] += 1
        self._is_dropped = False
        if kind != "window":
            self._prove_equal()
        self._prove_at_any_time()

    def _wait_for_the_dead(self) -> None:
        """Until the server has noticed which processes are gone: their locks are free, and a course can be run again."""
        deadline = time.monotonic() + 30
        while self._warehouse.ask("select 1 from pg_stat_activity where application_name like 'fupan extract%'"):
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def _extract(self, kind: str, meanwhile: list[tuple[Any, ...]]) -> None:
        if not kind.startswith("pieces"):
            extract_system("shop", DAY, window=(date(2026, 1, 1), self.now.date()) if kind == "window" else None)
            return
        parts, left = extract_or_cut("shop", DAY)[1], iter(meanwhile)
        for part in parts:
            extract_piece("shop", part.load_id, part.number)
            self.change(list(islice(left, 2)))
        if parts:
            join_pieces("shop", [part.load_id for part in parts])
        self.tally["in pieces"] += bool(parts)

    def _raw(self) -> set[tuple[str, int, str]]:
        """Key, load and content of every row; a column that raw has just gained is null, so it does not show."""
        if not self._has_raw():
            return set()
        content = "jsonb_strip_nulls(to_jsonb(r) - '_loaded_at')::text"
        return {tuple(row) for row in self._warehouse.ask(f"select id, _batch_id, {content} from raw.big as r")}

    def _columns(self) -> list[str]:
        return ["id", "amount", "note", "day", "changed_at", *(["extra"] if self._is_promised else [])]

    def _has_raw(self) -> bool:
        return bool(self._warehouse.ask("select 1 where to_regclass('raw.big') is not null"))

    # What is proven.

    def _prove_whole(self, before: set[tuple[str, int, str]]) -> None:
        """Nothing has changed but by loads that say they came to their end."""
        done = {load_id for (load_id,) in self._warehouse.ask("select load_id from ops.load where state = 'succeeded'")}
        after = self._raw()
        assert {load_id for _, load_id, _ in after - before} <= done
        assert {key for key, _, _ in before} <= {key for key, _, _ in after}

    def _prove_equal(self) -> None:
        """Raw = source, but for rows that raw can't hold: those stand in ops, and raw has what it had of them, if anything."""
        columns = ", ".join(self._columns())
        at_source = columns.replace("changed_at", "changed_at at time zone 'Asia/Shanghai'")
        source = {row[0]: row for row in self._source.ask(f"select {at_source} from big")}
        raw = {row[0]: row for row in self._warehouse.ask(f"select {columns} from raw.big where _deleted_at is null")}
        unfit = {key for key, row in source.items() if not _fits(row[1])}
        assert {key: row for key, row in raw.items() if key not in unfit} == {
            key: row for key, row in source.items() if key not in unfit
        }
        assert set(raw) <= set(source)
        assert unfit <= {key for (key,) in self._warehouse.ask("select row_content ->> 'id' from ops.rejected_row")}
        if not unfit:
            assert (
                self._warehouse.ask(
                    "select c.* from ops.control_total as c join ops.load using (load_id) where not agrees and run_id ="
                    " (select max(run_id) from ops.run where kind = 'extract')"
                )
                == []
            )

    def _prove_at_any_time(self) -> None:
        """Loads add up, the watermark is not ahead, raw has its key."""
        assert (
            self._warehouse.ask(
                "select * from ops.load as l where state = 'succeeded' and (rows_read <> rows_inserted + rows_updated"
                " + rows_unchanged + rows_duplicate + rows_rejected or least(rows_inserted, rows_updated, rows_unchanged,"
                " rows_duplicate, rows_deleted) < 0"
                " or rows_rejected <> (select count(*) from ops.rejected_row as r where r.load_id = l.load_id))"
            )
            == []
        )
        if self._has_raw() and not self._is_dropped:
            assert (
                self._warehouse.ask(
                    """
                select * from ops.watermark where (position ->> 'changed_at')::timestamptz > greatest(
                    (select max(changed_at) from raw.big where changed_at < '2090-01-01'),
                    (select max((row_content ->> 'changed_at')::timestamptz) from ops.rejected_row
                     where (row_content ->> 'changed_at')::timestamptz < '2090-01-01')
                )
                """
                )
                == []
            )
        if self._has_raw():
            key = "select 1 from pg_constraint where conrelid = 'raw.big'::regclass and conname = 'big_pkey'"
            assert len(self._warehouse.ask(key)) == 1

    def teardown(self) -> None:
        """The end of every course: one more run makes up for everything."""
        if hasattr(self, "_source"):
            self.commit_late()
            self.run("extract", [])
            assert self._warehouse.ask("select * from ops.load where state = 'running'") == []
            assert (
                self._warehouse.ask(
                    "select relname from pg_class where relnamespace = 'raw_pieces'::regnamespace and relkind = 'r'"
                )
                == []
            )
            self._source.close()
            self._warehouse.close()


class _Line:
    """A connection of the test's own."""

    def __init__(self, address: str) -> None:
        self._connection = psycopg2.connect(address, options="-c timezone=UTC")
        self._connection.autocommit = True

    def ask(self, statement: str) -> list[tuple[Any, ...]]:
        with self._connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def close(self) -> None:
        self._connection.close()


def _fits(amount: Any) -> bool:
    return amount is not None and not amount.is_nan() and abs(amount) < 10**8 and amount == round(amount, 2)


@pytest.fixture
def course(server: EmbeddedPostgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> type[Course]:
    class Here(Course):
        pass

    Here.big = big_table(server, tmp_path, monkeypatch, {"id": ("text", "text")})
    Here.breaker, Here.server, Here.tally = breaking(server.url, monkeypatch), server, Counter()
    return Here


def test_raw_equals_the_source_whatever_happens(course: type[Course], rounds: int, tell: Tell) -> None:
    courses = rounds * COURSES_A_ROUND
    run_state_machine_as_test(
        course,
        settings=settings(
            max_examples=courses,
            stateful_step_count=STEPS,
            derandomize=rounds <= 3,
            print_blob=True,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    faults = {how: course.tally.pop(how, 0) for how in get_args(How)}
    assert course.tally["in pieces"] > 0
    assert any(faults.values())
    tell(
        f"random changes, faults and runs: {courses} courses of up to {STEPS} events",
        harm=f"runs broken on purpose: {told(faults)}",
        ours=f"raw = source after every run that came to its end: {told(course.tally)}",
    )


def told(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))
