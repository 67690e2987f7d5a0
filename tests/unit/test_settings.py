"""Where things are: what an environment variable means."""

from __future__ import annotations

from pathlib import Path

import pytest

from fupan import settings


def test_a_relative_state_folder_counts_from_the_project(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(settings, "PROJECT", tmp_path)
    monkeypatch.chdir("/")
    monkeypatch.setenv("FUPAN_HOME", "state of/mine")
    assert settings.home() == tmp_path / "state of" / "mine"
    assert settings.home().stat().st_mode & 0o777 == 0o700


def test_an_absolute_state_folder_is_itself(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FUPAN_HOME", str(tmp_path / "state"))
    assert settings.home() == tmp_path / "state"


def test_a_secret_is_made_once_and_readable_by_its_user_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FUPAN_HOME", str(tmp_path))
    assert settings.secret("a") == settings.secret("a") != settings.secret("b")
    assert (tmp_path / "secrets.json").stat().st_mode & 0o777 == 0o600


def test_roles_share_the_owner_s_address_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FUPAN_HOME", str(tmp_path))
    monkeypatch.setenv("FUPAN_WAREHOUSE_URL", "postgresql://owner:pw@db.example.com:5433/wh?sslmode=require")
    monkeypatch.setenv("FUPAN_BUILDER_URL", "postgresql://fupan_builder:x@pool.example.com/wh")
    loader = settings.warehouse_url("loader")
    assert loader.startswith("postgresql://fupan_loader:")
    assert loader.endswith("@db.example.com:5433/wh?sslmode=require")
    assert settings.warehouse_url("builder") == "postgresql://fupan_builder:x@pool.example.com/wh"
    assert not settings.embedded()
