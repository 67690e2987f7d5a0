"""30,000 changed rows, spread over histories of 1, 3 and 10 million: flat, and close to a bare COPY and one upsert.

The bare way reads the same SELECT with the same hashes and writes into the same raw table, each day other rows than ours, on
one server with one set of settings; both commits are on disk. It looks for no rejects, doubles or deletes, takes no totals and
writes every row, changed or not.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from itertools import count

import psycopg2
from psycopg2 import sql

from fupan.extract import raw_tables
from fupan.extract.copy_pipe import stream
from fupan.extract.pseudonym import sql_hashed, sql_key
from fupan.extract.run import extract_system
from tests.bench.measure import Result, interleaved, scaled
from tests.bench.order_lines import DAY, TABLES, OrderLines, order_lines

HISTORIES = [scaled(1_000_000), scaled(3_000_000), scaled(10_000_000)]
CHANGED = scaled(30_000)
#: More than elsewhere: a run takes a second, and one checkpoint of the server is a fifth of it.
PAIRS = 9
SYSTEM = "hashed"
TABLE = TABLES[SYSTEM]


def run() -> list[Result]:
    results, seconds = [], {}
    for history in HISTORIES:
        with order_lines(history) as lines, lines.installed():
            extract_system(SYSTEM, DAY)
            night = Night(lines)
            ours, bare = interleaved(PAIRS, night.extract, night.bare, before=night.change)
            seconds[history] = ours
            detail = f"{ours:.2f} s against {bare:.2f} s"
            name = f"{CHANGED:,} changed in {history:,}"
            results.append(Result(name, ours / bare, "COPY to temp + INSERT ON CONFLICT", 1.3, detail=detail))
            written = night.replay()
            results.append(Result(f"{name}: replay", written, "rows written", 0, detail=f"{written} rows written"))
    few, many = HISTORIES[0], HISTORIES[-1]
    detail = f"{seconds[many]:.2f} s against {seconds[few]:.2f} s"
    flat = seconds[many] / seconds[few]
    return [*results, Result(f"{CHANGED:,} changed in {many:,}", flat, f"the same in {few:,}", 1.3, detail=detail)]


class Night:
    """What changes during a day, and two ways of getting it; ``rows`` are other ones each day."""

    def __init__(self, lines: OrderLines) -> None:
        self._lines, self._step = lines, lines.rows // CHANGED
        self._days = count()
        self._since = datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=8)))

    def change(self) -> None:
        """Another 30,000 lines change at the source, evenly spread; the watermark stands just before them."""
        day = next(self._days)
        self._since = datetime(2026, 1, 2 + day, tzinfo=self._since.tzinfo)
        run, lines = self._lines.run, self._lines
        run(
            lines.source,
            "update order_lines set quantity = quantity + 1, amount = amount + unit_price, updated_at = %s"
            " where (right(order_id, 10)::bigint * 3 + line_no) %% %s = %s",
            self._since + timedelta(hours=9),
            self._step,
            day,
        )
        run(lines.source, "vacuum analyze order_lines")
        run(lines.warehouse, "update ops.watermark set position = %s", f'{{"updated_at": "{self._since.isoformat()}"}}')
        run(lines.warehouse, "checkpoint")

    def extract(self) -> None:
        (load,) = extract_system(SYSTEM, DAY)
        assert load.totals_agree, "the control totals of source and raw disagree"
        assert load.counts.updated == load.counts.read > CHANGED * 0.9, load.counts

    def bare(self) -> None:
        """COPY of the same SELECT into a temporary table, one INSERT ON CONFLICT."""
        contract = self._lines.contract(SYSTEM)
        values = [
            sql_hashed(sql.Identifier(column.name), column.personal_data)
            if column.personal_data
            else sql.Identifier(column.name)
            for column in contract.columns
        ]
        names = sql.SQL(", ").join(sql.Identifier(column.name) for column in contract.columns)
        source, warehouse = psycopg2.connect(self._lines.source), psycopg2.connect(self._lines.warehouse)
        with source.cursor() as cursor:
            cursor.execute(sql_key())
        with warehouse.cursor() as cursor:
            raw = raw_tables.relation(contract)
            cursor.execute(sql.SQL("create temporary table bare (like {}) on commit drop").format(raw))
            cursor.execute("alter table bare alter _batch_id drop not null, alter _loaded_at drop not null")
            stream(
                source,
                sql.SQL(
                    "copy (select {} from order_lines where updated_at >= {} or updated_at is null)"
                    " to stdout (format binary)"
                ).format(sql.SQL(", ").join(values), sql.Literal(self._since)),
                warehouse,
                sql.SQL("copy bare ({}) from stdin (format binary)").format(names),
            )
            cursor.execute(
                sql.SQL(
                    "insert into {} ({names}, _batch_id) select {names}, 1 from bare on conflict ({}) do update set {}"
                ).format(
                    raw,
                    sql.SQL(", ").join(map(sql.Identifier, contract.primary_key)),
                    sql.SQL(", ").join(
                        sql.SQL("{0} = excluded.{0}").format(sql.Identifier(name))
                        for name in [*(column.name for column in contract.columns), "_batch_id"]
                    ),
                    names=names,
                )
            )
        warehouse.commit()
        source.close()
        warehouse.close()

    def replay(self) -> int:
        """Rows of raw that a second extraction of the same changes writes or locks."""
        run, lines = self._lines.run, self._lines
        self.change()
        extract_system(SYSTEM, DAY)
        run(
            lines.warehouse,
            f"create table before as select ctid as place, xmin::text as made, xmax::text as locked from raw.{TABLE}",
        )
        run(lines.warehouse, "update ops.watermark set position = %s", f'{{"updated_at": "{self._since.isoformat()}"}}')
        (load,) = extract_system(SYSTEM, DAY)
        assert load.counts.unchanged == load.counts.read > CHANGED * 0.9, load.counts
        ((written,),) = run(
            lines.warehouse,
            f"select count(*) from raw.{TABLE} r full join before b on r.ctid = b.place"
            " where (r.xmin::text, r.xmax::text) is distinct from (b.made, b.locked)",
        )
        return written
