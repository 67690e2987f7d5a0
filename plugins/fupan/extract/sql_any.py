"""Read from any database that SQLAlchemy knows: streamed rows, each value checked in Python, staged by COPY.

A value of the wrong kind makes a rejected row, not an error; a column none of whose values fits was retyped. Numbers never
pass through binary floating point unless the database itself has nothing else (SQLite), where the shortest decimal
that stands for the float is taken.
"""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import create_engine, event
from sqlalchemy.engine import URL, Engine
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from fupan import settings
from fupan.contracts.contract import Column
from fupan.contracts.installation import SqlSystem
from fupan.errors import ConfigurationError, ContractError, FupanError, SourceUnavailable
from fupan.extract import drift, source
from fupan.extract.columns import family
from fupan.extract.copy_text import copy_lines, line
from fupan.extract.drift import Difference
from fupan.extract.pseudonym import hashed
from fupan.extract.source import Bound, Copied, Read, Totals
from fupan.extract.stage import REJECTED_CONTENT, REJECTED_REASON
from fupan.warehouse.connection import Connection

_ROWS_AHEAD = 1000
_BIGINT = 1 << 63
#: A column counts as retyped when at least so many values were read and none of them fits.
_RETYPED_FROM = 10

#: Isolation levels that give one snapshot for a whole transaction, by preference.
_SNAPSHOT_LEVELS = ("REPEATABLE READ", "SERIALIZABLE")
_CONNECT_ARGUMENTS: dict[str, dict[str, Any]] = {
    "mysql": {"connect_timeout": source.CONNECT_TIMEOUT_S, "read_timeout": source.STALL_TIMEOUT_S},
    "mariadb": {"connect_timeout": source.CONNECT_TIMEOUT_S, "read_timeout": source.STALL_TIMEOUT_S},
    "postgresql": {"connect_timeout": source.CONNECT_TIMEOUT_S},
    "sqlite": {"timeout": source.LOCK_TIMEOUT_S},
}
_READ_ONLY = {
    "mysql": "set session transaction read only",
    "mariadb": "set session transaction read only",
    "postgresql": "set session characteristics as transaction read only",
    "sqlite": "pragma query_only = on",
}


class _Misfit(ValueError):
    """Why a value does not fit; never holds the value."""


class _Sample(NamedTuple):
    """How the source represents its cursor: text, or a date or time stamp with or without zone."""

    is_text: bool
    is_stamp: bool
    has_zone: bool


