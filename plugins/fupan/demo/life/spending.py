"""What marketing spends day by day: advertising by the click, rewards for new customers, posts, streams, campaigns."""

from __future__ import annotations

import numpy as np
import polars as pl

from fupan.demo.company.assortment import products
from fupan.demo.company.budgets import CAMPAIGN_SPLIT, campaign_budgets
from fupan.demo.company.campaigns import campaigns
from fupan.demo.company.clientele import users
from fupan.demo.company.geography import places
from fupan.demo.life.advertising import CHANNELS, click_costs, clicks
from fupan.demo.life.posts import AUTHORS, published
from fupan.demo.tools.draws import Floats, Ints
from fupan.demo.tools.wording import text
from fupan.demo.world import World, day_number

#: CNY for a new customer won by sharing and by invitation, in the year under review, and their rise a year.
SHARING_REWARD, REFERRAL_REWARD, REWARD_RISE = 62.0, 38.0, 1.04
#: While friends are invited to share, a new customer costs so much less.
SHARING_SAVES = 0.30
#: Fee of a live stream (CNY at scale 1), three a day on Douyin; and its rise a year.
STREAM_FEE, STREAM_RISE = 620.0, 1.05
#: How publicity and execution of a campaign are spent: share of its budget, channel online and offline, cost type.
_CAMPAIGN_COSTS = pl.DataFrame(
    [
        (0.70 * CAMPAIGN_SPLIT["publicity"], "platform_activity", "outdoor_media", "media"),
        (0.30 * CAMPAIGN_SPLIT["publicity"], "content", "content", "content"),
        (0.40 * CAMPAIGN_SPLIT["on_site_execution"], "platform_activity", "outlet", "field"),
        (0.35 * CAMPAIGN_SPLIT["on_site_execution"], "platform_activity", "outlet", "material"),
        (0.25 * CAMPAIGN_SPLIT["on_site_execution"], "platform_activity", "outlet", "staff"),
    ],
    schema=["share", "online_channel", "offline", "cost_type"],
    orient="row",
)
_OFFLINE_CHANNELS = {"dealer_fair": "dealer_fair", "exhibition": "exhibition"}
#: Lines that online advertising is for.
_ADVERTISED, _ADVERTISED_SHARES = (0, 4, 5), (0.6, 0.28, 0.12)
#: Of a campaign spread over regions, the east gets less than it sells, the inland more.
_TOWARDS = {"east": 0.34, "south": 0.27, "central_west": 0.25, "north": 0.14}
COLUMNS = ("spend_no", "day", "campaign_no", "channel", "is_paid_media", "place_no", "line_no", "cost_type", "amount",
           "impressions", "clicks", "conversions", "new_customers")  # fmt: skip


def spent(world: World, first_day: int, last_day: int) -> pl.DataFrame:
    """A row a booking of the days ``first_day`` to ``last_day``; columns COLUMNS (spend_no: text, the row's own for good)."""
    kinds = (_advertising, _rewards, _posts, _streams, _campaigns)
    return pl.concat([kind(world, first_day, last_day) for kind in kinds], how="diagonal").select(COLUMNS)


def _advertising(world: World, first_day: int, last_day: int) -> pl.DataFrame:
    """By channel and province: clicks at the day's price."""
    cells = clicks(world, first_day, last_day).group_by("day", "channel_no", "place_no").agg(
        clicks=pl.len().cast(pl.Int64), new_customers=pl.col("user_no").count().cast(pl.Int64)
    ).sort("day", "channel_no", "place_no")  # fmt: skip
    draws, day = world.draws("advertising"), cells["day"].to_numpy()
    key = (day * 2 + cells["channel_no"].to_numpy()) * 64 + cells["place_no"].to_numpy()
    count = cells["clicks"].to_numpy()
    seen = np.where(cells["channel_no"].to_numpy() == 0, 28, 75) * draws.between(0.7, 1.4, key, 1)
    line = np.asarray(_ADVERTISED)[draws.pick(_ADVERTISED_SHARES, key, 2)]
    return cells.with_columns(
        spend_no=text("A{}", pl.Series(key)),
        channel=pl.col("channel_no").replace_strict(dict(enumerate(CHANNELS)), return_dtype=pl.String),
        is_paid_media=pl.lit(True),
        cost_type=pl.lit("media"),
        line_no=pl.Series(line),
        amount=pl.Series(np.round(count * click_costs(world, day) * draws.between(0.92, 1.08, key, 3), 2)),
        impressions=pl.Series(np.rint(count * seen).astype(np.int64)),
        conversions="new_customers",
    ).drop("channel_no")


def _rewards(world: World, first_day: int, last_day: int) -> pl.DataFrame:
    """What is paid to those who bring a new customer, by province."""
    sources = {"social_sharing": "social", "referral": "referral"}
    won = (
        users(world)
        .filter(
            pl.col("customer_no").is_not_null(),
            pl.col("acquisition_source").is_in(list(sources)),
            pl.col("registered_day") >= day_number(world.first),
            pl.col("registered_day").is_between(first_day, last_day),
        )
        # Bookings of a day are numbered in their order here: that of the sources' names.
        .with_columns(pl.col("acquisition_source").cast(pl.String))
    )
    cells = won.group_by("acquisition_source", "place_no", day="registered_day").agg(
        new_customers=pl.len().cast(pl.Int64)
    ).sort("day", "acquisition_source", "place_no")  # fmt: skip
    draws, day = world.draws("rewards"), cells["day"].to_numpy()
    shared = (cells["acquisition_source"] == "social_sharing").to_numpy()
    key = (day * 2 + shared) * 64 + cells["place_no"].to_numpy()
    sharing = _sharing(world, day)
    reward = np.where(shared, SHARING_REWARD * np.where(sharing >= 0, 1 - SHARING_SAVES, 1.0), REFERRAL_REWARD)
    reward = reward * np.power(REWARD_RISE, world.years(day)) * draws.between(0.94, 1.06, key, 1)
    return cells.with_columns(
        spend_no=text("R{}", pl.Series(key)),
        channel=pl.col("acquisition_source").replace_strict(sources),
        campaign_no=pl.Series(np.where(shared, sharing, -1)).replace(-1, None),
        is_paid_media=pl.lit(False),
        cost_type=pl.lit("reward"),
        amount=(pl.col("new_customers") * pl.Series(reward)).round(2),
        conversions="new_customers",
    ).drop("acquisition_source")


