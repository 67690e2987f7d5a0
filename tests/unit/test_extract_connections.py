"""A source is found by its Airflow connection, in or out of Airflow."""

import sys
from types import SimpleNamespace

import pytest

from fupan.errors import ConfigurationError
from fupan.extract.connections import Site, http_site, source_url


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (
            "postgresql://u:p%40ss@db:5433/erp?sslmode=require",
            "postgresql+psycopg2://u:p%40ss@db:5433/erp?sslmode=require",
        ),
        ("postgres://u@db/erp", "postgresql+psycopg2://u@db/erp"),
        ("mysql+pymysql://u:p@db/erp", "mysql+pymysql://u:p@db/erp"),
        (
            '{"conn_type": "postgres", "login": "u", "password": "p@ss", "host": "db", "port": 5433, "schema": "erp",'
            ' "extra": {"sslmode": "require", "retries": 3}}',
            "postgresql+psycopg2://u:p%40ss@db:5433/erp?sslmode=require",
        ),
        ('{"conn_type": "sqlite", "host": "/data/erp.db"}', "sqlite:////data/erp.db"),
    ],
)
def test_from_the_environment(monkeypatch: pytest.MonkeyPatch, given: str, expected: str) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_FUPAN_ERP", given)
    assert source_url("fupan_erp", "erp").render_as_string(hide_password=False) == expected


@pytest.mark.parametrize("given", ["no address, topsecret", "{topsecret", '{"host": "topsecret"}'])
def test_malformed_is_refused_without_showing_it(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_FUPAN_ERP", given)
    with pytest.raises(ConfigurationError) as refusal:
        source_url("fupan_erp", "erp")
    assert "topsecret" not in str(refusal.value)
    assert "AIRFLOW_CONN_FUPAN_ERP" in str(refusal.value)


def test_outside_a_task_nobody_else_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_FUPAN_ERP", raising=False)
    with pytest.raises(ConfigurationError, match="There is no connection fupan_erp"):
        source_url("fupan_erp", "erp")


def test_in_a_task_airflow_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.sdk import Connection

    made_in_the_ui = Connection(
        conn_id="fupan_erp",
        conn_type="postgres",
        host="db",
        login="u",
        password="p",
        schema="erp",
        extra='{"sslmode": "require"}',
    )
    monkeypatch.delenv("AIRFLOW_CONN_FUPAN_ERP", raising=False)
    monkeypatch.setattr(Connection, "get", classmethod(lambda _cls, conn_id: {"fupan_erp": made_in_the_ui}[conn_id]))
    task = SimpleNamespace(SUPERVISOR_COMMS=object())
    monkeypatch.setitem(sys.modules, "airflow.sdk.execution_time.task_runner", task)
    monkeypatch.setattr(Connection, "extra_dejson", property(lambda self: {"sslmode": "require"}))
    url = source_url("fupan_erp", "erp")
    assert url.render_as_string(hide_password=False) == "postgresql+psycopg2://u:p@db/erp?sslmode=require"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("http://:t%2Fk@127.0.0.1:8080", Site("http://127.0.0.1:8080", None, "t/k")),
        ("https://u:p@api.example.com/v2/", Site("https://api.example.com/v2", "u", "p")),
        ("http://:t@[::1]:8080/v2", Site("http://[::1]:8080/v2", None, "t")),
        (
            "http://:t@api.example.com:8443/https?X-Shop=7",
            Site("https://api.example.com:8443", None, "t", {"X-Shop": "7"}),
        ),
        (
            '{"conn_type": "http", "host": "https://api.example.com/v2", "password": "t", "extra": {"X-Shop": "7"}}',
            Site("https://api.example.com/v2", None, "t", {"X-Shop": "7"}),
        ),
        (
            '{"conn_type": "http", "host": "api.example.com", "schema": "https", "port": 8443, "login": "u"}',
            Site("https://api.example.com:8443", "u"),
        ),
    ],
)
def test_an_http_api(monkeypatch: pytest.MonkeyPatch, given: str, expected: Site) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_FUPAN_SHOP", given)
    site = http_site("fupan_shop", "shop")
    assert site == expected
    assert "t/k" not in repr(site)


@pytest.mark.parametrize("given", ["postgresql://u:topsecret@db/erp", "http://:topsecret@", "topsecret"])
def test_what_is_no_http_api(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_FUPAN_SHOP", given)
    with pytest.raises(ConfigurationError) as refusal:
        http_site("fupan_shop", "shop")
    assert "topsecret" not in str(refusal.value)
    assert "https://:token@api.example.com" in str(refusal.value)
