"""What customers say: told the same from any span, as good as the products are, answered as quickly as the desk is staffed."""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache

import numpy as np
import polars as pl
import pytest

from fupan.contracts.contract import contracts
from fupan.demo.company.assortment import products
from fupan.demo.company.case_classes import ROOT_CAUSES, TOPIC_OF
from fupan.demo.company.staffing import load
from fupan.demo.company.workmanship import given_stars, mean_stars, return_share
from fupan.demo.life.review_texts import TOPICS
from fupan.demo.life.sales import told
from fupan.demo.process import CHANGED_ON, GONE_ON, Process, processes
from fupan.demo.systems.relations import standing
from fupan.demo.tools.phrases import tones
from fupan.demo.world import Span, World, day_number

NAMES = ("reviews", "complaints", "repairs", "chats", "surveys", "survey_answers", "conjoint", "crises")
FIRST, LAST = date(2026, 1, 5), date(2026, 3, 31)
#: Crises are rare: they are told of more days.
FIRST_OF = {"crises": date(2024, 1, 2)}
WORLD = World(20, 0.05, date(2023, 11, 28))


@cache
def tell(
    name: str, first: date | None = None, last: date = LAST, *, evening: date = LAST, seed: int = 20
) -> dict[str, pl.DataFrame]:
    world = World(seed, WORLD.scale, WORLD.first)
    return dict(processes()[name].tell(world, Span(first or FIRST_OF.get(name, FIRST), last, evening)))


def frame(table: str) -> pl.DataFrame:
    name = next(name for name in NAMES if table in processes()[name].tables)
    return standing(tell(name)[table], LAST)


def key(process: Process, table: str) -> list[str]:
    return ["table_name", "row_key"] if table == "text_key" else list(contracts()[table].primary_key)


@pytest.mark.parametrize("name", NAMES)
def test_rows_have_the_contract_s_columns_and_keys_of_their_own(name: str) -> None:
    process = processes()[name]
    told = tell(name)
    assert told.keys() == set(process.tables)
    for table, rows in told.items():
        assert rows.height, table
        assert not rows.select(key(process, table)).is_duplicated().any()
        if table != "text_key":
            wanted = {column.name for column in contracts()[table].columns} | {CHANGED_ON}
            assert set(rows.columns) - {GONE_ON} == wanted
            required = list(contracts()[table].required)
            assert not rows.select(pl.any_horizontal(pl.col(required).is_null().any())).item()


@pytest.mark.parametrize("name", NAMES)
def test_a_day_told_alone_is_the_day_told_among_others(name: str) -> None:
    process = processes()[name]
    if process.echoes is None:
        pytest.skip("told whole")
    middle = date(2026, 2, 20)
    for table, rows in tell(name).items():
        parts = pl.concat([tell(name, None, middle)[table], tell(name, middle + timedelta(days=1), LAST)[table]])
        by = key(process, table)
        assert parts.sort(by).equals(rows.select(parts.columns).sort(by))


@pytest.mark.parametrize("name", NAMES)
def test_an_evening_later_changes_only_what_says_so(name: str) -> None:
    process = processes()[name]
    before = LAST - timedelta(days=3)
    for table, later in tell(name).items():
        earlier, by = tell(name, evening=before)[table], key(process, table)
        unchanged = later.filter(pl.col(CHANGED_ON) <= before)
        assert earlier.join(unchanged, on=by, how="semi").sort(by).equals(unchanged.sort(by))
        assert not earlier.join(later, on=by, how="anti").height


@pytest.mark.parametrize("name", NAMES)
def test_nothing_happens_after_the_echoes(name: str) -> None:
    process = processes()[name]
    if process.echoes is None:
        pytest.skip("told whole")
    first, last = date(2025, 2, 1), date(2025, 2, 20)
    late = last + timedelta(days=2 * process.echoes + 60)
    for rows in tell(name, first, last, evening=late).values():
        over = last + timedelta(days=process.echoes)
        assert rows.filter(pl.col(CHANGED_ON) > over).is_empty()
        if GONE_ON in rows.columns:
            assert rows.filter(pl.col(GONE_ON) > over).is_empty()


@pytest.mark.parametrize("name", sorted({*NAMES} - {"surveys"}))
def test_another_seed_says_other_things(name: str) -> None:
    mine, other = tell(name), tell(name, seed=7)
    for table, rows in mine.items():
        assert not rows.equals(other[table].select(rows.columns))


def test_what_is_named_exists() -> None:
    sold = told(WORLD, FIRST, LAST)
    orders, skus = set(sold.orders["order_id"]), set(products(WORLD)["sku"])
    for table in ("rev_reviews", "cs_complaints", "cs_repairs"):
        rows = frame(table)
        assert set(rows["order_id"].drop_nulls()) <= orders
        assert set(rows["sku"]) <= skus
    customers = set(processes()["customers"].tell(WORLD, Span(FIRST, LAST, LAST))["erp_customers"]["customer_id"])
    for table in ("cs_complaints", "cs_repairs", "cs_chats", "srv_responses"):
        assert set(frame(table)["customer_id"].drop_nulls()) <= customers
    complaints = tell("complaints", FIRST_OF["crises"])["cs_complaints"]
    assert set(frame("cs_crisis_events")["trigger_complaint_id"]) <= set(complaints["complaint_id"])
    waves = set(tell("surveys")["srv_surveys"]["survey_id"])
    for table in ("srv_responses", "srv_conjoint_choices"):
        assert set(frame(table)["survey_id"]) <= waves
    agents = set(processes()["employees"].tell(WORLD, Span(FIRST, LAST, LAST))["hr_employees"]["emp_id"])
    assert set(frame("cs_chats")["agent_id"].drop_nulls()) <= agents


