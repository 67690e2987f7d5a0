"""What visitors find at points of sale: own stores each month, dealers' shops once a quarter, more strictly in a campaign."""

from __future__ import annotations

import numpy as np
import polars as pl

from fupan.demo.company.assortment import date_of
from fupan.demo.company.campaigns import campaigns
from fupan.demo.company.network import outlets
from fupan.demo.process import CHANGED_ON, Frames, Process
from fupan.demo.tools.wording import text
from fupan.demo.world import Span, World

#: What is checked, and how often it is in order.
ITEMS = {"display": 0.90, "price_tag": 0.94, "stock": 0.88, "staff": 0.85, "poster": 0.75}
_DAY, _US = 86_400, 1_000_000


def tell(world: World, span: Span) -> Frames:
    """Checks made on the span's days."""
    draws, known = world.draws("audits"), outlets(world)
    number = known["outlet_no"].to_numpy()
    every = np.where(known["dealer_no"].is_null().to_numpy(), 30, 91)
    due = (span.days[:, None] + draws.integer(0, 90, number)[None, :]) % every[None, :] == 0
    is_open = (known["opened_day"].to_numpy()[None, :] <= span.days[:, None]) & (
        span.days[:, None] < known["closed_day"].fill_null(1 << 40).to_numpy()[None, :]
    )
    at, shop = np.nonzero(due & is_open)
    visits = pl.DataFrame({"day": span.days[at], "outlet_no": number[shop]}).with_columns(
        outlet_id=known["outlet_id"].gather(shop)
    )
    running = (
        campaigns(world)
        .filter(~pl.col("online"), pl.col("campaign_type") == "store_promotion")
        .sort("start_day")
        .select("campaign_id", "start_day", "end_day")
    )
    visits = visits.sort("day", "outlet_no").join_asof(running, left_on="day", right_on="start_day")
    items = pl.DataFrame({"check_item": list(ITEMS), "usual": list(ITEMS.values()), "item_no": range(len(ITEMS))})
    found = visits.join(items, how="cross").with_columns(
        campaign_id=pl.when(pl.col("day") <= pl.col("end_day")).then("campaign_id"), audit_date=date_of("day")
    )
    day, shop_no, item = (found[name].to_numpy() for name in ("day", "outlet_no", "item_no"))
    care = 0.85 + 0.15 * draws.uniform(shop_no, 1)
    hour = 10 * 3600 + draws.integer(0, 7 * 3600, day, shop_no, 2)
    found = found.with_columns(
        audit_id=text("AU{}-{}-{}", "day", "outlet_no", "item_no"),
        passed=pl.Series(draws.chance(found["usual"].to_numpy() * care, day, shop_no, item, 3)),
        updated_at=pl.Series((day * _DAY + hour) * _US).cast(pl.Datetime("us")),
    )
    return {
        "erp_outlet_audits": found.select(
            "audit_id", "outlet_id", "campaign_id", "audit_date", "check_item", "passed", "updated_at",
            pl.col("audit_date").alias(CHANGED_ON),
        )
    }  # fmt: skip


PROCESS = Process(("erp_outlet_audits",), tell, echoes=0)
