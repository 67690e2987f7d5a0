"""Every process of the reference company is a function of the world, the days and the evening, and of nothing else."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from fupan.contracts.contract import contracts
from fupan.contracts.installation import systems
from fupan.demo.process import CHANGED_ON, GONE_ON, Frames, Process, processes
from fupan.demo.systems.relations import TEXT_KEY, standing
from fupan.demo.world import Span, World

FIRST, EVENING = date(2023, 11, 29), date(2026, 10, 20)
WORLD = World(20, 0.02, FIRST)

NAMES = sorted(processes())


def told(process: Process, days: int = 40, back: int = 0, evening: date = EVENING, world: World = WORLD) -> Frames:
    """Rows that begin in ``days`` days up to ``back`` days before EVENING, as they stand after ``evening``."""
    last = EVENING - timedelta(days=back)
    return process.tell(world, Span(last - timedelta(days=days - 1), last, evening))


def in_order(table: str, frame: pl.DataFrame) -> pl.DataFrame:
    return frame.select(sorted(frame.columns)).sort(key_of(table))


def key_of(table: str) -> list[str]:
    return list(TEXT_KEY.key if table == "text_key" else contracts()[table].primary_key)


def test_every_contracted_table_of_the_reference_company_is_told_by_one_process() -> None:
    tables = [table for process in processes().values() for table in process.tables if table != "text_key"]
    assert sorted(tables) == sorted(table for system in systems().values() for table in system.tables)


@pytest.mark.parametrize("name", NAMES)
def test_frames_have_the_contract_s_columns_and_unique_keys(name: str) -> None:
    process = processes()[name]
    frames = told(process)
    assert set(frames) <= set(process.tables)
    for table, frame in frames.items():
        columns = (
            list(TEXT_KEY.columns) if table == "text_key" else [column.name for column in contracts()[table].columns]
        )
        assert set(frame.columns) - {CHANGED_ON, GONE_ON} == set(columns), table
        assert frame.select(pl.struct(key_of(table)).n_unique()).item() == frame.height, table
        assert not any(frame[column].null_count() for column in (*key_of(table), CHANGED_ON)), table
        stamped = {"updated_at", CHANGED_ON} <= set(frame.columns)
        if stamped and frame.height:
            here = standing(frame, EVENING)
            late = here.filter(pl.col("updated_at").cast(pl.Datetime("us")).dt.date() != pl.col(CHANGED_ON))
            assert late.is_empty(), f"{table}: updated_at and {CHANGED_ON} differ"


@pytest.mark.parametrize("name", [name for name in NAMES if processes()[name].echoes is not None])
def test_days_told_together_or_apart_are_the_same(name: str) -> None:
    process = processes()[name]
    whole, later, earlier = told(process, 20), told(process, 7), told(process, 13, back=7)
    for table, frame in whole.items():
        parts = pl.concat([in_order(table, found[table]) for found in (earlier, later)], how="vertical_relaxed")
        assert_frame_equal(in_order(table, frame), in_order(table, parts), check_dtypes=False)


@pytest.mark.parametrize("name", NAMES)
def test_what_has_not_changed_since_is_as_it_was(name: str) -> None:
    """The evening before and the evening: rows differ by what changed on the day, and by nothing else."""
    process = processes()[name]
    yesterday = EVENING - timedelta(days=1)
    for table, after in told(process).items():
        before = standing(told(process, evening=yesterday)[table], yesterday)
        now = standing(after, EVENING)
        assert_frame_equal(
            in_order(table, now.filter(pl.col(CHANGED_ON) < EVENING)),
            in_order(table, before.join(now.filter(pl.col(CHANGED_ON) < EVENING), on=key_of(table), how="semi")),
            check_dtypes=False,
        )
        vanished = before.join(now, on=key_of(table), how="anti")
        if GONE_ON in before.columns:
            vanished = vanished.filter(pl.col(GONE_ON) != EVENING)
        assert vanished.is_empty(), table


@pytest.mark.parametrize("name", NAMES)
def test_no_row_changes_after_its_echoes(name: str) -> None:
    process = processes()[name]
    if process.echoes is None:
        return
    cohort_end = EVENING - timedelta(days=process.echoes + 1)
    if cohort_end < FIRST:
        return
    back = (EVENING - cohort_end).days
    for table, frame in told(process, 20, back=back).items():
        assert standing(frame, EVENING).filter(pl.col(CHANGED_ON) == EVENING).is_empty(), table
        if GONE_ON in frame.columns:
            assert frame.filter(pl.col(GONE_ON) == EVENING).is_empty(), table


#: What is agreed, and what outsiders report of the market: the same whatever the company.
AGREED = {"calendar", "carriers", "channels", "regions", "market_panel"}


@pytest.mark.parametrize("name", [name for name in NAMES if name not in AGREED])
def test_another_seed_makes_another_company(name: str) -> None:
    process = processes()[name]
    ours, theirs = told(process, 300), told(process, 300, world=World(33, WORLD.scale, FIRST))
    assert any(
        not in_order(table, frame).equals(in_order(table, theirs[table]))
        for table, frame in ours.items()
        if frame.height
    )
