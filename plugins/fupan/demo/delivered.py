"""What customers have in their hands: order lines of completed orders, with what reviews and complaints need to know."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

import psycopg2.extensions

from fupan.demo.company import ZONE
from fupan.demo.story import midnight

_DELIVERED = """
select
    line.order_id, line.line_no, line.sku, line.net_amount, orders.currency, orders.platform,
    orders.customer_id, orders.updated_at, product.product_name, product.product_line,
    customer.region_code, customer.contact_name, customer.contact_phone
from erp.sales_orders as orders
inner join erp.sales_order_lines as line on line.order_id = orders.order_id
inner join erp.products as product on product.sku = line.sku
left join erp.customers as customer on customer.customer_id = orders.customer_id
where orders.status = 'completed' and orders.updated_at >= %s and line.qty > 0 and not line.is_gift
order by line.order_id, line.line_no
"""


class Delivered(NamedTuple):
    """One line that was delivered at ``at``; who bought it is not always known."""

    order_id: str
    line_no: int
    sku: str
    net_amount: Decimal
    currency: str
    platform: str | None
    customer_id: str | None
    at: datetime
    product_name: str
    product_line: str
    region_code: str | None
    contact_name: str | None
    contact_phone: str | None

    @property
    def key(self) -> str:
        """What tells this line from all others."""
        return f"{self.order_id}/{self.line_no}"

    def days_later(self, days: int) -> date:
        """A day of the company, counted from the delivery."""
        return self.at.astimezone(ZONE).date() + timedelta(days=days)


def delivered(connection: psycopg2.extensions.connection, since: date) -> list[Delivered]:
    """Lines delivered from ``since`` on, by order and line."""
    with connection.cursor() as cursor:
        cursor.execute(_DELIVERED, [midnight(since)])
        return [Delivered(*row) for row in cursor.fetchall()]
