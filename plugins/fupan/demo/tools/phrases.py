"""Chinese texts put together from tables of phrases, in vectors: which phrase, how it goes on, what stands in its gaps."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from itertools import product

import numpy as np
import polars as pl

from fupan.demo.process import CHANGED_ON, GONE_ON
from fupan.demo.tools.draws import Draws, Ints

#: Gap in a phrase -> what may stand in it.
_GAPS = {
    "{room}": ("客厅", "卧室", "书房", "厨房", "餐厅", "阳台", "儿童房", "店里", "办公室", "走廊"),
    "{days}": tuple(str(number) for number in (3, 5, 7, 8, 10, 12, 15, 20, 25, 30, 45, 60)),
    "{times}": ("两", "三", "四", "五", "2", "3", "4", "5", "6"),
    "{tens}": tuple(str(number) for number in range(10, 90, 5)),
}


class Tone:
    """The phrases of one tone, each in all the ways in which its gaps may be filled."""

    def __init__(self, phrases: list[str], topics: list[str]) -> None:
        written = [_variants(phrase) for phrase in phrases]
        self.topics = np.asarray(topics)
        self._variants = pl.Series([variant for of_phrase in written for variant in of_phrase], dtype=pl.String)
        self._sizes = np.array([len(of_phrase) for of_phrase in written], dtype=np.int64)
        self._begins = np.cumsum(self._sizes) - self._sizes

    def write(self, phrase_no: Ints, draws: Draws, key: Ints) -> pl.Series:
        """The phrases of those numbers, their gaps filled by chance."""
        size = self._sizes[phrase_no]
        return self._variants.gather(self._begins[phrase_no] + np.floor(draws.uniform(key, 1) * size).astype(np.int64))

    def any(self, draws: Draws, key: Ints) -> tuple[pl.Series, Ints]:
        """A phrase a key, whatever its topic, and its number."""
        number = draws.integer(0, len(self._sizes) - 1, key, 2)
        return self.write(number, draws, key), number

    def about(self, topics: tuple[str, ...], topic_no: Ints, draws: Draws, key: Ints) -> pl.Series:
        """A phrase a key about a topic, which is its number in ``topics``. The tone has phrases on each topic that is asked."""
        of_topic = [np.flatnonzero(self.topics == topic) for topic in topics]
        sizes = np.array([len(part) for part in of_topic], dtype=np.int64)
        begins = np.cumsum(sizes) - sizes
        at = begins[topic_no] + np.floor(draws.uniform(key, 2) * sizes[topic_no]).astype(np.int64)
        return self.write(np.concatenate(of_topic)[at], draws, key)


def _variants(phrase: str) -> list[str]:
    gaps = [gap for gap in _GAPS if gap in phrase]
    found = []
    for values in product(*(_GAPS[gap] for gap in gaps)):
        variant = phrase
        for gap, value in zip(gaps, values, strict=True):
            variant = variant.replace(gap, value)
        found.append(variant)
    return found


@cache
def tones(file_name: str) -> dict[str, Tone]:
    """A table of phrases (tone, topic, phrase) by tone."""
    text = files("fupan.demo.tools").joinpath(file_name).read_text(encoding="utf-8")
    table = pl.read_csv(text.encode()).with_columns(pl.col("phrase").fill_null(""))
    return {
        str(tone): Tone(part["phrase"].to_list(), part["topic"].to_list())
        for (tone,), part in table.group_by(["tone"], maintain_order=True)
    }


def named(text: pl.Series, **values: pl.Series) -> pl.Series:
    """Texts with what stands for {name} put in, element by element."""
    frame = pl.DataFrame({"text": text, **values}).with_row_index("at")
    for name in values:
        gap = f"{{{name}}}"
        written = frame.filter(pl.col("text").str.contains(gap, literal=True)).select(
            "at", written=pl.col("text").str.replace_all(gap, pl.col(name), literal=True)
        )
        frame = (
            frame.join(written, on="at", how="left", maintain_order="left")
            .with_columns(text=pl.coalesce("written", "text"))
            .drop("written")
        )
    return frame["text"]


def text_key(rows: pl.DataFrame, system: str, table: str, key: str) -> pl.DataFrame:
    """What the texts of these rows are really about."""
    gone = [GONE_ON] if GONE_ON in rows.columns else []
    return rows.select(
        *("topic", "sentiment", "shape", CHANGED_ON, *gone),
        system=pl.lit(system),
        table_name=pl.lit(table),
        row_key=pl.col(key),
    )
