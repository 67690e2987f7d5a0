"""Departments that need each other: cases between them and their delays, who works on major projects, what is written down."""

from __future__ import annotations

import numpy as np
import polars as pl

from fupan.demo.company import network
from fupan.demo.company.campaigns import campaigns
from fupan.demo.company.people import employee_id, on_duty, talent
from fupan.demo.company.seasons import is_weekend
from fupan.demo.life import deals
from fupan.demo.process import Frames, Process, as_of
from fupan.demo.tools.draws import Ints
from fupan.demo.tools.stamps import at, minute
from fupan.demo.tools.wording import text
from fupan.demo.world import YEAR, Span, World, day_number

#: Cases that do not come from opportunities or campaigns: a year at scale 1.
COMPLAINT_CASES, CONFLICTS = 620, 45
#: Departments that are asked, by type of case.
ASKED = {
    "delivery_request": ("production", "logistics"),
    "technical_support": ("engineering",),
    "conflict": ("sales", "marketing"),
    "complaint_handling": ("production", "after_sales"),
    "campaign_support": ("logistics", "retail", "after_sales"),
}
TYPES = tuple(ASKED)
CAUSES = ("communication", "unclear_ownership", "capacity", "material")
CAUSE_SHARES = (0.34, 0.24, 0.27, 0.15)
#: Share of cases that are delayed; where an order was lost because we deliver too late, so much more.
DELAYED, DELAYED_AND_LOST, DELAYED_IN_CAMPAIGNS = 0.16, 0.45, 0.22
#: Entries of the knowledge base a year by role, at scale 1, and how often the best ones are used by others.
POSTS, REUSED = {"sales_rep": 320, "service_agent": 160, "service_engineer": 90, "marketer": 110}, 9.0
POST_TYPES = {"sales_rep": ("case", "market_note"), "service_agent": ("howto", "product_note"),
              "service_engineer": ("howto", "product_note"), "marketer": ("market_note", "case")}  # fmt: skip
#: Roles in a major project: who, and how much of the work on average.
PROJECT_ROLES = (("designer", "marketer", 0.22), ("engineer", "service_engineer", 0.20), ("support", "manager", 0.10))


def tell(world: World, span: Span) -> Frames:
    """Cases, roles and entries that begin on the span's days."""
    known = deals.deals(world)
    first = day_number(world.first)
    begun = known[deals.rows_of((int(span.days[0]), int(span.days[-1])), known["created_day"].to_numpy(), first)]
    cases = pl.concat([_of_deals(world, span.days), _of_campaigns(world, span.days), _by_chance(world, span.days)])
    return {
        "hr_collab_cases": _cases(world, span, cases),
        "hr_project_roles": _roles(world, begun),
        "hr_knowledge_posts": _posts(world, span),
    }


def _nothing(count: int) -> pl.Series:
    return pl.Series([None], dtype=pl.String).new_from_index(0, count)


def _of_deals(world: World, days: Ints) -> pl.DataFrame:
    """What reps ask for their opportunities: once each on average, more where the delivery is what matters."""
    draws, known = world.draws("cases of deals"), deals.deals(world)
    number, late = known["opp_no"].to_numpy(), (known["reason"] == 0).to_numpy()
    count = draws.poisson(np.where(late, 1.6, 0.9), number)
    at_row = np.repeat(np.arange(known.height), count)
    turn = np.arange(len(at_row)) - np.repeat(np.cumsum(count) - count, count)
    mine, opp = known[at_row], number[at_row]
    length = (mine["closed_day"] - mine["created_day"]).to_numpy()
    day = mine["created_day"].to_numpy() + np.floor(draws.between(0.2, 0.85, opp, turn, 1) * length).astype(np.int64)
    rows = np.flatnonzero((day >= days[0]) & (day <= days[-1]))
    mine, opp, turn, day = mine[rows], opp[rows], turn[rows], day[rows]
    kind = np.where(draws.chance(0.62, opp, turn, 2), TYPES.index("delivery_request"), TYPES.index("technical_support"))
    opened = day * 1440 + draws.integer(540, 1050, opp, turn, 3)
    return pl.DataFrame(
        {
            "kind": kind,
            "key": (1 << 44) + opp * 64 + turn,
            "opened": opened,
            "opp_id": mine["opp_id"],
            "campaign_id": _nothing(len(rows)),
            "raised_by": mine.select(deals.owner_id(world)).to_series(),
            "likely_late": np.where((mine["reason"] == 0).to_numpy(), DELAYED_AND_LOST, DELAYED),
        }
    )


