"""What people answer in surveys; who is unhappy is called back, and what was wrong is put right."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import polars as pl

from fupan.demo.company.staffing import load
from fupan.demo.company.survey_waves import respondents
from fupan.demo.life.deliveries import DAY, HOUR, moments
from fupan.demo.process import CHANGED_ON, Frames, Process, as_of
from fupan.demo.tools.draws import Draws, Ints
from fupan.demo.world import Span, World

TYPES = ("satisfaction", "awareness", "needs", "campaign")
PROMISED_HOURS, FORGOTTEN = 24, 0.08
#: Question -> mean of its scores on ordinary days, and how much a full desk takes off it.
SCORED = {"overall": (4.25, 0.12), "product": (4.35, 0.0), "delivery": (4.10, 0.22), "service": (4.05, 0.30)}
REASONS = {"price": 26, "quality": 30, "design": 16, "service": 14, "brand": 14}
#: Share of companies that prefer a package with installation, commissioning and dashboards, and how kinds differ.
SOLUTION = 0.78
_SOLUTION_OF = {
    "integrator": 1.12, "developer": 1.06, "commercial": 1.02, "industrial": 0.95, "decorator": 0.93, "dealer": 0.92,
    "importer": 0.85,
}  # fmt: skip
INFLUENCES = {"platform_reviews": 38, "designer_advice": 22, "shop_guide": 16, "friends": 14, "advertising": 10}
#: Share of buyers in a campaign that are satisfied with discount and product on an ordinary day, and how much a full desk takes
#: off; the others waited for the installation or for service.
SATISFIED, CROWD_TAKES = 0.672, 0.04
#: Share of people who know the brand, by market and in provinces where hardly anybody does; a campaign adds to it.
AWARE = {"east": 0.64, "south": 0.60, "north": 0.47, "central_west": 0.40, "overseas": 0.15}
HARDLY_AWARE, CAMPAIGN_ADDS = {"CN-HN": 0.22, "CN-SC": 0.24}, 0.05
_COLUMNS = (
    "survey_id", "respondent_id", "question_code", "customer_id", "segment", "region_code", "age_band", "score", "answer_code",
    "responded_at", "needs_followup", "followup_at", "fixed_at", "updated_at", CHANGED_ON,
)  # fmt: skip


def tell(world: World, span: Span) -> Frames:
    """Answers given on the span's days."""
    days = span.days
    asked = respondents(world, int(days[0]), int(days[-1]), TYPES)
    draws = world.draws("answers")
    answers = pl.concat(
        [
            rows
            for name, answer in _ANSWERS.items()
            for rows in answer(draws, asked.filter(pl.col("survey_type") == name))
        ]
    ).filter(pl.col("responded_us") // DAY >= days[0], pl.col("responded_us") // DAY <= days[-1])
    key, responded = answers["key"].to_numpy(), answers["responded_us"].to_numpy()
    calls = answers["needs_followup"].to_numpy() & ~draws.chance(FORGOTTEN, key, 1)
    crowd = np.sqrt(load(responded // DAY))
    hours = np.minimum(9.5 * crowd * np.exp(0.85 * draws.normal(key, 2)), 200.0)
    called = responded + np.asarray(hours * HOUR, dtype=np.int64)
    told = answers.with_columns(
        responded_at=moments("responded", responded),
        followup_at=moments("called", called, calls),
        fixed_at=moments("fixed", called + draws.integer(4 * HOUR, 200 * HOUR, key, 3), calls),
    )
    return {"srv_responses": as_of(told, span.evening, ["responded_at", "followup_at", "fixed_at"]).select(_COLUMNS)}


Scores = Ints | None
Codes = np.ndarray | None


def _answered(asked: pl.DataFrame, question: str, score: Scores, code: Codes, *, unhappy: bool = False) -> pl.DataFrame:
    """Answers to a question; whoever is ``unhappy`` with a score of two or less needs to be called back."""
    nothing = pl.Series([None] * asked.height)
    return asked.select(
        *("key", "responded_us", "survey_id", "respondent_id", "customer_id", "segment", "region_code", "age_band"),
        question_code=pl.lit(question),
        score=(nothing if score is None else pl.Series(score)).cast(pl.Int64),
        answer_code=(nothing if code is None else pl.Series(code)).cast(pl.String),
        needs_followup=pl.lit(False) if score is None or not unhappy else pl.Series(score) <= 2,
    )


def _satisfaction(draws: Draws, asked: pl.DataFrame) -> Iterator[pl.DataFrame]:
    key, crowd = asked["key"].to_numpy(), load(asked["responded_us"].to_numpy() // DAY)
    mood = draws.normal(key, 10)
    for number, (question, (mean, takes)) in enumerate(SCORED.items()):
        own = draws.normal(key, 11 + number)
        feeling = mean - takes * (crowd - 1) + (1.0 * mood if question == "overall" else 0.7 * mood + 0.5 * own)
        score = np.clip(np.rint(feeling), 1, 5).astype(np.int64)
        yield _answered(asked, question, score, None, unhappy=question == "overall")
    yield _answered(asked, "reason", None, _choice(draws, key, REASONS, 20))


def _awareness(draws: Draws, asked: pl.DataFrame) -> Iterator[pl.DataFrame]:
    share = asked["market"].replace_strict(AWARE).to_numpy()
    for region, known in HARDLY_AWARE.items():
        share = np.where((asked["region_code"] == region).to_numpy(), known, share)
    share = share + np.where((asked["wave"] == "after").to_numpy(), CAMPAIGN_ADDS, 0.0)
    even = draws.uniform(asked["key"].to_numpy(), 30)
    code = np.select([even < 0.4 * share, even < share], ["unaided", "aided"], "unknown")
    yield _answered(asked, "brand_awareness", None, code)


def _needs(draws: Draws, asked: pl.DataFrame) -> Iterator[pl.DataFrame]:
    companies = asked.filter("is_business")
    liking = pl.col("segment").replace_strict(_SOLUTION_OF, return_dtype=pl.Float64)
    share = companies.select(SOLUTION * liking / liking.mean().over("wave_no")).to_series()
    prefers = companies["even_in_segment"].to_numpy() < share.to_numpy()
    other = np.where(draws.chance(0.7, companies["key"].to_numpy(), 31), "products_only", "undecided")
    yield _answered(companies, "solution_preference", None, np.where(prefers, "integrated_solution", other))
    yield _answered(asked, "purchase_influence", None, _choice(draws, asked["key"].to_numpy(), INFLUENCES, 32))


def _campaign(draws: Draws, asked: pl.DataFrame) -> Iterator[pl.DataFrame]:
    key = asked["key"].to_numpy()
    crowd = load(asked["first_day"].to_numpy() - 3)
    content = asked["even"].to_numpy() < SATISFIED - CROWD_TAKES * (crowd - 1)
    code = np.where(
        content,
        _choice(draws, key, {"discount": 50, "product": 50}, 40),
        _choice(draws, key, {"installation_delay": 55, "slow_service": 45}, 41),
    )
    score = np.where(content, draws.integer(4, 5, key, 42), draws.integer(1, 2, key, 43))
    yield _answered(asked, "campaign_overall", score, code, unhappy=True)


def _choice(draws: Draws, key: Ints, weights: dict[str, int], number: int) -> np.ndarray:
    return draws.choice(list(weights), key, number, weights=list(weights.values()))


_ANSWERS: dict[str, Callable[[Draws, pl.DataFrame], Iterator[pl.DataFrame]]] = {
    "satisfaction": _satisfaction,
    "awareness": _awareness,
    "needs": _needs,
    "campaign": _campaign,
}

PROCESS = Process(("srv_responses",), tell, echoes=30)
