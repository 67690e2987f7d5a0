"""The sales plan: targets by month and scope, in versions.

Planners know what the company may expect (`expectation`), not what came of it: each of them is too bold or too careful about
his scope for a year, and about each month. Version 1 is approved in December; the second half of a year is revised in June for
lines and channels (version 2); for the last quarter somebody drafts more in September, which is never approved.
"""

from __future__ import annotations

import zlib
from functools import lru_cache

import polars as pl

from fupan.demo.company import clientele, network
from fupan.demo.company.assortment import COST_RISE, LINE_NAMES, date_of
from fupan.demo.company.campaigns import campaigns
from fupan.demo.company.geography import places
from fupan.demo.life.deals import owner_id
from fupan.demo.life.expectation import LEVEL, accounts, foreseen, months
from fupan.demo.life.sales.arrivals import PLATFORM_SHARES
from fupan.demo.life.sales.told import CHANNEL_OF, PLATFORM_CHANNELS
from fupan.demo.process import Frames, Process, as_of
from fupan.demo.tools.draws import Ints
from fupan.demo.tools.wording import text
from fupan.demo.world import YEAR, Span, World, day_number

#: Gross margin of each trade in the middle of the year under review; it falls like the whole.
MARGINS = {"online": 0.50, "store": 0.53, "dealer": 0.345, "project": 0.378, "export": 0.333}
#: Trades whose customers are known one by one.
FORESEEN = ("project", "export")
#: Regions that plan by product line too; the line that each rep has a target of his own for.
PLANNED_BY_LINE, CORE_LINE = ("CN-GD", "CN-JS", "CN-ZJ", "CN-SD"), LINE_NAMES[0]
#: How far a planner is off about a scope for a year, and about a month: lowest and highest factor.
BOLD, OFF = (0.95, 1.09), (0.95, 1.05)
REVISED, DRAFTED = (0.95, 1.06), (1.03, 1.15)
#: A campaign's target beside a share of the month that its days have, since campaigns are days of more.
CAMPAIGN_LIFT = 1.4
_SCOPE = ("measure_id", "product_line", "region_code", "channel_id", "rep_id", "campaign_id")


def tell(world: World, span: Span) -> Frames:
    """All targets that have been written down by the evening."""
    return {
        "hr_targets": as_of(_written(world), span.evening, ["written_at", "approved_at"]).drop(
            "written_at", "updated_at"
        )
    }


@lru_cache(maxsize=2)
def _written(world: World) -> pl.DataFrame:
    """Every version of all years, with the moment at which it is written down."""
    cells = _cells(world)
    draws, scopes = world.draws("targets"), cells["scope"].unique().to_list()
    numbers = {scope: zlib.crc32(scope.encode()) for scope in scopes}
    key = cells["scope"].replace_strict(numbers, return_dtype=pl.Int64).to_numpy()
    month, year = cells["number"].to_numpy(), cells["number"].to_numpy() // 12
    bold = draws.between(*BOLD, key, year, 1) * draws.between(*OFF, key, month, 2)
    first = cells.with_columns(
        version=pl.lit(1), value=pl.col("value") * pl.Series(bold), reason=pl.lit(None, pl.String)
    )
    of_lines = pl.col("region_code").is_null() & pl.col("rep_id").is_null() & pl.col("campaign_id").is_null()
    is_planned = of_lines & (pl.col("product_line").is_not_null() | pl.col("channel_id").is_not_null())
    second = cells.with_columns(
        version=pl.lit(2),
        value=pl.col("value") * pl.Series(draws.between(*REVISED, key, month, 3)),
        reason=pl.lit("年中滚动修订"),
    ).filter(is_planned, pl.col("number") % 12 >= 6)
    draft = cells.with_columns(
        version=pl.when(is_planned).then(3).otherwise(2),
        value=pl.col("value") * pl.Series(draws.between(*DRAFTED, key, month, 4)),
        reason=pl.lit("四季度冲刺(草案)"),
    ).filter(of_lines, pl.col("product_line").is_null(), pl.col("number") % 12 >= 9)
    told = pl.concat([first, second, draft], how="vertical_relaxed")
    plan_year = pl.col("number") // 12
    is_units = pl.col("measure_id") == "units"
    step = pl.when(is_units).then(10.0).otherwise(100.0)
    return told.select(
        *_SCOPE,
        text("T{}-{}-V{}", pl.col("period").str.replace("-", ""), "scope", "version").alias("target_id"),
        "period", "expected_growth", "version",
        # Nobody plans to the fen.
        target_value=pl.max_horizontal(step, (pl.col("value") / step).round() * step),
        currency=pl.when(~is_units).then(pl.lit("CNY")),
        change_reason="reason",
        written_at=pl.when(pl.col("version") == 1).then(pl.datetime(plan_year - 1, 12, 1, 9))
        .when(pl.col("reason") == "年中滚动修订").then(pl.datetime(plan_year, 6, 10, 9))
        .otherwise(pl.datetime(plan_year, 9, 20, 9)),
        approved_at=pl.when(pl.col("version") == 1).then(pl.datetime(plan_year - 1, 12, 20, 12))
        .when(pl.col("reason") == "年中滚动修订").then(pl.datetime(plan_year, 6, 25, 12)),
    )  # fmt: skip


