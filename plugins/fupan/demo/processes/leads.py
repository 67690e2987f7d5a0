"""Leads in the CRM: where they came from, how they were graded and followed up, what became of them."""

from __future__ import annotations

import numpy as np
import polars as pl

from fupan.demo.company import network
from fupan.demo.company.campaigns import campaigns
from fupan.demo.company.geography import places
from fupan.demo.company.people import diligence
from fupan.demo.life import deals
from fupan.demo.life.prospects import GRADES, NAMES, SOURCES, event_of, leads, quality
from fupan.demo.process import Frames, Process, as_of
from fupan.demo.tools.stamps import minute
from fupan.demo.world import Span, World

#: A lead is converted at the latest so many days after it was recorded.
LONGEST = 260
#: Share of leads that are never followed up; days until others are, by a usual rep; how far the scoring rule is off.
FORGOTTEN, USUAL_DAYS, RULE_ERROR = 0.10, 2.2, 0.14


def tell(world: World, span: Span) -> Frames:
    """Leads that are recorded on the span's days."""
    known, draws = leads(world, span.days), world.draws("lead records")
    key, good = known["key"].to_numpy(), known["is_good"].to_numpy()
    created = known["created_day"].to_numpy() * 1440 + draws.integer(540, 1080, key, 1)
    place = known["place_no"].to_numpy()
    # A lead of a rep who has gone meanwhile is told as his: he was in charge when it came in.
    owner = network.rep_of(world, key, place, known["created_day"].to_numpy())
    worth = quality(draws, key, good)
    slow = USUAL_DAYS * 1440 * draws.spread(key, 2, sigma=0.8) / diligence(world, owner) * np.where(good, 0.6, 1.0)
    limit = np.where(good, known["due_day"].to_numpy() * 1440 - 720, network.NEVER)
    followed = np.minimum(created + 20 + slow.astype(np.int64), np.maximum(limit, created + 20))
    qualifies = good | (
        worth > 1 - 1.2 * np.array([share for *_, share in SOURCES.values()])[known["source_no"].to_numpy()]
    )
    followed = np.where(good | ~draws.chance(FORGOTTEN, key, 3), followed, -1)
    qualified = np.where(qualifies & (followed >= 0), followed + draws.integer(30, 700, key, 4), -1)
    graded = np.where(followed >= 0, followed + 25, -1)
    predicted = np.clip(worth + RULE_ERROR * draws.normal(key, 5), 0, 0.999)
    frame = known.with_columns(
        created=pl.Series(created),
        followed=pl.Series(followed),
        qualified=pl.Series(qualified),
        graded=pl.Series(graded),
        rep_no=pl.Series(owner),
        grade=_grade(worth),
        predicted_grade=_grade(predicted),
        talk_depth=pl.Series(np.clip(1 + np.floor(worth * 5), 1, 5).astype(np.int64)),
        source_channel=pl.Series(NAMES).gather(known["source_no"]),
    )
    shown = frame.join(
        places().select("place_no", "region_code"), on="place_no", how="left", maintain_order="left"
    ).join(campaigns(world).select("campaign_no", "campaign_id"), on="campaign_no", how="left", maintain_order="left")
    told = shown.select(
        "lead_id", "source_channel", "region_code", "grade", "predicted_grade", "talk_depth",
        event_id=event_of("campaign_id"),
        segment="kind",
        created_at=minute("created"),
        graded_at=_moment("graded"),
        qualified_at=_moment("qualified"),
        owner_id=deals.owner_id(world),
        first_followup_at=_moment("followed"),
        converted_at=_moment("converted_minute"),
        customer_id=deals.customer_id(),
    )  # fmt: skip
    reveals = {"graded_at": ["grade"], "converted_at": ["customer_id"]}
    stamps = ["created_at", "graded_at", "first_followup_at", "qualified_at", "converted_at"]
    return {"crm_leads": as_of(told, span.evening, stamps, reveals=reveals).drop("graded_at")}


def _grade(worth: np.ndarray) -> pl.Series:
    return pl.Series(np.asarray(GRADES)[3 - np.minimum(3, np.floor(worth * 4)).astype(np.int64)])


def _moment(column: str) -> pl.Expr:
    return pl.when(pl.col(column) >= 0).then(minute(column))


PROCESS = Process(tables=("crm_leads",), tell=tell, echoes=LONGEST)
