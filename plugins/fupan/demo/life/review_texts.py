"""What reviewers write, and what they mean by it: shape, topic and sentiment are chosen first, the words follow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from fupan.demo.tools.draws import Draws, Ints
from fupan.demo.tools.phrases import named, tones

TOPICS = (
    "quality", "brightness", "flicker", "noise", "logistics", "installation", "service", "price", "smart_control",
    "appearance", "packaging", "eco",
)  # fmt: skip
SHAPES = ("praise", "complaint", "mixed", "sarcasm", "emoji", "copied", "empty")
#: Stars -> how often a review has each of the shapes.
_SHAPES_OF = {
    1: (0.00, 0.66, 0.04, 0.13, 0.07, 0.00, 0.10),
    2: (0.00, 0.62, 0.12, 0.11, 0.05, 0.00, 0.10),
    3: (0.04, 0.22, 0.56, 0.04, 0.02, 0.02, 0.10),
    4: (0.46, 0.02, 0.30, 0.00, 0.05, 0.06, 0.11),
    5: (0.66, 0.00, 0.04, 0.00, 0.11, 0.08, 0.11),
}
#: How often each topic comes up in praise, and in blame; smart control only where there is some.
_PRAISED = (20, 18, 4, 4, 10, 8, 8, 10, 12, 12, 5, 3)
_BLAMED = (24, 12, 9, 6, 10, 9, 10, 5, 14, 5, 6, 3)
_SMART = TOPICS.index("smart_control")
_LATER = ("later_good", "later_bad", "later_solved")
_PHRASES = "review_phrases.csv"


@dataclass(frozen=True)
class Written:
    """Texts (null where nothing was written), their shape, main topic and sentiment (positive, neutral, negative)."""

    text: pl.Series
    shape: pl.Series
    topic: pl.Series
    sentiment: pl.Series


def write(draws: Draws, key: Ints, stars: Ints, is_smart: np.ndarray, gaps: Mapping[str, pl.Series]) -> Written:
    """A review a key. ``gaps``: what the product's own words are, by name of the gap."""
    tone = tones(_PHRASES)
    shape = np.zeros(len(key), dtype=np.int64)
    for number, weights in _SHAPES_OF.items():
        given = stars == number
        shape[given] = draws.pick(weights, key[given], 1)
    good, second_good = _topics(draws, _PRAISED, key, 2, is_smart), _topics(draws, _PRAISED, key, 3, is_smart)
    bad, second_bad = _topics(draws, _BLAMED, key, 4, is_smart), _topics(draws, _BLAMED, key, 5, is_smart)
    copied, copied_no = tone["copied"].any(draws.of("copied"), key)
    praise = tone["praise"].about(TOPICS, good, draws.of("praise"), key)
    blame = tone["blame"].about(TOPICS, bad, draws.of("blame"), key)
    is_positive = stars >= 4
    parts = pl.DataFrame(
        {
            "shape": np.asarray(SHAPES)[shape],
            "opener": _sometimes(draws, key, 0.35, tone["opener"].any(draws.of("opener"), key)[0], 6),
            "praise": praise,
            "more_praise": _going_on(draws.of("more praise"), key, 0.45, second_good, "praise"),
            "blame": blame,
            "more_blame": _going_on(draws.of("more blame"), key, 0.40, second_bad, "blame"),
            "but": tone["but"].any(draws.of("but"), key)[0],
            "sarcasm": tone["sarcasm"].about(TOPICS, bad, draws.of("sarcasm"), key),
            "copied": copied,
            "closer_good": _sometimes(draws, key, 0.5, "，" + tone["closer_good"].any(draws.of("good"), key)[0], 7),
            "closer_bad": _sometimes(draws, key, 0.5, "，" + tone["closer_bad"].any(draws.of("bad"), key)[0], 8),
            "closer_mixed": _sometimes(draws, key, 0.5, "，" + tone["closer_mixed"].any(draws.of("mixed"), key)[0], 9),
            "end": tone["end"].any(draws.of("end"), key)[0],
            "emoji": pl.select(
                pl.when(pl.Series(is_positive))
                .then(tone["emoji_good"].any(draws.of("smile"), key)[0])
                .otherwise(tone["emoji_bad"].any(draws.of("frown"), key)[0])
            ).to_series(),
            "is_positive": is_positive,
            "is_wordless": draws.chance(0.3, key, 10),
        }
    )
    a_phrase = pl.when("is_positive").then("praise").otherwise("blame")
    told = {
        "praise": pl.concat_str("opener", "praise", "more_praise", "closer_good", "end"),
        "complaint": pl.concat_str("opener", "blame", "more_blame", "closer_bad", "end"),
        "mixed": pl.concat_str("opener", "praise", "but", "blame", "closer_mixed", "end"),
        "sarcasm": pl.concat_str("sarcasm", "end"),
        "emoji": pl.when("is_wordless").then("emoji").otherwise(pl.concat_str(a_phrase, "emoji")),
        "copied": pl.col("copied"),
        "empty": pl.lit(None, pl.String),
    }
    text = parts.select(_of_shape(told)).to_series()
    is_of = {name: shape == number for number, name in enumerate(SHAPES)}
    speaks_well = np.where(is_of["emoji"], is_positive, is_of["praise"])
    topic = np.asarray(TOPICS)[np.where(speaks_well, good, bad)]
    topic = np.where(is_of["copied"], tone["copied"].topics[copied_no], topic)
    topic = np.where(is_of["empty"] | (is_of["emoji"] & parts["is_wordless"].to_numpy()), "none", topic)
    by_stars = np.select([stars >= 4, (stars == 3) & is_of["empty"]], ["positive", "neutral"], "negative")
    sentiment = np.select(
        [is_of["mixed"], is_of["praise"] | is_of["copied"], is_of["complaint"] | is_of["sarcasm"]],
        ["neutral", "positive", "negative"],
        by_stars,
    )
    return Written(named(text, **gaps), parts["shape"], pl.Series(topic), pl.Series(sentiment))


