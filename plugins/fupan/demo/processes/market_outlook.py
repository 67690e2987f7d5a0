"""The market's indicators as associations and exchanges publish them: growth, lead times, prices of materials, benchmarks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from fupan.demo.company.assortment import LINE_NAMES, date_of
from fupan.demo.company.periods import Period, months, published, quarters
from fupan.demo.company.rivals import RIVALS
from fupan.demo.process import Frames, Process
from fupan.demo.tools.stamps import at
from fupan.demo.world import Span, World


@dataclass(frozen=True)
class Indicator:
    """A quarterly indicator: its mean over a year, how its quarters differ from that (they sum to 0), and its wobble."""

    name: str
    market: str
    segment: str
    mean: float
    unit: str
    source: str
    quarters: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    wobble: float = 0.0
    decimals: int = 4


_ASSOCIATION, _CUSTOMS, _PANEL, _MEDIA = "中国照明行业协会", "海关总署", "零售监测机构", "媒介监测机构"
_GROWTH = dict(zip(LINE_NAMES, (0.22, 0.02, -0.01, -0.02, -0.04, -0.07), strict=True))
#: The domestic market for project lighting shrinks; exports suffer from overstock in Europe and North America.
QUARTERLY = (
    Indicator("industry_sales_growth", "domestic", "all", 0.01, "ratio", _ASSOCIATION, (-0.01, 0.01, 0.0, 0.0), 0.004),
    *(Indicator("industry_sales_growth", "domestic", line, mean, "ratio", _ASSOCIATION, (-0.01, 0.01, 0.01, -0.01), 0.006)
      for line, mean in _GROWTH.items()),
    Indicator("project_lighting_demand_change", "domestic", "all", -0.17, "ratio", _ASSOCIATION, (-0.02, 0.01, 0.01, 0.0),
              0.004),
    Indicator("export_sales_growth", "overseas", "all", -0.04, "ratio", _CUSTOMS, (-0.01, 0.0, 0.005, 0.005), 0.003),
    Indicator("export_sales_growth", "Europe", "all", -0.09, "ratio", _CUSTOMS, (-0.01, 0.0, 0.0, 0.01), 0.006),
    Indicator("export_sales_growth", "North America", "all", -0.11, "ratio", _CUSTOMS, (-0.01, 0.01, 0.0, 0.0), 0.006),
    Indicator("export_sales_growth", "Middle East", "all", 0.06, "ratio", _CUSTOMS, (0.0, 0.01, 0.0, -0.01), 0.006),
    Indicator("export_sales_growth", "Southeast Asia", "all", 0.08, "ratio", _CUSTOMS, (0.0, 0.0, 0.01, -0.01), 0.006),
    Indicator("export_sales_growth", "South America", "all", 0.03, "ratio", _CUSTOMS, (0.0, 0.0, 0.0, 0.0), 0.006),
    Indicator("export_sales_growth", "Oceania", "all", -0.01, "ratio", _CUSTOMS, (0.0, 0.0, 0.0, 0.0), 0.006),
    Indicator("order_lead_time", "domestic", "custom", 20.0, "days", _ASSOCIATION, (0.5, -0.5, -0.5, 0.5), 0.2, 1),
    Indicator("order_lead_time", "domestic", "standard", 7.0, "days", _ASSOCIATION, (0.3, -0.3, -0.3, 0.3), 0.1, 1),
    Indicator("second_order_conversion", "domestic", "all", 0.19, "ratio", _PANEL, (0.0, 0.01, -0.01, 0.0), 0.004),
    Indicator("media_price_cpm", "domestic", "feed", 42.0, "cny", _MEDIA, (-3.0, 2.0, -3.0, 4.0), 0.8, 2),
    Indicator("media_price_cpm", "domestic", "search", 55.0, "cny", _MEDIA, (-3.0, 2.0, -3.0, 4.0), 0.8, 2),
    *(Indicator("repeat_purchase_rate", "domestic", rival.competitor_id, 0.16 + 0.015 * (number * 7 % 10), "ratio", _PANEL,
                (0.0, 0.005, -0.005, 0.0), 0.003) for number, rival in enumerate(RIVALS)),
)  # fmt: skip

#: Material -> rise a year and swing over three years of its price index (base 100 in the middle of the year under review).
MATERIALS = {"aluminium": (0.04, 0.09), "copper": (0.05, 0.10), "led_chip": (-0.06, 0.03), "polycarbonate": (0.02, 0.06),
             "electronics": (-0.02, 0.04), "steel_sheet": (0.01, 0.08)}  # fmt: skip
#: Product line -> fall a year of the market's price index.
PRICE_TRENDS = dict(zip(LINE_NAMES, (-0.06, -0.03, -0.02, -0.02, -0.03, -0.05), strict=True))
QUARTERLY_AFTER, MONTHLY_AFTER = 20, 8


def tell(world: World, span: Span) -> Frames:
    """All indicators that are published by the evening."""
    rows = [
        (quarter.name, it.name, it.market, it.segment, _of_quarter(world, number, it, quarter), it.unit, it.source,
         quarter.last + QUARTERLY_AFTER)
        for quarter in published(quarters(world), QUARTERLY_AFTER, span.evening)
        for number, it in enumerate(QUARTERLY)
    ] + [
        (month.name, name, "domestic", segment, value, "index", source, month.last + MONTHLY_AFTER)
        for month in published(months(world), MONTHLY_AFTER, span.evening)
        for name, segment, value, source in _indices(world, month)
    ]  # fmt: skip
    names = ["period", "indicator", "market", "segment", "value", "unit", "source_name", "day"]
    told = pl.DataFrame(rows, names, orient="row").with_columns(updated_at=at("day"), _changed_on=date_of("day"))
    return {"cmp_market_outlook": told.drop("day")}


def _of_quarter(world: World, number: int, it: Indicator, quarter: Period) -> float:
    wobble = float(world.draws("market outlook").normal(number, quarter.number))
    return round(it.mean + it.quarters[quarter.number % 4] + it.wobble * wobble, it.decimals)


def _indices(world: World, month: Period) -> list[tuple[str, str, float, str]]:
    draws, years = world.draws("price indices"), float(world.years(np.array([month.first]))[0])
    found = []
    for number, (material, (rise, swing)) in enumerate(MATERIALS.items()):
        phase = float(draws.uniform(number, 0))
        level = 100 * (1 + rise) ** years * (1 + swing * np.sin(2 * np.pi * (years / 3 + phase)))
        found.append(
            (
                "material_price_index",
                material,
                round(level + float(draws.normal(number, month.number)), 1),
                "上海期货与现货报价",
            )
        )
    for number, (line, trend) in enumerate(PRICE_TRENDS.items()):
        level = 100 * (1 + trend) ** years
        found.append(
            (
                "market_price_index",
                line,
                round(level + 0.6 * float(draws.normal(100 + number, month.number)), 1),
                _PANEL,
            )
        )
    return found


PROCESS = Process(tables=("cmp_market_outlook",), tell=tell)
