"""The publish step of a build: every dimension that the gates let through becomes the release that BI users see."""

from __future__ import annotations

import psycopg2
from psycopg2 import sql

from fupan.errors import ConfigurationError
from fupan.publish import history, verdicts
from fupan.publish.locking import Blocked, alone, attempts, patience
from fupan.publish.shape import read_shapes
from fupan.publish.swap import Candidate, NotPublishable, Publisher, build_schema
from fupan.publish.verdicts import Judgement, Reason
from fupan.transform import dbt
from fupan.transform.manifest import Dimension, Manifest
from fupan.warehouse.connection import Connection, connect, rows


def publish_build(build_id: int, manifest: Manifest | None = None) -> dict[str, str]:
    """Publish what the verdicts of a build let through; returns the final verdict by dimension.

    A dimension whose views stay locked, whose shape breaks BI users, or whose day is older than what is visible keeps
    its release, and its verdict turns to held with the reason. Again for the same build: what is released stays as it is,
    what this step held is tried again. Raises Busy while another publisher is at work, ConfigurationError for a build
    that does not exist.
    """
    manifest = manifest or dbt.manifest()
    with connect("builder", f"publish {build_id}") as connection:
        alone(connection)
        if not rows(connection, "select 1 as found from ops.build where build_id = %s", [build_id]):
            raise ConfigurationError(f"There is no build {build_id}", remedy="See ops.build")
        publisher = Publisher(connection, manifest)
        _publish(connection, build_id, manifest.dimensions(), publisher)
        publisher.board.write_all(connection)
        final = verdicts.final(connection, build_id)
        connection.commit()
    return final


def _publish(connection: Connection, build_id: int, dimensions: dict[str, Dimension], publisher: Publisher) -> None:
    pending: list[tuple[Judgement, Candidate]] = []
    for judgement in verdicts.judgements(connection, build_id):
        name = judgement.dimension
        done = history.release_of_build(connection, name, build_id)
        if done:
            verdicts.released(connection, build_id, name, done.release_id)
        elif judgement.by_gates != "held" and name in dimensions:
            pending.append((judgement, Candidate(build_id, judgement.business_day, dimensions[name])))
        elif judgement.by_gates != "held":
            gone = Reason("publish.unknown", f"{name} has a verdict, but no mart in the dbt project any more.")
            verdicts.hold(connection, build_id, judgement, [gone])
    connection.commit()
    for _, candidate in pending:
        analyze(connection, candidate.dimension.name)
    # Round by round, so that one stuck reader costs its own dimension and not the patience of all.
    for last in attempts(patience()):
        pending = [
            (judgement, candidate)
            for judgement, candidate in pending
            if not _settled(connection, publisher, judgement, candidate, last=last)
        ]
        if not pending:
            break


def _settled(
    connection: Connection, publisher: Publisher, judgement: Judgement, candidate: Candidate, *, last: bool
) -> bool:
    """Try one dimension; whether that's the end of it (published, or held for good)."""
    try:
        publisher.swap(candidate)
        return True
    except Blocked as blocked:
        if not last:
            return False
        reasons = [Reason("publish.locked", f"Not published after {patience():g} seconds of trying: {blocked}")]
    except NotPublishable as refusal:
        reasons = list(refusal.reasons)
    except psycopg2.Error as failure:
        if connection.closed:
            raise
        reasons = [Reason("publish.failed", f"Publishing {candidate.dimension.name} failed: {failure}".strip())]
    verdicts.hold(connection, candidate.build_id, judgement, reasons)
    connection.commit()
    return True


def analyze(connection: Connection, dimension: str) -> None:
    """Statistics of the built tables, before the first BI user's query needs them; commits."""
    schema = build_schema(dimension)
    with connection.cursor() as cursor:
        for table in read_shapes(connection, schema).values():
            if table.kind != "v":
                cursor.execute(sql.SQL("analyze {}").format(sql.Identifier(schema, table.name)))
    connection.commit()
