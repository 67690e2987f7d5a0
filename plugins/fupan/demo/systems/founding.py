"""Telling the company's tables into its database: the whole history once, then what each further day changes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import date, timedelta
from importlib.resources import files

import polars as pl

from fupan.demo.life.sales import told
from fupan.demo.process import CHANGED_ON, GONE_ON, Process, processes
from fupan.demo.systems import relations
from fupan.demo.systems.relations import Connection, Relation, relation
from fupan.demo.world import YEAR, Span, World

#: About so many order lines are told at once, which bounds memory whatever the scale.
LINES_AT_ONCE, LINES_A_DAY = 250_000, 930

Say = Callable[[str], None]
Told = dict[str, pl.DataFrame]


def found(connection: Connection, world: World, until: date, say: Say) -> Told:
    """Create every relation and fill it with all that happened until the end of ``until``; returns the service desk's rows."""
    with connection.cursor() as cursor:
        cursor.execute(files("fupan.demo.systems").joinpath("schema.sql").read_text(encoding="utf-8"))
    made: dict[str, Relation] = {}
    for process in processes().values():
        for table in process.tables:
            made[table] = relation(table, process)
            if made[table] is not relations.TEXT_KEY:
                relations.create(connection, made[table])
    exported: dict[str, list[pl.DataFrame]] = {}
    for name, process, span in _spans(world, world.first, until, lambda it: _since(it, world, until)):
        say(f"{name} {span.first:%Y-%m}" if process.echoes is not None else name)
        for table, rows in _stored(connection, world, process, span, made).items():
            exported.setdefault(table, []).append(rows)
    for of in made.values():
        if of is not relations.TEXT_KEY:
            say(f"index of {of.full_name}")
            relations.finish(connection, of)
    return {table: pl.concat(parts, how="vertical_relaxed") for table, parts in exported.items()}


def _stored(connection: Connection, world: World, process: Process, span: Span, made: Mapping[str, Relation]) -> Told:
    """Store what a process tells; returns the service desk's rows.

    A function of its own, so that nothing of it is still held while the next process is told."""
    kept: Told = {}
    frames = dict(process.tell(world, span))
    for table in list(frames):
        rows = relations.standing(frames.pop(table), span.evening)
        relations.append(connection, made[table], rows)
        if made[table].schema == "service_desk":
            kept[table] = rows
    return kept


def play(connection: Connection, world: World, founded_until: date, today: date, say: Say) -> tuple[Counter[str], Told]:
    """What ``today`` adds, changes and deletes; returns rows by relation and kind of change, and the service desk's rows."""
    counts: Counter[str] = Counter()
    exported: dict[str, list[pl.DataFrame]] = {}

    def since(process: Process) -> date:
        return max(_since(process, world, founded_until), today - timedelta(days=process.echoes or 0))

    for name, process, span in _spans(world, today - timedelta(days=YEAR), today, since):
        say(f"{today} {name}")
        for table, frame in process.tell(world, span).items():
            of = relation(table, process)
            rows = relations.standing(frame, today).filter(pl.col(CHANGED_ON) == today)
            new, changed = relations.upsert(connection, of, rows)
            gone = 0
            if GONE_ON in frame.columns:
                gone = relations.remove(connection, of, frame.filter(pl.col(GONE_ON) == today))
            counts.update(
                {f"{of.full_name} {kind}": n for kind, n in (("new", new), ("changed", changed), ("gone", gone))}
            )
            if of.schema == "service_desk" and rows.height:
                exported.setdefault(table, []).append(rows)
    return +counts, {table: pl.concat(parts, how="vertical_relaxed") for table, parts in exported.items()}


def made_of(process: Process) -> list[Relation]:
    """The relations of a process."""
    return [relation(table, process) for table in process.tables]


def _since(process: Process, world: World, until: date) -> date:
    """The first day of which a company made until ``until`` has rows of this process."""
    if process.history is None:
        return world.first
    return max(world.first, until - timedelta(days=process.history - 1))


def _spans(
    world: World, first: date, last: date, since: Callable[[Process], date]
) -> Iterator[tuple[str, Process, Span]]:
    """Every process with the spans to tell: span by span, so that the orders of a span are told once for all of them."""
    first = max(first, world.first)
    for name, process in processes().items():
        if process.echoes is None:
            yield name, process, Span(first, last, last)
    length = max(1, round(LINES_AT_ONCE / (LINES_A_DAY * world.scale)))
    # Back from the newest day: whoever needs few days needs one span.
    ends = last
    while ends >= first:
        begins = max(first, ends - timedelta(days=length - 1))
        told(world, begins, ends)
        for name, process in processes().items():
            if process.echoes is not None and since(process) <= ends:
                yield name, process, Span(max(begins, since(process)), ends, last)
        ends = begins - timedelta(days=1)
