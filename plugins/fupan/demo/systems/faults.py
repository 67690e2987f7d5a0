"""Dirt on request: rows and files of the newest day (or of settled history) made wrong in known numbers, each on record.

Every fault says what is to notice it. `demo.faults` keeps which rows were touched, so that a test knows what a gate must catch.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl
from psycopg2 import sql

from fupan.demo.process import CHANGED_ON, processes
from fupan.demo.systems import relations
from fupan.demo.systems.relations import Connection, Relation
from fupan.demo.tools.draws import Draws
from fupan.demo.tools.wording import text
from fupan.demo.world import World, day_number, midnight
from fupan.errors import ConfigurationError

Told = dict[str, pl.DataFrame]
Files = dict[str, bytes]


@dataclass(frozen=True)
class RowFault:
    """Rows of ``table`` that ``fit`` are written down with ``wrong`` values. ``caught``: by which rule of the raw gate."""

    table: str
    fits: pl.Expr
    wrong: Mapping[str, pl.Expr]
    caught: str


@dataclass(frozen=True)
class SourceFault:
    """Something done to the ERP's database for ``count`` of something; returns (relation, key) of what was touched."""

    does: Callable[[Connection, World, date, int], list[tuple[str, str]]]
    caught: str


@dataclass(frozen=True)
class FileFault:
    """``count`` rows (or files) of the day's export are spoiled: ``pattern`` begins the file's name."""

    pattern: str
    spoil: Callable[[bytes, int], bytes]
    caught: str


ROW_FAULTS = {
    "zero_quantities": RowFault(
        "erp_sales_order_lines", ~pl.col("is_gift") & (pl.col("line_no") > 1),
        {"qty": pl.lit(0), "net_amount": pl.lit(0.0), "discount_amount": pl.lit(0.0)},
        "line_qty_positive",
    ),
    "negative_prices": RowFault(
        "erp_sales_order_lines", ~pl.col("is_gift"),
        {"unit_price": -pl.col("unit_price"), "net_amount": -pl.col("net_amount"),
         "discount_amount": pl.col("list_price") * pl.col("qty") + pl.col("net_amount")},
        "line_unit_price_positive",
    ),
    "orphan_keys": RowFault(
        "erp_sales_order_lines", ~pl.col("is_gift"), {"sku": text("{}-GONE", "sku")}, "line_product_exists",
    ),
    "future_dates": RowFault(
        "erp_sales_orders", pl.col("status") != "cancelled", {"order_date": pl.col("order_date") + pl.duration(days=800)},
        "order_date_not_future",
    ),
    "reviews_without_stars": RowFault("rev_reviews", ~pl.col("is_default"), {"rating": pl.lit(0)}, "review_rating_in_range"),
    "swapped_columns": RowFault(
        "cs_complaints", pl.col("first_response_at").is_not_null(),
        {"created_at": pl.col("first_response_at"), "first_response_at": pl.col("created_at")},
        "complaint_response_after_opening",
    ),
    "complaints_answered_too_early": RowFault(
        "cs_complaints", pl.col("first_response_at").is_not_null(),
        {"first_response_at": pl.col("created_at") - pl.duration(hours=3)},
        "complaint_response_after_opening",
    ),
    "complaints_of_unknown_type": RowFault(
        "cs_complaints", pl.col("closed_at").is_not_null(), {"complaint_type": pl.lit("外观包装")}, "complaint_type_known",
    ),
    "repairs_closed_too_early": RowFault(
        "cs_repairs", pl.col("closed_at").is_not_null(), {"closed_at": pl.col("opened_at") - pl.duration(days=1)},
        "repair_closed_after_opening",
    ),
    "chats_answered_too_early": RowFault(
        "cs_chats", pl.col("first_reply_at").is_not_null(),
        {"first_reply_at": pl.col("queue_entered_at") - pl.duration(minutes=8)}, "chat_reply_after_opening",
    ),
    "survey_scores_beyond_scale": RowFault(
        "srv_responses", pl.col("score").is_not_null(), {"score": pl.lit(9)}, "response_score_in_range",
    ),
}  # fmt: skip