def _of_campaigns(world: World, days: Ints) -> pl.DataFrame:
    """What marketing asks in the fortnight before a campaign and in its days."""
    draws, known = world.draws("cases of campaigns"), campaigns(world)
    number = known["campaign_no"].to_numpy()
    count = draws.poisson(5.0, number)
    at_row = np.repeat(np.arange(known.height), count)
    turn = np.arange(len(at_row)) - np.repeat(np.cumsum(count) - count, count)
    mine, campaign = known[at_row], number[at_row]
    length = (mine["end_day"] - mine["start_day"]).to_numpy() + 14
    day = mine["start_day"].to_numpy() - 14 + np.floor(draws.uniform(campaign, turn, 1) * length).astype(np.int64)
    rows = np.flatnonzero((day >= days[0]) & (day <= days[-1]))
    campaign, turn, day = campaign[rows], turn[rows], day[rows]
    opened = day * 1440 + draws.integer(540, 1050, campaign, turn, 2)
    return pl.DataFrame(
        {
            "kind": np.full(len(rows), TYPES.index("campaign_support")),
            "key": (2 << 44) + campaign * 64 + turn,
            "opened": opened,
            "opp_id": _nothing(len(rows)),
            "campaign_id": mine["campaign_id"].gather(rows),
            "raised_by": _ids(on_duty(world, "marketer", day, draws.uniform(campaign, turn, 3))),
            "likely_late": np.full(len(rows), DELAYED_IN_CAMPAIGNS),
        }
    )


def _by_chance(world: World, days: Ints) -> pl.DataFrame:
    draws = world.draws("cases by chance")
    working = np.where(is_weekend(days), 0.2, 1.32)
    parts = []
    for name, a_year, role in (
        ("complaint_handling", COMPLAINT_CASES, "service_agent"),
        ("conflict", CONFLICTS, "manager"),
    ):
        kind = TYPES.index(name)
        count = draws.poisson(a_year * world.scale / YEAR * working, days, kind)
        day = np.repeat(days, count)
        turn = np.arange(len(day)) - np.repeat(np.cumsum(count) - count, count)
        parts.append(
            pl.DataFrame(
                {
                    "kind": np.full(len(day), kind),
                    "key": (3 << 44) + (day * 8 + kind) * 4096 + turn,
                    "opened": day * 1440 + draws.integer(540, 1050, day, turn, kind, 1),
                    "opp_id": _nothing(len(day)),
                    "campaign_id": _nothing(len(day)),
                    "raised_by": _ids(on_duty(world, role, day, draws.uniform(day, turn, kind, 2))),
                    "likely_late": np.full(len(day), DELAYED),
                }
            )
        )
    return pl.concat(parts)


def _ids(keys: Ints) -> pl.Series:
    return pl.DataFrame({"key": keys}).select(employee_id("key")).to_series()


def _cases(world: World, span: Span, cases: pl.DataFrame) -> pl.DataFrame:
    draws, key, kind = world.draws("cases"), cases["key"].to_numpy(), cases["kind"].to_numpy()
    is_conflict = kind == TYPES.index("conflict")
    late = draws.chance(cases["likely_late"].to_numpy(), key, 1)
    cause = np.where(late, draws.pick(CAUSE_SHARES, key, 2), -1)
    delay = np.where(late, np.round(8 + 40 * draws.spread(key, 3, sigma=0.7), 1), 0.0)
    # Unclear ownership shows in the time until the other side even knows.
    shared = cases["opened"].to_numpy() + ((1 + 5 * draws.spread(key, 4, sigma=0.8)) * 60).astype(np.int64)
    shared = shared + np.where(cause <= 1, delay * 30, 0).astype(np.int64) * late
    hours = np.where(is_conflict, 110.0, 22.0) * draws.spread(key, 5, sigma=0.6)
    resolved = np.minimum(shared + ((hours + delay / 2) * 60).astype(np.int64), cases["opened"].to_numpy() + 40 * 1440)
    pleased = np.clip(4.5 - 0.9 * late - 0.5 * is_conflict - 0.004 * delay + 0.4 * draws.normal(key, 6), 1, 5)
    asked = np.empty(len(kind), dtype=object)
    for number, departments in enumerate(ASKED.values()):
        asked[kind == number] = draws.choice(departments, key[kind == number], 7)
    asks = {0: "sales", 1: "sales", 2: "sales", 3: "after_sales", 4: "marketing"}
    told = cases.with_columns(
        to_dept=pl.Series(asked.astype(str), dtype=pl.String),
        shared=pl.Series(shared),
        resolved=pl.Series(resolved),
        delay_hours=pl.Series(delay),
        satisfaction=pl.Series(np.round(pleased, 1)),
        cause_no=pl.Series(cause),
    ).select(
        "opp_id", "campaign_id", "to_dept", "raised_by", "delay_hours", "satisfaction",
        text("CC{}", "key").alias("case_id"),
        case_type=pl.col("kind").replace_strict(dict(enumerate(TYPES)), return_dtype=pl.String),
        from_dept=pl.col("kind").replace_strict(asks, return_dtype=pl.String),
        opened_at=minute("opened"),
        info_shared_at=minute("shared"),
        resolved_at=minute("resolved"),
        cause=pl.col("cause_no").replace_strict(dict(enumerate(CAUSES)), default="none", return_dtype=pl.String),
    )  # fmt: skip
    result = {"resolved_at": ["delay_hours", "cause", "satisfaction"]}
    return as_of(told, span.evening, ["opened_at", "info_shared_at", "resolved_at"], reveals=result)


