"""Invoices of business customers, written when the goods leave, and what is paid against them, mostly in time."""

from __future__ import annotations

import numpy as np
import polars as pl

from fupan.demo.company.clientele import companies
from fupan.demo.life.sales import told
from fupan.demo.process import CHANGED_ON, Frames, Process, as_of
from fupan.demo.tools.wording import text
from fupan.demo.world import Span, World

#: Share of invoices that are paid in time, in two parts (the second by the day of the whole), and never.
IN_TIME, IN_PARTS, UNPAID = 0.80, 0.18, 0.01
#: Days after the due date of those that pay late: at least, usually, at the most.
_LATE = (1, 25, 120)
_DAY_US = 86_400_000_000


def tell(world: World, span: Span) -> Frames:
    """Invoices of orders that came in on the span's days, and their payments."""
    draws = world.draws("invoices")
    orders = told(world, span.first, span.last).orders.filter(
        pl.col("group").is_in(["dealer", "project", "export"]),
        pl.col("shipped_at").is_not_null(),
        pl.col("gone_on").is_null(),
    )
    credit = companies(world).select("customer_no", "credit_days")
    orders = orders.join(credit, on="customer_no", how="left", maintain_order="left")
    key, customer = orders["order_key"].to_numpy(), orders["customer_no"].to_numpy()
    # Who pays late does so again and again.
    late = draws.chance(np.clip((1 - IN_TIME) * 2.2 * draws.uniform(customer, 1), 0, 1) * 0.92, key, 2)
    overdue = np.clip(-_LATE[1] * np.log1p(-draws.uniform(key, 3)), _LATE[0], _LATE[2])
    delay = np.where(late, overdue, -draws.integer(0, 12, key, 4))
    never = draws.chance(UNPAID, key, 5)
    due_after = orders["credit_days"].to_numpy()
    paid_after = np.maximum(1, due_after + delay.astype(np.int64))
    invoices = orders.with_columns(
        invoice_id=text("INV{}", "order_key"),
        invoice_date=pl.col("shipped_at").dt.date(),
        due_date=pl.col("shipped_at").dt.date() + pl.duration(days=pl.lit(pl.Series(due_after))),
        amount=pl.col("order_net"),
        paid=pl.when(~pl.Series(never)).then(
            pl.col("shipped_at") + pl.Series(paid_after * _DAY_US).cast(pl.Duration("us"))
        ),
        in_parts=pl.Series(draws.chance(IN_PARTS, key, 6)),
        part=pl.Series(np.round(draws.between(0.3, 0.7, key, 7), 2)),
        gap=pl.Series(draws.integer(5, 30, key, 8) * _DAY_US).cast(pl.Duration("us")),
    )
    once = invoices.filter(~pl.col("in_parts")).with_columns(number=pl.lit(1))
    first = invoices.filter("in_parts").with_columns(
        number=pl.lit(1), amount=(pl.col("amount") * pl.col("part")).round(2),
        paid=pl.max_horizontal(pl.col("paid") - pl.col("gap"), pl.col("shipped_at") + pl.duration(days=1)),
    )  # fmt: skip
    second = invoices.filter("in_parts").with_columns(
        number=pl.lit(2), amount=(pl.col("amount") - (pl.col("amount") * pl.col("part")).round(2)).round(2)
    )
    payments = (
        pl.concat([once, first, second])
        .filter(pl.col("paid").is_not_null())
        .with_columns(payment_id=text("PAY{}-{}", "order_key", "number"), paid_date=pl.col("paid").dt.date())
    )
    columns = ("invoice_id", "order_id", "customer_id", "invoice_date", "due_date", "amount", "updated_at", CHANGED_ON)
    return {
        "erp_invoices": as_of(invoices, span.evening, ["shipped_at"]).select(columns),
        "erp_payments": as_of(payments, span.evening, ["paid"]).select(
            "payment_id", "invoice_id", "paid_date", "amount", "updated_at", CHANGED_ON
        ),
    }


#: An order to measure leaves after 50 days; 90 days of credit, 120 late, 30 between two parts.
PROCESS = Process(("erp_invoices", "erp_payments"), tell, echoes=300)