#: Slips that every new company has: the gates have something to find on the first night.
USUAL = {
    "zero_quantities": 3,
    "reviews_without_stars": 3,
    "complaints_answered_too_early": 2,
    "complaints_of_unknown_type": 1,
    "repairs_closed_too_early": 1,
    "chats_answered_too_early": 1,
    "survey_scores_beyond_scale": 2,
}


# ------------------------------------------------------------------------------------------------- the ERP's database


def _late_rows(connection: Connection, world: World, today: date, count: int) -> list[tuple[str, str]]:
    """Orders that come in today with a change stamp of two weeks ago: whoever reads by stamp alone never sees them."""
    return _copies(
        connection, today, count, "LATE", order_date="order_date - 14", stamp="updated_at - interval '14 days'"
    )


def _duplicates(connection: Connection, world: World, today: date, count: int) -> list[tuple[str, str]]:
    """Orders that somebody has keyed in a second time under another number."""
    return _copies(connection, today, count, "DUP", order_date="order_date", stamp="updated_at")


def _tenfold_day(connection: Connection, world: World, today: date, count: int) -> list[tuple[str, str]]:
    """Of each of the newest ``count`` days every order stands ten times."""
    found = []
    for back in range(count):
        for copy in range(1, 10):
            day = today - timedelta(days=back)
            found += _copies(
                connection,
                day,
                None,
                f"X{copy}",
                order_date="order_date",
                stamp=f"{_moment(today)} + interval '20 hours'",
            )
    return found


def _empty_day(connection: Connection, world: World, today: date, count: int) -> list[tuple[str, str]]:
    """The newest ``count`` days have no orders."""
    with connection.cursor() as cursor:
        cursor.execute(
            "delete from erp.sales_orders where order_date > %s returning order_id", [today - timedelta(days=count)]
        )
        gone = [order_id for (order_id,) in cursor.fetchall()]
        cursor.execute("delete from erp.sales_order_lines where order_id = any(%s)", [gone])
    return [("erp.sales_orders", order_id) for order_id in gone]


def _schema_drift(connection: Connection, world: World, today: date, count: int) -> list[tuple[str, str]]:
    """The first ``count`` of these columns get another name, as after an upgrade that nobody announced."""
    columns = [("channels", "channel_name"), ("returns", "reason_code"), ("customers", "industry")][:count]
    with connection.cursor() as cursor:
        for table, column in columns:
            cursor.execute(
                sql.SQL("alter table {} rename column {} to {}").format(
                    sql.Identifier("erp", table), sql.Identifier(column), sql.Identifier(f"{column}_v2")
                )
            )
    return [(f"erp.{table}", column) for table, column in columns]


