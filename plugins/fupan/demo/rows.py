"""The ERP's rows, as Python holds them: one class a relation of schema `erp`, fields named and ordered as its columns."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple


class Region(NamedTuple):
    """A province or an overseas market."""

    region_code: str
    province: str | None
    macro_region: str
    country: str
    city_tier: str | None
    area_km2: Decimal
    households: int
    addressable_accounts: int
    market_potential_value: Decimal
    market_group: str


class Channel(NamedTuple):
    """A sales channel."""

    channel_id: str
    channel_name: str
    channel_group: str
    online_flag: bool
    is_emerging: bool
    opened_on: date


class Product(NamedTuple):
    """A SKU; prices in CNY a unit."""

    sku: str
    product_name: str
    product_line: str
    category: str
    series: str
    item_role: str
    list_price: Decimal
    standard_cost: Decimal | None
    launch_date: date
    discontinue_date: date | None
    is_smart: bool
    updated_at: datetime


class Customer(NamedTuple):
    """A customer with its contact person in plain."""

    customer_id: str
    company_name: str | None
    contact_name: str
    contact_phone: str | None
    contact_email: str | None
    customer_type: str
    industry: str | None
    is_b2b: bool
    region_code: str
    province: str | None
    city: str
    city_tier: str | None
    country: str
    account_class: str
    credit_days: int
    created_at: datetime
    updated_at: datetime


class Order(NamedTuple):
    """An order's head."""

    order_id: str
    order_date: date
    customer_id: str | None
    channel_id: str
    platform: str | None
    device_type: str | None
    country: str
    currency: str
    status: str
    cancelled_at: datetime | None
    updated_at: datetime


class Line(NamedTuple):
    """An order line; amounts in the order's currency."""

    order_id: str
    line_no: int
    sku: str
    qty: int
    list_price: Decimal
    unit_price: Decimal
    discount_amount: Decimal
    net_amount: Decimal
    cost_amount: Decimal | None
    is_gift: bool
    updated_at: datetime


class Return(NamedTuple):
    """A return or exchange of one order line."""

    return_id: str
    order_id: str
    line_no: int
    sku: str
    customer_id: str | None
    channel_id: str
    country: str
    return_type: str
    requested_at: datetime
    completed_at: datetime | None
    qty: int
    refund_amount: Decimal
    currency: str
    reason_code: str
    updated_at: datetime


class Target(NamedTuple):
    """A target of one month and scope in one version; an empty part of the scope means all."""

    target_id: str
    period: str
    measure_id: str
    region_code: str | None
    product_line: str | None
    channel_id: str | None
    rep_id: str | None
    campaign_id: str | None
    target_value: Decimal
    expected_growth: Decimal
    currency: str | None
    version: int
    approved_at: datetime | None
    change_reason: str | None
