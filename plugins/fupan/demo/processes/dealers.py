"""Dealers with the tier of their newest assessment, and the assessments."""

from __future__ import annotations

import polars as pl

from fupan.demo.company.geography import places
from fupan.demo.company.network import dealers
from fupan.demo.company.partners import NEWCOMER, assessed, by_quarter
from fupan.demo.process import CHANGED_ON, Frames, Process, as_of
from fupan.demo.tools.stamps import at
from fupan.demo.world import Span, World


def tell(world: World, span: Span) -> Frames:
    """All dealers and assessments by the evening."""
    scores = as_of(assessed(world, by_quarter(world, span.evening)), span.evening, ["assessed_at"])
    return {
        "erp_dealers": _records(world, span, scores),
        "crm_partners": scores.select(
            "dealer_id", "assessed_at", "financial_score", "service_score", "technical_score", "tier", "rebate_pct",
            "updated_at", CHANGED_ON,
        ),
    }  # fmt: skip


def _records(world: World, span: Span, scores: pl.DataFrame) -> pl.DataFrame:
    before = pl.col("tier").shift(1).over("dealer_no", order_by="assessed_at").fill_null(NEWCOMER)
    tiers = scores.with_columns(changed_at=pl.when(pl.col("tier") != before).then("assessed_at"))
    newest = tiers.group_by("dealer_no").agg(
        pl.col("tier").sort_by("assessed_at").last().alias("partner_tier"), pl.col("changed_at").max()
    )
    where = places().select("place_no", "region_code", "province")
    known = (
        dealers(world)
        .join(where, on="place_no", how="left", maintain_order="left")
        .join(newest, on="dealer_no", how="left", maintain_order="left")
        .with_columns(
            pl.col("partner_tier").fill_null(NEWCOMER), joined_at=at("joined_day", 10), left_at=at("left_day", 17)
        )
    )
    return as_of(known, span.evening, ["joined_at", "left_at", "changed_at"]).select(
        "dealer_id", "dealer_name", "region_code", "province", "city_tier", "authorised_region", "partner_tier", "joined_at",
        "left_at", "updated_at", CHANGED_ON,
    )  # fmt: skip


PROCESS = Process(("erp_dealers", "crm_partners"), tell)
