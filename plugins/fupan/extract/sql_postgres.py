"""Read from PostgreSQL at full speed: COPY out of one snapshot, through memory in chunks, by COPY into the warehouse."""

from __future__ import annotations

import contextlib
import queue
import re
import threading
from collections.abc import Iterator, Sequence

import psycopg2
import psycopg2.errorcodes
from psycopg2 import sql
from sqlalchemy.dialects.postgresql import psycopg2 as dialect
from sqlalchemy.engine import URL, Dialect

from fupan.contracts.contract import Column
from fupan.contracts.installation import SqlSystem
from fupan.errors import ConfigurationError, ContractError, FupanError, SourceUnavailable
from fupan.extract import drift, source
from fupan.extract.columns import stage_type
from fupan.extract.pseudonym import sql_hashed, sql_key
from fupan.extract.source import Bound, Copied, Read, Totals
from fupan.warehouse.connection import Connection

_DIALECT: Dialect = dialect.dialect()  # type: ignore[no-untyped-call]
_CHUNK = 1 << 20
_CHUNKS_AHEAD = 8

_FAMILY_BY_TYPE = {
    **dict.fromkeys(("int2", "int4", "int8"), "integer"),
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
            cursor.execute(
                "select oid, typname, typcategory from pg_type where oid = any (%s)",
                [[column.type_code for column in described]],
            )
            types = {oid: _family(name, category) for oid, name, category in cursor.fetchall()}
        return {column.name: types[column.type_code] for column in described}

    def copy(self, read: Read, columns: Sequence[Column], warehouse: Connection, stage: str) -> Copied:
        """As Source.copy: COPY to COPY, binary, memory flat."""
        names = sql.SQL(", ").join(sql.Identifier(column.name) for column in columns)
        select = sql.SQL("copy (select {} from ({}\n) as q{}) to stdout (format binary)").format(
            sql.SQL(", ").join(map(_value, columns)), self._query(read), _where(read.bound)
        )
        into = sql.SQL("copy {} ({}) from stdin (format binary)").format(sql.Identifier(stage), names)
        if any(column.personal_data for column in columns):
            with self._errors(read), self._connection.cursor() as cursor:
                cursor.execute(sql_key())
        pipe = _Pipe()
        reader = threading.Thread(target=self._send, args=[select.as_string(self._connection), pipe], daemon=True)
        reader.start()
        try:
            with warehouse.cursor() as cursor:
                cursor.copy_expert(into.as_string(warehouse), pipe, size=_CHUNK)
                return Copied(cursor.rowcount, read.bound is None)
        except psycopg2.Error:
            # The source's failure ends the COPY at the warehouse, which then only says that it was cut short.
            if pipe.failure is not None:
                with self._errors(read):
                    raise pipe.failure from None
            raise
        finally:
            pipe.abandoned.set()
            if reader.is_alive():
                with contextlib.suppress(psycopg2.Error):
                    self._connection.cancel()
            reader.join(timeout=source.CONNECT_TIMEOUT_S)

    def totals(self, read: Read) -> Totals:
        """As Source.totals."""
        wanted = read.contract.control_totals
        day = sql.SQL("q.{}::date").format(sql.Identifier(wanted.day)) if wanted.day else sql.SQL("null::date")
        sums = [sql.SQL("sum(q.{}::numeric)").format(sql.Identifier(name)) for name in wanted.sums]
        with self._errors(read), self._connection.cursor() as cursor:
            cursor.execute(
                sql.SQL("select {}, count(*), {} from ({}\n) as q{} group by 1").format(
                    day,
                    sql.SQL(", ").join([*sums, sql.SQL("null")]),
                    self._query(read),
                    _where(read.bound),
                )
            )
            measures = ["rows", *(f"sum({name})" for name in wanted.sums)]
            return {(row[0], m): v for row in cursor.fetchall() for m, v in zip(measures, row[1:], strict=False)}

    def close(self) -> None:
        """As Source.close."""
        self._connection.close()

    def _query(self, read: Read) -> sql.SQL:
        """The read's query with its parameters as literals, quoted by the driver."""
        bound = source.bind(read.query, self._system.parameters, self._system.system).compile(
            dialect=_DIALECT, compile_kwargs={"render_postcompile": True}
        )
        with self._connection.cursor() as cursor:
            return sql.SQL(cursor.mogrify(str(bound), bound.params).decode())

    def _send(self, statement: str, pipe: _Pipe) -> None:
        try:
            with self._connection.cursor() as cursor:
                cursor.copy_expert(statement, pipe, size=_CHUNK)
            pipe.end(None)
        except BaseException as failure:  # whatever it is, the other thread must hear of it
            pipe.end(failure)

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
        if isinstance(error, (psycopg2.OperationalError, psycopg2.InterfaceError)):
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


class _Pipe:
    """Bounded queue between two COPYs; the source's one row a write is gathered into chunks of about 1 MB."""

    def __init__(self) -> None:
        self._chunks: queue.Queue[bytes | None] = queue.Queue(_CHUNKS_AHEAD)
        self._rows: list[bytes] = []
        self._size = 0
        self.failure: BaseException | None = None
        self.abandoned = threading.Event()

    def write(self, row: bytes) -> None:
        self._rows.append(row)
        self._size += len(row)
        if self._size >= _CHUNK:
            self._put(b"".join(self._rows))
            self._rows, self._size = [], 0

    def end(self, failure: BaseException | None) -> None:
        self.failure = self.failure or failure
        if failure is None and self._rows:
            self._put(b"".join(self._rows))
        self._put(None)

    def read(self, _size: int) -> bytes:
        try:
            chunk = self._chunks.get(timeout=source.STALL_TIMEOUT_S)
        except queue.Empty:
            self.failure = psycopg2.OperationalError(f"no row for {source.STALL_TIMEOUT_S} s")
            raise self.failure from None
        if chunk is None:
            if self.failure is not None:
                raise self.failure
            return b""
        return chunk

    def _put(self, chunk: bytes | None) -> None:
        while not self.abandoned.is_set():
            with contextlib.suppress(queue.Full):
                self._chunks.put(chunk, timeout=1)
                return


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


def _value(column: Column) -> sql.Composable:
    name = sql.SQL("q.{}").format(sql.Identifier(column.name))
    if column.personal_data:
        return sql_hashed(name, column.personal_data)
    return sql.SQL("{}::{}").format(name, sql.SQL(stage_type(column.data_type)))


def _where(bound: Bound | None) -> sql.Composable:
    if bound is None:
        return sql.SQL("")
    name = sql.SQL("q.{}").format(sql.Identifier(bound.column.name))
    limits = [
        sql.SQL("{} {} {}").format(name, sql.SQL(operator), sql.Literal(value))
        for operator, value in ((">=", bound.low), ("<", bound.high))
        if value is not None
    ]
    return sql.SQL(" where ({}) or {} is null").format(sql.SQL(" and ").join(limits), name)


def without_values(error: psycopg2.Error) -> str:
    """First line of the message; PostgreSQL quotes the offending value in data errors, which may be a person's."""
    message = (error.diag.message_primary or str(error)).strip().split("\n")[0]
    return re.sub(r'"[^"]*"', '"…"', message) if isinstance(error, psycopg2.DataError) else message
