"""The embedded server starts, stops, recovers and keeps to itself."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import psycopg2
import pytest

from fupan.server.postgres import EmbeddedPostgres


@pytest.fixture
def own(state: Path, tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    folder = tmp_path / "a folder of its own"
    folder.mkdir(mode=0o700)
    postgres = EmbeddedPostgres(folder)
    postgres.start()
    yield postgres
    postgres.stop()


def count(url: str) -> int:
    connection = psycopg2.connect(url)
    with connection.cursor() as cursor:
        cursor.execute("select count(*) from kept")
        row = cursor.fetchone()
    connection.close()
    assert row
    return int(row[0])


def keep(url: str, rows: int) -> None:
    connection = psycopg2.connect(url)
    with connection.cursor() as cursor:
        cursor.execute("create table if not exists kept (i int)")
        cursor.execute("insert into kept select generate_series(1, %s)", [rows])
    connection.commit()
    connection.close()


def backends(postmaster: int) -> list[psutil.Process]:
    return psutil.Process(postmaster).children(recursive=True)


def test_it_listens_on_loopback_behind_its_password(own: EmbeddedPostgres) -> None:
    assert urlsplit(own.url).hostname == "127.0.0.1"
    wrong = own.url.replace(urlsplit(own.url).password or "", "guess")
    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        psycopg2.connect(wrong)
    (pid,) = {own.pid()}
    assert pid is not None
    assert {c.laddr.ip for c in psutil.Process(pid).net_connections("tcp") if c.status == "LISTEN"} == {"127.0.0.1"}


def test_a_second_start_is_the_same_server_on_the_same_port(own: EmbeddedPostgres) -> None:
    before = own.pid(), own.url
    assert EmbeddedPostgres(own.folder).start() == before[1]
    assert own.pid() == before[0]
    own.stop()
    assert own.pid() is None
    assert own.start() == before[1]


@pytest.mark.parametrize("victim", ["postmaster", "backend", "everything"])
def test_it_recovers_from_kill_9_and_keeps_what_was_committed(own: EmbeddedPostgres, victim: str) -> None:
    keep(own.url, 1000)
    pid = own.pid()
    assert pid is not None
    children = backends(pid)
    if victim in ("postmaster", "everything"):
        os.kill(pid, signal.SIGKILL)
    if victim in ("backend", "everything"):
        for child in children[: 1 if victim == "backend" else None]:
            child.kill()
    own.start()
    assert count(own.url) == 1000
    keep(own.url, 1)


def test_a_stale_lock_file_that_names_a_stranger_does_not_stop_it(own: EmbeddedPostgres) -> None:
    keep(own.url, 10)
    lock = own.folder / "data" / "postmaster.pid"
    pid = own.pid()
    assert pid is not None
    content = lock.read_text()
    os.kill(pid, signal.SIGKILL)
    psutil.wait_procs([psutil.Process(pid)] if psutil.pid_exists(pid) else [], timeout=5)
    lock.write_text(content.replace(str(pid), str(os.getpid()), 1))
    own.start()
    assert count(own.url) == 10


@pytest.mark.skipif(os.geteuid() != 0, reason="only root needs a way round PostgreSQL's refusal to run as root")
def test_root_without_user_namespaces(state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FUPAN_NO_USER_NAMESPACE", "1")
    postgres = EmbeddedPostgres(tmp_path / "refused")
    try:
        keep(postgres.start(), 5)
        pid = postgres.pid()
        assert pid is not None
        assert psutil.Process(pid).username() == "nobody"
        assert count(postgres.url) == 5
    finally:
        postgres.stop()
        postgres.remove()
    assert not list(Path("/var/tmp").glob(f"{postgres.data.parent.name}*"))


def test_a_borrowed_server_is_left_as_it_was_found(own: EmbeddedPostgres) -> None:
    with own.borrowed():
        assert own.pid()
    assert own.pid()
    own.stop()
    with own.borrowed():
        assert own.pid()
    assert own.pid() is None


def test_two_servers_live_side_by_side(own: EmbeddedPostgres, tmp_path: Path) -> None:
    other = EmbeddedPostgres(tmp_path / "other clone")
    try:
        assert other.start() != own.url
    finally:
        other.stop()
