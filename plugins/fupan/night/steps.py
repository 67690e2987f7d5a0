"""The steps of a build, as Airflow tasks, the CLI and tests call them: each alone, on record, and safe to run again."""

from __future__ import annotations

from fupan.night import build


def raw_gate(build_id: int, *, locked: bool = False) -> None:
    """Judge what has landed; bad rows go to quarantine or hold the dimensions that depend on them."""
    from fupan.quality import raw_gate as gate

    with build.step(build_id, "raw_gate", locked=locked):
        gate.run(build_id)


def core(build_id: int, *, locked: bool = False, full_refresh: bool = False) -> None:
    """Staging and core by dbt; ``full_refresh``: facts and aggregates are built from nothing."""
    from fupan.transform import dbt

    with build.step(build_id, "core", locked=locked):
        dbt.run_stage(build_id, "core", full_refresh=full_refresh)


def marts(build_id: int, *, locked: bool = False) -> None:
    """Marts by dbt, into build_<dimension>."""
    from fupan.transform import dbt

    with build.step(build_id, "marts", locked=locked):
        dbt.run_stage(build_id, "marts")


def release_gate(build_id: int, *, locked: bool = False) -> None:
    """Judge the marts, then decide: one verdict a dimension."""
    from fupan.quality import release_gate as gate
    from fupan.quality import verdict

    with build.step(build_id, "release_gate", locked=locked):
        gate.run(build_id)
        verdict.decide(build_id)


def publish(build_id: int, *, locked: bool = False) -> dict[str, str]:
    """Publish what may be published; returns the final verdict a dimension."""
    from fupan.publish import publish as publisher

    with build.step(build_id, "publish", locked=locked):
        return publisher.publish_build(build_id)


def report(build_id: int, *, locked: bool = False) -> None:
    """Tell the owners, write the night report, close the build."""
    from fupan.alerts import notify
    from fupan.report import night

    with build.step(build_id, "report", locked=locked):
        notify.notify(build_id)
    build.finish(build_id)
    night.write_report(build_id)


def run_all(build_id: int, *, full_refresh: bool = False) -> None:
    """Every step of a build in this process; a failure closes the build, and the next one takes up its loads.

    ``full_refresh``: as in `core`.
    """
    with build.whole(build_id):
        try:
            raw_gate(build_id, locked=True)
            core(build_id, locked=True, full_refresh=full_refresh)
            for run_step in (marts, release_gate, publish, report):
                run_step(build_id, locked=True)
        except Exception as failure:
            build.fail(build_id, str(failure))
            raise
