"""The contact sheet of `dicomveil review`, in Chromium: everything in it is drawn, and it asks nobody for anything."""

from __future__ import annotations

import io
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser
from typer.testing import CliRunner

from bench.pixel_drawing import instances
from browser.conftest import running_browser
from dicomveil_proxy.command import commands


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    if shutil.which("chromium") is None:
        pytest.skip("needs chromium")
    yield from running_browser()


def test_sheet_in_a_browser(tmp_path: Path, chromium: Browser) -> None:
    """All pictures are decoded, no request leaves, and the policy of the page blocks nothing that it needs."""
    folder = tmp_path / "in"
    folder.mkdir()
    [drawn] = instances(1, 3)
    (folder / "ultrasound.dcm").write_bytes(drawn.data)
    (tmp_path / "key").write_text(bytes(range(32)).hex())
    (tmp_path / "key").chmod(0o600)
    (tmp_path / "profile.json").write_text(json.dumps({"profile": "basic", "pixels": {"text": "sensitiveText"}}))
    sheet = tmp_path / "sheet.html"
    options = ["--contact-sheet", str(sheet), "--key-file", str(tmp_path / "key")]
    result = CliRunner().invoke(
        commands, ["review", str(folder), *options, "--profile", str(tmp_path / "profile.json")]
    )
    assert result.exit_code == 0, result.stderr

    page = chromium.new_page(viewport={"width": 1240, "height": 860})
    noted: list[str] = []
    page.on("console", lambda message: noted.append(message.text))
    page.on(
        "request", lambda request: noted.append(request.url) if not request.url.startswith(("file:", "data:")) else None
    )
    page.goto(sheet.as_uri())

    assert page.evaluate("[...document.images].map(each => each.complete && each.naturalWidth > 100)") == [True, True]
    assert "ultrasound.dcm" in page.inner_text("body")
    assert "recognised as technique" in page.inner_text("body")
    assert noted == []
    if pictures := os.environ.get("PICTURES"):
        shown = Image.open(io.BytesIO(page.screenshot()))
        shown.convert("RGB").quantize(96).save(Path(pictures) / "pixels-contact-sheet.png", optimize=True)
    page.close()
