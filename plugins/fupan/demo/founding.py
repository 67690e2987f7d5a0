"""Makes the reference company: schema, master data, two years of trade and the sales plan, in the caller's transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from decimal import Decimal
from importlib.resources import files
from random import Random
from typing import NamedTuple

from fupan.demo import company, targets, trading
from fupan.demo.relations import ERP, Connection, insert
from fupan.demo.rows import Customer, Line, Order, Product, Return

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
        "erp.regions": [place.region for place in company.places()],
        "erp.channels": company.CHANNELS,
        "erp.products": products,
        "erp.customers": customers,
        "erp.sales_orders": orders,
        "erp.sales_order_lines": lines,
        "erp.returns": returns,
        "erp.targets": targets.plan(_sold(orders, lines, products, customers), until, random),
    }
    with connection.cursor() as cursor:
        cursor.execute(files("fupan.demo").joinpath("schema.sql").read_text(encoding="utf-8"))
        for relation in ERP:
            insert(connection, relation, filled[relation])
        cursor.execute("insert into demo.played (until, started, seed) values (%s, %s, %s)", [until, started, seed])
        cursor.execute("analyze")


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
