"""Competitors' shelf prices, read every day: three weeks behind ours, lower in their cuts and festivals."""

from __future__ import annotations

import numpy as np
import polars as pl

from fupan.demo.company.assortment import date_of, list_prices, products
from fupan.demo.company.rivals import cut_depths, items, rival_id
from fupan.demo.company.seasons import shopping_festival
from fupan.demo.process import Frames, Process
from fupan.demo.tools.stamps import at
from fupan.demo.world import Span, World

#: Days until rivals follow a change of our list prices.
FOLLOWED_AFTER = 21
#: Of a rival's items so many are on offer in a festival of the platforms, and the depth of that.
ON_OFFER, OFFER = 0.35, (0.06, 0.18)


def tell(world: World, span: Span) -> Frames:
    """A price a day and item that is sold; one in fifty is not found."""
    draws, days, known = world.draws("prices of rivals"), span.days, items(world)
    item, sku = known["item_no"].to_numpy(), known["sku_no"].to_numpy()
    usual = list_prices(world, sku[None, :], days[:, None] - FOLLOWED_AFTER) * known["ratio"].to_numpy()[None, :]
    cut, promotion = cut_depths(world, known["rival_no"].to_numpy(), known["line_no"].to_numpy(), days)
    festival = shopping_festival(days)[:, None] > 0
    offered = festival & draws.chance(ON_OFFER, item[None, :], days[:, None] // 10, 1)
    promotion = np.maximum(
        promotion, np.where(offered, draws.between(*OFFER, item[None, :], days[:, None] // 10, 2), 0.0)
    )
    price = np.maximum(1.0, np.round(usual * (1 - cut) * (1 - promotion), 1))
    first = known["first_day"].to_numpy()[None, :]
    last = known["last_day"].fill_null(1 << 40).to_numpy()[None, :]
    sold = (days[:, None] >= first) & (days[:, None] < last) & draws.chance(0.98, item[None, :], days[:, None], 3)
    row, column = np.nonzero(sold)
    chosen = known[column]
    frame = pl.DataFrame(
        {
            "day": days[row],
            "rival_no": chosen["rival_no"],
            "platform": chosen["platform"],
            "comp_sku": chosen["comp_sku"],
            "matched_sku": products(world)["sku"].gather(chosen["sku_no"]),
            "power_w": chosen["power_w"],
            "price": price[row, column],
            "is_promo": promotion[row, column] > 0,
        }
    )
    told = frame.with_columns(
        rival_id().alias("competitor_id"),
        date_of("day").alias("obs_date"),
        updated_at=at("day", 23),
        _changed_on=date_of("day"),
    )
    return {"cmp_price_observations": told.drop("day", "rival_no")}


PROCESS = Process(tables=("cmp_price_observations",), tell=tell, echoes=0, history=730)
