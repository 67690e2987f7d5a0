"""A first load of 3 million order lines: contract check, hashes, metadata columns, control totals and all, against
`psql COPY TO | psql COPY FROM` of the same SELECT, the same hashes in it.

Both fill the same raw table, made anew and empty before each run, with the same primary key and the same room on its pages;
both run on one server with one set of settings (fsync on, wal_level minimal, a checkpoint just before), and both are timed from
the start of their process to the commit that is on disk. The bare way writes neither statistics nor totals. Ours checks,
counts and analyses, and may take the key off and build it again, for it alone knows that the table is empty."""

from __future__ import annotations

import subprocess

import psycopg2
from psycopg2 import sql

from fupan.extract import raw_tables
from fupan.extract.pseudonym import sql_hashed, sql_key
from tests.bench.measure import Result, interleaved, peak_memory_mb, scaled
from tests.bench.order_lines import PROJECT, PSQL, TABLES, OrderLines, environment, order_lines

ROWS = scaled(3_000_000)
PAIRS = 5
MEMORY_MB = 150


def run() -> list[Result]:
    results = []
    with order_lines(ROWS) as lines:
        for system, name, bound in (
            ("hashed", "full load, two columns hashed", 1.0),
            ("plain", "full load, without hashes", None),
        ):
            ours, bare = interleaved(
                PAIRS,
                lambda system=system: lines.extract(system),
                lambda system=system: bare_copy(lines, system),
                before=lambda: prepare(lines),
            )
            detail = f"{ours:.1f} s against {bare:.1f} s, {ROWS / ours:,.0f} rows/s"
            results.append(Result(name, ours / bare, "psql COPY TO | psql COPY FROM", bound, detail=detail))
        prepare(lines)
        peak = peak_memory_mb(lines.command("hashed"))
        results.append(
            Result(
                "full load, memory of our process", peak / MEMORY_MB, f"{MEMORY_MB} MB", 1.0, detail=f"{peak:.0f} MB"
            )
        )
    return results


def prepare(lines: OrderLines) -> None:
    """Raw's tables, made anew and empty."""
    lines.forget()
    with psycopg2.connect(lines.warehouse) as connection:
        with connection.cursor() as cursor:
            cursor.execute("set role fupan_loader")
        raw_tables.ensure(connection, [lines.contract(system) for system in TABLES])
    connection.close()


def bare_copy(lines: OrderLines, system: str) -> None:
    """What a data engineer types: one psql writes, the other one reads."""
    contract = lines.contract(system)
    with psycopg2.connect(lines.source) as connection:
        values = [
            sql_hashed(sql.Identifier(column.name), column.personal_data)
            if column.personal_data
            else sql.Identifier(column.name)
            for column in contract.columns
        ]
        select = sql.SQL("copy (select {}, 1 from order_lines) to stdout").format(sql.SQL(", ").join(values))
        names = sql.SQL(", ").join(sql.Identifier(column.name) for column in contract.columns)
        into = sql.SQL("copy {} ({}, _batch_id) from stdin").format(raw_tables.relation(contract), names)
        key = sql_key().as_string(connection).replace(", true)", ", false)")
        commands = [select.as_string(connection), into.as_string(connection)]
    connection.close()
    quiet = [str(PSQL), "-X", "-q", "-v", "ON_ERROR_STOP=1"]
    writer = subprocess.Popen(
        [*quiet, lines.source, "-c", f"do $$ begin perform {key.removeprefix('select ')}; end $$", "-c", commands[0]],
        stdout=subprocess.PIPE,
        cwd=PROJECT,
        env=environment(),
    )
    reader = subprocess.run(
        [*quiet, lines.warehouse, "-c", commands[1]], stdin=writer.stdout, check=False, env=environment()
    )
    if writer.wait() or reader.returncode:
        raise RuntimeError("the bare copy failed")