def _cells(world: World) -> pl.DataFrame:
    """Expected value of every scope and month, with the growth on the year that is planned with."""
    base = _by_channel(world)
    revenue = pl.col("revenue").sum().alias("value")
    line, channel, region = ("product_line",), ("channel_id",), ("region_code",)
    parts = [
        base.group_by("month", *by).agg(pl.col(measure).sum().alias("value")).with_columns(measure_id=pl.lit(measure))
        for measure in ("revenue", "profit", "units")
        for by in ((), line)
    ]
    parts += [
        base.group_by("month", *by).agg(revenue).with_columns(measure_id=pl.lit("revenue"))
        for by in (channel, line + channel)
    ]
    local = _by_region(world, base)
    by_line = local.filter(pl.col("region_code").is_in(PLANNED_BY_LINE))
    parts += [part.group_by("month", *by).agg(revenue).with_columns(measure_id=pl.lit("revenue"))
              for part, by in ((local, region), (by_line, line + region))]  # fmt: skip
    served = _by_rep(world, base)
    core = served.filter(pl.col("product_line") == CORE_LINE)
    parts += [part.group_by("month", *by).agg(revenue).with_columns(measure_id=pl.lit("revenue"))
              for part, by in ((served, ("rep_id",)), (core, ("rep_id", "product_line")))]  # fmt: skip
    parts.append(_by_campaign(world, base))
    cells = pl.concat(parts, how="diagonal").with_columns(
        scope=pl.concat_str([pl.col(name).fill_null("ALL") for name in _SCOPE[:4]], separator="-")
        + pl.concat_str([text("-{}", pl.col(name)).fill_null("") for name in _SCOPE[4:]]),
        period=date_of("month").dt.strftime("%Y-%m"),
        number=date_of("month").dt.year() * 12 + date_of("month").dt.month() - 1,
    ).sort("scope", "number")  # fmt: skip
    grown = cells.select("scope", pl.col("number") + 12, before="value")
    with_growth = cells.join(grown, on=["scope", "number"], how="left", maintain_order="left").with_columns(
        growth=pl.col("value") / pl.col("before") - 1
    )
    # The first year is planned with the growth that the year after it has.
    filled = pl.col("growth").fill_null(strategy="backward").over("scope").fill_null(0.08)
    return with_growth.with_columns(expected_growth=filled.clip(-0.6, 1.5).round(3))


def _by_channel(world: World) -> pl.DataFrame:
    """Month x line x market x channel: revenue, profit, units; of the days that the company lives."""
    known = months(world).filter(pl.col("month") >= day_number(world.first) - 31)
    online = [("online", channel, part) for channel, part in zip(PLATFORM_CHANNELS, PLATFORM_SHARES, strict=True)]
    others = [(group, channel, 1.0) for group, channel in CHANNEL_OF.items()]
    channels = pl.DataFrame([*online, *others], ["group", "channel_id", "part"], orient="row")
    years = (pl.col("month") + 15 - day_number(world.first)) / YEAR - 2.5
    margin = pl.col("group").replace_strict(MARGINS, return_dtype=pl.Float64) - COST_RISE * years
    return (
        known.join(channels, on="group")
        .with_columns(revenue=pl.col("revenue") * pl.col("part"), units=pl.col("units") * pl.col("part"))
        .with_columns(
            profit=pl.col("revenue") * margin,
            product_line=pl.col("line_no").replace_strict(dict(enumerate(LINE_NAMES)), return_dtype=pl.String),
        )
        .sort("month", "group", "channel_id", "line_no", "market")
    )