@pytest.mark.parametrize(
    ("table", "stamps"),
    [
        ("rev_reviews", ("posted_at", "updated_at")),
        (
            "cs_complaints",
            (
                "created_at",
                "first_response_at",
                "verified_at",
                "liability_at",
                "solution_at",
                "closed_at",
                "followup_at",
            ),
        ),
        ("cs_complaints", ("created_at", "escalated_at", "updated_at")),
        ("cs_repairs", ("opened_at", "first_response_at", "arrived_at", "closed_at", "updated_at")),
        ("cs_chats", ("queue_entered_at", "first_reply_at", "ended_at")),
        ("srv_responses", ("responded_at", "followup_at", "fixed_at", "updated_at")),
        ("cs_crisis_events", ("detected_at", "plan_activated_at", "statement_at", "closed_at", "updated_at")),
    ],
)
def test_stamps_are_in_order(table: str, stamps: tuple[str, ...]) -> None:
    rows = frame(table)
    for position, later in enumerate(stamps[1:], 1):
        for earlier in stamps[:position]:
            assert rows.filter(pl.col(later) < pl.col(earlier)).is_empty(), (earlier, later)


def test_stars_and_returns_follow_quality() -> None:
    quality, number = np.linspace(0, 1, 400), np.arange(400_000, dtype=np.int64)
    stars = mean_stars(quality)
    share = return_share(quality) * 0.8
    assert (share[stars >= 4.8] < 0.05).all()
    assert share[stars < 4.2].mean() == pytest.approx(0.18, abs=0.01)
    assert (np.diff(stars) > 0).all()
    assert (np.diff(share) < 0).all()
    given = given_stars(quality[number % 400], WORLD.draws("stars"), number).reshape(-1, 400).mean(axis=0)
    assert given == pytest.approx(stars, abs=0.15)


def test_poor_products_are_complained_of_and_fail_more_often() -> None:
    quality = dict(zip(products(WORLD)["sku"], products(WORLD)["quality"], strict=True))
    for name, table, chosen in (
        ("repairs", "cs_repairs", pl.lit(True)),
        ("complaints", "cs_complaints", pl.col("complaint_type") == "产品质量"),
    ):
        rows = tell(name, date(2025, 1, 1), LAST)[table].filter(chosen)
        poor = sum(quality[sku] < 0.5 for sku in rows["sku"])
        assert poor > 0.6 * rows.height


def test_replies_follow_staffing() -> None:
    saturday, tuesday = day_number(date(2026, 3, 14)), day_number(date(2026, 3, 17))
    double_eleven = day_number(date(2025, 11, 11))
    assert load(np.array([tuesday]))[0] < load(np.array([saturday]))[0] < load(np.array([double_eleven]))[0]
    chats = tell("chats", date(2025, 3, 1), date(2026, 2, 28))["cs_chats"].filter(~pl.col("handled_by_bot"))
    waited = (pl.col("first_reply_at") - pl.col("queue_entered_at")).dt.total_seconds().median()
    november = pl.col("queue_entered_at").dt.month() == 11
    assert chats.filter(november).select(waited).item() > 1.3 * chats.filter(~november).select(waited).item()


def test_texts_have_many_shapes_and_their_key_tells_what_they_mean() -> None:
    reviews = frame("rev_reviews").filter(~pl.col("is_default"))
    meant = frame("text_key").filter(pl.col("table_name") == "rev_reviews")
    both = reviews.join(meant, left_on="review_id", right_on="row_key", how="full")
    assert both.height == reviews.height == meant.height
    assert set(meant["shape"]) == {"praise", "complaint", "mixed", "sarcasm", "emoji", "copied", "empty"}
    assert set(meant["topic"]) == {*TOPICS, "none"}
    assert both.filter(pl.col("shape") == "empty")["review_text"].str.starts_with("追评").fill_null(True).all()
    written = reviews["review_text"].drop_nulls()
    assert written.n_unique() > 0.6 * len(written)
    assert not written.str.contains("[{}]").any()
    liked = both.group_by("sentiment").agg(pl.col("rating").mean())
    stars = dict(zip(liked["sentiment"], liked["rating"], strict=True))
    assert stars["positive"] > stars["neutral"] > stars["negative"]

    complaints = frame("cs_complaints")
    assert not complaints["complaint_text"].str.contains("[{}]").any()
    key = tell("complaints")["text_key"]
    assert set(key["row_key"]) == set(complaints["complaint_id"])


def test_every_tone_has_phrases_on_every_topic() -> None:
    reviews, complaints = tones("review_phrases.csv"), tones("complaint_phrases.csv")
    for tone in ("praise", "blame", "sarcasm"):
        assert set(reviews[tone].topics) == set(TOPICS)
    assert set(complaints["fault"].topics) == set(ROOT_CAUSES) == set(TOPIC_OF)


def test_surveys_come_once_a_quarter() -> None:
    waves = processes()["surveys"].tell(WORLD, Span(WORLD.first, LAST, LAST))["srv_surveys"]
    quarterly = waves.filter(survey_type="satisfaction").group_by(pl.col("started_on").dt.truncate("1q")).len()
    assert set(quarterly["len"]) == {1}
    assert waves.filter(pl.col("closed_on") > LAST).is_empty()


def test_companies_prefer_solutions_and_two_thirds_of_buyers_are_content_with_campaigns() -> None:
    first, last = WORLD.review_year
    answers = tell("survey_answers", first, last, evening=last)["srv_responses"]
    prefers = answers.filter(question_code="solution_preference")["answer_code"] == "integrated_solution"
    assert prefers.mean() == pytest.approx(0.78, abs=0.06)
    content = answers.filter(question_code="campaign_overall")["score"] >= 4
    assert content.mean() == pytest.approx(0.65, abs=0.03)
