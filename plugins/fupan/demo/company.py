"""Master data of the reference company: regions, channels, the assortment, customers and their (invented) contacts."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from importlib.resources import files
from random import Random
from zoneinfo import ZoneInfo

from fupan.demo.rows import Channel, Customer, Product, Region

ZONE = ZoneInfo("Asia/Shanghai")
CUSTOMERS = 1_500


def money(value: float) -> Decimal:
    """CNY to the fen."""
    return Decimal(round(value * 100)).scaleb(-2)


def stamp(day: date, random: Random) -> datetime:
    """Some working moment of that day."""
    return datetime.combine(day, time(8), ZONE) + timedelta(seconds=random.randrange(13 * 3600))


# ------------------------------------------------------------------------------------------------- regions, channels


@dataclass(frozen=True)
class Place:
    """A region and its largest city, where customers live."""

    region: Region
    city: str


def places() -> list[Place]:
    """31 provinces (households and areas near the census of 2020) and six overseas markets."""
    text = files("fupan.demo").joinpath("regions.csv").read_text(encoding="utf-8")
    return [_place(row) for row in csv.DictReader(text.splitlines())]


def _place(row: dict[str, str]) -> Place:
    households = int(row["households"])
    per_household = 260 if row["city_tier"] in ("tier_1", "new_tier_1") else 180
    return Place(
        Region(
            region_code=row["region_code"],
            province=row["province"] or None,
            macro_region=row["macro_region"],
            country=row["country"],
            city_tier=row["city_tier"] or None,
            area_km2=Decimal(row["area_km2"]),
            households=households,
            addressable_accounts=households // 900,
            market_potential_value=Decimal(households * per_household),
            market_group=row["market_group"],
        ),
        row["city"],
    )


CHANNELS = [
    Channel("DEALER", "经销商", "dealer", False, False, date(2009, 3, 1)),
    Channel("PROJECT", "工程项目", "project", False, False, date(2011, 6, 1)),
    Channel("TMALL", "天猫旗舰店", "online", True, False, date(2013, 9, 1)),
    Channel("JD", "京东自营", "online", True, False, date(2014, 5, 1)),
    Channel("DOUYIN", "抖音直播间", "online", True, True, date(2021, 4, 1)),
    Channel("SITE", "官方商城", "online", True, False, date(2016, 1, 1)),
    Channel("WECHAT", "微信小程序", "online", True, True, date(2022, 8, 1)),
    Channel("EXPORT", "海外出口", "export", False, False, date(2012, 10, 1)),
]

# ---------------------------------------------------------------------------------------------------------- products


@dataclass(frozen=True)
class ProductLine:
    """A product line: series, what is made, price range in CNY and cost as a share of the list price."""

    product_line: str
    code: str
    series: tuple[str, ...]
    kinds: tuple[tuple[str, str], ...]
    prices: tuple[int, int]
    cost_share: tuple[float, float]


LINES = (
    ProductLine(
        "smart_luminaires",
        "SM",
        ("星澜", "智界"),
        (
            ("smart_ceiling", "智能吸顶灯"),
            ("smart_downlight", "智能筒灯"),
            ("smart_strip", "智能灯带"),
            ("smart_desk", "智能台灯"),
        ),
        (129, 1899),
        (0.36, 0.48),
    ),
    ProductLine(
        "commercial",
        "CO",
        ("明商", "衡光"),
        (("panel", "面板灯"), ("track", "轨道射灯"), ("downlight", "商用筒灯"), ("linear", "办公线条灯")),
        (69, 899),
        (0.42, 0.54),
    ),
    ProductLine(
        "industrial",
        "IN",
        ("工匠", "磐石"),
        (("high_bay", "工矿灯"), ("tri_proof", "三防灯"), ("explosion_proof", "防爆灯"), ("flood", "工业投光灯")),
        (159, 2599),
        (0.44, 0.55),
    ),
    ProductLine(
        "outdoor",
        "OU",
        ("远照", "夜行"),
        (("street", "路灯"), ("landscape", "景观灯"), ("solar", "太阳能灯"), ("wall_washer", "洗墙灯")),
        (89, 1699),
        (0.43, 0.54),
    ),
    ProductLine(
        "residential",
        "RE",
        ("暖居", "素雅"),
        (("ceiling", "吸顶灯"), ("pendant", "吊灯"), ("desk", "护眼台灯"), ("wall", "壁灯")),
        (59, 799),
        (0.38, 0.5),
    ),
    ProductLine(
        "light_sources",
        "LS",
        ("常明", "通用"),
        (("bulb", "LED 球泡"), ("tube", "LED 灯管"), ("driver", "驱动电源"), ("fitting", "灯座配件")),
        (9, 89),
        (0.46, 0.58),
    ),
)
SKUS_PER_LINE = 20
PRODUCT_LINES = tuple(line.product_line for line in LINES)


def products(until: date, random: Random) -> list[Product]:
    """20 SKUs a line: some launched in the last two years, a few discontinued, three whose cost nobody knows."""
    return [_product(line, number, until, random) for line in LINES for number in range(SKUS_PER_LINE)]


def _product(line: ProductLine, number: int, until: date, random: Random) -> Product:
    category, kind = line.kinds[number % len(line.kinds)]
    low, high = line.prices
    # Prices lie evenly on a logarithmic scale, and end in 9 as prices do.
    price = int(low * (high / low) ** ((number + random.random()) / SKUS_PER_LINE)) // 10 * 10 + 9
    launched = until - timedelta(days=random.randrange(60, 600) if number % 7 == 3 else random.randrange(900, 3000))
    discontinued = until - timedelta(days=random.randrange(30, 300)) if number == 5 else None
    return Product(
        sku=f"{line.code}-{1001 + number}",
        product_name=f"{line.series[number % 2]} {kind} {random.choice((6, 9, 12, 18, 24, 36, 48, 60, 100))}W",
        product_line=line.product_line,
        category=category,
        series=line.series[number % 2],
        item_role=("traffic", "profit", "image")[min(2, number * 3 // SKUS_PER_LINE)],
        list_price=Decimal(price),
        standard_cost=None
        if line.code == "LS" and number % 7 == 6
        else money(price * random.uniform(*line.cost_share)),
        launch_date=launched,
        discontinue_date=discontinued,
        is_smart=line.code == "SM",
        updated_at=stamp(discontinued or max(launched, until - timedelta(days=700)), random),
    )


# --------------------------------------------------------------------------------------------------------- customers

_SURNAMES = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗"
_GIVEN = (
    "伟",
    "芳",
    "娜",
    "秀英",
    "敏",
    "静",
    "强",
    "磊",
    "洋",
    "勇",
    "艳",
    "杰",
    "娟",
    "涛",
    "明",
    "超",
    "霞",
    "桂兰",
)
_FOREIGN = ("Anna Weber", "John Miller", "Ahmed Khalid", "Nguyen Van An", "Carlos Souza", "Emily Brown", "Lucas Lima")
_INVENTED = (
    "华明",
    "鼎盛",
    "远景",
    "恒泰",
    "联创",
    "金辉",
    "东方",
    "瑞和",
    "天成",
    "光合",
    "百信",
    "中凯",
    "万象",
    "同德",
)

#: customer_type: share, (suffix of the company's name, industry, days of credit); households are persons.
_TYPES: dict[str, tuple[float, tuple[str, str, int] | None]] = {
    "household": (0.60, None),
    "dealer": (0.14, ("灯饰经营部", "wholesale", 45)),
    "integrator": (0.04, ("智能科技有限公司", "smart_home", 60)),
    "decorator": (0.07, ("装饰工程有限公司", "decoration", 30)),
    "developer": (0.04, ("置业有限公司", "real_estate", 90)),
    "commercial": (0.06, ("商业管理有限公司", "retail", 60)),
    "industrial": (0.05, ("制造有限公司", "manufacturing", 60)),
}


def customers(until: date, started: date, random: Random) -> list[Customer]:
    """People and companies where the households are; every 25th is an importer overseas."""
    homes = places()
    domestic = [place for place in homes if place.region.market_group == "domestic"]
    overseas = [place for place in homes if place.region.market_group == "overseas"]
    weights = [place.region.households for place in domestic]
    found = []
    for number in range(1, CUSTOMERS + 1):
        abroad = number % 25 == 0
        place = random.choice(overseas) if abroad else random.choices(domestic, weights)[0]
        kind = "dealer" if abroad else random.choices([*_TYPES], [share for share, _ in _TYPES.values()])[0]
        # Two in three were customers before the first order we know.
        created = started - timedelta(days=random.randrange(1, 1500))
        if number % 3 == 0:
            created = started + timedelta(days=random.randrange((until - started).days))
        found.append(new_customer(number, kind, place, created, random))
    return found


def new_customer(number: int, kind: str, place: Place, created: date, random: Random) -> Customer:
    """Customer ``number`` of type ``kind`` (a key of `_TYPES`), created on a day."""
    company = _TYPES[kind][1]
    region = place.region
    abroad = region.market_group == "overseas"
    created_at = stamp(created, random)
    return Customer(
        customer_id=f"C{number:06d}",
        company_name=_company(company[0], place, abroad, random) if company else None,
        contact_name=random.choice(_FOREIGN) if abroad else random.choice(_SURNAMES) + random.choice(_GIVEN),
        contact_phone=_phone(abroad, random),
        contact_email=f"contact{number}@example.com" if random.random() < 0.7 else None,
        customer_type=kind,
        industry=company[1] if company else None,
        is_b2b=company is not None,
        region_code=region.region_code,
        province=region.province,
        city=place.city,
        city_tier=region.city_tier,
        country=region.country,
        account_class=random.choices("ABC", (1, 3, 6))[0],
        credit_days=company[2] if company else 0,
        created_at=created_at,
        updated_at=created_at,
    )


def _company(suffix: str, place: Place, abroad: bool, random: Random) -> str:
    if abroad:
        return f"{place.city} Lighting Imports {random.randrange(10, 99)}"
    return f"{place.city}{random.choice(_INVENTED)}{suffix}"


def _phone(abroad: bool, random: Random) -> str | None:
    """Written as people write it: a normaliser has something to do."""
    digits = f"1{random.choice('3578')}{random.randrange(10**9):09d}"
    if abroad:
        return f"+{random.choice(('1', '49', '971', '84', '55', '61'))} {digits[1:]}"
    return random.choice((digits, digits, f"{digits[:3]} {digits[3:7]} {digits[7:]}", f"+86-{digits}", None))
