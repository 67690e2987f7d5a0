"""Coupons: for new accounts, birthdays, campaigns, joint brands, and to bring those back who have bought nothing for long."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import polars as pl

from fupan.demo.company.campaigns import campaigns, promotions
from fupan.demo.company.clientele import households, user_id, users
from fupan.demo.company.seasons import days_of_month, months
from fupan.demo.life.purchases import purchases
from fupan.demo.life.sales import told
from fupan.demo.life.sales.arrivals import order_trade
from fupan.demo.life.sales.plan import TRADES
from fupan.demo.life.sales.told import order_id
from fupan.demo.life.visits import accounts_by_day
from fupan.demo.process import Frames, Process, as_of
from fupan.demo.tools.columns import DAY_S, moment
from fupan.demo.tools.wording import text
from fupan.demo.world import YEAR, Span, World, day_number

#: Type -> what it is worth (CNY), and how often who holds it and buys in time uses it.
TYPES = {
    "new_user": ((20, 30), 0.55),
    "birthday": ((30, 50), 0.60),
    "campaign": ((10, 20, 30, 50), 0.50),
    "cobrand": ((15, 25), 1.0),
    "recall_personalised": ((40, 60, 80), 0.80),
    "recall_standard": ((20, 30), 0.60),
}
#: A coupon holds for so many days.
VALID = 30
#: Who has bought nothing for so long is dormant; on this day of the month a third of them is written to.
DORMANT, RECALL_DAY, _TURNS = 180, 5, 3
#: A personalised coupon is for those who used to buy more than twice as often as others; of those a share gets one, of the
#: others a smaller one gets the standard.
WORTH_IT, PERSONALISED, STANDARD = 2.3, 0.8, 0.12
#: Coupons that are sent out when an online campaign begins, at scale 1.
SENT_OUT = 2_200
_TYPE_NAMES = tuple(TYPES)
_CHANNELS = {TRADES[name].number: name for name in ("online", "store")}
_SCHEMA = {"type_no": pl.Int64, "user_no": pl.Int64, "day": pl.Int64, "campaign_no": pl.Int64}


def tell(world: World, span: Span) -> Frames:
    """Coupons that are issued on the span's days."""
    kinds = (_for_new_accounts, _birthdays, _sent_out, _recalls)
    issued = pl.concat([kind(world, span) for kind in kinds])
    found = pl.concat([_redeemed(world, span, issued), _claimed(world, span)], how="diagonal")
    draws, key = world.draws("coupons"), tuple(found[name].to_numpy() for name in ("type_no", "user_no", "day"))
    value = np.zeros(found.height)
    for number, (values, _) in enumerate(TYPES.values()):
        rows = np.flatnonzero(key[0] == number)
        value[rows] = draws.choice(values, *(part[rows] for part in key), 5)
    found = found.with_columns(
        coupon_id=text("CU{}-{}-{}-{}", "type_no", "day", "user_no", "order_at"),
        coupon_type=pl.col("type_no").replace_strict(dict(enumerate(_TYPE_NAMES)), return_dtype=pl.String),
        campaign_id=campaigns(world)["campaign_id"].gather(found["campaign_no"]),
        user_id=user_id(pl.col("user_no")),
        face_value=pl.Series(value),
        pushed_at=pl.col("issued_at") + pl.Series(draws.integer(60, 5400, *key, 6) * 1_000_000).cast(pl.Duration("us")),
    )
    # Nobody is told of a coupon that he has used already.
    in_time = pl.col("redeemed_at").is_null() | (pl.col("pushed_at") < pl.col("redeemed_at"))
    found = found.with_columns(pushed_at=pl.when(in_time).then("pushed_at"))
    stamps = ["issued_at", "pushed_at", "redeemed_at"]
    return {
        "crm_coupons": as_of(found, span.evening, stamps, reveals={"redeemed_at": ["order_id", "redeem_channel"]}).drop(
            "type_no", "user_no", "day", "campaign_no", "order_at"
        )
    }


def _for_new_accounts(world: World, span: Span) -> pl.DataFrame:
    known = users(world).filter(pl.col("registered_day").is_between(*_days(span)), pl.col("consent_flag"))
    return known.select(_number("new_user"), "user_no", day="registered_day", campaign_no=pl.lit(None, pl.Int64))


