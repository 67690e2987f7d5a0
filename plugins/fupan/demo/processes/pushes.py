"""Messages to accounts in the company's own groups: to all in turn, and in the morning to some who buy on the same day."""

from __future__ import annotations

import numpy as np
import polars as pl

from fupan.demo.company.clientele import user_id, users
from fupan.demo.life.sales import told
from fupan.demo.process import Frames, Process, as_of
from fupan.demo.tools.columns import DAY_S, moment
from fupan.demo.tools.draws import Draws
from fupan.demo.tools.wording import text
from fupan.demo.world import Span, World

#: Share of online orders of those who are in the groups that a message of the morning has led to, by platform.
LED = {"wechat": 0.65, "own_site": 0.40, "tmall": 0.22, "jd": 0.20, "douyin": 0.12}
#: Messages that lead to nothing, on a broadcast day at scale 1; Tuesday and Friday (1970 began on a Thursday).
BROADCAST, _WEEKDAYS = 900, (1, 4)
CHANNELS, CHANNEL_SHARES = ("wecom", "mini_program", "sms", "app"), (0.50, 0.25, 0.15, 0.10)
#: Share of messages opened and, of those, clicked, by channel.
OPENED, CLICKED = (0.42, 0.35, 0.12, 0.28), (0.22, 0.26, 0.10, 0.20)
#: Nobody opens a message later than so many days after it was sent.
_LATEST = 3
#: Whoever registered less long ago is a newcomer.
_NEW_FOR = 60


def tell(world: World, span: Span) -> Frames:
    """Messages that are sent on the span's days."""
    draws = world.draws("pushes")
    found = pl.concat([_led(world, draws, span), _broadcast(world, draws.of("broadcast"), span)], how="diagonal")
    account = users(world)[found["user_no"].to_numpy()]
    age = found["day"].to_numpy() - account["registered_day"].to_numpy()
    is_member = account["member_since_day"].fill_null(1 << 40).to_numpy() <= found["day"].to_numpy()
    buys = account["customer_no"].is_not_null().to_numpy()
    tag = np.where(
        is_member, "members", np.where(age < _NEW_FOR, "newcomers", np.where(buys, "regulars", "browsers"))
    )  # fmt: skip
    found = found.with_columns(
        user_id=user_id(pl.col("user_no")),
        channel=pl.col("channel_no").replace_strict(dict(enumerate(CHANNELS)), return_dtype=pl.String),
        audience_tag=pl.Series(tag),
    )
    stamps = ["sent_at", "opened_at", "clicked_at", "placed_at"]
    return {
        "crm_pushes": as_of(found, span.evening, stamps, reveals={"placed_at": ["order_id"]}).drop(
            "user_no", "day", "channel_no", "placed_at"
        )
    }


def _led(world: World, draws: Draws, span: Span) -> pl.DataFrame:
    """Sent in the morning, opened and clicked before the order."""
    orders = told(world, span.first, span.last).orders.filter(pl.col("group") == "online")
    in_groups = users(world)["private_domain_since_day"].gather(orders["user_no"]).fill_null(1 << 40).to_numpy()
    share = orders["platform"].replace_strict(LED).to_numpy()
    key = orders["order_key"].to_numpy()
    led = (in_groups < orders["order_day"].to_numpy()) & draws.chance(share, key, 1)
    orders = orders.filter(pl.Series(led))
    key = orders["order_key"].to_numpy()
    placed = orders.select(pl.col("placed_at").dt.epoch("s")).to_series().to_numpy()
    midnight = orders["order_day"].to_numpy() * DAY_S
    sent = midnight + 7 * 3600 + draws.integer(0, 1800, key, 2)
    opened = sent + (0.7 * draws.uniform(key, 3) * (placed - sent)).astype(np.int64)
    clicked = opened + (0.9 * draws.uniform(key, 4) * (placed - opened)).astype(np.int64)
    return orders.select(
        "user_no", "order_id", "placed_at", day="order_day",
        push_id=text("PU{}", "order_key"),
        channel_no=pl.Series(draws.pick(CHANNEL_SHARES, key, 5)),
        sent_at=moment(pl.Series(sent)),
        opened_at=moment(pl.Series(opened)),
        clicked_at=moment(pl.Series(clicked)),
    )  # fmt: skip


def _broadcast(world: World, draws: Draws, span: Span) -> pl.DataFrame:
    """To as many of those who are in the groups and agree to be written to; some open it the next day."""
    known = (
        users(world)
        .select("user_no", "private_domain_since_day", "consent_flag")
        .filter("consent_flag", pl.col("private_domain_since_day").is_not_null())
        .sort("private_domain_since_day", "user_no")
    )
    days = span.days[np.isin((span.days + 3) % 7, _WEEKDAYS)]
    number = np.arange(world.number(BROADCAST, 15), dtype=np.int64)
    day, at = (grid.ravel() for grid in np.meshgrid(days, number, indexing="ij"))
    standing = np.searchsorted(known["private_domain_since_day"].to_numpy(), day - 1, side="right")
    who = known["user_no"].to_numpy()[np.floor(draws.uniform(day, at, 1) * standing).astype(np.int64)]
    channel = draws.pick(CHANNEL_SHARES, day, at, 2)
    sent = day * DAY_S + 19 * 3600 + draws.integer(0, 1200, day, at, 3)
    opens = draws.chance(np.asarray(OPENED)[channel], day, at, 4)
    opened = sent + np.minimum(_LATEST * DAY_S, 3 * 3600 * draws.spread(day, at, 5, sigma=1.0)).astype(np.int64)
    clicks = opens & draws.chance(np.asarray(CLICKED)[channel], day, at, 6)
    return pl.DataFrame({"user_no": who, "day": day, "channel_no": channel}).with_columns(
        push_id=text("PB{}-{}", "day", pl.Series(at)),
        sent_at=moment(pl.Series(sent)),
        opened_at=pl.when(pl.Series(opens)).then(moment(pl.Series(opened))),
        clicked_at=pl.when(pl.Series(clicks)).then(moment(pl.Series(opened + draws.integer(5, 900, day, at, 7)))),
    )


PROCESS = Process(("crm_pushes",), tell, echoes=_LATEST + 1)
