"""Reviews on the platforms: within weeks of delivery, as good as the product, edited and hidden now and then."""

from __future__ import annotations

import numpy as np
import polars as pl

from fupan.demo.company.assortment import LINE_NAMES, products
from fupan.demo.company.workmanship import given_stars
from fupan.demo.life.deliveries import DAY, HOUR, delivered, moments, with_orders
from fupan.demo.life.review_texts import add_later, write
from fupan.demo.process import CHANGED_ON, GONE_ON, Frames, Process, as_of
from fupan.demo.tools.phrases import text_key
from fupan.demo.tools.wording import text
from fupan.demo.world import Span, World

#: Share of lines that a platform has sold; of these, what the platform fills in after two weeks, what is written again, and
#: what is hidden later; share whose order the platform keeps to itself.
REVIEWED, DEFAULTS, EDITED, HIDDEN, ORDER_HIDDEN = 0.42, 0.14, 0.10, 0.05, 0.08
DEFAULT_AFTER_DAYS = 15
DEFAULT_TEXT = "此用户未填写评价内容"
_BRANDS = {"light_sources": "简明", "commercial": "简明"}
_SMART = LINE_NAMES.index("smart_luminaires")
_COLUMNS = (
    "review_id", "order_id", "line_no", "user_id", "sku", "product_name", "brand", "platform", "rating", "review_text",
    "is_default", "posted_at", "updated_at", CHANGED_ON, GONE_ON,
)  # fmt: skip


def tell(world: World, span: Span) -> Frames:
    """Reviews of lines that were ordered on the span's days, with what their texts are about."""
    draws = world.draws("reviews")
    sold = delivered(world, span).filter(pl.col("platform").is_not_null() & (pl.col("group") == "online"))
    sold = sold.filter(pl.Series(draws.chance(REVIEWED, sold["line_key"].to_numpy(), 1)))
    lines = with_orders(world, span, sold, "user_id")
    key, arrived = lines["line_key"].to_numpy(), lines["delivered_us"].to_numpy()
    is_default = draws.chance(DEFAULTS, key, 2)
    wait = np.where(is_default, DEFAULT_AFTER_DAYS * DAY, draws.integer(DAY // 2, 12 * DAY, key, 3))
    posted = arrived + wait + draws.integer(0, 8 * HOUR, key, 4)
    quality = products(world)["quality"].to_numpy()[lines["sku_no"].to_numpy()]
    stars = np.where(is_default, 5, given_stars(quality, draws.of("stars"), key))
    is_edited = ~is_default & draws.chance(EDITED, key, 5)
    # The stars that stand in the end are those of the product's quality: before, they were one more, or one fewer.
    later = np.select([stars <= 3, (stars == 4) & draws.chance(0.4, key, 6)], [1, 2], 0)
    before = np.where(is_edited, np.clip(stars + np.select([later == 1, later == 2], [1, -1], 0), 1, 5), stars)
    written = write(
        draws.of("texts"),
        key,
        before,
        lines["product_line_no"].to_numpy() == _SMART,
        {"kind": lines["kind"], "watt": lines["power_w"].cast(pl.String)},
    )
    line = pl.Series(np.asarray(LINE_NAMES)[lines["product_line_no"].to_numpy()])
    brand = line.replace_strict(_BRANDS, default="岚光")
    hides_order = draws.chance(ORDER_HIDDEN, key, 7)
    hidden = posted // DAY + draws.integer(26, 40, key, 8)
    is_hidden = draws.chance(HIDDEN, key, 9)
    reviews = lines.with_columns(
        review_id=text("RV{}", "line_key"),
        order_id=pl.when(pl.Series(~hides_order)).then("order_id"),
        line_no=pl.when(pl.Series(~hides_order)).then("line_no"),
        brand=brand,
        product_name=text("{} {} 官方正品", brand, "product_name"),
        is_default=pl.Series(is_default),
        posted_at=moments("posted_at", posted),
        edited_at=moments("edited_at", posted + draws.integer(2 * DAY, 25 * DAY, key, 10), is_edited),
        first_rating=pl.Series(before),
        rating=pl.Series(stars),
        first_text=pl.when(pl.Series(is_default)).then(pl.lit(DEFAULT_TEXT)).otherwise(written.text),
        later_text=add_later(draws.of("later"), key, later),
        later_sentiment=pl.Series(np.asarray(["", "negative", "positive"])[later]),
        shape=written.shape,
        topic=written.topic,
        sentiment=written.sentiment,
    ).with_columns(pl.when(pl.Series(is_hidden)).then(pl.Series(hidden)).cast(pl.Int32).cast(pl.Date).alias(GONE_ON))
    told = as_of(reviews, span.evening, ["posted_at", "edited_at"])
    edited = pl.col("edited_at").is_not_null()
    told = told.with_columns(
        rating=pl.when(edited).then("rating").otherwise("first_rating"),
        review_text=pl.when(edited)
        .then(pl.concat_str("first_text", "later_text", separator=" ", ignore_nulls=True))
        .otherwise("first_text"),
        sentiment=pl.when(edited & (pl.col("later_sentiment") != "")).then("later_sentiment").otherwise("sentiment"),
    )
    opinions = told.filter(~pl.col("is_default"))
    return {
        "rev_reviews": told.select(_COLUMNS),
        "text_key": text_key(opinions, "ecommerce", "rev_reviews", "review_id"),
    }


PROCESS = Process(
    ("rev_reviews", "text_key"),
    tell,
    echoes=120,
    renamed={"rev_reviews": {"product_name": "title", "review_text": "text"}},
)
