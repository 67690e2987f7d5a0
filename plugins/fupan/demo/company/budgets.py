"""What marketing plans to spend: on each campaign, on the core business a quarter, on its resources a year."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import polars as pl

from fupan.demo.company.campaigns import campaigns
from fupan.demo.tools.draws import Floats, Ints
from fupan.demo.world import World

#: CNY for a campaign at scale 1, by type, and what a warm-up or an encore gets beside the main days.
CAMPAIGN_COSTS = {
    "shopping_festival": 190_000,
    "home_season": 320_000,
    "store_promotion": 140_000,
    "dealer_fair": 150_000,
    "exhibition": 520_000,
    "live_commerce": 160_000,
    "social_sharing": 70_000,
    "member_day": 50_000,
    "product_launch": 110_000,
}
PHASE_COSTS = {"warm_up": 0.35, "main": 1.0, "encore": 0.15}
#: How a campaign's budget is split.
CAMPAIGN_SPLIT = {"publicity": 0.60, "on_site_execution": 0.30, "contingency": 0.10}
#: The quarter's plan for growth: share, tier of products, channel.
GROWTH_SPLIT = {
    "core_joint_promotion": (0.50, "core", "joint"),
    "new_products": (0.20, "new", "online"),
    "channel_support": (0.15, None, "offline"),
    "risk_reserve": (0.15, None, None),
}
RESOURCE_SPLIT = {"marketing_promotion": 0.40, "digital_tools": 0.30, "supply_chain": 0.20, "training_incentives": 0.10}
#: CNY at scale 1: of a quarter, of a year; and their rise a year.
GROWTH_QUARTER, RESOURCE_YEAR, RISE = 1_800_000, 12_000_000, 1.10
RESERVES = ("risk_reserve", "contingency")


@lru_cache(maxsize=4)
def campaign_budgets(world: World) -> pl.DataFrame:
    """A row a campaign: campaign_no, budget (CNY, whole hundreds)."""
    known, draws = campaigns(world), world.draws("campaign budgets")
    usual = known["campaign_type"].replace_strict(CAMPAIGN_COSTS).to_numpy()
    phase = known["phase"].replace_strict(PHASE_COSTS).to_numpy()
    number = known["campaign_no"].to_numpy()
    budget = (
        usual * phase * draws.between(0.85, 1.15, number) * rise(world, known["start_day"].to_numpy()) * world.scale
    )
    return pl.DataFrame({"campaign_no": number, "budget": np.maximum(100.0, np.round(budget / 100) * 100)})


def rise(world: World, days: Ints) -> Floats:
    """Budgets beside those in the middle of the year under review."""
    return np.asarray(np.power(RISE, world.years(days)))
