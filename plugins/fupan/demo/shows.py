"""Events on site: exhibitions and dealers' fairs, and days in the company's own stores when a campaign runs there."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import polars as pl

from fupan.demo.campaigns import campaigns
from fupan.demo.clientele import NEVER
from fupan.demo.geography import places
from fupan.demo.network import outlets
from fupan.demo.prospects import event_of
from fupan.demo.world import World

#: Campaign type -> event type, venue, visitors at scale 1, capacity, days of warm-up in the media.
KINDS = {
    "exhibition": ("exhibition", "exhibition_hall", 6_400, 8_000, 92),
    "dealer_fair": ("dealer_fair", "hotel", 480, 600, 30),
    "store_promotion": ("store_event", "store", 90, 120, 14),
    "home_season": ("store_event", "store", 140, 150, 21),
}
#: How many of the own stores take part in a campaign, at scale 1.
STORES = 12
ANNOUNCED = 60


@lru_cache(maxsize=4)
def shows(world: World) -> pl.DataFrame:
    """A row an event of all years, by show_no.

    Columns: show_no, event_id, campaign_no, campaign_id, name, campaign_type, place_no, outlet_id (null: no store), start_day,
    end_day.
    """
    known = campaigns(world).filter(pl.col("campaign_type").is_in(list(KINDS))).sort("campaign_no")
    columns = ("campaign_no", "campaign_id", "campaign_name", "campaign_type", "start_day", "end_day")
    place = places().select("region_code", "place_no")
    halls = known.filter(~pl.col("campaign_type").is_in(["store_promotion", "home_season"]))
    halls = halls.join(place, on="region_code", how="left", maintain_order="left").select(
        *columns, "place_no", event_id=event_of("campaign_id")
    )
    shops = outlets(world).filter(pl.col("dealer_no").is_null()).head(world.number(STORES, 2))
    stores = (
        known.filter(pl.col("campaign_type").is_in(["store_promotion", "home_season"]))
        .select(columns)
        .join(shops.select("outlet_no", "outlet_id", "place_no", "opened_day", "closed_day"), how="cross")
        .filter(pl.col("opened_day") < pl.col("start_day"), pl.col("closed_day").fill_null(NEVER) > pl.col("end_day"))
        # A day in a store is a weekend of the campaign.
        .with_columns(
            start_day=pl.col("start_day") + 1,
            end_day=pl.min_horizontal("end_day", pl.col("start_day") + 3),
            event_id=pl.concat_str(event_of("campaign_id"), pl.col("outlet_no").cast(pl.String), separator="-"),
        )
        .select(*columns, "place_no", "event_id", "outlet_id")
    )
    return (
        pl.concat([halls, stores], how="diagonal")
        .sort("start_day", "event_id")
        .with_row_index("show_no")
        .with_columns(pl.col("show_no").cast(pl.Int64))
    )


def visitors_expected(world: World, campaign_type: np.ndarray) -> np.ndarray:
    """How many come to an event of each kind: a fair as large as the company, an exhibition's visitors whatever the company."""
    usual = np.array([KINDS[kind][2] for kind in campaign_type], dtype=np.float64)
    return np.maximum(12.0, usual * world.scale)
