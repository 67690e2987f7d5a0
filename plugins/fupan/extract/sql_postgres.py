"""Read from PostgreSQL at full speed: COPY out of one snapshot, through memory in chunks, by COPY into the warehouse."""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from typing import Any

import psycopg2
import psycopg2.errorcodes
from psycopg2 import sql
from sqlalchemy.dialects.postgresql import psycopg2 as dialect
from sqlalchemy.engine import URL, Dialect

from fupan.contracts.contract import Column
from fupan.contracts.installation import SqlSystem
from fupan.errors import ConfigurationError, ContractError, FupanError, SourceUnavailable
from fupan.extract import drift, source
from fupan.extract.columns import misfit, stage_type
from fupan.extract.copy_pipe import SourceFailed, stream
from fupan.extract.pseudonym import sql_hashed, sql_key, sql_normalised
from fupan.extract.source import Copied, Read, Totals
from fupan.extract.sql_rows import NOTHING, where
from fupan.warehouse.connection import Connection

_DIALECT: Dialect = dialect.dialect()  # type: ignore[no-untyped-call]

_INTEGERS = {"int2": "smallint", "int4": "integer", "int8": "bigint"}
_FAMILY_BY_TYPE = {
    **dict.fromkeys(_INTEGERS, "integer"),
    **dict.fromkeys(("float4", "float8"), "float"),
    **dict.fromkeys(("timestamp", "timestamptz"), "timestamp"),
    "bool": "boolean",
    "uuid": "text",
}
#: pg_type.typcategory of strings and enums.
_TEXT_CATEGORIES = frozenset("SE")


