"""What Fupan adds to Airflow itself; registered by the entry point `airflow.plugins`, never by a file in plugins/."""

from __future__ import annotations

from airflow.plugins_manager import AirflowPlugin


class FupanPlugin(AirflowPlugin):
    """Fupan's name among Airflow's plugins: the place for what the UI shows of it."""

    name = "fupan"
