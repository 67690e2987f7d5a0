"""Opportunities in the CRM, the stages that they go through, and what is quoted on the way."""

from __future__ import annotations

import numpy as np
import polars as pl

from fupan.demo.company.assortment import date_of, is_on_sale, list_prices, products
from fupan.demo.company.network import NEVER
from fupan.demo.company.rivals import rival_id
from fupan.demo.life import deals
from fupan.demo.life.deals import PROBABILITIES, REASONS, STAGES
from fupan.demo.process import Frames, Process, as_of
from fupan.demo.tools.draws import Ints
from fupan.demo.tools.stamps import minute
from fupan.demo.tools.wording import text
from fupan.demo.world import Span, World, day_number

#: An opportunity is decided at the latest so many days after it was opened.
LONGEST = 230
SCRIPTS = ("scene_solution", "energy_saving", "price_offer", "case_study")
#: How often an argument is used, in opportunities that are won and in those that are lost.
SCRIPTS_WON, SCRIPTS_LOST = (0.38, 0.24, 0.14, 0.24), (0.24, 0.24, 0.36, 0.16)
#: Share of quotes made with the quick tool, in the year under review and its rise a year.
QUICK, QUICK_RISE = 0.45, 0.12


def tell(world: World, span: Span) -> Frames:
    """Opportunities that are opened on the span's days."""
    known = deals.deals(world)
    first = day_number(world.first)
    begun = deals.rows_of((int(span.days[0]), int(span.days[-1])), known["created_day"].to_numpy(), first)
    mine = known[begun]
    entered, closed = deals.entered(world, mine), deals.closed_minute(world, mine)
    return {
        "crm_opportunities": _opportunities(world, span, mine, entered, closed),
        "crm_stage_history": _stages(span, mine, entered, closed),
        "crm_quotes": _quotes(world, span, mine, entered, closed),
    }


def _opportunities(world: World, span: Span, mine: pl.DataFrame, entered: Ints, closed: Ints) -> pl.DataFrame:
    draws, number = world.draws("opportunities"), mine["opp_no"].to_numpy()
    end = (day_number(span.evening) + 1) * 1440
    stage = (entered < end).sum(axis=1).clip(1) - 1
    is_closed = closed < end
    won = mine["is_won"].to_numpy()
    probability = np.where(is_closed, won.astype(float), np.array(PROBABILITIES)[stage])
    last_move = np.where(entered < end, entered, 0).max(axis=1)
    script = np.where(won, draws.pick(SCRIPTS_WON, number, 1), draws.pick(SCRIPTS_LOST, number, 1))
    industry = mine["industry"].to_numpy()
    public = np.isin(industry, ["hospital", "school"])
    shown = mine.with_columns(
        opened=pl.Series(entered[:, 0]),
        moved=pl.Series(last_move),
        closed=pl.Series(closed),
        planned_day=pl.col("closed_day") + pl.Series(draws.integer(-25, 20, number, 6)),
    ).select(
        "opp_id",
        lead_id=deals.lead_id(),
        customer_id=deals.customer_id(),
        owner_id=deals.owner_id(world),
        segment="kind",
        channel_id=pl.lit("PROJECT"),
        project_type=deals.project_type(),
        is_bid=pl.Series(public | draws.chance(0.45, number, 2)),
        is_major_project=pl.col("expected") >= deals.MAJOR,
        is_government=pl.Series(public & draws.chance(0.7, number, 3)),
        contact_count=pl.Series(2 + draws.poisson(1.2 + mine["expected"].to_numpy() / 600_000, number, 4)),
        expected_amount="expected",
        win_probability=pl.Series(probability),
        expected_close=date_of("planned_day"),
        created_at=minute("opened"),
        stage=pl.Series(np.asarray(STAGES)[stage]),
        moved_at=minute("moved"),
        closed_at=minute("closed"),
        outcome=pl.when("is_won").then(pl.lit("won")).otherwise(pl.lit("lost")),
        loss_reason=pl.col("reason").replace_strict(dict(enumerate(REASONS)), default=None, return_dtype=pl.String),
        won_by_competitor_id=rival_id("winner"),
        won_amount=pl.when("is_won").then("amount"),
        script_type=pl.Series(np.asarray(SCRIPTS)[script]),
        is_reference_case=pl.Series(is_closed & won & draws.chance(0.12, number, 5)),
    )
    decided = ("outcome", "loss_reason", "won_by_competitor_id", "won_amount")
    seen = as_of(shown, span.evening, ["created_at", "moved_at", "closed_at"], reveals={"closed_at": decided})
    return seen.drop("moved_at")