class AnySource:
    """A database behind SQLAlchemy in one read-only transaction."""

    def __init__(self, system: SqlSystem, url: URL) -> None:
        self._system, self._zone = system, ZoneInfo(system.time_zone)
        with self._errors(None, opening=True):
            self._engine = _engine(system, url)
            self._connection = self._engine.connect()
            levels = self._connection.dialect.get_isolation_level_values(
                self._connection.connection.dbapi_connection  # type: ignore[arg-type]
            )
            level = next((level for level in _SNAPSHOT_LEVELS if level in levels), None)
            if level:
                self._connection.execution_options(isolation_level=level)
            if self._is_sqlite:
                # Its driver opens no transaction for a SELECT by itself.
                self._connection.exec_driver_sql("begin")
        self.exact = not self._is_sqlite

    @property
    def _is_sqlite(self) -> bool:
        return self._engine.dialect.name == "sqlite"

    def describe(self, read: Read) -> dict[str, str | None]:
        """As Source.describe; the type of a column is seen from its values only."""
        with self._errors(read):
            result = self._connection.execute(self._bind(f"select * from ({read.query}\n) q where 1 = 0"))
            return dict.fromkeys(result.keys())

    def copy(self, read: Read, columns: Sequence[Column], warehouse: Connection, stage: str) -> Copied:
        """As Source.copy, row by row; misfits are staged with their reasons."""
        names = [*(column.name for column in columns), REJECTED_REASON, REJECTED_CONTENT]
        fits, misfits = Counter[str](), Counter[str]()
        rows = copy_lines(warehouse, stage, names, self._lines(read, columns, fits, misfits))
        differences = tuple(
            Difference(column.name, "retyped", f"no value is {column.data_type}")
            for column in columns
            if misfits[column.name] >= _RETYPED_FROM and not fits[column.name]
        )
        return Copied(rows, read.bound is None, differences)

    def totals(self, read: Read) -> Totals:
        """As Source.totals; days are cut in Python, for every database cuts them differently."""
        wanted = read.contract.control_totals
        day = f"q.{self._quoted(wanted.day)}" if wanted.day else "null"
        sums = "".join(f", sum(q.{self._quoted(name)})" for name in wanted.sums)
        group = f" group by {day}" if wanted.day else ""
        found: Totals = {}
        with self._errors(read):
            where, limits = self._where(read)
            statement = f"select {day}, count(*){sums} from ({read.query}\n) q{where}{group}"
            for row in self._connection.execute(self._bind(statement, limits)):
                a_day = self._day(row[0], read.contract.column(wanted.day)) if wanted.day else None
                measures = ["rows", *(f"sum({name})" for name in wanted.sums)]
                for measure, value in zip(measures, row[1:], strict=True):
                    known = found.get((a_day, measure))
                    number = None if value is None else Decimal(str(value))
                    found[a_day, measure] = number if known is None else known + (number or 0)
        return found

    def close(self) -> None:
        """As Source.close."""
        with contextlib.suppress(SQLAlchemyError):
            self._connection.close()
        self._engine.dispose()

    def _lines(
        self, read: Read, columns: Sequence[Column], fits: Counter[str], misfits: Counter[str]
    ) -> Iterator[bytes]:
        """COPY lines of the read's rows; counts by column how many values fit."""
        converters = [self._converter(column) for column in columns]
        with self._errors(read):
            where, limits = self._where(read)
            select = ", ".join(f"q.{self._quoted(column.name)}" for column in columns)
            result = self._connection.execution_options(stream_results=True, yield_per=_ROWS_AHEAD).execute(
                self._bind(f"select {select} from ({read.query}\n) q{where}", limits)
            )
            for row in result:
                values: list[str | None] = []
                reasons: list[tuple[str, str]] = []
                for column, convert, value in zip(columns, converters, row, strict=True):
                    text = None
                    if value is not None:
                        try:
                            text = convert(value)
                            fits[column.name] += 1
                        except _Misfit as misfit:
                            misfits[column.name] += 1
                            reasons.append((column.name, str(misfit)))
                    values.append(text)
                rejected: list[str | None] = [None, None]
                if reasons:
                    content = {
                        column.name: text if text is not None or column.personal_data else _shown(value)
                        for column, text, value in zip(columns, values, row, strict=True)
                    }
                    rejected = [json.dumps(reasons), json.dumps(content, ensure_ascii=False)]
                yield line(values + rejected)

    def _converter(self, column: Column) -> Callable[[Any], str | None]:
        """Value of the driver -> text that PostgreSQL reads as the stage's type; the converter raises _Misfit."""
        kind, data_type = family(column.data_type), column.data_type
        convert = {
            "text": _text,
            "integer": _integer,
            "numeric": self._numeric,
            "double precision": self._double,
            "boolean": _boolean,
            "date": self._date,
            "timestamptz": self._stamp,
        }[kind]

        def checked(value: Any) -> str:
            try:
                return convert(value)
            except (ValueError, InvalidOperation, OverflowError):
                raise _Misfit(f"is no {data_type} (a {type(value).__name__} at the source)") from None

        if personal := column.personal_data:
            key = settings.pseudonym_key()
            return lambda value: hashed(checked(value), personal, key)
        return checked

    def _numeric(self, value: Any) -> str:
        if isinstance(value, str) and self._is_sqlite:
            value = Decimal(value)
        elif isinstance(value, float) and self._is_sqlite:
            value = Decimal(repr(value))
        if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
            raise _Misfit
        if not Decimal(value).is_finite():
            raise _Misfit
        return format(value, "f") if isinstance(value, Decimal) else str(value)

    def _double(self, value: Any) -> str:
        return repr(value) if isinstance(value, float) else self._numeric(value)

    def _date(self, value: Any) -> str:
        if isinstance(value, str) and self._is_sqlite:
            value = datetime.fromisoformat(value.strip())
        if isinstance(value, datetime):
            # Oracle's DATE and SQLite's text may carry a time; one that says something would be lost.
            if value.time() != time() or value.tzinfo:
                raise _Misfit
            value = value.date()
        if not isinstance(value, date):
            raise _Misfit
        return value.isoformat()

    def _stamp(self, value: Any) -> str:
        if isinstance(value, str) and self._is_sqlite:
            value = datetime.fromisoformat(value.strip())
        if not isinstance(value, datetime):
            raise _Misfit
        # Without zone the warehouse's session reads it in the system's zone, as a PostgreSQL source would cast it.
        return value.isoformat()

    def _day(self, value: Any, column: Column) -> date | None:
        """Day of a control total; a value that is none counts under no day, as the rows it comes from are rejected."""
        with contextlib.suppress(ValueError):
            if column.data_type == "date" and value is not None:
                return date.fromisoformat(self._date(value))
            if column.data_type == "timestamptz" and value is not None:
                stamp = datetime.fromisoformat(self._stamp(value))
                return (stamp.astimezone(self._zone) if stamp.tzinfo else stamp).date()
        return None

    def _where(self, read: Read) -> tuple[str, dict[str, Any]]:
        if read.bound is None:
            return "", {}
        name, sample = f"q.{self._quoted(read.bound.column.name)}", self._sample(read.query, read.bound)
        limits = {
            key: self._limit(value, sample, is_low=key == "fupan_low")
            for key, value in (("fupan_low", read.bound.low), ("fupan_high", read.bound.high))
            if value is not None
        }
        operators = {"fupan_low": ">=", "fupan_high": "<"}
        conditions = " and ".join(f"{name} {operators[key]} :{key}" for key in limits)
        return f" where (({conditions}) or {name} is null)", limits

    def _sample(self, query: str, bound: Bound) -> _Sample:
        name = f"q.{self._quoted(bound.column.name)}"
        result = self._connection.execute(self._bind(f"select {name} from ({query}\n) q where {name} is not null"))
        row = result.fetchone()
        result.close()
        value = row[0] if row else None
        has_zone = isinstance(value, datetime) and value.tzinfo is not None
        return _Sample(isinstance(value, str), isinstance(value, datetime), has_zone)

    def _limit(self, value: Any, sample: _Sample, *, is_low: bool) -> Any:
        """A bound in the representation that the source compares with."""
        if not isinstance(value, date):
            return str(value) if sample.is_text else value
        stamp = value if isinstance(value, datetime) else datetime.combine(value, time(), self._zone)
        local = stamp.astimezone(self._zone)
        if sample.is_text:
            # ISO text of any flavour sorts after its bare date; a day on either side covers other offsets.
            return (local + timedelta(days=-1 if is_low else 2)).date().isoformat()
        if sample.is_stamp:
            return local if sample.has_zone else local.replace(tzinfo=None)
        return local.date() if is_low or local.time() == time() else local.date() + timedelta(days=1)

    def _quoted(self, name: str | None) -> str:
        return self._engine.dialect.identifier_preparer.quote(name or "")

    def _bind(self, statement: str, limits: dict[str, Any] | None = None) -> Any:
        return source.bind(statement, self._system.parameters | (limits or {}), self._system.system)

    @contextlib.contextmanager
    def _errors(self, read: Read | None, *, opening: bool = False) -> Iterator[None]:
        """Turn the source's errors into ours, without statement, parameters or values of rows in their text."""
        try:
            yield
        except NoSuchModuleError as unknown:
            raise ConfigurationError(
                f"No driver for this kind of database: {unknown}",
                system=self._system.system,
                remedy="Install the SQLAlchemy dialect, or correct the connection's type",
            ) from None
        except SQLAlchemyError as error:
            raise self._explained(error, read.contract.name if read else None, opening) from None

    def _explained(self, error: SQLAlchemyError, table: str | None, opening: bool) -> FupanError:
        system = self._system.system
        message = type(error).__name__
        if isinstance(error, DBAPIError) and not isinstance(error, (DataError, IntegrityError)):
            message = str(error.orig).strip().split("\n")[0]
        column = drift.missing_column(message)
        unknown_name = column or "no such table" in message or "doesn't exist" in message or "syntax error" in message
        broken = isinstance(error, DBAPIError) and (
            error.connection_invalidated or type(error).__name__ in ("OperationalError", "InterfaceError")
        )
        if opening or (broken and not unknown_name):
            return SourceUnavailable(
                f"The source {'does not answer' if opening else 'failed'}: {message}",
                system=system,
                table=table,
                remedy=f"Check that it runs and that connection {self._system.connection} is right, then try again",
            )
        return ContractError(
            f"The query fails at the source: {message}",
            system=system,
            table=table,
            column=column,
            remedy="Compare the installation's query with the source's tables",
        )


