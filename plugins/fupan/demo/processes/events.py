"""What visitors do: pages, items, carts and payments on the way to an order, clicks, and games of campaigns."""

from __future__ import annotations

import numpy as np
import polars as pl

from fupan.demo.company.assortment import is_on_sale, products
from fupan.demo.life.sales.plan import TRADES
from fupan.demo.life.visits import visits
from fupan.demo.process import CHANGED_ON, Frames, Process
from fupan.demo.tools.draws import Draws, Ints
from fupan.demo.tools.wording import text
from fupan.demo.world import Span, World

#: What there is to do -> share of visits that do it when they get as far, and how far that is.
_STEPS = {
    "view": (1.0, 1, "visit"),
    "item_view": (1.0, 2, "view"),
    "add_to_cart": (1.0, 3, "cart"),
    "checkout": (1.0, 4, "checkout"),
    "pay": (1.0, 5, "pay"),
    "click": (0.75, 1, None),
    "second_item": (0.45, 2, "view"),
    "share": (0.012, 2, None),
}
#: On the page of a campaign; who has played or booked buys more often than others.
_GAMES = {"lottery": (0.10, 0.16), "trial_booking": (0.012, 0.03), "rules_open": (0.08, 0.05), "share": (0.03, 0.05)}
_ELEMENTS = ("banner", "search", "menu", "item_card", "coupon", "service_chat", "gallery", "buy_now")
_ELEMENT_SHARES = (0.20, 0.13, 0.10, 0.25, 0.09, 0.05, 0.08, 0.10)
#: Share of items viewed that were recommended.
RECOMMENDED = 0.28


def tell(world: World, span: Span) -> Frames:
    """Events of the visits that begin on the span's days, within their visit."""
    found = visits(world, span.first, span.last)
    draws, key = world.draws("events"), found["visit_key"].to_numpy()
    liked = _liked(world, draws.of("first item"), found)
    depth = found["max_depth"].to_numpy()
    bought = found["order_id"].is_not_null().to_numpy()
    on_campaign_page = found["campaign_id"].is_not_null().to_numpy()
    found = found.select(
        "visit_key", "session_id", "user_id", "campaign_id", "landing_page_id", "started_at", "duration_s",
        sku_no=pl.col("sku_no").fill_null(liked), other_sku_no=_liked(world, draws.of("second item"), found),
    )  # fmt: skip
    parts = []
    for number, (name, (share, least, funnel_step)) in enumerate(_STEPS.items()):
        does = (depth >= least) & draws.chance(share, key, number)
        parts.append(_events(draws, found.filter(pl.Series(does)), number, name, funnel_step))
    for number, (name, shares) in enumerate(_GAMES.items(), start=len(_STEPS)):
        does = on_campaign_page & draws.chance(np.where(bought, shares[1], shares[0]), key, number)
        parts.append(_events(draws, found.filter(pl.Series(does)), number, name, None))
    events = pl.concat(parts)
    return {
        "web_events": events.with_columns(
            sku=products(world)["sku"].gather(events["sku_no"]),
            updated_at="occurred_at",
        )
        .with_columns(pl.col("occurred_at").dt.date().alias(CHANGED_ON))
        .drop("sku_no")
    }


def _events(draws: Draws, visited: pl.DataFrame, number: int, name: str, funnel_step: str | None) -> pl.DataFrame:
    """One event of a kind a visit; those further down the funnel come later in it."""
    key = visited["visit_key"].to_numpy()
    low = min(number, 5) / 6
    at = draws.between(low, low + 1 / 6, key, 50 + number) * visited["duration_s"].to_numpy()
    about_item = name in ("item_view", "second_item", "add_to_cart", "checkout", "pay")
    is_click, is_second = name == "click", name == "second_item"
    element = pl.Series(draws.choice(_ELEMENTS, key, 60, weights=_ELEMENT_SHARES))
    recommended = pl.Series(draws.chance(RECOMMENDED, key, 61))
    place = {
        "pos_x": pl.Series(np.clip(540 + 210 * draws.normal(key, 62), 0, 1079).astype(np.int64)),
        "pos_y": pl.Series((2400 * draws.uniform(key, 63) ** 2).astype(np.int64)),
    }
    return visited.select(
        event_id=text("EV{}-{}", "visit_key", pl.lit(number)),
        session_id="session_id",
        user_id="user_id",
        campaign_id="campaign_id",
        page_id="landing_page_id",
        element_id=element if is_click else pl.lit(None, pl.String),
        event_type=pl.lit("item_view" if is_second else name),
        funnel_step=pl.lit(funnel_step, pl.String),
        sku_no=pl.col("other_sku_no" if is_second else "sku_no") if about_item else pl.lit(None, pl.Int64),
        pos_x=place["pos_x"] if is_click else pl.lit(None, pl.Int64),
        pos_y=place["pos_y"] if is_click else pl.lit(None, pl.Int64),
        is_recommended=recommended if funnel_step == "view" else pl.lit(False),
        occurred_at=pl.col("started_at") + pl.Series((at * 1000).astype(np.int64)).cast(pl.Duration("ms")),
    )


def _liked(world: World, draws: Draws, found: pl.DataFrame) -> pl.Series:
    """What visitors look at who do not buy: SKUs on sale, as popular as they are with households."""
    known = products(world)
    taste = np.asarray(TRADES["online"].taste)[known["line_no"].to_numpy()]
    liked = known["popularity"].to_numpy() * taste
    day: Ints = found["day"].to_numpy()
    picked = np.zeros(len(day), dtype=np.int64)
    key = found["visit_key"].to_numpy()
    days = np.unique(day)
    for each, on_sale in zip(days, is_on_sale(world, days), strict=True):
        rows = np.flatnonzero(day == each)
        picked[rows] = draws.pick(liked * on_sale, key[rows], 70)
    return pl.Series(picked)


PROCESS = Process(("web_events",), tell, echoes=0, history=60)
