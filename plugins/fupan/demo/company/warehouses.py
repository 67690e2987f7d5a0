"""Where the company's stock lies, and which warehouse an order leaves from."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import polars as pl

from fupan.demo.company.geography import DOMESTIC, places
from fupan.demo.company.network import WAREHOUSES, dealers, offences, outlets, place_at, place_beside
from fupan.demo.tools.draws import Ints
from fupan.demo.tools.wording import text
from fupan.demo.world import World

MARKETS = (*DOMESTIC, "overseas")
IDS = tuple(WAREHOUSES)
#: Warehouse -> its market (index of MARKETS), and its part of what that market wants.
MARKET_OF = np.array([MARKETS.index(market) for market, _ in WAREHOUSES.values()])
PART = 1 / np.bincount(MARKET_OF)[MARKET_OF]
#: Share of dealers' orders that are delivered outside their region.
DIVERTED = 0.025
#: Beside the plant; where exports are packed; on the other side of the sea.
PLANT, EXPORT_HUB, ABROAD = IDS.index("WH03"), IDS.index("WH09"), IDS.index("WH10")


def routes(world: World, orders: pl.DataFrame) -> tuple[Ints, Ints]:
    """Where each order goes to (place) and which warehouse it leaves from (index of IDS): one of its market's.

    ``orders``: order_key, place_no, group, dealer_no."""
    draws, key = world.draws("shipments"), orders["order_key"].to_numpy()
    # Where the ERP does not know the buyer the parcel still has an address.
    place = orders["place_no"].fill_null(-1).to_numpy()
    place = np.where(place < 0, place_at(draws.uniform(key, 1)), place)
    rows = np.flatnonzero((orders["group"] == "dealer").to_numpy())
    often = DIVERTED * offences(world)[orders["dealer_no"].to_numpy()[rows].astype(np.int64)]
    rows = rows[draws.chance(often, key[rows], 2)]
    place[rows] = place_beside(draws.uniform(key[rows], 12), place[rows])
    market, even = places()["market"].gather(place).to_numpy(), draws.uniform(key, 11)
    found = np.full(len(key), PLANT, dtype=np.int64)
    for number, name in enumerate(MARKETS):
        mine, rows = np.flatnonzero(number == MARKET_OF), market == name
        found[rows] = mine[(even[rows] * len(mine)).astype(np.int64)]
    return place, found


@lru_cache(maxsize=4)
def locations(world: World) -> pl.DataFrame:
    """A row a location of all years: location_id, location_type, dealer_no, dealer_id, outlet_no, outlet_id, channel_id,
    province, serves_regions, from_day and until_day (null: always)."""
    known = places()
    regions = dict(known.group_by("market").agg(pl.col("region_code").sort().str.join(",")).iter_rows())
    province = dict(known.select("region_code", "province").iter_rows())
    kinds = {PLANT: "plant", EXPORT_HUB: "export_hub", ABROAD: "overseas"}
    own = pl.DataFrame(
        {
            "location_id": list(IDS),
            "location_type": [kinds.get(number, "regional") for number in range(len(IDS))],
            "province": [province[region] for _, region in WAREHOUSES.values()],
            "serves_regions": [regions[market] for market, _ in WAREHOUSES.values()],
        }
    )
    where = known.select("place_no", "province", serves_regions="region_code")
    of_dealers = (
        dealers(world)
        .join(where, on="place_no", how="left", maintain_order="left")
        .select(
            "dealer_no", "dealer_id", "province", "serves_regions",
            location_id=text("DL{}", pl.col("dealer_id").str.slice(1)),
            location_type=pl.when("is_traditional").then(pl.lit("traditional_dealer")).otherwise(pl.lit("dealer")),
            channel_id=pl.lit("DEALER"), from_day="joined_day", until_day="left_day",
        )
    )  # fmt: skip
    stores = (
        outlets(world)
        .filter(pl.col("dealer_no").is_null())
        .join(where, on="place_no", how="left", maintain_order="left")
        .select(
            "outlet_no", "outlet_id", "province", "serves_regions",
            location_id=text("ST{}", pl.col("outlet_id").str.slice(3)), location_type=pl.lit("store"),
            channel_id=pl.lit("STORE"), from_day="opened_day", until_day="closed_day",
        )
    )  # fmt: skip
    return pl.concat([own, of_dealers, stores], how="diagonal")
