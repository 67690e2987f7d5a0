"""Order heads and lines in the ERP, as they stand on an evening."""

from __future__ import annotations

from datetime import datetime, time, timedelta

import polars as pl

from fupan.demo.life.sales import told
from fupan.demo.process import Frames, Process, as_of
from fupan.demo.world import YEAR, Span, World

CURRENCY = "CNY"
_HEAD = (
    "order_id", "order_date", "customer_id", "user_id", "dealer_id", "channel_id", "platform", "outlet_id", "rep_id", "opp_id",
    "project_type", "campaign_id", "promo_id", "device_type", "entry_app", "country", "currency", "promised_date", "status",
    "cancelled_at", "cancel_reason", "is_presale", "is_o2o", "is_solution_sale", "is_priority", "price_correction_flag",
    "referral_designer_id", "cobrand_partner", "paid_at", "shipped_at", "delivered_at", "updated_at", "_changed_on", "_gone_on",
)  # fmt: skip
_LINE = (
    "order_id", "line_no", "sku", "qty", "list_price", "unit_price", "discount_amount", "net_amount", "cost_amount",
    "bundle_id", "is_custom_line", "is_gift", "updated_at", "_changed_on", "_gone_on",
)  # fmt: skip


def tell(world: World, span: Span) -> Frames:
    """Orders that come in on the span's days, with their lines."""
    sold = told(world, span.first, span.last)
    end = datetime.combine(span.evening + timedelta(days=1), time())
    orders = as_of(
        sold.orders,
        span.evening,
        ["placed_at", "paid_at", "shipped_at", "delivered_at", "cancelled_at", "redated_at", "repriced_at"],
        reveals={"cancelled_at": ["cancel_reason"], "redated_at": ["redated_to"]},
    )
    happened = {name: pl.col(name).is_not_null() for name in ("cancelled_at", "delivered_at", "shipped_at", "paid_at")}
    heads = orders.with_columns(
        order_date=pl.when(pl.col("redated_at").is_not_null()).then("redated_to").otherwise("order_date"),
        currency=pl.lit(CURRENCY),
        price_correction_flag=pl.col("repriced_at").is_not_null(),
        status=pl.when(happened["cancelled_at"]).then(pl.lit("cancelled"))
        .when(happened["delivered_at"]).then(pl.lit("completed"))
        .when(happened["shipped_at"]).then(pl.lit("shipped"))
        .when(happened["paid_at"]).then(pl.lit("paid"))
        .otherwise(pl.lit("open")),
        _gone_on="gone_on",
    ).select(_HEAD)  # fmt: skip
    is_repriced = pl.col("repriced_at") < end
    corrected = pl.min_horizontal((pl.col("unit_price") * pl.col("reprice")).round(2), "list_price")
    price = pl.when(is_repriced).then(corrected).otherwise("unit_price")
    lines = (
        as_of(sold.lines, span.evening, ["placed_at", "repriced_at"])
        .with_columns(unit_price=price)
        .with_columns(
            net_amount=(pl.col("unit_price") * pl.col("qty")).round(2),
            discount_amount=((pl.col("list_price") - pl.col("unit_price")) * pl.col("qty")).round(2),
            _gone_on="gone_on",
        )
        .select(_LINE)
    )
    return {"erp_sales_orders": heads, "erp_sales_order_lines": lines}


PROCESS = Process(("erp_sales_orders", "erp_sales_order_lines"), tell, echoes=YEAR)
