"""Orders and their lines, told for the days on which they come in, with all that will ever become of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import lru_cache

import numpy as np
import polars as pl

from fupan.demo.company import clientele, network
from fupan.demo.company.assortment import products
from fupan.demo.company.bundles import KIT, bundles
from fupan.demo.company.campaigns import promotions
from fupan.demo.company.geography import places
from fupan.demo.life.sales import arrivals
from fupan.demo.life.sales.arrivals import PLATFORMS, Arrivals
from fupan.demo.life.sales.baskets import shelf
from fupan.demo.life.sales.fate import NEVER, Fate, fate
from fupan.demo.life.sales.lines import fill
from fupan.demo.life.sales.plan import TRADES
from fupan.demo.tools.draws import Draws, Ints
from fupan.demo.tools.wording import text
from fupan.demo.world import Span, World, day_number

GROUPS = tuple(TRADES)
CHANNEL_OF = {"store": "STORE", "dealer": "DEALER", "project": "PROJECT", "export": "EXPORT"}
PLATFORM_CHANNELS = ("TMALL", "JD", "DOUYIN", "SITE", "WECHAT")
#: Share of online orders from a phone, on each platform.
MOBILE = (0.615, 0.555, 0.87, 0.33, 1.0)


@dataclass(frozen=True)
class Sales:
    """``orders`` and ``lines`` of some days. Stamps are those of the whole story, also of what lies in the future; null: never.

    ``fate``: late changes of each order, in the order of ``orders``."""

    orders: pl.DataFrame
    lines: pl.DataFrame


#: The span that was told last, of each world: what is asked for within it need not be told again.
_LATEST: dict[World, tuple[date, date]] = {}


def told(world: World, first: date, last: date) -> Sales:
    """What was ordered from ``first`` to ``last`` (inclusive)."""
    begins, ends = _LATEST.get(world, (first, last))
    if not begins <= first <= last <= ends:
        begins, ends = _LATEST[world] = (first, last)
    sales = _told_whole(world, begins, ends)
    if (begins, ends) == (first, last):
        return sales
    inside = pl.col("order_day").is_between(day_number(first), day_number(last))
    return Sales(sales.orders.filter(inside), sales.lines.filter(inside))


@lru_cache(maxsize=2)
def _told_whole(world: World, first: date, last: date) -> Sales:
    days = Span(first, last, last).days
    parts = [_told(world, group, days) for group in GROUPS]
    orders = pl.concat([part.orders for part in parts], how="diagonal")
    lines = pl.concat([part.lines for part in parts])
    return Sales(orders.sort("order_key"), lines.sort("line_key"))


def _told(world: World, group: str, days: Ints) -> Sales:
    trade = TRADES[group]
    platforms = PLATFORMS if group == "online" else ("offline",) if group == "store" else ()
    offer = shelf(world, trade, days, platforms=platforms, by_value=group not in ("online", "store"))
    if group == "online":
        came = arrivals.online(world, days, offer.lift.reshape(len(days), len(PLATFORMS)))
        rows = (came.day - days[0]) * len(PLATFORMS) + came.more["platform_no"]
    elif group == "store":
        came = arrivals.store(world, days, offer.lift)
        rows = came.day - days[0]
    else:
        came = getattr(arrivals, group)(world, days)
        rows = came.day - days[0]
    lines = fill(world, came, offer, rows)
    custom = np.zeros(len(came.day), dtype=bool)
    custom[lines.filter("is_custom_line")["order_at"].to_numpy()] = True
    course = fate(world, came, custom)
    orders = _orders(world, group, came, course, lines)
    return Sales(orders, _lines(world, came, lines, orders))


def _stamp(seconds: Ints) -> pl.Series:
    return pl.Series(np.where(seconds == NEVER, 0, seconds) * 1_000_000).cast(pl.Datetime("us")).set(
        pl.Series(seconds == NEVER), None
    )  # fmt: skip


def _day(number: Ints) -> pl.Series:
    return pl.Series(number.astype(np.int32)).cast(pl.Date)


def _orders(world: World, group: str, came: Arrivals, course: Fate, lines: pl.DataFrame) -> pl.DataFrame:
    draws, key = world.draws("order heads"), came.key
    none = pl.Series(np.full(len(key), None), dtype=pl.String)
    sums = np.zeros(len(key))
    np.add.at(sums, lines["order_at"].to_numpy(), lines["net_amount"].to_numpy())
    where = pl.DataFrame({"place_no": pl.Series(came.place_no)}).with_columns(
        pl.when(pl.col("place_no") >= 0).then("place_no").alias("place_no")
    )
    place = places()
    numbered = where.join(
        place.select("place_no", "region_code", "country"), on="place_no", how="left", maintain_order="left"
    )
    who = pl.DataFrame(
        {
            "customer_no": pl.select(
                pl.when(pl.Series(came.customer_no) >= 0).then(pl.Series(came.customer_no))
            ).to_series()
        }
    )
    who = who.with_columns(
        customer_id=clientele.customer_id(pl.col("customer_no")),
        customer_kind=_kinds(world, came),
    )
    orders = (
        pl.DataFrame(
            {
                "order_key": key,
                "group": pl.Series([group] * len(key), dtype=pl.String),
                "order_day": came.day,
                "order_date": _day(came.day),
                "placed_at": _stamp(course.placed),
                "paid_at": _stamp(course.paid),
                "shipped_at": _stamp(course.shipped),
                "delivered_at": _stamp(course.delivered),
                "cancelled_at": _stamp(course.cancelled),
                "redated_at": _stamp(course.redated),
                "redated_to": _day(course.redated_to),
                "deleted_at": _stamp(course.deleted),
                "repriced_at": _stamp(course.repriced),
                "reprice": course.reprice,
                "shortened_at": _stamp(course.shortened),
                "promised_date": _day(course.promised_day),
                "order_net": np.round(sums, 2),
            }
        )
        .hstack(who)
        .hstack(numbered)
    )
    reason = draws.choice(["changed_mind", "out_of_stock", "price_too_high", "wrong_address"], key, 1)
    orders = orders.with_columns(
        pl.when(pl.col("cancelled_at").is_not_null()).then(pl.Series(reason)).alias("cancel_reason"),
        pl.col("country").fill_null("CN"),
        pl.col("deleted_at").dt.date().alias("gone_on"),
        order_id=order_id(pl.col("order_key")),
        is_priority=pl.Series(draws.chance(0.04, key, 2)),
        price_correction_flag=pl.col("repriced_at").is_not_null(),
        opp_id=none, project_type=none, referral_designer_id=none, cobrand_partner=none, outlet_id=none, dealer_id=none,
        platform=none, device_type=none, entry_app=none, user_id=none, rep_id=none,
        is_presale=pl.lit(False), is_o2o=pl.lit(False), is_solution_sale=pl.lit(False),
    )  # fmt: skip
    orders = orders.hstack([_promo(world, came, lines)]).join(
        promotions(world).select("promo_id", "campaign_id").unique("promo_id"),
        on="promo_id", how="left", maintain_order="left",
    )  # fmt: skip
    return _IN_DETAIL[group](world, draws, came, orders)


def order_id(key: pl.Expr) -> pl.Expr:
    """What the ERP calls an order: its day, and what tells it from others of that."""
    day = arrivals.order_day(key).cast(pl.Int32).cast(pl.Date).dt.strftime("%Y%m%d")
    return text("SO{}-{}", day, arrivals.order_number(key).cast(pl.String).str.zfill(9))


def _promo(world: World, came: Arrivals, lines: pl.DataFrame) -> pl.Series:
    """The promotion of an order is that of its first promoted line."""
    first = lines.filter(pl.col("promo_id").is_not_null()).unique("order_at", keep="first", maintain_order=True)
    found = pl.DataFrame({"order_at": np.arange(len(came.day))}).join(
        first.select("order_at", "promo_id"), on="order_at", how="left", maintain_order="left"
    )
    return found["promo_id"]


def _kinds(world: World, came: Arrivals) -> pl.Series:
    if came.trade.number < 2:
        return pl.select(pl.when(pl.Series(came.customer_no) >= 0).then(pl.lit("household"))).to_series()
    if came.trade.number == 2:
        return pl.Series(["dealer"] * len(came.day), dtype=pl.String)
    if came.trade.number == 4:
        return pl.Series(["importer"] * len(came.day), dtype=pl.String)
    return clientele.businesses(world)["kind"].gather(came.customer_no - clientele.BUSINESSES)


def _online(world: World, draws: Draws, came: Arrivals, orders: pl.DataFrame) -> pl.DataFrame:
    key, platform = came.key, came.more["platform_no"]
    mobile = draws.chance(np.asarray(MOBILE)[platform], key, 10)
    return orders.with_columns(
        platform=pl.Series(np.asarray(PLATFORMS)[platform]),
        channel_id=pl.Series(np.asarray(PLATFORM_CHANNELS)[platform]),
        device_type=pl.Series(np.where(mobile, "mobile", "desktop")),
        entry_app=pl.Series(np.where(mobile, np.asarray(PLATFORMS)[platform], "web")),
        user_no=pl.Series(came.more["account_no"]),
        user_id=clientele.user_id(pl.Series(came.more["account_no"])),
        is_presale=pl.col("promo_id").is_not_null() & pl.Series(draws.chance(0.25, key, 11)),
        is_o2o=pl.Series(draws.chance(0.04, key, 12)),
        cobrand_partner=pl.when(pl.Series(draws.chance(0.02, key, 13))).then(pl.lit("智家联名")),
    )


def _store(world: World, draws: Draws, came: Arrivals, orders: pl.DataFrame) -> pl.DataFrame:
    number = came.more["outlet_no"]
    known = network.outlets(world).sort("outlet_no")
    return orders.with_columns(
        channel_id=pl.lit("STORE"),
        outlet_no=pl.Series(number),
        outlet_id=known["outlet_id"].gather(number),
        user_no=pl.Series(came.more["account_no"]),
        user_id=clientele.user_id(pl.Series(came.more["account_no"])),
        is_o2o=pl.Series(draws.chance(0.22, came.key, 12)),
        referral_designer_id=_designer(draws, came.key, 0.06),
    )


def _dealer(world: World, draws: Draws, came: Arrivals, orders: pl.DataFrame) -> pl.DataFrame:
    known = network.dealers(world).sort("dealer_no")
    number = came.more["dealer_no"]
    return orders.with_columns(
        channel_id=pl.lit("DEALER"),
        dealer_no=pl.Series(number),
        dealer_id=known["dealer_id"].gather(number),
        **_rep(world, came),
    )


def _project(world: World, draws: Draws, came: Arrivals, orders: pl.DataFrame) -> pl.DataFrame:
    known = clientele.businesses(world)
    index = came.customer_no - clientele.BUSINESSES
    industry = known["industry"].gather(index)
    large = pl.Series(came.more["is_large"])
    return orders.with_columns(
        channel_id=pl.lit("PROJECT"),
        opp_id=pl.when(large).then(text("OPP{}-{}", pl.col("customer_no"), pl.Series(came.more["turn"]))),
        project_type=industry.replace_strict(PROJECT_TYPES, default="other"),
        is_solution_sale=pl.Series(draws.chance(np.where(came.more["is_large"], 0.45, 0.15), came.key, 14)),
        is_priority=large | pl.col("is_priority"),
        referral_designer_id=_designer(draws, came.key, 0.18),
        **_rep(world, came),
    )


def _export(world: World, draws: Draws, came: Arrivals, orders: pl.DataFrame) -> pl.DataFrame:
    return orders.with_columns(channel_id=pl.lit("EXPORT"), **_rep(world, came))


_IN_DETAIL = {"online": _online, "store": _store, "dealer": _dealer, "project": _project, "export": _export}

PROJECT_TYPES = {
    "hotel": "hotel", "restaurant_chain": "restaurant", "retail_chain": "retail", "office": "office", "hospital": "public",
    "school": "public", "real_estate": "residential_estate", "manufacturing": "factory", "warehousing": "factory",
    "mining": "factory", "smart_home": "smart_home", "decoration": "decoration", "interior_design": "decoration",
}  # fmt: skip


def _designer(draws: Draws, key: Ints, share: float) -> pl.Expr:
    number = pl.Series(draws.integer(1, network.DESIGNERS, key, 21)).cast(pl.String).str.zfill(4)
    return pl.when(pl.Series(draws.chance(share, key, 20))).then(text("DSG{}", number))


def _rep(world: World, came: Arrivals) -> dict[str, pl.Series]:
    chosen = network.rep_of(world, came.customer_no, came.place_no, came.day)
    emp = network.reps(world)["emp_id"].gather(np.maximum(chosen, 0))
    return {"rep_no": pl.Series(chosen), "rep_id": pl.select(pl.when(pl.Series(chosen) >= 0).then(emp)).to_series()}


def _lines(world: World, came: Arrivals, lines: pl.DataFrame, orders: pl.DataFrame) -> pl.DataFrame:
    at = lines["order_at"].to_numpy()
    of_order = orders.select(
        "order_id", "group", "platform", "customer_no", "place_no", "placed_at", "delivered_at", "repriced_at", "reprice",
        "shortened_at", "gone_on",
    )[at]  # fmt: skip
    last = lines["line_no"].to_numpy() == came.lines[at]
    kit_items = bundles(world).filter(pl.col("bundle_id") == KIT).height
    is_kit = came.more.get("is_kit", np.zeros(len(came.day), dtype=bool))
    bundled = is_kit[at] & (lines["line_no"].to_numpy() <= kit_items)
    sku = products(world)["sku"]
    found = lines.drop("order_at", "promo_no", "promo_id").hstack(of_order)
    shortens = pl.Series(last & (came.lines[at] > 1)) & pl.col("shortened_at").is_not_null()
    return found.with_columns(
        sku=sku.gather(found["sku_no"]),
        bundle_id=pl.when(pl.Series(bundled)).then(pl.lit(KIT)),
        # The first line is the one whose price is corrected; the last of several the one that is dropped.
        repriced_at=pl.when((pl.col("line_no") == 1) & ~pl.col("is_gift")).then("repriced_at"),
        gone_on=pl.min_horizontal("gone_on", pl.when(shortens).then(pl.col("shortened_at").dt.date())),
    ).drop("shortened_at")
