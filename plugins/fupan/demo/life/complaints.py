"""Complaints, told whole: which deliveries give cause for one, what is said, and what the service desk does about it."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt
import polars as pl

from fupan.demo.company.assortment import LINE_NAMES
from fupan.demo.company.case_classes import DELAYS, DELIVERY, KINDS, QUALITY, RESPONSE, ROOT_CAUSES, TOPIC_OF, URGENCIES
from fupan.demo.company.clientele import contacts
from fupan.demo.company.staffing import load
from fupan.demo.life.deliveries import DAY, HOUR, delivered, moments, serials, with_orders
from fupan.demo.tools.draws import Draws, Floats, Ints
from fupan.demo.tools.phrases import named, tones
from fupan.demo.tools.wording import text
from fupan.demo.world import Span, World

#: Shares of complaints: opened again, never settled, followed up by a call when closed; of those about quality: touching
#: safety, and with a claim.
REOPENED, NEVER_SETTLED, FOLLOWED_UP, SAFETY, CLAIMS = 0.07, 0.015, 0.75, 0.08, 0.30
#: How much more often a delivery after the promised day is complained of, and how much more often companies complain than
#: households, of a line.
LATE_DELIVERY, COMPANIES = 8.0, 1.6
#: Hours of a step (verified, liability, solution, closed) on an ordinary day.
STEP_HOURS = 18.0
_PHRASES = "complaint_phrases.csv"
_CHANNELS = ("电话", "网页", "门店", "平台")
_SMART = LINE_NAMES.index("smart_luminaires")


@lru_cache(maxsize=3)
def complaints(world: World, span: Span) -> pl.DataFrame:
    """A row a complaint about a line that was ordered on the span's days, with all that will ever become of it.

    Columns: those of the desk's table, the stamps of the whole story (null: never), `reopened_at` and `closed_again_at`, and
    what the text is about (topic, sentiment, shape).
    """
    draws = world.draws("complaints")
    lines = delivered(world, span)
    kind_no = _kinds(world, lines, draws)
    chosen = lines.filter(pl.Series(kind_no >= 0))
    kind_no = kind_no[kind_no >= 0]
    lines = with_orders(world, span, chosen, "customer_no", "customer_id", "region_code", "country", "campaign_id")
    key = lines["line_key"].to_numpy()
    kind = pl.DataFrame(KINDS, schema=list(KINDS[0]._fields), orient="row").drop("causes")[kind_no]
    opened = lines["delivered_us"].to_numpy() + draws.integer(DAY, kind["after_days"].to_numpy() * DAY, key, 1)
    opened = _daytime(draws, key, opened)
    of_quality = kind["department"].to_numpy() == KINDS[QUALITY].department
    claims = of_quality & draws.chance(CLAIMS, key, 2)
    claimed = np.round(lines["net_amount"].to_numpy() * draws.between(0.2, 1, key, 3), 2)
    urgency = draws.pick([share for share, _ in URGENCIES.values()], key, 4)
    cause = _causes(draws, kind_no, key, lines["product_line_no"].to_numpy() == _SMART)
    person = contacts(
        world, lines["customer_no"].fill_null(0).to_numpy(), (lines["country"].fill_null("CN") != "CN").to_numpy()
    )
    is_known = pl.col("customer_no").is_not_null()
    sold_online = lines["platform"].is_not_null().to_numpy()
    told = lines.select(
        "customer_id", "order_id", "sku", "campaign_id", "region_code",
        complaint_id=text("TS{}", "line_key"),
        contact_name=pl.when(is_known).then(pl.Series(person["contact_name"])),
        contact_phone=pl.when(is_known).then(person["contact_phone"]),
        serial_no=pl.when(pl.Series(of_quality)).then(serials(lines, draws.of("serials"))),
        complaint_type=kind["name"],
        root_cause=pl.Series(np.asarray([name.partition(":")[0] for name in ROOT_CAUSES])[cause]),
        urgency=pl.Series(np.asarray(list(URGENCIES))[urgency]),
        is_safety=pl.Series(of_quality & draws.chance(SAFETY, key, 6)),
        claim_amount=pl.when(pl.Series(claims)).then(pl.Series(claimed)),
        currency=pl.when(pl.Series(claims)).then(pl.lit("CNY")),
        source_channel=pl.Series(
            np.where(sold_online, draws.choice(_CHANNELS, key, 7, weights=[4, 3, 1, 4]),
                     draws.choice(_CHANNELS, key, 7, weights=[5, 3, 2, 0]))
        ),
        liable_dept=kind["department"],
    ).hstack(_texts(draws.of("texts"), key, cause, lines["product_name"]))  # fmt: skip
    pace = np.array([factor for _, factor in URGENCIES.values()])[urgency]
    return told.hstack(
        _course(
            draws.of("course"),
            key,
            opened,
            kind["promised_hours"].to_numpy(),
            pace=pace,
            is_safety=told["is_safety"].to_numpy(),
        )
    )


def _kinds(world: World, lines: pl.DataFrame, draws: Draws) -> Ints:
    """Kind of the complaint that a line gives cause for; -1: none."""
    day = lines["delivered_day"].to_numpy()
    shares = np.tile([kind.share / 1000 for kind in KINDS], (lines.height, 1))
    shares[:, QUALITY] *= lines["trouble"].to_numpy()
    shares[:, RESPONSE] *= load(day)
    shares[:, DELIVERY] *= np.where(lines["is_late"].to_numpy(), LATE_DELIVERY, 1.0)
    shares *= np.where(lines["group"].is_in(["online", "store"]).to_numpy(), 1.0, COMPANIES)[:, None]
    limits = np.cumsum(shares, axis=1)
    even = draws.uniform(lines["line_key"].to_numpy(), 10)
    number: Ints = (even[:, None] >= limits).sum(axis=1)
    return np.where(number < len(KINDS), number, -1)


def _daytime(draws: Draws, key: Ints, moment: Ints) -> Ints:
    """The same days, between eight and ten in the evening."""
    return moment // DAY * DAY + draws.integer(8 * HOUR, 22 * HOUR, key, 11)


def _causes(draws: Draws, kind_no: Ints, key: Ints, is_smart: np.ndarray) -> Ints:
    """Root cause (its number in ROOT_CAUSES) of each complaint; what is not smart is compatible with everything."""
    found = np.zeros(len(key), dtype=np.int64)
    for number, kind in enumerate(KINDS):
        names = list(kind.causes)
        of_kind = kind_no == number
        picked = draws.choice(
            [ROOT_CAUSES.index(name) for name in names], key[of_kind], 12, weights=[*kind.causes.values()]
        )
        found[of_kind] = picked
    misfit, other = ROOT_CAUSES.index("compatibility"), ROOT_CAUSES.index("driver_failure")
    return np.where((found == misfit) & ~is_smart, other, found)


def _texts(draws: Draws, key: Ints, cause: Ints, product_name: pl.Series) -> pl.DataFrame:
    """What is said: how it begins, what is wrong, what is wanted. Some copy what lawyers recommend, some are brief."""
    tone = tones(_PHRASES)
    fault = tone["fault"].about(ROOT_CAUSES, cause, draws.of("fault"), key)
    opener, demand = tone["opener"].any(draws.of("opener"), key)[0], tone["demand"].any(draws.of("demand"), key)[0]
    copied, copied_no = tone["copied"].any(draws.of("copied"), key)
    shape = draws.choice(["plain", "terse", "copied"], key, 1, weights=[78, 17, 5])
    is_copied = shape == "copied"
    topic = np.asarray([TOPIC_OF[name] for name in ROOT_CAUSES])[cause]
    frame = pl.DataFrame({"fault": fault, "opener": opener, "demand": demand, "copied": copied, "shape": shape})
    text = frame.select(
        pl.when(pl.col("shape") == "copied").then("copied")
        .when(pl.col("shape") == "terse").then("fault")
        .otherwise(pl.concat_str("opener", "fault", "demand"))
    ).to_series()  # fmt: skip
    return pl.DataFrame(
        {
            "complaint_text": named(text, name=product_name),
            "topic": np.where(is_copied, tone["copied"].topics[copied_no], topic),
            "sentiment": np.full(len(key), "negative"),
            "shape": shape,
        }
    )


def _course(
    draws: Draws, key: Ints, opened: Ints, promised: Ints, *, pace: Floats, is_safety: np.ndarray
) -> pl.DataFrame:
    """What is done about each complaint and when; the fuller the desk, the later."""
    crowd = load(opened // DAY)

    def long(hours: npt.ArrayLike, most: npt.ArrayLike, sigma: float, number: int) -> Ints:
        """So many hours in the middle, with a long tail up to a limit."""
        spent = np.minimum(np.asarray(hours) * np.exp(sigma * draws.normal(key, number)), np.asarray(most))
        return np.asarray(np.rint(spent * 3600), dtype=np.int64) * (HOUR // 3600)

    answered = opened + long(promised * pace * 0.36 * crowd, 6.0 * promised, 0.8, 1)
    is_late = answered > opened + promised * HOUR
    reasons, weights = list(DELAYS), np.array(list(DELAYS.values()), dtype=np.float64)
    few = crowd > 1.2
    delay = np.where(
        few,
        draws.choice(reasons, key, 2, weights=weights * [3, 1, 1, 1]),
        draws.choice(reasons, key, 2, weights=weights),
    )
    # What touches safety is taken to the top at once, most of the time; other cases when they are late.
    alarmed, raised = is_safety & draws.chance(0.9, key, 3), is_late & draws.chance(0.4, key, 4)
    level = np.where(alarmed, draws.integer(2, 3, key, 5), draws.choice([1, 2, 3], key, 6, weights=[6, 3, 1]))
    escalated = np.where(alarmed, answered + HOUR // 3, opened + promised * HOUR)
    settled = ~draws.chance(NEVER_SETTLED, key, 7)
    stamps, at = {}, answered
    for number, step in enumerate(("verified", "liability", "solution", "closed")):
        at = at + long(pace * STEP_HOURS * 0.74 * np.sqrt(crowd), 4 * pace * STEP_HOURS, 0.7, 10 + number)
        stamps[f"{step}_at"] = moments(step, at, settled)
    reopens = settled & draws.chance(REOPENED, key, 8)
    reopened = at + draws.integer(10 * HOUR, 90 * HOUR, key, 15)
    closed_again = reopened + long(30.0, 160.0, 0.7, 16)
    followed = np.where(reopens, closed_again, at) + draws.integer(12 * HOUR, 70 * HOUR, key, 17)
    follows = settled & draws.chance(FOLLOWED_UP, key, 18)
    score = np.where(
        is_late,
        draws.choice([5, 4, 3, 2, 1], key, 19, weights=[1, 2, 3, 2, 2]),
        draws.choice([5, 4, 3, 2, 1], key, 19, weights=[6, 4, 2, 1, 0.5]),
    )
    return pl.DataFrame(
        {
            "created_at": moments("created", opened),
            "first_response_at": moments("answered", answered),
            "delay_cause": pl.Series(delay).set(pl.Series(~is_late), None),
            "escalated_at": moments("escalated", escalated, alarmed | raised),
            "escalation_level": level,
            **stamps,
            "reopened_at": moments("reopened", reopened, reopens),
            "closed_again_at": moments("closed again", closed_again, reopens),
            "followup_at": moments("followed", followed, follows),
            "followup_score": score,
        }
    )
