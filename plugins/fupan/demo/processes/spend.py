"""Marketing's bookings: entered in the night after, and of advertising corrected when the platform takes false clicks back."""

from __future__ import annotations

import numpy as np
import polars as pl

from fupan.demo.company.assortment import LINE_NAMES, date_of
from fupan.demo.company.campaigns import campaigns
from fupan.demo.company.geography import places
from fupan.demo.life.spending import spent
from fupan.demo.process import Frames, Process, as_of
from fupan.demo.tools.columns import DAY_S, moment, named
from fupan.demo.tools.wording import text
from fupan.demo.world import Span, World, day_number

#: Share of bookings of advertising that are corrected, after how many days, and what remains.
CORRECTED, CORRECTED_AFTER, REMAINS = 0.12, 3, 0.97
_ENTERED = 23 * 3600 + 30 * 60


def tell(world: World, span: Span) -> Frames:
    """Bookings of the span's days."""
    found = spent(world, day_number(span.first), day_number(span.last)).with_row_index("row")
    draws, day = world.draws("bookings"), found["day"].to_numpy()
    # Rows of a day have their place in it, whatever the span.
    number = found.select(pl.col("row").cum_count().over("day")).to_series().to_numpy().astype(np.int64)
    second = _ENTERED + draws.integer(0, 900, day, number, 1)
    corrected = found["is_paid_media"].to_numpy() & draws.chance(CORRECTED, day, number, 2)
    found = found.with_columns(
        campaign_id=campaigns(world)["campaign_id"].gather(found["campaign_no"]),
        region_code=places()["region_code"].gather(found["place_no"]),
        entered_at=moment(pl.col("day") * DAY_S + pl.Series(second)),
        corrected_at=pl.when(pl.Series(corrected)).then(
            moment((pl.col("day") + CORRECTED_AFTER) * DAY_S + 11 * 3600 + pl.Series(second % 3600))
        ),
    )
    known = as_of(found, span.evening, ["entered_at", "corrected_at"])
    amount = (
        pl.when(pl.col("corrected_at").is_not_null()).then((pl.col("amount") * REMAINS).round(2)).otherwise("amount")
    )
    return {
        "mkt_spend": known.select(
            "campaign_id", "channel", "is_paid_media", "region_code", "cost_type", "impressions", "clicks", "conversions",
            "new_customers", "updated_at", "_changed_on",
            spend_id=text("SP{}", "spend_no"),
            spend_date=date_of("day"),
            product_line=named("line_no", LINE_NAMES),
            amount=amount,
        )
    }  # fmt: skip


PROCESS = Process(("mkt_spend",), tell, echoes=CORRECTED_AFTER)