class PostgresSource:
    """A PostgreSQL source in one repeatable-read, read-only snapshot."""

    exact = True

    def __init__(self, system: SqlSystem, connection: Connection) -> None:
        self._system, self._connection = system, connection
        self._ahead: tuple[Read, Future[Totals]] | None = None
        self._given: tuple[Read | None, dict[str, str]] = (None, {})
        self._costs = ("default", "default")
        #: oid -> name and category of the types met so far.
        self._types: dict[int, tuple[str, str]] = {}
        with self._errors(None), connection.cursor() as cursor:
            connection.set_session(isolation_level="REPEATABLE READ", readonly=True, autocommit=False)
            # Time stamps without zone are cast in the session's zone: the one that the installation declares.
            cursor.execute(
                "select set_config('timezone', %s, false), set_config('lock_timeout', %s, false),"
                " set_config('statement_timeout', %s, false)",
                [system.time_zone, f"{source.LOCK_TIMEOUT_S}s", f"{source.STATEMENT_TIMEOUT_S}s"],
            )
            connection.commit()

    def describe(self, read: Read) -> dict[str, str | None]:
        """As Source.describe."""
        with self._errors(read), self._connection.cursor() as cursor:
            cursor.execute(sql.SQL("select * from ({}\n) as q limit 0").format(self._query(read)))
            described = cursor.description or ()
            if unknown := {column.type_code for column in described} - self._types.keys():
                cursor.execute("select oid, typname, typcategory from pg_type where oid = any (%s)", [sorted(unknown)])
                self._types |= {oid: (name, category) for oid, name, category in cursor.fetchall()}
        types = {column.name: self._types[column.type_code] for column in described}
        self._given = read, {column.name: _type(types[column.name][0], column) for column in described}
        return {name: _family(*found) for name, found in types.items()}

    def copy(self, read: Read, columns: Sequence[Column], warehouse: Connection, stage: str) -> Copied:
        """As Source.copy: COPY to COPY, binary."""
        rows = self._copy(read, columns, warehouse, into=_into(sql.Identifier(stage), columns), rows=where(read))
        return Copied(rows, read.bound is None)

    def copy_fitting(self, read: Read, load_id: int, warehouse: Connection, table: sql.Identifier) -> int:
        """Stream what fits raw straight into the contract's raw table, or one of its columns, which this transaction made
        empty, as frozen rows; returns how many."""
        columns = read.contract.columns
        return self._copy(
            read,
            columns,
            warehouse,
            into=_into(table, columns, "_batch_id", freeze=True),
            rows=where(read, sql.SQL("({}) is not true").format(self._misfits(read))),
            load_id=load_id,
        )

    def copy_misfits(self, read: Read, warehouse: Connection, stage: sql.Identifier) -> int:
        """Stream what `copy_fitting` left out into the stage; returns how many."""
        columns = read.contract.columns
        misfits = where(read, sql.SQL("({})").format(self._misfits(read)))
        return self._copy(read, columns, warehouse, into=_into(stage, columns), rows=misfits)

    def take_totals(self, read: Read) -> None:
        """Have the totals taken from now on, while the warehouse is busy with what it got; `totals` waits for them."""
        future = Future[Totals]()
        self._ahead = read, future

        def take() -> None:
            try:
                future.set_result(self._totals(read))
            except BaseException as failure:  # whoever waits for the totals must hear of it
                future.set_exception(failure)

        threading.Thread(target=take, daemon=True).start()

    def totals(self, read: Read) -> Totals:
        """As Source.totals."""
        if self._ahead is not None and self._ahead[0] is read:
            return self._ahead[1].result()
        return self._totals(read)

    def _totals(self, read: Read) -> Totals:
        wanted = read.contract.control_totals
        day = sql.SQL("q.{}::date").format(sql.Identifier(wanted.day)) if wanted.day else sql.SQL("null::date")
        sums = [sql.SQL("sum(q.{}::numeric)").format(sql.Identifier(name)) for name in wanted.sums]
        found = self.ask(read, sql.SQL(", ").join([day, sql.SQL("count(*)"), *sums]), sql.SQL("group by 1"))
        measures = ["rows", *(f"sum({name})" for name in wanted.sums)]
        return {(row[0], m): v for row in found for m, v in zip(measures, row[1:], strict=True)}

    def ask(
        self, read: Read, wanted: sql.Composable, then: sql.Composable = NOTHING, *, before: str = ""
    ) -> list[tuple[Any, ...]]:
        """Rows of a SELECT of ``wanted`` over what is read, alias q; ``before`` and ``then`` stand around it."""
        with self._errors(read), self._connection.cursor() as cursor:
            cursor.execute(
                sql.SQL("{} select {} from ({}\n) as q{} {}").format(
                    sql.SQL(before), wanted, self._query(read), where(read), then
                )
            )
            return cursor.fetchall()

    def close(self) -> None:
        """As Source.close."""
        if self._ahead is not None and not self._ahead[1].done():
            with contextlib.suppress(psycopg2.Error):
                self._connection.cancel()
        self._connection.close()

    def _copy(
        self,
        read: Read,
        columns: Sequence[Column],
        warehouse: Connection,
        *,
        into: sql.Composable,
        rows: sql.Composable,
        load_id: int | None = None,
    ) -> int:
        """Stream the columns of ``rows`` (a WHERE) in the types of the stage; with a ``load_id`` in raw's, followed by it."""
        is_raw = load_id is not None
        values = [_value(column, column.data_type if is_raw else stage_type(column.data_type)) for column in columns]
        if is_raw:
            values.append(sql.SQL("{}::bigint").format(sql.Literal(load_id)))
        is_hashed = any(column.personal_data for column in columns)
        # Hashing is worth every core that the source's settings give to one statement, also for a part of a table, if not for
        # a few rows of it.
        costs = "0" if is_hashed else "default", "0" if is_hashed and read.bound is None else "default"
        with self._errors(read), self._connection.cursor() as cursor:
            if is_hashed:
                cursor.execute(sql_key())
            if costs != self._costs:
                self._costs = costs
                cursor.execute(
                    "set local parallel_tuple_cost to {}; set local parallel_setup_cost to {}".format(*costs)
                )
        select = sql.SQL("copy (select {} from ({}\n) as q{}) to stdout (format binary)").format(
            sql.SQL(", ").join(values), self._query(read), rows
        )
        try:
            return stream(self._connection, select, warehouse, into)
        except SourceFailed as failure:
            with self._errors(read):
                raise failure.error from None

    def _misfits(self, read: Read) -> sql.Composable:
        """Condition on a row of the query: raw can't hold it, or it lacks what the contract requires."""
        contract = read.contract
        faults: list[sql.Composable] = [
            sql.SQL("{} is null").format(
                sql_normalised(_name(column), column.personal_data) if column.personal_data else _name(column)
            )
            for column in contract.columns
            if column.name in contract.required
        ]
        given = self._given[1] if self._given[0] is read else {}
        faults += [
            condition
            for column in contract.columns
            if (condition := misfit(column, given.get(column.name))) is not None
        ]
        return sql.SQL(" or ").join(faults)

    def _query(self, read: Read) -> sql.SQL:
        """The read's query with its parameters as literals, quoted by the driver."""
        bound = source.bind(read.query, self._system.parameters, self._system.system).compile(
            dialect=_DIALECT, compile_kwargs={"render_postcompile": True}
        )
        with self._connection.cursor() as cursor:
            return sql.SQL(cursor.mogrify(str(bound), bound.params).decode())

    @contextlib.contextmanager
    def _errors(self, read: Read | None) -> Iterator[None]:
        """Turn the source's errors into ours, without values of rows in their text."""
        try:
            yield
        except psycopg2.Error as error:
            raise self._explained(error, read.contract.name if read else None) from None

    def _explained(self, error: psycopg2.Error, table: str | None) -> FupanError:
        system, message = self._system.system, without_values(error)
        if isinstance(error, psycopg2.errors.InsufficientPrivilege):
            return ConfigurationError(
                f"The source refuses: {message}",
                system=system,
                table=table,
                remedy=f"Grant the user of connection {self._system.connection} select on it",
            )
        if is_lost(error):
            return SourceUnavailable(
                f"The source failed: {message}",
                system=system,
                table=table,
                remedy="Try again; if it goes on, ask the source's owner",
            )
        return ContractError(
            f"The query fails at the source: {message}",
            system=system,
            table=table,
            column=drift.missing_column(message),
            remedy="Compare the installation's query with the source's tables",
        )


