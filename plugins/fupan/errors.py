"""The one family of errors that Fupan raises on purpose: each says what is wrong, where, and what to do."""

from __future__ import annotations


class FupanError(Exception):
    """Something a person must look at.

    ``where`` narrows it down as far as known (system, table, row, column); ``remedy`` is one sentence in the imperative.
    """

    def __init__(
        self,
        problem: str,
        *,
        system: str | None = None,
        table: str | None = None,
        row: str | None = None,
        column: str | None = None,
        remedy: str | None = None,
    ) -> None:
        self.problem, self.remedy = problem, remedy
        self.where = {
            name: value
            for name, value in {"system": system, "table": table, "row": row, "column": column}.items()
            if value is not None
        }
        super().__init__(str(self))

    def __str__(self) -> str:
        where = " ".join(f"{name}={value}" for name, value in self.where.items())
        return "".join(
            [
                f"[{where}] " if where else "",
                self.problem.rstrip(".") + ".",
                f" {self.remedy.rstrip('.')}." if self.remedy else "",
            ]
        )


class ConfigurationError(FupanError):
    """A setting, an installation file or a contract is missing or wrong; trying again won't help."""


class ContractError(FupanError):
    """A source does not deliver what its contract says (column missing, type changed); trying again won't help."""


class SourceUnavailable(FupanError):
    """A source or the warehouse can't be reached at the moment; trying again may help."""


class GateFailed(FupanError):
    """A quality gate says no; trying again won't help until the data change."""


class Busy(FupanError):
    """Another run holds what this one needs; wait for it or stop it."""