def _copies(
    connection: Connection, day: date, count: int | None, suffix: str, *, order_date: str, stamp: str
) -> list[tuple[str, str]]:
    """Orders of ``day`` once more with their lines; ``order_date`` and ``stamp`` are SQL over the original."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select order_id from erp.sales_orders where order_date = %s and order_id !~ '[A-Z][A-Z0-9]*$' "
            "order by md5(order_id) limit %s",
            [day, count],
        )
        chosen = [order_id for (order_id,) in cursor.fetchall()]
        if count is not None and len(chosen) < count:
            raise _too_few(f"orders of {day}", len(chosen), count)
        for table in ("sales_orders", "sales_order_lines"):
            columns = list(_columns(connection, table))
            values = [
                {"order_id": f"order_id || '-{suffix}'", "order_date": order_date, "updated_at": stamp}.get(c, f'"{c}"')
                for c in columns
            ]
            cursor.execute(
                f"insert into erp.{table} ({', '.join(columns)}) select {', '.join(values)} from erp.{table} "
                "where order_id = any(%s)",
                [chosen],
            )
    return [("erp.sales_orders", f"{order_id}-{suffix}") for order_id in chosen]


def _columns(connection: Connection, table: str) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "select attname from pg_attribute where attrelid = %s::regclass and attnum > 0 and not attisdropped "
            "order by attnum",
            [f"erp.{table}"],
        )
        return [name for (name,) in cursor.fetchall()]


def _moment(day: date) -> str:
    return f"timestamptz '{midnight(day).isoformat()}'"


SOURCE_FAULTS = {
    "duplicates": SourceFault(_duplicates, "nothing today: two orders alike are two orders (see DECISIONS)"),
    "late_rows": SourceFault(_late_rows, "control totals and the nightly reconciliation"),
    "tenfold_day": SourceFault(_tenfold_day, "rules of volume"),
    "empty_day": SourceFault(_empty_day, "freshness of the marts, control totals"),
    "schema_drift": SourceFault(_schema_drift, "the contract: the table stops, its dimensions are held"),
}

# ------------------------------------------------------------------------------------------------------------ the files


def _wrong_types(content: bytes, count: int) -> bytes:
    """Minutes of work written as words."""
    return _edited(content, "gb18030", count, lambda row: [*row[:14], "约半小时", *row[15:]])


def _repeated(content: bytes, count: int) -> bytes:
    """Rows that stand twice in their file."""
    text = content.decode("utf-8-sig").splitlines(keepends=True)
    if len(text) - 1 < count:
        raise _too_few("rows of the file", len(text) - 1, count)
    return "".join([*text, *text[1 : count + 1]]).encode("utf-8-sig")


def _other_encoding(content: bytes, count: int) -> bytes:
    """A file of UTF-8 that comes in GB18030, with something in it that is no ASCII."""
    return _edited(
        content.decode("utf-8-sig").encode("gb18030"), "gb18030", count, lambda row: [*row[:3], "售后咨询", *row[4:]]
    )


def _truncated(content: bytes, count: int) -> bytes:
    """A file that ends in the middle of a row: the last ``count`` rows are not there, and half of the one before."""
    lines = content.splitlines(keepends=True)
    if len(lines) < count + 2:
        raise _too_few("rows of the file", len(lines) - 1, count + 1)
    kept = lines[: len(lines) - count]
    return b"".join(kept[:-1]) + kept[-1][: len(kept[-1]) // 2]


def _edited(content: bytes, encoding: str, count: int, edit: Callable[[list[str]], list[str]]) -> bytes:
    rows = list(csv.reader(io.StringIO(content.decode(encoding), newline="")))
    if len(rows) - 1 < count:
        raise _too_few("rows of the file", len(rows) - 1, count)
    written = io.StringIO(newline="")
    csv.writer(written).writerows([rows[0], *map(edit, rows[1 : count + 1]), *rows[count + 1 :]])
    return written.getvalue().encode(encoding)


FILE_FAULTS = {
    "wrong_types": FileFault("repairs_", _wrong_types, "the load: rejected rows"),
    "repeated_rows": FileFault("chats_", _repeated, "the load: duplicate rows"),
    "gb18030_in_utf8": FileFault("chats_", _other_encoding, "the load: the file cannot be read, the table stops"),
    "truncated_files": FileFault("survey_", _truncated, "the load: a row that is cut is rejected"),
}
ALL: dict[str, RowFault | SourceFault | FileFault] = {**ROW_FAULTS, **SOURCE_FAULTS, **FILE_FAULTS}


def parse(given: tuple[str, ...]) -> dict[str, int]:
    """`("negative_prices=5", …)` as a mapping. Raises ConfigurationError for a name or number that is none."""
    found = {}
    for one in given:
        name, _, count = one.partition("=")
        if name not in ALL or not (count.isascii() and count.isdigit() and int(count)):
            raise ConfigurationError(
                f"--faults {one} is no NAME=COUNT", remedy=f"Names: {', '.join(ALL)}; counts from 1"
            )
        found[name] = int(count)
    return found


def soil(
    connection: Connection, world: World, today: date, wanted: Mapping[str, int], told: Told, *, first: bool
) -> None:
    """Make rows and the ERP wrong, before the desk's files are written from ``told``, whose frames are changed along.

    Of a company that is made anew (``first``) rows are taken whose story is over; else rows that came or changed today.
    """
    for name, count in wanted.items():
        fault = ALL[name]
        touched: list[tuple[str, str]] = []
        if isinstance(fault, RowFault):
            touched = _soil_rows(connection, world, today, (name, count), told, first=first)
        elif isinstance(fault, SourceFault):
            touched = fault.does(connection, world, today, count)
        record(connection, name, touched, today)


def spoil(connection: Connection, today: date, wanted: Mapping[str, int], files: Files) -> Files:
    """The desk's files of the day, spoiled as wanted."""
    found = dict(files)
    for name, count in wanted.items():
        fault = ALL[name]
        if isinstance(fault, FileFault):
            (file_name,) = [known for known in files if known.startswith(fault.pattern)]
            found[file_name] = fault.spoil(found[file_name], count)
            record(connection, name, [("service_desk", file_name)], today)
    return found


