"""Makes the reference company: schema, master data, two years of trade and the sales plan, in the caller's transaction."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from decimal import Decimal
from importlib.resources import files
from random import Random
from typing import Any, NamedTuple

import psycopg2.extensions
from psycopg2 import sql

from fupan.demo import company, targets, trading
from fupan.demo.rows import Channel, Customer, Line, Order, Product, Region, Return, Target

Connection = psycopg2.extensions.connection

#: Relations of schema erp and the class of their rows; a relation stands after those it refers to.
RELATIONS: dict[str, Any] = {
    "regions": Region,
    "channels": Channel,
    "products": Product,
    "customers": Customer,
    "sales_orders": Order,
    "sales_order_lines": Line,
    "returns": Return,
    "targets": Target,
}
DAYS_OF_HISTORY = 791  # 26 months

#: Lines booked by mistake with no quantity, all in completed orders: the first night report has something to quarantine.
EMPTY_LINES = 3


def found(connection: Connection, until: date, seed: int) -> None:
    """Create schema erp and fill it with the history up to the end of ``until``; same seed and day, same rows."""
    random = Random(seed)
    started = until - timedelta(days=DAYS_OF_HISTORY)
    products = company.products(until, random)
    customers = company.customers(until, started, random)
    market = trading.Market(customers, products, started)
    orders, lines, returns = trading.history(market, started, until, random)
    lines = _with_empty_lines(orders, lines, returns, random)
    filled: dict[str, Sequence[NamedTuple]] = {
        "regions": [place.region for place in company.places()],
        "channels": company.CHANNELS,
        "products": products,
        "customers": customers,
        "sales_orders": orders,
        "sales_order_lines": lines,
        "returns": returns,
        "targets": targets.plan(_sold(orders, lines, products, customers), until, random),
    }
    with connection.cursor() as cursor:
        cursor.execute(files("fupan.demo").joinpath("schema.sql").read_text(encoding="utf-8"))
        for relation in RELATIONS:
            insert(connection, relation, filled[relation])
        cursor.execute("insert into demo.played (until, started, seed) values (%s, %s, %s)", [until, started, seed])
        cursor.execute("analyze")


def insert(connection: Connection, relation: str, rows: Iterable[NamedTuple]) -> int:
    """COPY rows into a relation of schema erp; returns how many."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerows(rows)
    text.seek(0)
    statement = sql.SQL("copy {} ({}) from stdin with (format csv)").format(
        sql.Identifier("erp", relation), sql.SQL(", ").join(map(sql.Identifier, RELATIONS[relation]._fields))
    )
    with connection.cursor() as cursor:
        cursor.copy_expert(statement, text)
        return cursor.rowcount


def _with_empty_lines(orders: list[Order], lines: list[Line], returns: list[Return], random: Random) -> list[Line]:
    """The same lines, EMPTY_LINES of them without quantity and amounts."""
    completed = {order.order_id for order in orders if order.status == "completed"}
    returned = {(back.order_id, back.line_no) for back in returns}
    # Second lines, so that no order loses its only one.
    eligible = [
        position
        for position, line in enumerate(lines)
        if line.line_no == 2 and line.order_id in completed and (line.order_id, line.line_no) not in returned
    ]
    nothing = Decimal(0)
    for position in random.sample(eligible, EMPTY_LINES):
        lines[position] = lines[position]._replace(
            qty=0, discount_amount=nothing, net_amount=nothing, cost_amount=nothing
        )
    return lines


def _sold(
    orders: list[Order], lines: list[Line], products: list[Product], customers: list[Customer]
) -> Iterable[targets.Sold]:
    """One record a line that counts."""
    heads = {order.order_id: order for order in orders if order.status != "cancelled"}
    line_of = {product.sku: product.product_line for product in products}
    region_of = {customer.customer_id: customer.region_code for customer in customers}
    for line in lines:
        order = heads.get(line.order_id)
        if order is None or line.is_gift:
            continue
        yield targets.Sold(
            month=order.order_date.replace(day=1),
            product_line=line_of[line.sku],
            region_code=region_of[order.customer_id] if order.customer_id else None,
            channel_id=order.channel_id,
            revenue=line.net_amount,
            profit=Decimal(0) if line.cost_amount is None else line.net_amount - line.cost_amount,
            units=line.qty,
        )
