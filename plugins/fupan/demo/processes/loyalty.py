"""Loyalty programmes of business customers; a control group without benefits shows that who gets one leaves less often."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import polars as pl

from fupan.demo.company.clientele import NEVER, companies
from fupan.demo.process import Frames, Process, as_of
from fupan.demo.tools.columns import DAY_S, moment
from fupan.demo.world import LIFE_YEARS, YEAR, Span, World, day_number

#: Programme -> benefit, and share of those who stay and of those who leave that take it: it keeps the former.
PROGRAMMES = {
    "care_plus": ("warranty_extension", 0.20, 0.09),
    "fast_lane": ("priority_repair", 0.14, 0.07),
    "partner_price": ("discount", 0.12, 0.10),
}
#: Of those who are asked so many are put into the control group, whether they will stay or not.
CONTROL = 0.05
#: Some leave a programme after a while though they stay customers.
BORED = 0.08


@lru_cache(maxsize=2)
def _enrolments(world: World) -> pl.DataFrame:
    """Every enrolment of all years with its stamps. Programmes begin one after the other in the company's first year."""
    known = companies(world).filter(pl.col("kind").is_in(["dealer", "importer"]).not_())
    number, left = known["customer_no"].to_numpy(), known["left_day"].to_numpy()
    first, parts = day_number(world.first), []
    for index, (programme, (benefit, staying, leaving)) in enumerate(PROGRAMMES.items()):
        draws = world.draws(programme)
        even = draws.uniform(number, 1)
        takes = even < np.where(left == NEVER, staying, leaving)
        control = ~takes & (even > 1 - CONTROL)
        begins = np.maximum(known["created_day"].to_numpy() + 20, first + 40 + 90 * index)
        enrolled = begins + draws.integer(0, 500, number, 2)
        bored = draws.chance(BORED, number, 3) & takes
        ends = np.minimum(left, np.where(bored, enrolled + draws.integer(120, 900, number, 4), NEVER))
        inside = (takes | control) & (enrolled < left) & (enrolled < first + LIFE_YEARS * YEAR)
        second = 9 * 3600 + draws.integer(0, 8 * 3600, number, 5)
        parts.append(
            known.select(
                "customer_id",
                programme=pl.lit(programme),
                benefit_type=pl.lit(benefit),
                is_control=pl.Series(control),
                enrolled_at=moment(pl.Series(enrolled * DAY_S + second)),
                left_at=pl.when(pl.Series(ends < NEVER)).then(
                    moment(pl.Series(np.where(ends < NEVER, ends, 0) * DAY_S + second))
                ),
            ).filter(pl.Series(inside))
        )
    return pl.concat(parts)


def tell(world: World, span: Span) -> Frames:
    """All enrolments by the evening."""
    return {"crm_loyalty_enrolments": as_of(_enrolments(world), span.evening, ["enrolled_at", "left_at"])}


PROCESS = Process(("crm_loyalty_enrolments",), tell)