def _birthdays(world: World, span: Span) -> pl.DataFrame:
    """Paying members, once a year."""
    members = users(world).filter("is_paid_member")
    day_of_year = pl.Series(world.draws("birthdays").integer(0, YEAR - 1, members["user_no"].to_numpy()))
    first, last = _days(span)
    members = members.with_columns(
        # The first day of the span that has the same place in a year of the company.
        day=first + (day_of_year - (first - day_number(world.first))) % YEAR
    )
    years = range((last - first) // YEAR + 1)
    every = pl.concat([members.with_columns(pl.col("day") + YEAR * year) for year in years])
    return every.filter(pl.col("day") <= last, pl.col("member_since_day") <= pl.col("day")).select(
        _number("birthday"), "user_no", "day", campaign_no=pl.lit(None, pl.Int64)
    )


def _sent_out(world: World, span: Span) -> pl.DataFrame:
    """To accounts at random when a campaign with coupons begins."""
    first, last = _days(span)
    with_coupons = promotions(world).filter(pl.col("mechanism") == "coupon")["campaign_no"].unique()
    begun = campaigns(world).filter(
        pl.col("online") & pl.col("campaign_no").is_in(with_coupons.implode()),
        pl.col("start_day").is_between(first, last),
    )
    number = np.arange(world.number(SENT_OUT, 20), dtype=np.int64)
    campaign, day = begun["campaign_no"].to_numpy(), begun["start_day"].to_numpy()
    accounts, registered = accounts_by_day(world)
    standing = np.searchsorted(registered, day - 1, side="right")
    even = world.draws("coupons sent out").uniform(campaign[:, None], number[None, :])
    who = accounts[np.floor(even * standing[:, None]).astype(np.int64)]
    return pl.DataFrame(
        {
            "type_no": np.full(who.size, _TYPE_NAMES.index("campaign")),
            "user_no": who.ravel(),
            "day": np.repeat(day, len(number)),
            "campaign_no": np.repeat(campaign, len(number)),
        },
        schema=_SCHEMA,
    ).unique(["user_no", "day"], maintain_order=True)


def _recalls(world: World, span: Span) -> pl.DataFrame:
    days = span.days[days_of_month(span.days) == RECALL_DAY]
    days = days[days >= day_number(world.first) + DORMANT]
    return pl.concat([pl.DataFrame(schema=_SCHEMA), *(_recall(world, int(day)) for day in days)])


@lru_cache(maxsize=64)
def _recall(world: World, day: int) -> pl.DataFrame:
    """Who is written to on a day: households of long standing that have bought nothing for half a year."""
    known, draws = households(world), world.draws("recalls")
    number = np.arange(known.height, dtype=np.int64)
    sleeps = known["created_day"].to_numpy() <= day - DORMANT
    sleeps[purchases(world, day - DORMANT, day)["user_no"].to_numpy()] = False
    turn = draws.integer(0, _TURNS - 1, number, 1) == months(np.array([day]))[0] % _TURNS
    is_worth_it = known["weight"].to_numpy() > WORTH_IT
    chosen = sleeps & turn & draws.chance(np.where(is_worth_it, PERSONALISED, STANDARD), number, day, 2)
    kind = np.where(is_worth_it, _TYPE_NAMES.index("recall_personalised"), _TYPE_NAMES.index("recall_standard"))
    return pl.DataFrame(
        {"type_no": kind[chosen], "user_no": number[chosen], "day": day, "campaign_no": None}, schema=_SCHEMA
    )


def _redeemed(world: World, span: Span, issued: pl.DataFrame) -> pl.DataFrame:
    """Coupons with the first order of their holder while they hold, if he uses them."""
    first, last = _days(span)
    bought = purchases(world, first, last + VALID).select(
        "user_no", "order_key", bought_at=pl.col("day") * DAY_S + pl.col("second")
    )
    draws = world.draws("redemptions")
    key = (issued["type_no"].to_numpy(), issued["user_no"].to_numpy(), issued["day"].to_numpy())
    uses = draws.chance(np.array([share for _, share in TYPES.values()])[key[0]], *key, 1)
    # In the morning, before the first orders come in.
    issued_at = key[2] * DAY_S + 6 * 3600 + draws.integer(0, 5400, *key, 2)
    held = issued.with_columns(issued_s=pl.Series(issued_at), uses=pl.Series(uses)).sort(
        "issued_s", maintain_order=True
    )
    return (
        held.join_asof(
            bought.sort("bought_at"), left_on="issued_s", right_on="bought_at", by="user_no", strategy="forward",
            tolerance=VALID * DAY_S, check_sortedness=False,
        )
        .with_columns(pl.when("uses").then(pl.col(name)).alias(name) for name in ("order_key", "bought_at"))
        .select(
            *_SCHEMA,
            order_id=order_id(pl.col("order_key")),
            redeem_channel=order_trade(pl.col("order_key")).replace_strict(_CHANNELS, return_dtype=pl.String),
            order_at=pl.lit(0, pl.Int64), issued_at=moment(pl.col("issued_s")), redeemed_at=moment(pl.col("bought_at")),
        )
    )  # fmt: skip


def _claimed(world: World, span: Span) -> pl.DataFrame:
    """Coupons that buyers take minutes before they order: of the order's promotion, or of a joint brand."""
    orders = told(world, span.first, span.last).orders.filter(pl.col("group") == "online")
    by_coupon = promotions(world).filter(pl.col("mechanism") == "coupon").select("promo_id", "campaign_no").unique()
    orders = orders.join(by_coupon, on="promo_id", how="left", maintain_order="left").filter(
        pl.col("campaign_no").is_not_null() | pl.col("cobrand_partner").is_not_null()
    )
    minutes = pl.Series(world.draws("coupons claimed").integer(2, 40, orders["order_key"].to_numpy()))
    return orders.select(
        "user_no", "campaign_no", "order_id",
        type_no=pl.when(pl.col("cobrand_partner").is_not_null())
        .then(_TYPE_NAMES.index("cobrand")).otherwise(_TYPE_NAMES.index("campaign")).cast(pl.Int64),
        day="order_day",
        redeem_channel=pl.lit("online"),
        order_at=1 + pl.col("order_key") % (1 << 28),
        issued_at=pl.col("placed_at") - (minutes * 60_000_000).cast(pl.Duration("us")),
        redeemed_at="placed_at",
    )  # fmt: skip


def _number(name: str) -> pl.Expr:
    return pl.lit(_TYPE_NAMES.index(name), pl.Int64).alias("type_no")


def _days(span: Span) -> tuple[int, int]:
    return day_number(span.first), day_number(span.last)


PROCESS = Process(("crm_coupons",), tell, echoes=VALID + 1)
