"""Where the company stands in search engines and AI engines: better year by year, since its pages are written for them."""

from __future__ import annotations

import numpy as np
import polars as pl

from fupan.demo.company import seasons
from fupan.demo.company.assortment import date_of
from fupan.demo.process import Frames, Process, changed
from fupan.demo.tools.columns import DAY_S, moment
from fupan.demo.tools.draws import Draws
from fupan.demo.world import Span, World

#: Engine -> is it an AI engine, searches a day for a keyword at scale 1, positions won in a year.
ENGINES = {
    "baidu": (False, 900, 2.5),
    "sogou": (False, 160, 2.0),
    "bing": (False, 120, 2.0),
    "douyin": (False, 1400, 4.0),
    "xiaohongshu": (False, 1100, 4.0),
    "deepseek": (True, 420, 7.0),
    "doubao": (True, 520, 7.0),
    "kimi": (True, 150, 6.0),
    "qwen": (True, 180, 6.0),
}
KEYWORDS = ("智能吸顶灯", "无主灯照明", "护眼台灯推荐", "客厅灯怎么选", "全屋智能灯光", "LED 筒灯", "商用面板灯", "轨道射灯",
            "工矿灯厂家", "三防灯", "防爆灯", "太阳能路灯", "景观灯", "LED 灯带", "卧室吸顶灯", "灯具品牌排行榜", "吊灯推荐",
            "学生台灯", "洗墙灯安装", "驱动电源")  # fmt: skip
#: A small company follows the first of them.
_FEW = 5
#: Positions beyond this are not reported.
_LAST = 100
#: Clicks for each look at the first position, and how fast they fall; share of AI answers that name the brand that ranks first.
_CLICKS, _FALL, _NAMED = 0.22, 0.85, 0.40
_LOOKED_UP = 6 * 3600


def tell(world: World, span: Span) -> Frames:
    """Positions of the span's days, looked up in the morning."""
    draws = world.draws("keyword ranks")
    keywords = KEYWORDS if world.scale >= 0.1 else KEYWORDS[:_FEW]
    days, engines, words = (
        grid.ravel()
        for grid in np.meshgrid(span.days, np.arange(len(ENGINES)), np.arange(len(keywords)), indexing="ij")
    )
    is_ai, searches, won = (np.array(values)[engines] for values in zip(*ENGINES.values(), strict=True))
    exact = _rank(draws, engines * 100 + words, days) - won * world.years(days)
    rank = np.maximum(1, np.rint(exact + 1.2 * draws.normal(days, engines, words, 1))).astype(np.int64)
    season = seasons.demand(days, seasons.HOMES, 1.1, 0.3)
    asked = searches * draws.spread(words, 2, sigma=0.7) * season * world.scale**0.5
    seen = draws.poisson(
        np.maximum(0.1, asked * np.where(rank <= 10, 1.0, np.where(rank <= 30, 0.25, 0.03))), days, engines, words, 3
    )
    clicks = np.minimum(
        seen, draws.poisson(seen * _CLICKS * np.power(rank.astype(float), -_FALL), days, engines, words, 4)
    )
    mentions = np.minimum(
        seen, draws.poisson(seen * _NAMED * np.power(rank.astype(float), -0.6), days, engines, words, 5)
    )
    found = pl.DataFrame(
        {
            "day": days,
            "engine": np.array(list(ENGINES))[engines],
            "is_ai_engine": is_ai.astype(bool),
            "keyword": np.array(keywords)[words],
            "rank_position": rank,
            "impressions": seen,
            "clicks": clicks,
            "brand_mentions": mentions,
            "second": _LOOKED_UP + draws.integer(0, 3600, days, engines, 6),
        }
    ).with_columns(
        stat_date=date_of("day"),
        rank_position=pl.when(pl.col("rank_position") <= _LAST).then("rank_position"),
        brand_mentions=pl.when("is_ai_engine").then("brand_mentions"),
        looked_up_at=moment(pl.col("day") * DAY_S + pl.col("second")),
    )
    return {"web_keyword_ranks": changed(found, "looked_up_at").drop("day", "second", "looked_up_at")}


def _rank(draws: Draws, pair: np.ndarray, days: np.ndarray) -> np.ndarray:
    """Position of a pair of engine and keyword in the middle of the year under review, as it drifts from month to month."""
    level = 2 + 26 * draws.uniform(pair, 7) ** 1.5
    month, part = days // 30, (days % 30) / 30
    return np.asarray(
        level + 2.5 * ((1 - part) * draws.normal(pair, month, 8) + part * draws.normal(pair, month + 1, 8))
    )


PROCESS = Process(("web_keyword_ranks",), tell, echoes=0, history=400)
