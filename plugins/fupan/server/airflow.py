"""The embedded Airflow: the real api-server, scheduler, dag-processor and triggerer of one installation, detached.

It listens on 127.0.0.1 alone, on a free port, behind a random password. Its state (port, processes, logs) lives in
FUPAN_HOME/airflow, its metadata in database `airflow` of the embedded PostgreSQL, unless AIRFLOW__DATABASE__SQL_ALCHEMY_CONN
names another.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil

from fupan import settings
from fupan.errors import ConfigurationError, FupanError
from fupan.server.airflow_api import AirflowApi
from fupan.server.postgres import EmbeddedPostgres
from fupan.server.process import Process, free_port

COMPONENTS = {
    "api-server": ["api-server"],
    # Task logs are read from disk: the servers that hand them to other machines would only take ports.
    "scheduler": ["scheduler", "--skip-serve-logs"],
    "dag-processor": ["dag-processor"],
    "triggerer": ["triggerer", "--skip-serve-logs"],
}
USER = "admin"

#: Tasks at a time. Every worker is a process, and one stage of dbt or one gate keeps a core busy.
PARALLELISM = 4

Progress = Callable[[str], None]


class AirflowFailed(FupanError):
    """A component of the embedded Airflow did not come up, or ended by itself."""


class EmbeddedAirflow:
    """One Airflow below ``folder`` (default FUPAN_HOME/airflow); every method may be called again and again."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = (folder or settings.home() / "airflow").resolve()
        self.logs = self.folder / "logs"
        self.logs.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._state = self.folder / "state.json"

    @property
    def url(self) -> str:
        """Address of the UI and of the REST API. Raises ConfigurationError before the first start."""
        port = self._read().get("port")
        if port is None:
            raise ConfigurationError("Airflow has never been started here", remedy="Run `make up` (or `make nightly`)")
        return f"http://127.0.0.1:{port}"

    @property
    def password(self) -> str:
        """Password of user `admin`."""
        return settings.secret("airflow_password")

    def api(self) -> AirflowApi:
        """A client of this Airflow's REST API, logged in as admin."""
        return AirflowApi(self.url, USER, self.password)

    def running(self) -> bool:
        """Whether all four components are alive."""
        known = self._components()
        return set(known) == set(COMPONENTS) and all(process.alive() for process in known.values())

    def start(self, progress: Progress = lambda _: None, *, patience: float = 180) -> None:
        """Start what is not running and wait until every component is healthy and the DAG files have been read.

        Raises AirflowFailed with the end of the log of the component that did not come up.
        """
        with self._lock():
            if self.running():
                return
            self._stop()
            self._write({"port": free_port(self._read().get("port", 0)), "components": {}})
            environment = self.environment()
            self._migrate(environment, progress)
            progress("starting Airflow")
            try:
                self._launch_all(environment, progress, time.monotonic() + patience)
            except BaseException:
                self._stop()
                raise

    def check(self) -> None:
        """Raise AirflowFailed, with the end of its log, for a component that has ended by itself."""
        for name, process in self._components().items():
            if not process.alive():
                raise AirflowFailed(
                    f"Airflow's {name} has ended by itself:\n{self._tail(name)}\n",
                    remedy=f"See {self._log(name)}; `make down` and `make up` start it again",
                )

    def stop(self) -> None:
        """Stop every component with all its children; a task at work is killed, and runs again when Airflow is back."""
        with self._lock():
            self._stop()

    def environment(self) -> dict[str, str]:
        """Environment of every component, and so of every task: ours, then Airflow's settings.

        What the caller's environment says (AIRFLOW__…, AIRFLOW_CONN_…, FUPAN_…) is passed on and wins over the defaults.
        """
        url = self.url
        self._write_passwords()
        defaults = {
            "AIRFLOW__CORE__DAGS_FOLDER": str(settings.DAGS),
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(settings.PROJECT / "plugins"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
            "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
            "AIRFLOW__CORE__PARALLELISM": str(PARALLELISM),
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{USER}:admin",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(self._passwords),
            # A Fernet key is 32 bytes in padded base64; the secret is the same without its padding.
            "AIRFLOW__CORE__FERNET_KEY": settings.secret("airflow_fernet_key") + "=",
            # HMAC-SHA512 wants 64 bytes and more.
            "AIRFLOW__API_AUTH__JWT_SECRET": hashlib.sha512(settings.secret("airflow_jwt_secret").encode()).hexdigest(),
            "AIRFLOW__API__SECRET_KEY": settings.secret("airflow_api_secret"),
            "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(self.logs),
            "AIRFLOW__LOGGING__DAG_PROCESSOR_CHILD_PROCESS_LOG_DIRECTORY": str(self.logs / "dag_files"),
            "AIRFLOW__LOGGING__COLORED_CONSOLE_LOG": "False",
            # At INFO it tells of every method it registers, hundreds of lines before the first that matters.
            "AIRFLOW__LOGGING__NAMESPACE_LEVELS": "great_expectations=WARNING",
            # A changed DAG file is seen within seconds, an unchanged one is not parsed over and over.
            "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "10",
            "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "300",
            "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.5",
            # A task that died with the machine runs again after a minute, not after five: it reports every five seconds.
            "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "60",
            "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
            "GX_ANALYTICS_ENABLED": "false",
        }
        given = {
            # Byte-code makes every start three to five times faster, whatever the caller's shell says.
            name: value
            for name, value in os.environ.items()
            if name != "PYTHONDONTWRITEBYTECODE"
        }
        fixed = {
            "AIRFLOW_HOME": str(self.folder),
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": self._metadata_url(),
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__PORT": url.rpartition(":")[2],
            "AIRFLOW__API__BASE_URL": url,
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
            "FUPAN_HOME": str(settings.home().resolve()),
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),
            "NO_PROXY": ",".join(filter(None, [os.environ.get("NO_PROXY"), "127.0.0.1"])),
            "no_proxy": ",".join(filter(None, [os.environ.get("no_proxy"), "127.0.0.1"])),
        }
        return defaults | given | fixed

    @property
    def _passwords(self) -> Path:
        return self.folder / "passwords.json"

    def _write_passwords(self) -> None:
        self._passwords.touch(mode=0o600)
        self._passwords.write_text(json.dumps({USER: self.password}) + "\n")

    def _metadata_url(self) -> str:
        own = os.environ.get("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN")
        return own or settings.sqlalchemy_url(EmbeddedPostgres().database_url("airflow"))

    def _migrate(self, environment: dict[str, str], progress: Progress) -> None:
        """Bring the metadata database to this Airflow's tables, once a version and database."""
        url = environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"]
        if "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN" not in os.environ:
            EmbeddedPostgres().ensure_database("airflow")
        stamp = self.folder / "migrated"
        done = f"{version('apache-airflow-core')} {hashlib.sha256(url.encode()).hexdigest()}"
        if stamp.exists() and stamp.read_text() == done:
            return
        progress("creating Airflow's tables")
        log = self._log("migrate")
        with log.open("w") as output:
            ended = subprocess.run(
                [*_AIRFLOW, "db", "migrate"],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
                check=False,
            )
        if ended.returncode:
            raise AirflowFailed(
                f"Airflow's tables could not be created:\n{self._tail('migrate')}\n",
                remedy=f"See {log}; check AIRFLOW__DATABASE__SQL_ALCHEMY_CONN where it is set",
            )
        stamp.write_text(done)

    def _launch(self, name: str, environment: dict[str, str]) -> None:
        with self._log(name).open("w") as output:
            child = subprocess.Popen(
                [*_AIRFLOW, *COMPONENTS[name]],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
                # A session of its own: it outlives our terminal, and its children can be told from others'.
                start_new_session=True,
            )
        state = self._read()
        state["components"][name] = asdict(Process.of(child.pid))
        self._write(state)

    def _launch_all(self, environment: dict[str, str], progress: Progress, deadline: float) -> None:
        began, api = datetime.now(UTC), self.api()
        for name in COMPONENTS:
            if name != "scheduler":
                self._launch(name, environment)
        # A scheduler takes up the task of an interrupted night at once, and fails it where nobody takes its report.
        self._await(api.server_not_ready, progress, deadline)
        self._launch("scheduler", environment)
        self._await(lambda: api.not_ready(since=began), progress, deadline)

    def _await(self, missing: Callable[[], list[str]], progress: Progress, deadline: float) -> None:
        while waiting := missing():
            self.check()
            progress(f"waiting for Airflow ({', '.join(waiting)})")
            if time.monotonic() > deadline:
                tails = "\n".join(f"--- {name}\n{self._tail(name)}" for name in waiting if name in COMPONENTS)
                raise AirflowFailed(
                    f"Airflow is not ready in time; still missing: {', '.join(waiting)}\n{tails}\n",
                    remedy=f"See the logs in {self.logs}",
                )
            time.sleep(0.25)

    def _stop(self) -> None:
        known = self._components()
        # Killed before its worker, a task is reported as such at once, and runs again as soon as Airflow is back.
        for task in _tasks(known.get("scheduler")):
            with contextlib.suppress(psutil.Error):
                task.kill()
        # The api-server goes last: it takes that report. It keeps nothing, and would tidy up for seconds.
        asked = [process for name, process in known.items() if name != "api-server"]
        for process in asked:
            with contextlib.suppress(psutil.Error):
                if process.alive():
                    psutil.Process(process.pid).terminate()
        # Not for ever: a dag-processor that is just writing to the database swallows the signal and works on.
        _await_end(asked, within=7)
        left = [child for process in known.values() for child in process.family()]
        for child in left:
            with contextlib.suppress(psutil.Error):
                child.kill()
        psutil.wait_procs(left, timeout=10)
        _reap()
        if self._state.exists():
            self._write(self._read() | {"components": {}})

    def _components(self) -> dict[str, Process]:
        return {name: Process(**process) for name, process in self._read().get("components", {}).items()}

    def _read(self) -> dict[str, Any]:
        state: dict[str, Any] = json.loads(self._state.read_text()) if self._state.exists() else {}
        return state

    def _write(self, state: dict[str, Any]) -> None:
        partial = self._state.with_suffix(".partial")
        partial.write_text(json.dumps(state, indent=2))
        partial.replace(self._state)

    @contextlib.contextmanager
    def _lock(self) -> Iterator[None]:
        with (self.folder / "lock").open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield

    def _log(self, name: str) -> Path:
        return self.logs / f"{name}.log"

    def _tail(self, name: str, lines: int = 15) -> str:
        log = self._log(name)
        return "\n".join(log.read_text(errors="replace").splitlines()[-lines:]) if log.exists() else "(no log)"


#: The environment's own Airflow, whatever is on PATH; also where the console script's shebang would be too long.
_AIRFLOW = [sys.executable, "-m", "airflow"]


def _tasks(scheduler: Process | None) -> list[psutil.Process]:
    """Processes of the tasks at work: the scheduler's children are its workers, theirs are the tasks."""
    try:
        workers = psutil.Process(scheduler.pid).children() if scheduler and scheduler.alive() else []
    except psutil.Error:
        return []
    found = []
    for worker in workers:
        with contextlib.suppress(psutil.Error):
            found += worker.children()
    return found


def _await_end(processes: Iterable[Process], within: float) -> None:
    deadline = time.monotonic() + within
    while any(process.alive() for process in processes) and time.monotonic() < deadline:
        _reap()
        time.sleep(0.1)


def _reap() -> None:
    """Collect children of this process that have ended, so that they do not stand as zombies."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