def _stages(span: Span, mine: pl.DataFrame, entered: Ints, closed: Ints) -> pl.DataFrame:
    """A row a stage that is entered; it is left when the next one is, or when the opportunity is decided."""
    row, stage = np.nonzero(entered < NEVER)
    after = np.concatenate([entered[:, 1:], np.full((len(closed), 1), NEVER)], axis=1)
    left = np.where(after == NEVER, closed[:, None], after)
    frame = pl.DataFrame(
        {
            "opp_id": mine["opp_id"].gather(row),
            "stage": np.asarray(STAGES)[stage],
            "entered": entered[row, stage],
            "left": left[row, stage],
        }
    )
    told = frame.select("opp_id", "stage", entered_at=minute("entered"), left_at=minute("left"))
    return as_of(told, span.evening, ["entered_at", "left_at"])


def _quotes(world: World, span: Span, mine: pl.DataFrame, entered: Ints, closed: Ints) -> pl.DataFrame:
    """What was quoted for opportunities that came as far as a proposal: items that were on sale, by their popularity."""
    draws, number = world.draws("quotes"), mine["opp_no"].to_numpy()
    count = np.where(entered[:, 2] < NEVER, 2 + draws.poisson(2.0, number, 1), 0)
    at = np.repeat(np.arange(mine.height), count)
    turn = np.arange(len(at)) - np.repeat(np.cumsum(count) - count, count)
    opp = number[at]
    asked = entered[at, 2] + draws.integer(0, 2000, opp, turn, 2)
    day = asked // 1440
    sku = _items(world, draws.uniform(opp, turn, 3), day, mine["is_track"].to_numpy()[at])
    quick = draws.chance(np.clip(QUICK + QUICK_RISE * world.years(day), 0.05, 0.95), opp, turn, 4)
    took = np.where(
        quick, 25 + 180 * draws.spread(opp, turn, 5, sigma=0.6), 300 + 1500 * draws.spread(opp, turn, 5, sigma=0.7)
    )
    off = draws.between(0.20, 0.34, opp, turn, 6)
    frame = pl.DataFrame(
        {
            "opp_id": mine["opp_id"].gather(at),
            "turn": turn,
            "sku": products(world)["sku"].gather(sku),
            "asked": asked,
            "sent": np.minimum(asked + took.astype(np.int64), closed[at] - 1),
            "quoted_price": np.round(list_prices(world, sku, day) * (1 - off), 2),
            "source_tool": np.where(quick, "quick_quote", "manual"),
        }
    ).filter(pl.col("asked") < pl.col("sent"))
    told = frame.select(
        text("QT{}-{}", pl.col("opp_id").str.strip_prefix("OP"), "turn").alias("quote_id"),
        "opp_id", "sku", "quoted_price", "source_tool",
        requested_at=minute("asked"), sent_at=minute("sent"),
    )  # fmt: skip
    return as_of(told, span.evening, ["requested_at", "sent_at"], reveals={"sent_at": ["quoted_price"]})


def _items(world: World, even: np.ndarray, days: Ints, track: np.ndarray) -> Ints:
    """An item on sale on each day: of those for trade and industry (track lights alone, where that is asked)."""
    known = products(world)
    whole = np.arange(days.min(initial=0), days.max(initial=0) + 1, 30, dtype=np.int64)
    fits = np.where(known["line_no"].to_numpy() < 4, known["popularity"].to_numpy(), 0.0)
    is_track = (known["category"] == "track").to_numpy()
    chosen = np.zeros(len(days), dtype=np.int64)
    for wants, liked in ((False, fits), (True, fits * is_track)):
        sums = np.cumsum(is_on_sale(world, whole) * liked[None, :], axis=1)
        rows = np.flatnonzero(track == wants)
        of_month = sums[(days[rows] - whole[0]) // 30]
        chosen[rows] = (even[rows, None] * of_month[:, -1:] >= of_month).sum(axis=1)
    return chosen


PROCESS = Process(tables=("crm_opportunities", "crm_stage_history", "crm_quotes"), tell=tell, echoes=LONGEST)
