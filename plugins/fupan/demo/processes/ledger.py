"""The ledger's costs, booked on the fifth of the month after: rents, wages, storage, freight, fees, and the rest."""

from __future__ import annotations

import numpy as np
import polars as pl

from fupan.demo.company.geography import MARKETS
from fupan.demo.company.network import outlets
from fupan.demo.life.expectation import months as expected_months
from fupan.demo.life.shelves import dealer_stock_value
from fupan.demo.process import CHANGED_ON, Frames, Process, as_of
from fupan.demo.tools.draws import Ints
from fupan.demo.tools.wording import text
from fupan.demo.world import Span, World

#: Rent of a store beside its expected revenue, and the growth of wages a year.
RENT, WAGES = 0.18, 1.12
#: Yearly storage by the value of a dealer's stock.
STORAGE = 0.135
#: Days after the end of a month on which it is closed.
CLOSED_AFTER = 5
#: Cost type: share of each trade's expected revenue, fixed or variable. Freight: parcels are dear, ships dearer.
BY_TRADE = {
    "freight": ({"online": 0.033, "store": 0.031, "dealer": 0.023, "project": 0.0227, "export": 0.063}, "variable"),
    "platform_fee": ({"online": 0.055}, "variable"),
    "marketing_overhead": (dict.fromkeys(("online", "store", "dealer", "project", "export"), 0.012), "fixed"),
    "duty": ({"export": 0.031}, "variable"),
}
#: Cost type: share of all expected revenue, fixed or variable.
OF_THE_WHOLE = {"research": (0.035, "fixed"), "write_down": (0.004, "variable"), "upgrade": (0.009, "fixed")}
CHANNELS = {"online": "TMALL", "store": "STORE", "dealer": "DEALER", "project": "PROJECT", "export": "EXPORT"}
_OBJECT_NO = {name: number for number, name in enumerate(CHANNELS)}
#: Wages beside the revenue in the middle of the year under review.
_WAGES_SHARE = 0.085
_REGION_OF = {"east": "CN-JS", "south": "CN-GD", "central_west": "CN-HB", "north": "CN-HE", "overseas": "US"}
_DAY_US = 86_400_000_000
_OBJECTS = ("outlet_id", "channel_id", "region_code", "product_line")
TYPES = (*BY_TRADE, *OF_THE_WHOLE, "labour", "rent", "storage")


def tell(world: World, span: Span) -> Frames:
    """Bookings of the months that are closed on the span's days."""
    expected = expected_months(world)
    begins = np.unique(expected["month"].to_numpy())
    begins, ends = begins[:-1], begins[1:] - 1
    now = np.isin(ends + CLOSED_AFTER, span.days)
    closed = begins[now]
    revenue = expected.filter(pl.col("month").is_in(closed.tolist()))
    parts = [
        _by_trade(revenue),
        _of_the_whole(revenue),
        _wages(world, closed),
        _rents(world, revenue),
        _storage(world, closed, ends[now]),
    ]
    found = pl.concat(parts, how="diagonal_relaxed")
    draws = world.draws("ledger")
    types = found["cost_type"].replace_strict({name: n for n, name in enumerate(TYPES)}, return_dtype=pl.Int64)
    noise = draws.between(0.985, 1.015, found["month"].to_numpy(), found["object_no"].to_numpy(), types.to_numpy())
    month = pl.col("month").cast(pl.Int32).cast(pl.Date)
    found = found.with_columns(
        amount=(pl.col("amount") * pl.Series(noise)).round(2),
        period=month.dt.strftime("%Y-%m"),
        booked_at=month.dt.offset_by("1mo").cast(pl.Datetime("us")) + pl.duration(days=4, hours=18),
    ).with_columns(gl_id=text("GL{}-{}-{}", "period", "cost_type", "object_no"))
    missing = [pl.lit(None, pl.String).alias(name) for name in _OBJECTS if name not in found.columns]
    booked = as_of(found.with_columns(missing), span.evening, ["booked_at"])
    return {
        "erp_gl_costs": booked.select(
            "gl_id", "period", "cost_type", "cost_behaviour", *_OBJECTS, "amount", "updated_at", CHANGED_ON
        )
    }


