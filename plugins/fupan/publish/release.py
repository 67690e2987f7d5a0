"""Releases by hand: see them, go back to an older one at once, publish a held one, throw old ones away."""

from __future__ import annotations

from dataclasses import dataclass

import psycopg2
from psycopg2 import sql

from fupan.errors import ConfigurationError, GateFailed
from fupan.publish import history, status, views
from fupan.publish.history import Release
from fupan.publish.locking import Blocked, alone, attempts, giving_way, limit_waiting, patience
from fupan.publish.publish import analyze
from fupan.publish.shape import Relation, read_shapes
from fupan.publish.swap import Candidate, Publisher
from fupan.publish.views import ViewLock
from fupan.transform import dbt
from fupan.transform.manifest import Manifest
from fupan.warehouse.connection import Connection, connect, only_one, rows

#: Releases of a dimension that stay for an instant rollback, the current one included.
KEEP = 7


@dataclass(frozen=True)
class Pruned:
    """What prune did about one old release; ``kept_because`` is None where it is gone."""

    release: Release
    kept_because: str | None = None


def list_releases(dimension: str | None = None) -> list[Release]:
    """Releases of one dimension or of all, newest first a dimension, pruned ones included."""
    with connect("builder", "list releases") as connection:
        return history.releases(connection, dimension)


def rollback(dimension: str, to_release: int | None = None) -> Release:
    """Show BI users an older release at once (default: the newest good one before the current); returns it.

    No data move. Columns and marts that the old release lacks stay as typed nulls and empty marts, so that views built
    upon them stay valid. The next good night publishes as ever. Raises ConfigurationError where there is no such release,
    Blocked where readers stay for longer than our patience, GateFailed where a column has changed its type since and
    somebody's view depends on it.
    """
    with connect("builder", f"rollback {dimension}") as connection:
        alone(connection)
        current, target = _rollback_target(history.releases(connection, dimension), dimension, to_release)
        connection.rollback()
        lock = ViewLock()
        for last in attempts(patience()):
            try:
                _point_back(connection, lock, current, target)
                break
            except Blocked:
                if last:
                    raise
        return _release(connection, target.release_id)


def publish_override(dimension: str, reason: str, manifest: Manifest | None = None) -> Release:
    """Publish what the last build left in build_<dimension> although its verdict is held; returns the release.

    The reason is recorded in ops.release and shown in status.dimension_status. Gates and an older business day can be
    overridden, a breaking shape can't: that needs meta.breaking_release. Raises ConfigurationError where nothing is held,
    NotPublishable, Blocked, or Busy while a build is at work.
    """
    if not reason.strip():
        raise ConfigurationError("An override needs a reason", remedy="Say why with --reason: BI users will read it")
    manifest = manifest or dbt.manifest()
    if dimension not in manifest.dimensions():
        raise ConfigurationError(
            f"There is no dimension {dimension}", remedy=f"Known ones: {', '.join(sorted(manifest.dimensions()))}"
        )
    with connect("builder", f"override {dimension}") as connection:
        # dbt must not be writing the very tables that are published.
        only_one(connection, "build")
        alone(connection)
        candidate = _held(connection, manifest, dimension, reason.strip())
        analyze(connection, dimension)
        publisher = Publisher(connection, manifest)
        for last in attempts(patience()):
            try:
                release_id = publisher.swap(candidate)
                break
            except Blocked:
                if last:
                    raise
        return _release(connection, release_id)


def prune(keep: int = KEEP) -> list[Pruned]:
    """Drop the tables of all but the newest ``keep`` releases a dimension; what was pruned, and what had to stay and why.

    Never the current release, and never with CASCADE: a release that somebody's view reads directly stays.
    """
    if keep < 1:
        raise ConfigurationError(f"Can't keep {keep} releases", remedy="Keep at least 1")
    done: list[Pruned] = []
    with connect("builder", "prune releases") as connection:
        alone(connection)
        there: dict[str, list[Release]] = {}
        for release in history.releases(connection):
            if release.state != "pruned":
                there.setdefault(release.dimension, []).append(release)
        for newest_first in there.values():
            for release in newest_first[keep:]:
                if release.state != "current":
                    done.append(_drop(connection, release))
    return done