def connect(system: SqlSystem, url: URL) -> Connection:
    """A connection to a PostgreSQL source that notices a dead network. Raises SourceUnavailable, ConfigurationError."""
    try:
        connection: Connection = psycopg2.connect(
            url.set(drivername="postgresql").render_as_string(hide_password=False),
            connect_timeout=source.CONNECT_TIMEOUT_S,
            application_name="fupan extract",
            client_encoding="UTF8",
            keepalives_idle=30,
            keepalives_interval=10,
            keepalives_count=3,
            tcp_user_timeout=60_000,
        )
    except psycopg2.OperationalError as refusal:
        raise SourceUnavailable(
            f"The source does not answer: {str(refusal).strip()}",
            system=system.system,
            remedy=f"Check that it runs and that connection {system.connection} is right",
        ) from None
    except psycopg2.ProgrammingError:
        raise ConfigurationError(
            f"Connection {system.connection} has settings that PostgreSQL does not know",
            system=system.system,
            remedy="Leave only libpq parameters in its extra or query part",
        ) from None
    return connection


def can_stream(connection: Connection) -> bool:
    """Whether the source has what hashing in SQL needs; an older one, or one in another encoding, is read row by row."""
    return connection.server_version >= 130000 and connection.get_parameter_status("server_encoding") == "UTF8"


def _family(name: str, category: str) -> str:
    return _FAMILY_BY_TYPE.get(name, "text" if category in _TEXT_CATEGORIES else name)


def _type(name: str, described: psycopg2.extensions.Column) -> str:
    """A column's type as contracts write it."""
    if name == "numeric" and described.precision is not None:
        return f"numeric({described.precision},{described.scale})"
    return _INTEGERS.get(name, name)


def _into(table: sql.Identifier, columns: Sequence[Column], *more: str, freeze: bool = False) -> sql.Composed:
    return sql.SQL("copy {} ({}) from stdin (format binary{})").format(
        table,
        sql.SQL(", ").join(map(sql.Identifier, [*(column.name for column in columns), *more])),
        sql.SQL(", freeze" if freeze else ""),
    )


def _name(column: Column) -> sql.Composed:
    return sql.SQL("q.{}").format(sql.Identifier(column.name))


def _value(column: Column, data_type: str) -> sql.Composable:
    if column.personal_data:
        return sql_hashed(_name(column), column.personal_data)
    return sql.SQL("{}::{}").format(_name(column), sql.SQL(data_type))


def is_lost(error: psycopg2.Error) -> bool:
    """Whether it is the connection that failed, or the server as a whole; a server that dies in the middle of a COPY leaves
    psycopg2 with an error of no kind."""
    return (
        isinstance(error, (psycopg2.OperationalError, psycopg2.InterfaceError)) or type(error) is psycopg2.DatabaseError
    )


def without_values(error: psycopg2.Error) -> str:
    """First line of the message; PostgreSQL quotes the offending value in data errors, which may be a person's."""
    message = (error.diag.message_primary or str(error)).strip().split("\n")[0]
    return re.sub(r'"[^"]*"', '"…"', message) if isinstance(error, psycopg2.DataError) else message