def add_later(draws: Draws, key: Ints, kind_no: Ints) -> pl.Series:
    """What is added to a review after some weeks. ``kind_no``: 0 still content, 1 disappointed, 2 won over by the service."""
    said = [tones(_PHRASES)[tone].any(draws.of(tone), key)[0] for tone in _LATER]
    frame = pl.DataFrame({"kind_no": kind_no, **dict(zip(_LATER, said, strict=True))})
    return frame.select(
        pl.when(pl.col("kind_no") == 0)
        .then(_LATER[0])
        .when(pl.col("kind_no") == 1)
        .then(_LATER[1])
        .otherwise(_LATER[2])
    ).to_series()


def _topics(draws: Draws, weights: tuple[int, ...], key: Ints, number: int, is_smart: np.ndarray) -> Ints:
    plain = [0 if topic == _SMART else weight for topic, weight in enumerate(weights)]
    return np.where(is_smart, draws.pick(weights, key, number), draws.pick(plain, key, number))


def _sometimes(draws: Draws, key: Ints, share: float, said: pl.Series, number: int) -> pl.Series:
    return pl.select(pl.when(pl.Series(draws.chance(share, key, number))).then(said).otherwise(pl.lit(""))).to_series()


def _going_on(draws: Draws, key: Ints, share: float, topic_no: Ints, tone: str) -> pl.Series:
    known = tones(_PHRASES)
    said = known["and"].any(draws.of("and"), key)[0] + known[tone].about(TOPICS, topic_no, draws, key)
    return _sometimes(draws, key, share, said, 11)


def _of_shape(told: Mapping[str, pl.Expr]) -> pl.Expr:
    found = pl.lit(None, pl.String)
    for shape, said in told.items():
        found = pl.when(pl.col("shape") == shape).then(said).otherwise(found)
    return found