def _by_region(world: World, base: pl.DataFrame) -> pl.DataFrame:
    """Households' part of what shops sell, and what the dealers and accounts that are there may order."""
    of_shops = pl.col("group").is_in([name for name in LEVEL if name != "dealer"])
    of_market = base.filter(of_shops).group_by("month", "product_line", "market").agg(pl.col("revenue").sum())
    shops = of_market.join(places().select("market", "region_code", "population_share"), on="market").select(
        "month", "product_line", "region_code", revenue=pl.col("revenue") * pl.col("population_share")
    )
    seen = [_of_dealers(world, base, network.dealers(world)["place_no"].to_numpy())]
    for group in FORESEEN:
        of_group = foreseen(world, accounts(world)["place_no"].to_numpy(), group)
        seen.append(of_group.with_columns(group=pl.lit(group)))
    there = pl.concat(seen).join(places().select("region_code", key="place_no"), on="key")
    lines = there.join(_line_parts(base), on=["month", "group"]).select(
        "month", "product_line", "region_code", revenue=pl.col("revenue") * pl.col("part")
    )
    return pl.concat([shops, lines])


def _of_dealers(world: World, base: pl.DataFrame, key: Ints) -> pl.DataFrame:
    """What dealers are expected to buy, by month and ``key`` (an integer for each dealer, such as his place or his rep): of
    what his market buys, each one who is there in the month has a part by his size. Columns: month, key, revenue, group."""
    trade = network.dealers(world).select(
        "joined_day",
        pl.col("left_day").fill_null(network.NEVER),
        key=pl.Series(key),
        size=pl.Series(network.dealer_sizes(world)),
        market=places()["market"].gather(network.dealers(world)["place_no"]),
    )
    of_market = base.filter(pl.col("group") == "dealer").group_by("month", "market").agg(pl.col("revenue").sum())
    middle = pl.col("month") + 15
    return (
        of_market.join(trade, on="market")
        .filter(pl.col("joined_day") <= middle, pl.col("left_day") > middle)
        .with_columns(revenue=pl.col("revenue") * pl.col("size") / pl.col("size").sum().over("month", "market"))
        .group_by("month", "key")
        .agg(pl.col("revenue").sum())
        .sort("month", "key")
        .with_columns(group=pl.lit("dealer"))
    )


def _line_parts(base: pl.DataFrame) -> pl.DataFrame:
    """Each product line's part of what a trade sells in a month."""
    sums = base.group_by("month", "group", "product_line").agg(pl.col("revenue").sum())
    return sums.with_columns(part=pl.col("revenue") / pl.col("revenue").sum().over("month", "group")).drop("revenue")


def _by_rep(world: World, base: pl.DataFrame) -> pl.DataFrame:
    """What each rep's accounts may order, and his part of what the market's dealers buy; who stands in has more."""
    served = accounts(world)
    own = network.own_rep(world, served["customer_no"].to_numpy(), served["place_no"].to_numpy())
    parts = [foreseen(world, own, group).with_columns(group=pl.lit(group)) for group in FORESEEN]
    trade = network.dealers(world)
    of_dealers = network.own_rep(world, clientele.DEALERS + trade["dealer_no"].to_numpy(), trade["place_no"].to_numpy())
    parts.append(_of_dealers(world, base, of_dealers))
    whole = pl.concat(parts).filter(pl.col("key") >= 0)
    there = network.stand_in(world, whole["key"].to_numpy(), whole["month"].to_numpy() + 15)
    return (
        whole.with_columns(rep_no=pl.Series(there))
        .join(_line_parts(base), on=["month", "group"])
        .with_columns(revenue=pl.col("revenue") * pl.col("part"), rep_id=owner_id(world))
    )


def _by_campaign(world: World, base: pl.DataFrame) -> pl.DataFrame:
    """Campaigns of shops and stores: their days' part of what is sold there in the month in which they begin."""
    groups = {True: ["online"], False: ["store", "dealer"]}
    parts = []
    for online, names in groups.items():
        of_month = base.filter(pl.col("group").is_in(names)).group_by("month").agg(pl.col("revenue").sum())
        mine = campaigns(world).filter(pl.col("online") == online).with_columns(
            month=date_of("start_day").dt.month_start().cast(pl.Int32).cast(pl.Int64)
        )  # fmt: skip
        lasts = pl.col("end_day") - pl.col("start_day") + 1
        parts.append(
            mine.join(of_month, on="month").select(
                "month",
                "campaign_id",
                value=pl.col("revenue") * lasts / 30.4 * CAMPAIGN_LIFT,
                measure_id=pl.lit("revenue"),
            )
        )
    return pl.concat(parts)


PROCESS = Process(tables=("hr_targets",), tell=tell)