def record(connection: Connection, name: str, touched: list[tuple[str, str]], today: date) -> None:
    """Keep what was made wrong."""
    with connection.cursor() as cursor:
        for relation, key in touched:
            cursor.execute("insert into demo.faults values (%s, %s, %s, %s)", [name, relation, key, today])


def _soil_rows(
    connection: Connection, world: World, today: date, wanted: tuple[str, int], told: Told, *, first: bool
) -> list[tuple[str, str]]:
    name, count = wanted
    fault = ROW_FAULTS[name]
    process = next(process for process in processes().values() if fault.table in process.tables)
    of = relations.relation(fault.table, process)
    rows = told[fault.table] if fault.table in told else _read(connection, of, today, first=first)
    settled = rows.filter(fault.fits & (pl.col(CHANGED_ON) < today - timedelta(days=60) if first else pl.lit(True)))
    taken = _already(connection, of)
    key = pl.concat_str([pl.col(column).cast(pl.String) for column in _given_key(of)], separator="/")
    settled = settled.with_columns(_key=key).filter(~pl.col("_key").is_in(list(taken))).sort("_key")
    if settled.height < count:
        raise _too_few(f"rows of {of.full_name}", settled.height, count)
    draws: Draws = world.draws(f"fault {name}")
    rank = draws.uniform(np.arange(settled.height), day_number(today))
    chosen = settled.with_columns(_rank=pl.Series(rank)).sort("_rank").head(count).drop("_rank")
    wrong = {column: value.cast(chosen.schema[column]) for column, value in fault.wrong.items()}
    soiled = chosen.with_columns(**wrong).drop("_key")
    relations.upsert(connection, of, soiled)
    if fault.table in told:
        told[fault.table] = pl.concat(
            [told[fault.table].join(soiled, on=_given_key(of), how="anti"), soiled.select(told[fault.table].columns)]
        ).sort(_given_key(of))
    return [(of.full_name, key) for key in chosen["_key"]]


def _given_key(of: Relation) -> list[str]:
    called = {source: given for given, source in of.given.items()}
    return [called[name] for name in of.key]


def _already(connection: Connection, of: Relation) -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute("select row_key from demo.faults where relation = %s", [of.full_name])
        return {key for (key,) in cursor.fetchall()}


def _read(connection: Connection, of: Relation, today: date, *, first: bool) -> pl.DataFrame:
    """Rows of a relation under the contract's names: of the last quarter but two months, or of today."""
    since, until = (
        (today - timedelta(days=150), today - timedelta(days=60)) if first else (today, today + timedelta(days=1))
    )
    names = sql.SQL(", ").join(map(sql.Identifier, of.columns))
    with connection.cursor() as cursor:
        cursor.execute(
            sql.SQL("select {} from {} where {} >= %s and {} < %s").format(
                names, of.identifier, *[sql.Identifier(of.stamp or "")] * 2
            ),
            [midnight(since), midnight(until)],
        )
        found = cursor.fetchall()
    return relations.frame(of, found).with_columns(pl.col("updated_at").dt.date().alias(CHANGED_ON))


def _too_few(what: str, there: int, wanted: int) -> ConfigurationError:
    return ConfigurationError(
        f"There are {there} {what} for {wanted} faults", remedy="Ask for fewer, or make a larger company"
    )
