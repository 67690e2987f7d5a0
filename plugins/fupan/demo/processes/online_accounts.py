"""Online accounts, as they stand on an evening: registered, members after a while, in the company's own groups, buyers."""

from __future__ import annotations

import numpy as np
import polars as pl

from fupan.demo.company.clientele import customer_id, paid_tiers, user_id, users
from fupan.demo.company.geography import places
from fupan.demo.life.visits import accounts_by_day
from fupan.demo.process import Frames, Process, as_of
from fupan.demo.tools.columns import DAY_S, moment
from fupan.demo.world import Span, World, day_number

#: Who invites others has registered at least so many days before.
_KNOWN_FOR = 30
_INVITED = ("social_sharing", "referral")


def _described(world: World, evening: int) -> pl.DataFrame:
    """Every account that has been registered by the evening with its stamps."""
    known, draws = users(world).filter(pl.col("registered_day") <= evening), world.draws("accounts")
    number, day = known["user_no"].to_numpy(), known["registered_day"].to_numpy()
    # Who buys on the day of registration has registered before that: in the morning.
    second = 6 * 3600 + draws.integer(0, 2 * 3600 - 1, number, 1)
    later = 9 * 3600 + draws.integer(0, 11 * 3600, number, 2)
    accounts, registered = accounts_by_day(world)
    before = np.searchsorted(registered, day - _KNOWN_FOR, side="right")
    inviter = accounts[np.floor(draws.uniform(number, 3) * before).astype(np.int64)]
    invited = known["acquisition_source"].is_in(_INVITED) & pl.Series(before > 0)
    return known.with_columns(
        city=places()["city"].gather(known["place_no"]),
        user_id=user_id(pl.col("user_no")),
        customer_id=customer_id(pl.col("customer_no")),
        referrer_user_id=pl.when(invited).then(user_id(pl.Series(inviter))),
        registered_at=moment(pl.col("registered_day") * DAY_S + pl.Series(second)),
        member_at=moment(pl.col("member_since_day") * DAY_S + pl.Series(later)),
        in_private_domain_since=moment(pl.col("private_domain_since_day") * DAY_S + pl.Series(later)),
        paid_member_tier=paid_tiers(world, number),
    )


def tell(world: World, span: Span) -> Frames:
    """All accounts that have been registered by the evening."""
    known = as_of(
        _described(world, day_number(span.evening)),
        span.evening,
        ["registered_at", "member_at", "in_private_domain_since"],
    )
    is_member = pl.col("member_at").is_not_null()
    return {
        "web_users": known.select(
            "user_id", "customer_id", "registered_at", "birth_year", "city", "acquisition_source", "referrer_user_id",
            "in_private_domain_since", "consent_flag", "updated_at", "_changed_on",
            is_paid_member=is_member,
            member_tier=pl.when(is_member).then("paid_member_tier").otherwise(pl.lit("basic")),
        )
    }  # fmt: skip


PROCESS = Process(("web_users",), tell)
