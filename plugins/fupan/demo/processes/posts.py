"""What posts get day by day, as the platforms report it in the evening."""

from __future__ import annotations

import polars as pl

from fupan.demo.company.assortment import date_of
from fupan.demo.company.campaigns import campaigns
from fupan.demo.life.posts import AUTHORS, PLATFORMS, TYPES, daily
from fupan.demo.process import Frames, Process, changed
from fupan.demo.tools.columns import DAY_S, moment, named
from fupan.demo.world import Span, World, day_number

_REPORTED = 23 * 3600 + 50 * 60


def tell(world: World, span: Span) -> Frames:
    """Figures of the span's days."""
    found = daily(world, day_number(span.first), day_number(span.last))
    found = found.with_columns(
        campaign_id=campaigns(world)["campaign_id"].gather(found["campaign_no"]),
        reported_at=moment(pl.col("stat_day") * DAY_S + _REPORTED),
    )
    return {
        "web_content_posts": changed(found, "reported_at").select(
            "post_id", "author_id", "campaign_id", "topic", "is_new_product_launch", "reads", "interactions", "inquiries",
            "orders", "gmv", "production_cost", "updated_at", "_changed_on",
            platform=named("platform_no", PLATFORMS),
            content_type=named("type_no", TYPES),
            author_type=named("author_no", AUTHORS),
            published_at=moment(pl.col("day") * DAY_S + pl.col("second")),
            stat_date=date_of("stat_day"),
        )
    }  # fmt: skip


PROCESS = Process(("web_content_posts",), tell, echoes=0, history=400)
