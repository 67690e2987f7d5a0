"""Price lists by channel and city tier, with the lowest price of an order in it; a new row whenever a list price changes."""

from __future__ import annotations

import numpy as np
import polars as pl

from fupan.demo.company.assortment import LINES, date_of, list_prices, price_factors, products
from fupan.demo.process import CHANGED_ON, Frames, Process, as_of
from fupan.demo.tools.draws import Ints
from fupan.demo.world import Span, World, day_number

#: City tier -> planned difference to the national price, of smart luminaires and of the rest.
DIFFERENTIALS = {"tier_1": (0.15, 0.06), "new_tier_1": (0.06, 0.02), "tier_2": (0.0, 0.0), "tier_3": (-0.02, -0.05)}
#: Channel -> its price beside the list price. Online shops undercut; some items too much.
CHANNEL_LEVELS = {"STORE": 1.0, "DEALER": 0.97, "TMALL": 0.90, "JD": 0.90}
DEEP_ONLINE, DEEP = 0.10, 0.78
#: Lowest price of an order, in all cities alike, beside the channel's price; dealers buy below the price that they sell at.
CONTROL, DEALERS_CONTROL = 0.82, 0.64
_DAY, _US, _NEVER = 86_400, 1_000_000, 1 << 40


def tell(world: World, span: Span) -> Frames:
    """All prices that have been valid by the evening."""
    known, first, evening = products(world), day_number(world.first), day_number(span.evening)
    factors = price_factors(world)[:, : evening - first + 1]
    steps = np.diff(factors, axis=1, prepend=np.nan) != 0
    sku, at = np.nonzero(steps)
    launch, leaves = known["launch_day"].to_numpy(), known["discontinue_day"].fill_null(_NEVER).to_numpy()
    day = np.where(at == 0, np.maximum(first, launch[sku]), first + at)
    kept = ((at == 0) | (day > launch[sku])) & (day < leaves[sku]) & (day <= evening)
    # A SKU that is launched later begins with the price of its launch, not with those that it would have had before.
    sku, day = sku[kept], day[kept]
    ahead = np.append(np.where(sku[1:] == sku[:-1], day[1:], _NEVER), _NEVER) if len(sku) else day
    ends = np.minimum(ahead, leaves[sku])
    valid = pl.DataFrame({"sku_no": sku, "day": day, "ends": ends}).filter(pl.col("day") < pl.col("ends"))
    valid = valid.join(_cells(), how="cross")
    sku, day = valid["sku_no"].to_numpy(), valid["day"].to_numpy()
    is_smart = known["line_no"].to_numpy()[sku] == [line.product_line for line in LINES].index("smart_luminaires")
    differential = np.where(is_smart, valid["smart"].to_numpy(), valid["basic"].to_numpy())
    is_deep = valid["is_online"].to_numpy() & is_deep_online(world, sku)
    level = np.where(is_deep, DEEP, valid["level"].to_numpy())
    everywhere = list_prices(world, sku, day) * level
    control = np.where((valid["channel_id"] == "DEALER").to_numpy(), DEALERS_CONTROL, CONTROL)
    found = valid.with_columns(
        sku=known["sku"].gather(sku),
        unit_price=pl.Series(np.round(everywhere * (1 + differential), 2)),
        min_control_price=pl.Series(np.round(everywhere * control, 2)),
        valid_from=date_of("day"),
        begun_at=((pl.col("day") * _DAY + 6 * 3600) * _US).cast(pl.Datetime("us")),
        ended_at=pl.when(pl.col("ends") < _NEVER).then(
            ((pl.col("ends") * _DAY + 6 * 3600) * _US).cast(pl.Datetime("us"))
        ),
    )
    found = found.with_columns(valid_to=pl.col("ended_at").dt.date() - pl.duration(days=1))
    return {
        "erp_price_lists": as_of(
            found, span.evening, ["begun_at", "ended_at"], reveals={"ended_at": ["valid_to"]}
        ).select(
            "sku", "channel_id", "region_code", "city_tier", "unit_price", "min_control_price", "valid_from", "valid_to",
            "updated_at", CHANGED_ON,
        )
    }  # fmt: skip


def is_deep_online(world: World, sku_no: Ints) -> np.ndarray:
    """SKUs that online shops sell too far below the others."""
    return np.asarray(world.draws("online prices").chance(DEEP_ONLINE, sku_no))


def _cells() -> pl.DataFrame:
    """Channel and city tier of each list; online shops have one price for all."""
    rows = []
    for channel, level in CHANNEL_LEVELS.items():
        if channel in ("TMALL", "JD"):
            rows.append((channel, "ALL", level, 0.0, 0.0, True))
        else:
            rows += [(channel, tier, level, smart, basic, False) for tier, (smart, basic) in DIFFERENTIALS.items()]
    cells = pl.DataFrame(rows, schema=["channel_id", "city_tier", "level", "smart", "basic", "is_online"], orient="row")
    return cells.with_columns(region_code=pl.lit("ALL"))


PROCESS = Process(("erp_price_lists",), tell)