def _by_trade(revenue: pl.DataFrame) -> pl.DataFrame:
    of_trade = revenue.group_by("month", "group", maintain_order=True).agg(pl.col("revenue").sum())
    parts = []
    for number, (cost_type, (shares, behaviour)) in enumerate(BY_TRADE.items()):
        taken = of_trade.filter(pl.col("group").is_in(list(shares)))
        parts.append(
            taken.select(
                "month", amount=pl.col("revenue") * pl.col("group").replace_strict(shares, return_dtype=pl.Float64),
                cost_type=pl.lit(cost_type), cost_behaviour=pl.lit(behaviour),
                channel_id=pl.col("group").replace_strict(CHANNELS, return_dtype=pl.String),
                object_no=pl.col("group").replace_strict(_OBJECT_NO, return_dtype=pl.Int64) + 10 * number,
            )
        )  # fmt: skip
    return pl.concat(parts)


def _of_the_whole(revenue: pl.DataFrame) -> pl.DataFrame:
    whole = revenue.group_by("month", maintain_order=True).agg(pl.col("revenue").sum())
    return pl.concat(
        [
            whole.select(
                "month", amount=pl.col("revenue") * share, cost_type=pl.lit(cost_type), cost_behaviour=pl.lit(behaviour),
                object_no=pl.lit(0, pl.Int64),
            )
            for cost_type, (share, behaviour) in OF_THE_WHOLE.items()
        ]
    )  # fmt: skip


def _wages(world: World, closed: np.ndarray) -> pl.DataFrame:
    """Wages rise with time, not with the season; by market."""
    level = 1.0e9 * world.scale * _WAGES_SHARE / 12 * np.power(WAGES, world.years(closed + 15))
    shares = [share for _, share, _ in MARKETS.values()]
    return pl.DataFrame(
        {
            "month": np.repeat(closed, len(shares)),
            "amount": (level[:, None] * np.asarray(shares)[None, :] / sum(shares)).ravel(),
            "region_code": [_REGION_OF[market] for market in MARKETS] * len(closed),
            "object_no": np.tile(np.arange(len(shares), dtype=np.int64), len(closed)),
        }
    ).with_columns(cost_type=pl.lit("labour"), cost_behaviour=pl.lit("fixed"))


def _rents(world: World, revenue: pl.DataFrame) -> pl.DataFrame:
    """Rent of the company's own stores: a fixed part of what a store is expected to sell in a mean month of its year."""
    stores = outlets(world).filter(pl.col("dealer_no").is_null())
    sold = (
        revenue.filter(pl.col("group") == "store")
        .group_by("month", maintain_order=True).agg(pl.col("revenue").sum())
        .with_columns(year=pl.col("month").cast(pl.Int32).cast(pl.Date).dt.year())
        .with_columns(level=pl.col("revenue").mean().over("year"))
    )  # fmt: skip
    open_stores = sold.join(stores.select("outlet_no", "outlet_id", "opened_day", "closed_day"), how="cross").filter(
        pl.col("opened_day") <= pl.col("month"), pl.col("closed_day").fill_null(1 << 40) > pl.col("month")
    )
    return open_stores.select(
        "month", "outlet_id", amount=pl.col("level") * RENT / pl.len().over("month"), cost_type=pl.lit("rent"),
        cost_behaviour=pl.lit("fixed"), channel_id=pl.lit("STORE"), object_no=pl.col("outlet_no"),
    )  # fmt: skip


def _storage(world: World, closed: Ints, ends: Ints) -> pl.DataFrame:
    """What dealers' stock at the end of a month costs them, booked on their first shop: they report both."""
    shops = outlets(world).filter(pl.col("dealer_no").is_not_null()).sort("opened_day", "outlet_no")
    first_shop = shops.unique("dealer_no", keep="first", maintain_order=True).select(
        "dealer_no", "outlet_id", "opened_day"
    )
    parts = [
        dealer_stock_value(world, last).with_columns(month=pl.lit(first, pl.Int64))
        for first, last in zip(closed.tolist(), ends.tolist(), strict=True)
    ]
    empty = {"dealer_no": pl.Int64, "value": pl.Float64, "month": pl.Int64}
    return (
        pl.concat([pl.DataFrame(schema=empty), *parts])
        .join(first_shop, on="dealer_no", how="inner", maintain_order="left")
        .filter(pl.col("opened_day") <= pl.col("month"))
        .select(
            "month", "outlet_id", amount=pl.col("value") * STORAGE / 12, cost_type=pl.lit("storage"),
            cost_behaviour=pl.lit("variable"), channel_id=pl.lit("DEALER"), object_no=pl.col("dealer_no"),
        )
    )  # fmt: skip


PROCESS = Process(("erp_gl_costs",), tell, echoes=0)