def _sharing(world: World, day: Ints) -> Ints:
    """The sharing campaign that runs on each day, -1 on others."""
    known = campaigns(world).filter(pl.col("campaign_type") == "social_sharing")
    found = np.full(len(day), -1, dtype=np.int64)
    for number, begins, ends in known.select("campaign_no", "start_day", "end_day").iter_rows():
        found[(day >= begins) & (day <= ends)] = number
    return found


def _posts(world: World, first_day: int, last_day: int) -> pl.DataFrame:
    """Posts that cost something, on the day on which they are published."""
    posts = published(world, first_day, last_day).filter(pl.col("cost") > 0)
    return posts.select(
        "day",
        "campaign_no",
        spend_no=text("P{}", "post_no"),
        channel=pl.when(pl.col("author_no") == AUTHORS.index("kol")).then(pl.lit("kol")).otherwise(pl.lit("content")),
        is_paid_media=pl.lit(False),
        cost_type=pl.lit("content"),
        amount="cost",
        impressions=pl.col("reads").round().cast(pl.Int64),
    )


def _streams(world: World, first_day: int, last_day: int) -> pl.DataFrame:
    """Hosts and studio of a day's live streams."""
    day = np.arange(first_day, last_day + 1, dtype=np.int64)
    draws = world.draws("stream fees")
    won = users(world).filter(
        pl.col("customer_no").is_not_null(),
        pl.col("acquisition_source") == "live_stream",
        pl.col("registered_day").is_between(first_day, last_day),
    )["registered_day"].to_numpy()  # fmt: skip
    count = np.bincount(won - first_day, minlength=len(day))
    fee = 3 * STREAM_FEE * world.scale**0.7 * np.power(STREAM_RISE, world.years(day)) * draws.between(0.85, 1.15, day)
    return pl.DataFrame({"day": day, "amount": np.round(fee, 2), "new_customers": count}).with_columns(
        spend_no=text("L{}", "day"),
        channel=pl.lit("live_stream"),
        is_paid_media=pl.lit(False),
        cost_type=pl.lit("fee"),
        conversions="new_customers",
    )


def _campaigns(world: World, first_day: int, last_day: int) -> pl.DataFrame:
    """A campaign's budget, nearly all of it, over its days; offline everywhere means in provinces in turn."""
    known = campaigns(world).join(campaign_budgets(world), on="campaign_no", maintain_order="left")
    known = known.filter((pl.col("end_day") >= first_day) & (pl.col("start_day") <= last_day))
    rows = (
        known.join(
            places().select("region_code", own_place_no="place_no"), on="region_code", how="left", maintain_order="left"
        )
        .with_columns(day=pl.int_ranges("start_day", pl.col("end_day") + 1), line_no=_line_of(world, known["sku_no"]))
        .explode("day", empty_as_null=True)
        .join(_CAMPAIGN_COSTS.with_row_index("index").with_columns(pl.col("index").cast(pl.Int64)), how="cross")
    )
    draws, number, day, index = (
        world.draws("campaign spend"),
        *(rows[n].to_numpy() for n in ("campaign_no", "day", "index")),
    )
    share = _outlay()
    rows = rows.with_columns(
        part=pl.Series(draws.between(0.6, 1.4, number, day, index, 1)),
        done=pl.Series(draws.between(0.90, 1.06, number, index, 2)),
        some_place_no=pl.Series(draws.of("places").pick(share, number, day, index)),
    )
    offline = pl.col("campaign_type").replace_strict(_OFFLINE_CHANNELS, default=pl.col("offline"))
    return rows.with_columns(
        spend_no=text("C{}-{}-{}", "campaign_no", "index", "day"),
        channel=pl.when("online").then("online_channel").otherwise(offline),
        is_paid_media=pl.lit(False),
        place_no=pl.when(pl.col("own_place_no").is_not_null()).then("own_place_no").when(~pl.col("online")).then("some_place_no"),
        amount=(
            pl.col("budget") * pl.col("share") * pl.col("done") * pl.col("part")
            / pl.col("part").sum().over("campaign_no", "index")
        ).round(2),
    ).filter(pl.col("day").is_between(first_day, last_day)).select(
        "spend_no", "day", "campaign_no", "channel", "is_paid_media", "place_no", "line_no", "cost_type", "amount"
    )  # fmt: skip


def _line_of(world: World, sku_no: pl.Series) -> pl.Series:
    """The product line of what is launched; null: no launch."""
    return products(world)["line_no"].gather(sku_no)


def _outlay() -> Floats:
    """Share of each place in what is spent everywhere."""
    known = places()
    towards = known["market"].replace_strict(_TOWARDS, default=0.0)
    return np.asarray(known["population_share"].to_numpy() * towards.to_numpy())
