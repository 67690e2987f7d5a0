"""A page as a picture: as high as the page, once it shows what it should."""

from __future__ import annotations

import shutil
import struct
from pathlib import Path

import pytest

from fupan.errors import ConfigurationError, SourceUnavailable
from fupan.report.browser import CHROMIUM, open_page
from fupan.report.look import look

needs_chromium = pytest.mark.skipif(not any(map(shutil.which, CHROMIUM)), reason="Chromium is not installed")


@needs_chromium
def test_a_picture_is_as_high_as_the_page_and_waits_for_what_it_shows(tmp_path: Path) -> None:
    page = tmp_path / "tall page.html"
    late = "setTimeout(() => document.body.append('there'), 700)"
    page.write_text(f"<style>body {{margin: 0; height: 1777px}}</style><body>not <script>{late}</script>")
    picture = tmp_path / "page.png"
    with open_page(width=640, height=300) as tab:
        tab.open(page.as_uri(), "not there")
        tab.picture(picture, settle=0.1)
        with pytest.raises(SourceUnavailable, match="does not show 'elsewhere' but: 'not there'"):
            tab.open(page.as_uri(), "elsewhere", patience=2)
    assert struct.unpack(">II", picture.read_bytes()[16:24]) == (640, 1777)


def test_without_chromium_it_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigurationError, match="apt install chromium"), open_page():
        pass


def test_without_a_report_there_is_nothing_to_look_at(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FUPAN_HOME", str(tmp_path))
    with pytest.raises(ConfigurationError, match="make nightly"):
        look()
