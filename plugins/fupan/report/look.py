"""`make look`: the night report and Airflow's page of the night as pictures, to be looked at, in FUPAN_HOME/look."""

from __future__ import annotations

import sys
from pathlib import Path
from urllib.parse import quote

import requests

from fupan import settings
from fupan.errors import ConfigurationError, FupanError, SourceUnavailable
from fupan.progress import Progress
from fupan.report.browser import Page, open_page
from fupan.report.night import reports
from fupan.server.airflow import USER, EmbeddedAirflow
from fupan.server.services import Services
from fupan.warehouse.connection import connect, rows

DAG = "build_warehouse"


def look() -> list[Path]:
    """Take the pictures; returns their files. What has to run for it is started, and stopped again unless it was running.

    Raises ConfigurationError where there is no night report yet or no Chromium.
    """
    report = reports() / "latest.html"
    if not report.exists():
        raise ConfigurationError("There is no night report yet", remedy="Run `make nightly` first")
    folder = settings.home() / "look"
    folder.mkdir(exist_ok=True)
    with Progress() as progress, open_page() as page:
        progress.say("taking a picture of the night report")
        page.open(report.resolve().as_uri(), "ops.night_report")
        page.picture(folder / "night-report.png")
        with Services(progress) as services:
            airflow = services.start_airflow()
            progress.say("taking pictures of Airflow")
            return [folder / "night-report.png", *_airflow(page, airflow, folder)]


def _airflow(page: Page, airflow: EmbeddedAirflow, folder: Path) -> list[Path]:
    page.set_cookie(airflow.url, "_token", _token(airflow))
    page.open(f"{airflow.url}/dags", DAG)
    page.picture(folder / "airflow-dags.png", settle=2)
    run = _last_run()
    page.open(f"{airflow.url}/dags/{DAG}" + (f"/runs/{quote(run, safe='')}" if run else ""), "release_gate")
    page.picture(folder / "airflow-night.png", settle=2)
    return [folder / "airflow-dags.png", folder / "airflow-night.png"]


def _token(airflow: EmbeddedAirflow) -> str:
    with requests.Session() as session:
        # Airflow is on this machine: no proxy of the environment, no netrc.
        session.trust_env = False
        login = {"username": USER, "password": airflow.password}
        answer = session.post(f"{airflow.url}/auth/token", json=login, timeout=30)
    if not answer.ok:
        raise SourceUnavailable(f"Airflow refuses the login of {USER}: {answer.status_code}")
    return str(answer.json()["access_token"])


def _last_run() -> str | None:
    """Airflow's run of the newest build that one of its runs made."""
    with connect("builder", "look") as connection:
        found = rows(
            connection,
            """
            select r.orchestrator_run_id
            from ops.build as b join ops.run as r using (run_id)
            where r.orchestrator_run_id is not null
            order by b.build_id desc limit 1
            """,
        )
    return str(found[0]["orchestrator_run_id"]) if found else None


if __name__ == "__main__":
    try:
        print(*look(), sep="\n")
    except FupanError as error:
        sys.exit(str(error))