def _roles(world: World, begun: pl.DataFrame) -> pl.DataFrame:
    """Those who work on major projects; the owner does what the others leave."""
    draws, mine = world.draws("project roles"), begun.filter(pl.col("expected") >= deals.MAJOR)
    number, day = mine["opp_no"].to_numpy(), mine["created_day"].to_numpy()
    parts, left = [], np.ones(len(number))
    for place, (role, staff, usual) in enumerate(PROJECT_ROLES):
        part = np.round(usual * draws.between(0.6, 1.4, number, place), 2)
        takes_part = draws.chance(0.75, number, place, 1)
        person = on_duty(world, staff, day, draws.uniform(number, place, 2))
        parts.append(_role(mine, _ids(person), role, part).filter(takes_part))
        left = left - np.where(takes_part, part, 0.0)
    owner = mine.select(deals.owner_id(world)).to_series()
    opened = deals.opened_minute(world, mine)
    whole = pl.concat([_role(mine, owner, "owner", np.round(left, 2)), *parts])
    return whole.join(pl.DataFrame({"opp_id": mine["opp_id"], "opened": opened}), on="opp_id").select(
        "opp_id", "emp_id", "role", "contribution_pct",
        updated_at=minute("opened"), _changed_on=minute("opened").dt.date(),
    )  # fmt: skip


def _role(mine: pl.DataFrame, person: pl.Series, role: str, part: np.ndarray) -> pl.DataFrame:
    return pl.DataFrame({"opp_id": mine["opp_id"], "emp_id": person, "contribution_pct": part}).with_columns(
        role=pl.lit(role)
    )


def _posts(world: World, span: Span) -> pl.DataFrame:
    """Entries, and how often they have been used by the evening: the more talented the author, the more."""
    draws, days = world.draws("knowledge"), span.days
    parts = []
    for role_no, (role, a_year) in enumerate(POSTS.items()):
        count = draws.poisson(a_year * world.scale / YEAR * np.where(is_weekend(days), 0.15, 1.34), days, role_no)
        day = np.repeat(days, count)
        turn = np.arange(len(day)) - np.repeat(np.cumsum(count) - count, count)
        even = draws.uniform(day, turn, role_no, 1)
        if role == "sales_rep":
            known = network.reps(world)
            author = network.stand_in(world, np.floor(even * known.height).astype(np.int64), day)
        else:
            author = on_duty(world, role, day, even)
        parts.append(
            pl.DataFrame(
                {
                    "day": day,
                    "turn": turn,
                    "role_no": np.full(len(day), role_no),
                    "author": author,
                    "entry_type": draws.choice(POST_TYPES[role], day, turn, role_no, 2),
                    "written": day * 1440 + draws.integer(540, 1140, day, turn, role_no, 3),
                }
            )
        )
    posts = pl.concat(parts)
    day, turn, number = (posts[name].to_numpy() for name in ("day", "turn", "role_no"))
    used = draws.poisson(REUSED * talent(world, posts["author"].to_numpy()) ** 2, day, turn, number, 4)
    # Each use comes within the year, most of them soon.
    slot = np.arange(40)
    after = 1 + np.floor(
        360 * draws.uniform(day[:, None], turn[:, None], number[:, None], slot[None, :], 5) ** 2
    ).astype(np.int64)
    on = day[:, None] + after
    by_now = (slot[None, :] < used[:, None]) & (on <= day_number(span.evening))
    last = np.where(by_now, on, 0).max(axis=1, initial=0)
    stamped = posts.with_columns(
        author_id=employee_id("author"), created_at=minute("written"), reuse_count=pl.Series(by_now.sum(axis=1)),
        last=pl.Series(np.maximum(last, day)),
    ).with_columns(updated_at=pl.when(pl.col("last") > pl.col("day")).then(at("last", 20)).otherwise("created_at"))  # fmt: skip
    return stamped.select(
        "author_id", "entry_type", "created_at", "reuse_count", "updated_at",
        text("KB{}-{}-{}", "day", "role_no", "turn").alias("entry_id"),
        _changed_on=pl.col("updated_at").dt.date(),
    )  # fmt: skip


PROCESS = Process(tables=("hr_collab_cases", "hr_project_roles", "hr_knowledge_posts"), tell=tell, echoes=YEAR)
