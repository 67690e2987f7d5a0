"""One dimension from build_<dimension> to its BI users, in one transaction: all of it happens or nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import psycopg2
from psycopg2 import sql

from fupan.errors import GateFailed
from fupan.publish import history, verdicts, views
from fupan.publish.history import Release
from fupan.publish.locking import OldSnapshots, giving_way
from fupan.publish.shape import Relation, differences, read_shapes
from fupan.publish.status import StatusBoard
from fupan.publish.verdicts import Reason
from fupan.publish.views import ViewLock
from fupan.transform.manifest import Dimension, Manifest
from fupan.warehouse.connection import Connection, rows

#: In Release.breaking_releases: what the dimension's group declares, which covers marts that have no YAML any more.
WHOLE_DIMENSION = "*"


@dataclass(frozen=True)
class Candidate:
    """A dimension's tables as one build left them. With ``override_reason`` an older day may replace a newer one."""

    build_id: int
    business_day: date
    dimension: Dimension
    override_reason: str | None = None


class NotPublishable(GateFailed):
    """A dimension must stay with its old release until somebody acts; says why, reason by reason."""

    def __init__(self, reasons: Sequence[Reason]) -> None:
        self.reasons = tuple(reasons)
        super().__init__(" ".join(reason.message for reason in reasons))


class Publisher:
    """Publishes candidates whose tables are complete when it is made; ``connection`` is the only publisher's."""

    def __init__(self, connection: Connection, manifest: Manifest) -> None:
        self._connection, self._manifest = connection, manifest
        self.board = StatusBoard(connection, manifest)
        self._old_snapshots = OldSnapshots(connection)
        self._locks: dict[str, ViewLock] = defaultdict(ViewLock)

    def swap(self, candidate: Candidate) -> int:
        """Publish ``candidate`` and commit; returns the release_id.

        Raises Blocked (try again) or NotPublishable, nothing changed.
        """
        connection, name = self._connection, candidate.dimension.name
        with giving_way(connection, name):
            self._old_snapshots.require_gone(connection)
            current = history.current_release(connection, name)
            _require_newest(connection, candidate, current)
            tables = _tables(connection, candidate.dimension)
            visible = views.read_views(connection, name)
            breaking = breaking_releases(self._manifest, candidate.dimension)
            drop = _may_be_dropped(name, current, visible, tables, breaking)
            self._locks[name].take(connection, name, visible)
            release_id = history.record(
                connection,
                dimension=name,
                business_day=candidate.business_day,
                build_id=candidate.build_id,
                schema=build_schema(name),
                tables=tables,
                breaking_releases=breaking,
                override_reason=candidate.override_reason,
            )
            schema = f"{name}__r{release_id}"
            _rename(connection, name, schema, release_id)
            try:
                views.point(connection, name, schema, tables, visible, drop=drop)
            except psycopg2.errors.DependentObjectsStillExist as refusal:
                raise NotPublishable([_dependants(name, refusal)]) from refusal
            verdicts.released(connection, candidate.build_id, name, release_id)
            self.board.write(connection, name)
            connection.commit()
        return release_id


def build_schema(dimension: str) -> str:
    """The schema that dbt builds a dimension into; it makes a new one after each release."""
    return f"build_{dimension}"


def breaking_releases(manifest: Manifest, dimension: Dimension) -> dict[str, Any]:
    """meta.breaking_release by table, under `*` that of the dimension's group; only those that are set."""
    group: dict[str, Any] = next(g for g in manifest.content["groups"].values() if g["name"] == dimension.name)
    declared = {
        table: (manifest.nodes[unique_id]["config"].get("meta") or {}).get("breaking_release")
        for table, unique_id in dimension.models.items()
    }
    declared[WHOLE_DIMENSION] = ((group.get("config") or {}).get("meta") or {}).get("breaking_release")
    return {table: value for table, value in declared.items() if value}


def _require_newest(connection: Connection, candidate: Candidate, current: Release | None) -> None:
    name = candidate.dimension.name
    if current and candidate.business_day < current.business_day and candidate.override_reason is None:
        raise NotPublishable(
            [
                Reason(
                    "publish.older_day",
                    f"Business day {candidate.business_day} is older than {current.business_day}, which {name} shows "
                    f"(release {current.release_id}). Publish it with `fupan release publish {name} --override` if "
                    "that is meant.",
                )
            ]
        )
    # Every build builds every mart: these tables are no longer those that the gates judged.
    since = rows(connection, "select max(build_id) as build_id from ops.build")[0]["build_id"]
    if since != candidate.build_id:
        raise NotPublishable(
            [
                Reason(
                    "publish.rebuilt",
                    f"{build_schema(name)} belongs to build {since} by now, not to build {candidate.build_id}. Let "
                    f"build {since} publish it, or trigger build_warehouse again.",
                )
            ]
        )


def _tables(connection: Connection, dimension: Dimension) -> dict[str, Relation]:
    built = read_shapes(connection, build_schema(dimension.name))
    missing = sorted(dimension.models.keys() - built.keys())
    if missing:
        raise NotPublishable(
            [
                Reason(
                    "publish.incomplete",
                    f"{build_schema(dimension.name)} lacks {', '.join(missing)}. See ops.dbt_node for why dbt did not "
                    "build it, then trigger build_warehouse again.",
                )
            ]
        )
    return {table: built[table] for table in dimension.models}


def _may_be_dropped(
    dimension: str,
    current: Release | None,
    visible: dict[str, Relation],
    tables: dict[str, Relation],
    declared: dict[str, Any],
) -> set[str]:
    """Views whose breaking change is declared; raises NotPublishable with the changes that are not."""
    found = differences(current.types() if current else {}, visible, tables)
    before = current.breaking_releases if current else {}
    refused = []
    for difference in found:
        # A removed mart has no YAML of its own left to say so.
        label = WHOLE_DIMENSION if difference.removed else difference.table
        if not _is_open(declared.get(label), before.get(label)):
            where = f"the group {dimension}" if difference.removed else f"{dimension}__{difference.table}"
            refused.append(
                Reason(
                    "publish.shape",
                    f"{dimension}.{difference.table}: {difference.message}. BI users' queries would fail: undo it, or "
                    f"set meta.breaking_release in the YAML of {where} to a new name and trigger build_warehouse again.",
                    table=f"{dimension}.{difference.table}",
                )
            )
    if refused:
        raise NotPublishable(refused)
    return {difference.table for difference in found}


def _is_open(declared: object, spent: object) -> bool:
    """A name opens the door once: the release that it let through bears it. `true` leaves the door open."""
    return declared is True or (bool(declared) and declared != spent)


def _rename(connection: Connection, dimension: str, schema: str, release_id: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            sql.SQL("alter schema {} rename to {}").format(
                sql.Identifier(build_schema(dimension)), sql.Identifier(schema)
            )
        )
        cursor.execute("update ops.release set schema_name = %s where release_id = %s", [schema, release_id])


def _dependants(dimension: str, refusal: psycopg2.Error) -> Reason:
    return Reason(
        "publish.dependants",
        f"A breaking release of {dimension} must drop a view that others build upon: "
        f"{(refusal.diag.message_detail or str(refusal)).strip()}. Ask their owners to drop or change them, then trigger "
        "build_warehouse again.",
    )