def _rollback_target(past: list[Release], dimension: str, to_release: int | None) -> tuple[Release, Release]:
    current = next((release for release in past if release.state == "current"), None)
    if current is None:
        raise ConfigurationError(f"{dimension} has no release", remedy="See `fupan release list`")
    # Without a number: not to one that somebody has already turned away from.
    fit = [
        release
        for release in past
        if (release.state == "superseded" and release.release_id < current.release_id and to_release is None)
        or (release.state in ("superseded", "rolled_back") and release.release_id == to_release)
    ]
    if not fit:
        wanted = "older release" if to_release is None else f"other release {to_release}"
        raise ConfigurationError(
            f"{dimension} has no {wanted} that is kept", remedy=f"See `fupan release list {dimension}`"
        )
    return current, fit[0]


def _point_back(connection: Connection, lock: ViewLock, current: Release, target: Release) -> None:
    dimension = target.dimension
    with giving_way(connection, dimension):
        tables = read_shapes(connection, target.schema_name)
        visible = views.read_views(connection, dimension)
        tables = {name: tables[name] for name in target.columns}
        lock.take(connection, dimension, visible)
        try:
            views.point(connection, dimension, target.schema_name, tables, visible, drop=_retyped(visible, tables))
        except psycopg2.errors.DependentObjectsStillExist as refusal:
            raise GateFailed(
                f"Release {target.release_id} of {dimension} has columns of another type, and somebody's view depends on "
                f"them: {(refusal.diag.message_detail or '').strip()}",
                remedy="Ask the view's owner to drop it, or roll back to a release after the change",
            ) from refusal
        history.supersede(
            connection, dimension, "rolled_back" if target.release_id < current.release_id else "superseded"
        )
        history.set_state(connection, target.release_id, "current")
        status.refresh(connection, dimension)
        connection.commit()


def _retyped(visible: dict[str, Relation], tables: dict[str, Relation]) -> set[str]:
    return {
        name
        for name, table in tables.items()
        if name in visible
        and any(table.types().get(column.name, column.type) != column.type for column in visible[name].columns)
    }


def _held(connection: Connection, manifest: Manifest, dimension: str, reason: str) -> Candidate:
    found = rows(
        connection,
        """
        select v.build_id, v.business_day, v.verdict
        from ops.verdict as v
        join ops.build as b using (build_id)
        where v.dimension = %s and (b.dimensions is null or v.dimension = any(b.dimensions))
        order by v.build_id desc
        limit 1
        """,
        [dimension],
    )
    if not found:
        raise ConfigurationError(f"No build has judged {dimension} yet", remedy="Run `fupan nightly`")
    [last] = found
    done = history.release_of_build(connection, dimension, last["build_id"])
    if done or last["verdict"] != "held":
        raise ConfigurationError(
            f"Nothing of {dimension} is held: build {last['build_id']} "
            + (f"was published as release {done.release_id}" if done else "passed the gates"),
            remedy=f"See `fupan release list {dimension}`"
            if done
            else "Clear the task publish of build_warehouse to publish it",
        )
    return Candidate(last["build_id"], last["business_day"], manifest.dimensions()[dimension], reason)


def _release(connection: Connection, release_id: int) -> Release:
    return next(release for release in history.releases(connection) if release.release_id == release_id)


def _drop(connection: Connection, release: Release) -> Pruned:
    shapes = read_shapes(connection, release.schema_name).values()
    # All of a kind in one statement: they may depend on each other, only strangers must keep them.
    kinds = [
        (word, [sql.Identifier(release.schema_name, shape.name) for shape in shapes if shape.kind in letters])
        for word, letters in (("view", "v"), ("materialized view", "m"), ("table", "rp"))
    ]
    try:
        with giving_way(connection, release.schema_name), connection.cursor() as cursor:
            limit_waiting(connection)
            for word, names in kinds:
                if names:
                    listed = sql.SQL(", ").join(names)
                    cursor.execute(sql.SQL("drop {} {} restrict").format(sql.SQL(word), listed))
            cursor.execute(sql.SQL("drop schema {} restrict").format(sql.Identifier(release.schema_name)))
            history.set_state(connection, release.release_id, "pruned")
            connection.commit()
    except (psycopg2.errors.DependentObjectsStillExist, Blocked) as refusal:
        why = refusal.diag.message_detail if isinstance(refusal, psycopg2.Error) else refusal.problem
        return Pruned(release, (why or str(refusal)).strip())
    return Pruned(release)