def _engine(system: SqlSystem, url: URL) -> Engine:
    kind = url.get_backend_name()
    # SQLite would make an empty database of a path that is not there.
    if kind == "sqlite" and not Path(url.database or "").is_file():
        raise SourceUnavailable(
            "The source's file is not there",
            system=system.system,
            remedy=f"Check the path in connection {system.connection}",
        )
    try:
        engine = create_engine(
            url, poolclass=NullPool, hide_parameters=True, connect_args=_CONNECT_ARGUMENTS.get(kind, {})
        )
    except ImportError as missing:
        raise ConfigurationError(
            f"No driver for {kind}: {missing}", system=system.system, remedy="Install it in Fupan's environment"
        ) from missing

    if read_only := _READ_ONLY.get(kind):

        @event.listens_for(engine, "connect")
        def _make_read_only(connection: Any, _record: Any) -> None:
            cursor = connection.cursor()
            cursor.execute(read_only)
            cursor.close()
            connection.commit()

    return engine


def _text(value: Any) -> str:
    if not isinstance(value, str) or "\0" in value:
        raise _Misfit
    value.encode()
    return value


def _integer(value: Any) -> str:
    if isinstance(value, Decimal) and value == value.to_integral_value():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not -_BIGINT <= value < _BIGINT:
        raise _Misfit
    return str(value)


def _boolean(value: Any) -> str:
    if value not in (0, 1) or not isinstance(value, (bool, int)):
        raise _Misfit
    return "true" if value else "false"


def _shown(value: Any) -> str | None:
    """A rejected value as text for whoever repairs it."""
    return None if value is None else str(value)[:1000].replace("\0", "\ufffd").encode("utf-8", "replace").decode()
