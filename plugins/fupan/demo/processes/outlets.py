"""Points of sale, what they have on sale, and what is found when somebody checks them."""

from __future__ import annotations

import numpy as np
import polars as pl

from fupan.demo.company.assortment import date_of, products
from fupan.demo.company.geography import places
from fupan.demo.company.network import outlets
from fupan.demo.process import CHANGED_ON, Frames, Process, as_of
from fupan.demo.tools.wording import text
from fupan.demo.world import Span, World, day_number

#: Share of the assortment that a point of sale of each type has.
LISTED = {"experience_store": 0.55, "lighting_mall": 0.30, "street_shop": 0.22, "building_market": 0.18}
_DAY, _US, _NEVER = 86_400, 1_000_000, 1 << 40


def tell(world: World, span: Span) -> Frames:
    """All points of sale and their listings by the evening."""
    where = places().select("place_no", "province", "city")
    known = outlets(world).join(where, on="place_no", how="left", maintain_order="left")
    known = known.with_columns(
        dealer_id=pl.when(pl.col("dealer_no").is_not_null()).then(
            text("D{}", (pl.col("dealer_no") + 1).cast(pl.String).str.zfill(5))
        ),
        opened_at=_at(pl.col("opened_day")),
        closed_at=_at(pl.col("closed_day")),
        opened_on=date_of("opened_day"),
        closed_on=date_of("closed_day"),
    )
    shops = as_of(known, span.evening, ["opened_at", "closed_at"], reveals={"closed_at": ["closed_on"]})
    return {
        "erp_outlets": shops.select(
            "outlet_id", "dealer_id", "channel_id", "outlet_type", "province", "city", "city_tier", "latitude", "longitude",
            "opened_on", "closed_on", "updated_at", CHANGED_ON,
        ),
        "erp_outlet_listings": _listings(world, span),
    }  # fmt: skip


def _at(day: pl.Expr) -> pl.Expr:
    return ((day * _DAY + 9 * 3600) * _US).cast(pl.Datetime("us"))


def _listings(world: World, span: Span) -> pl.DataFrame:
    """A SKU is put on sale some weeks after its launch, as likely as it is popular, and goes when either is no more."""
    draws, evening = world.draws("listings"), day_number(span.evening)
    shops = outlets(world).filter(pl.col("opened_day") <= evening)
    goods = products(world).filter(pl.col("launch_day") <= evening)
    shop, sku = shops["outlet_no"].to_numpy()[:, None], goods["sku_no"].to_numpy()[None, :]
    share = shops["outlet_type"].replace_strict(LISTED, return_dtype=pl.Float64).to_numpy()[:, None]
    liked = np.minimum(1.8, goods["popularity"].to_numpy() / products(world)["popularity"].mean())[None, :]
    rows, columns = np.nonzero(draws.chance(np.minimum(0.95, share * (0.5 + 0.5 * liked)), shop, sku))
    shop, sku = shop[rows, 0], sku[0, columns]
    since = np.maximum(shops["opened_day"].to_numpy()[rows], goods["launch_day"].to_numpy()[columns])
    since = since + draws.integer(0, 45, shop, sku, 1)
    until = np.minimum(
        shops["closed_day"].fill_null(_NEVER).to_numpy()[rows],
        goods["discontinue_day"].fill_null(_NEVER).to_numpy()[columns],
    )
    found = pl.DataFrame(
        {"since": since, "until": until, "has_display": draws.chance(0.35, shop, sku, 2)}
    ).with_columns(outlet_id=shops["outlet_id"].gather(rows), sku=goods["sku"].gather(columns))
    found = found.filter(pl.col("since") < pl.col("until")).with_columns(
        listed_from=date_of("since"),
        begun_at=_at(pl.col("since")),
        ended_at=pl.when(pl.col("until") < _NEVER).then(_at(pl.col("until"))),
    )
    found = found.with_columns(listed_to=pl.col("ended_at").dt.date())
    return as_of(found, span.evening, ["begun_at", "ended_at"], reveals={"ended_at": ["listed_to"]}).select(
        "outlet_id", "sku", "listed_from", "listed_to", "has_display", "updated_at", CHANGED_ON
    )


PROCESS = Process(("erp_outlets", "erp_outlet_listings"), tell)
