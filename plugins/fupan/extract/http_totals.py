"""Control totals that an HTTP API tells of its own list."""

from __future__ import annotations

from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from fupan.contracts.contract import Contract
from fupan.contracts.installation import HttpTotals
from fupan.errors import ContractError
from fupan.extract.http_records import at
from fupan.extract.source import Totals


def totals_of(contract: Contract, wanted: HttpTotals, items: list[dict[str, Any]]) -> Totals:
    """Totals by day out of the answer's objects; days without rows are no days. Raises ContractError for anything unfit."""
    told = contract.control_totals
    measures = {"rows": wanted.rows} | {f"sum({name})": wanted.sums.get(name, name) for name in told.sums}
    found: Totals = {}
    for item in items:
        day = _day(contract, at(item, wanted.day), wanted.day) if told.day else None
        values = {measure: _number(contract, at(item, path), path) for measure, path in measures.items()}
        if not values["rows"]:
            continue
        for measure, value in values.items():
            known = found.get((day, measure))
            found[day, measure] = value if known is None else known + (value or 0)
    return found


def _day(contract: Contract, value: Any, path: str) -> date | None:
    try:
        return None if value is None else date.fromisoformat(value)
    except (TypeError, ValueError):
        raise _unfit(contract, path, "day like 2026-01-30") from None


def _number(contract: Contract, value: Any, path: str) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, (int, str, Decimal, type(None))):
        raise _unfit(contract, path, "number")
    try:
        number = None if value is None else Decimal(value)
    except InvalidOperation:
        raise _unfit(contract, path, "number") from None
    if number is not None and not number.is_finite():
        raise _unfit(contract, path, "number")
    return number


def _unfit(contract: Contract, path: str, kind: str) -> ContractError:
    return ContractError(
        f"The source's control totals hold no {kind} at {path}",
        system=contract.system,
        table=contract.name,
        remedy="Correct `totals` in the installation's YAML, or ask the source's owner",
    )
