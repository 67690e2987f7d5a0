"""Reviews on the platforms: some weeks after delivery, as good as the product, edited and hidden now and then."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from random import Random
from typing import Any, NamedTuple

from fupan.demo.company import stamp
from fupan.demo.delivered import Delivered
from fupan.demo.story import Story, code, draw
from fupan.demo.workmanship import stars

REVIEWED = 0.42  # share of lines that a platform has sold
DEFAULTS, EDITED, HIDDEN, ORDER_HIDDEN = 0.14, 0.10, 0.05, 0.08
DEFAULT_AFTER_DAYS = 15
DEFAULT_TEXT = "此用户未填写评价内容"

_PRAISE = (
    "灯很亮,光线柔和不刺眼,{kind}装上去效果特别好!",
    "安装师傅很专业,{kind}质量对得起价格,推荐购买👍",
    "已经是第二次回购了,做工扎实,包装也严实。",
    "颜值高,显色好,家里老人孩子都喜欢。",
    "物流快,客服有耐心,没有频闪,满意。",
    "智能联动很方便,小爱同学一喊就开😊",
)
_MIXED = (
    "亮度还可以,就是安装说明写得太简单,摸索了半天。",
    "整体不错,边框有一点色差,凑合用吧。",
    "灯本身没问题,物流慢了三天。",
    "价格比活动前贵了二十块,东西倒是还行。",
)
_BLAME = (
    "用了不到一个月就闪,{kind}质量堪忧。",
    "装上有明显的嗡嗡声,客服半天不回复,失望。",
    "收到就有磕碰,申请售后让我自己拍视频,太折腾😡",
    "色温和页面写的不一样,退货还要自己出运费。",
    "真是“好”灯,亮了三天就休息了。",
)
_LATER = ("追评:用了一段时间,没有问题。", "追评:两个月后驱动坏了,已联系售后。", "追评:客服主动联系解决了,改观了。")
_BRANDS = {"light_sources": "简明", "commercial": "简明"}


class Review(NamedTuple):
    """A review as the platform keeps it."""

    review_id: str
    order_id: str | None
    line_no: int | None
    user_id: str
    sku: str
    title: str
    brand: str
    platform: str
    rating: int
    text: str | None
    is_default: bool
    posted_at: datetime
    updated_at: datetime


def stories(lines: Iterable[Delivered], seed: int) -> Iterator[Story]:
    """Reviews of those lines that a platform has sold and somebody writes about, or nobody does within two weeks."""
    for line in lines:
        if line.platform and draw(seed, "review", line.key) < REVIEWED:
            yield _story(line, line.platform, Random(f"{seed}/review/{line.key}"), seed)


def _story(line: Delivered, platform: str, random: Random, seed: int) -> Story:
    default = random.random() < DEFAULTS
    wait = DEFAULT_AFTER_DAYS if default else random.randint(1, 12)
    posted = stamp(line.days_later(wait), random)
    rating = 5 if default else stars(line.sku, random)
    kind = line.product_name.split()[1]
    text = DEFAULT_TEXT if default else _text(rating, kind, random)
    anonymous = random.random() < ORDER_HIDDEN
    brand = _BRANDS.get(line.product_line, "岚光")
    review = Review(
        review_id=code("RV", seed, "review number", line.key, digits=12),
        order_id=None if anonymous else line.order_id,
        line_no=None if anonymous else line.line_no,
        user_id=code("U", seed, "user", line.customer_id or line.order_id),
        sku=line.sku,
        title=f"{brand} {line.product_name} 官方正品",
        brand=brand,
        platform=platform,
        rating=rating,
        text=text,
        is_default=default,
        posted_at=posted,
        updated_at=posted,
    )
    changes: list[tuple[datetime, dict[str, Any] | None]] = []
    if not default and random.random() < EDITED:
        later = random.choice(_LATER)
        edited = {"text": f"{text} {later}" if text else later, "rating": max(1, rating - (random.random() < 0.3))}
        changes.append((stamp(posted.date() + timedelta(days=random.randint(2, 25)), random), edited))
    if random.random() < HIDDEN:
        changes.append((stamp(posted.date() + timedelta(days=random.randint(26, 40)), random), None))
    return Story(posted, review, changes)


def _text(rating: int, kind: str, random: Random) -> str | None:
    if random.random() < 0.12:
        return None
    shapes = _PRAISE if rating == 5 else _MIXED if rating >= 3 else _BLAME
    return random.choice(shapes).format(kind=kind)
