"""What is known of competitors: who they are, their moves and our answers, patents, service terms and capabilities."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl

from fupan.demo.company.assortment import date_of
from fupan.demo.company.periods import published, quarters
from fupan.demo.company.rivals import IDS, OWN_BRAND, RIVALS, WARRANTY_RAISED, line_name, moves, rival_id
from fupan.demo.process import Frames, Process, as_of
from fupan.demo.tools.stamps import at, minute
from fupan.demo.tools.wording import text
from fupan.demo.world import LIFE_YEARS, YEAR, Span, World, day_number

#: Analysts write their notes on a quarter so many days after its end.
NOTED_AFTER = 12
_ASPECTS = ("DESIGN", "ACTIVITY", "INTERACTION")

#: Field of technology -> patents that we and each rival had been granted by the end of the year under review, and how many are
#: granted in a year.
PATENTS: dict[str, dict[str, tuple[int, float]]] = {
    "voice_interaction": {"OWN": (9, 2.5), "RV06": (23, 5), "RV07": (17, 4.5), "RV03": (4, 1)},
    "health_lighting": {"OWN": (31, 6), "RV01": (28, 3), "RV02": (12, 2), "RV03": (14, 3)},
    "photobiological_safety": {"OWN": (14, 2), "RV01": (16, 2), "RV03": (9, 1.5)},
    "adaptive_dimming": {"OWN": (22, 4), "RV01": (19, 2.5), "RV06": (11, 3), "RV07": (13, 3), "RV04": (6, 1)},
    "optics": {"OWN": (38, 4), "RV01": (44, 3), "RV02": (26, 2), "RV05": (15, 2)},
    "heat_management": {"OWN": (27, 3), "RV03": (18, 2), "RV05": (12, 1.5), "RV08": (3, 0.5)},
}

#: Capability -> months from the company's first day until we have it, and each rival has it.
CAPABILITIES: dict[str, dict[str, int]] = {
    "rhythm_lighting": {"OWN": 8, "RV01": 14, "RV03": 19, "RV07": 22},
    "full_spectrum": {"OWN": 15, "RV03": 24, "RV02": 27},
    "aiot_ecosystem": {"OWN": 20, "RV06": 27, "RV07": 29, "RV03": 38},
    "ai_service_agent": {"RV06": 10, "RV07": 16, "OWN": 26, "RV04": 31},
    "virtual_fitting": {"RV07": 12, "RV04": 21, "OWN": 33},
    "b2b2c_links": {"RV03": 6, "RV04": 18, "OWN": 28},
    "laser_lighting": {"RV02": 25, "RV01": 30},
}


def tell(world: World, span: Span) -> Frames:
    """All tables whole, as known on the evening."""
    return {
        "cmp_competitors": _competitors(world),
        "cmp_actions": _actions(world, span.evening),
        "cmp_patents": _patents(world, span.evening),
        "cmp_offers": _offers(world, span.evening),
        "cmp_capabilities": _capabilities(world, span.evening),
    }


def _competitors(world: World) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "competitor_id": IDS,
            "brand": [rival.brand for rival in RIVALS],
            "player_group": [rival.player_group for rival in RIVALS],
            "focus_price_tier": [rival.focus for rival in RIVALS],
            "home_cluster": [rival.cluster for rival in RIVALS],
        }
    ).with_columns(_changed_on=pl.lit(world.first))


def _actions(world: World, evening: date) -> pl.DataFrame:
    is_stand = pl.col("action_type") == "show_presence"
    aspect = pl.col("aspect_no").replace_strict(dict(enumerate(_ASPECTS)), return_dtype=pl.String)
    told = moves(world).select(
        text("MV{}", pl.col("move_no").cast(pl.String).str.zfill(6)).alias("action_id"),
        rival_id().alias("competitor_id"),
        "action_type",
        "channel",
        "region_code",
        line_name("line_no").alias("category"),
        pl.when(pl.col("depth") > 0).then("depth").alias("depth_pct"),
        minute("observed_minute").alias("observed_at"),
        date_of("start_day").alias("started_on"),
        date_of("end_day").alias("ended_on"),
        at("end_day", 18).alias("ended_at"),
        minute("answer_minute").alias("our_response_at"),
        pl.when(is_stand).then(text("{}-{}", aspect, "score")).alias("notes_code"),
    )
    stamps = ["observed_at", "ended_at", "our_response_at"]
    return as_of(told, evening, stamps, reveals={"ended_at": ["ended_on"]}).drop("ended_at")


def _patents(world: World, evening: date) -> pl.DataFrame:
    draws, end = world.draws("patents"), day_number(world.review_year[1])
    parts = []
    for field_no, (field, owners) in enumerate(PATENTS.items()):
        for owner_no, (owner, (known, a_year)) in enumerate(owners.items()):
            # Those granted by the end of the year under review, one after the other, and those of the years after it.
            later = int((LIFE_YEARS - 3) * a_year)
            number = np.arange(1, known + later + 1, dtype=np.int64)
            since = number - known
            granted = (
                end
                - 3
                + np.ceil(since * YEAR / a_year).astype(np.int64)
                - draws.integer(0, 20, field_no, owner_no, number)
            )
            granted = np.where(since > 0, np.maximum(granted, end + 1), np.minimum(granted, end))
            filed = granted - draws.integer(420, 900, field_no, owner_no, number, 1)
            parts.append(
                pl.DataFrame(
                    {
                        "patent_no": [f"ZL{owner}{field_no + 1}{n:04d}" for n in number.tolist()],
                        "owner_id": owner,
                        "is_own": owner == "OWN",
                        "technology_field": field,
                        "filed_day": filed,
                        "granted_day": granted,
                    }
                )
            )
    told = pl.concat(parts).with_columns(
        filed_at=at("filed_day"),
        granted_at=at("granted_day"),
        filed_on=date_of("filed_day"),
        granted_on=date_of("granted_day"),
    )
    return as_of(told, evening, ["filed_at", "granted_at"], reveals={"granted_at": ["granted_on"]}).drop(
        "filed_day", "granted_day", "filed_at", "granted_at"
    )


def _offers(world: World, evening: date) -> pl.DataFrame:
    raised = day_number(world.first) + WARRANTY_RAISED * YEAR
    rows = [
        (rival.competitor_id, quarter.name, offer, float(value), unit, quarter.last + NOTED_AFTER)
        for quarter in published(quarters(world), NOTED_AFTER, evening)
        for rival in RIVALS
        for offer, value, unit in (
            ("warranty", rival.warranty[0 if quarter.last >= raised else 1], "years"),
            ("free_lighting_design", int(rival.design), "flag"),
            ("response_time", rival.hours, "hours"),
        )
    ]
    return _noted(
        pl.DataFrame(rows, ["competitor_id", "period", "offer_type", "offer_value", "unit", "day"], orient="row")
    )


def _capabilities(world: World, evening: date) -> pl.DataFrame:
    brands = {"OWN": OWN_BRAND} | {rival.competitor_id: rival.brand for rival in RIVALS}
    draws, rows = world.draws("capabilities"), []
    for quarter in published(quarters(world), NOTED_AFTER, evening):
        for capability_no, (capability, launches) in enumerate(CAPABILITIES.items()):
            for brand_no, (owner, brand) in enumerate(brands.items()):
                launched = _months_on(world.first, launches[owner]) if owner in launches else None
                age = (quarter.last - day_number(launched)) / YEAR if launched else -1.0
                talent = float(draws.between(0.5, 1.3, capability_no, brand_no))
                score = 1.0 if age < 0 else min(5.0, 2.0 + talent + 0.8 * age)
                rows.append(
                    (
                        brand,
                        None if owner == "OWN" else owner,
                        owner == "OWN",
                        quarter.name,
                        capability,
                        round(score, 1),
                        launched if age >= 0 else None,
                        quarter.last + NOTED_AFTER,
                    )
                )
    names = ["brand", "competitor_id", "is_own", "period", "capability", "maturity_score", "launched_on", "day"]
    return _noted(pl.DataFrame(rows, names, orient="row", infer_schema_length=None))


def _months_on(first: date, months: int) -> date:
    """The 15th of the month so many months after that of ``first``."""
    year, month = divmod(first.year * 12 + first.month - 1 + months, 12)
    return date(year, month + 1, 15)


def _noted(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(updated_at=at("day"), _changed_on=date_of("day")).drop("day")


PROCESS = Process(tables=("cmp_competitors", "cmp_actions", "cmp_patents", "cmp_offers", "cmp_capabilities"), tell=tell)
