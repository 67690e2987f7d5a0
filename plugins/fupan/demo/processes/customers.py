"""The ERP's customers, with their contacts in plain, as they stand on an evening."""

from __future__ import annotations

import numpy as np
import polars as pl

from fupan.demo.company.clientele import NEVER, company_names, contacts, customers
from fupan.demo.company.geography import places
from fupan.demo.process import CHANGED_ON, Frames, Process
from fupan.demo.world import Span, World, day_number

_DAY = 86_400


def _described(world: World, evening: int) -> pl.DataFrame:
    """Every customer that has come by the evening with what never changes of it, and the stamps of its coming and its move."""
    known, draws = customers(world).filter(pl.col("created_day") <= evening), world.draws("customer records")
    number = known["customer_no"].to_numpy()
    abroad = (known["kind"] == "importer").to_numpy()
    is_company = known["is_b2b"]
    names = company_names(world, number, known["kind"].to_numpy(), known["place_no"].to_numpy())
    hours = 9 * 3600 + draws.integer(0, 9 * 3600, number, 1)
    account_class = np.where(
        known["is_large"].to_numpy(), "A", draws.choice(["A", "B", "C"], number, 2, weights=[1, 3, 6])
    )
    moment = pl.Datetime("us")
    return known.with_columns(
        company_name=pl.when(is_company).then(pl.Series(names.astype(str))),
        **contacts(world, number, abroad),
        account_class=pl.Series(account_class),
        created_at=((pl.col("created_day") * _DAY + pl.Series(hours)) * 1_000_000).cast(moment),
        moved_at=pl.when(pl.col("moved_day") < NEVER).then(
            ((pl.col("moved_day") * _DAY + pl.Series(hours)) * 1_000_000).cast(moment)
        ),
    )


def tell(world: World, span: Span) -> Frames:
    """All customers that are known by the evening; one that has moved lives where it has moved to."""
    evening = day_number(span.evening)
    known = _described(world, evening)
    moved = pl.col("moved_day") <= evening
    place = known.select(pl.when(moved).then("moved_place_no").otherwise("place_no")).to_series()
    region = places()[place].select("region_code", "province", "city", "city_tier", "country")
    stamp = pl.when(moved & (pl.col("moved_at") > pl.col("created_at"))).then("moved_at").otherwise("created_at")
    found = known.hstack(region).with_columns(customer_type="kind", updated_at=stamp)
    columns = (
        "customer_id", "company_name", "contact_name", "contact_phone", "contact_email", "customer_type", "industry", "is_b2b",
        "region_code", "province", "city", "city_tier", "country", "birth_year", "account_class", "credit_days", "created_at",
        "updated_at",
    )  # fmt: skip
    return {"erp_customers": found.select(*columns, pl.col("updated_at").dt.date().alias(CHANGED_ON))}


PROCESS = Process(("erp_customers",), tell)
