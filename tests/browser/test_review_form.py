"""The form of `dicomveil review`, in Chromium: a curator decides, saves, and continues in the form of a later run."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from typer.testing import CliRunner

from browser.conftest import running_browser
from dicomveil_proxy.command import commands
from dicomveil_proxy.command.review_form import form
from dicomveil_proxy.command.table import Row
from dicomveil_proxy.jobs.tables import safe
from engine.datasets import EXPLICIT, encoded, instance

COLUMNS = ("score", "instances", "attribute", "keyword", "vr", "value", "why")
AWKWARD = [
    'said "no", twice',
    "<b>bold</b> & more",
    "two\nlines",
    "=1+1",
    "'=1",
    "-1",
    "semi;colon,comma",
    "M\u00fcller",
]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    if shutil.which("chromium") is None:
        pytest.skip("needs chromium")
    yield from running_browser()


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context(accept_downloads=True)
    page = context.new_page()
    noted: list[str] = []
    page.on("console", lambda message: noted.append(message.text))
    page.on(
        "request", lambda asked: None if asked.url.startswith(("file:", "data:", "blob:")) else noted.append(asked.url)
    )
    yield page
    assert noted == []
    context.close()


def written(folder: Path, name: str, values: list[str]) -> Path:
    """A form with a row for each value."""
    rows: list[Row] = [
        {"score": 50 - n, "instances": 1, "attribute": "(0008,1030)", "keyword": "StudyDescription", "vr": "LO",
         "value": value, "why": "free text"}
        for n, value in enumerate(values)
    ]  # fmt: skip
    path = folder / name
    path.write_text("".join(form(rows, COLUMNS)), encoding="utf-8", newline="")
    return path


def decide(page: Page, row: int, decision: str, note: str = "") -> None:
    page.locator("tbody tr").nth(row).locator("select").select_option(decision)
    page.locator("tbody tr").nth(row).locator("input").fill(note)


def saved(page: Page, path: Path) -> list[dict[str, str]]:
    """The decisions, as the browser saves them; under the name that the docs give."""
    with page.expect_download() as download:
        page.click("#save")
    assert download.value.suggested_filename == "decisions.csv"
    download.value.save_as(path)
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


def shown(page: Page) -> int:
    return page.locator("tbody tr:visible").count()


def test_of_the_command(tmp_path: Path, page: Page) -> None:
    """What the command writes is worked through: rows are decided and hidden, and all of it is saved."""
    (tmp_path / "in").mkdir()
    for number in range(3):
        nodes = {
            0x00080018: ("UI", f"1.2.3.{number}"),
            0x00081030: ("LO", f"knee {number}, Roe"),
            0x0020000D: ("UI", "1.2"),
        }
        (tmp_path / "in" / f"{number}.dcm").write_bytes(instance(encoded(nodes, EXPLICIT), syntax=EXPLICIT))
    (tmp_path / "profile.json").write_text(json.dumps({"profile": "research"}))
    options = ["--html", str(tmp_path / "form.html"), "--profile", str(tmp_path / "profile.json")]
    result = CliRunner().invoke(commands, ["review", str(tmp_path / "in"), *options])
    assert result.exit_code == 0, result.stderr
    page.goto((tmp_path / "form.html").as_uri())
    count = shown(page)
    assert count >= 3

    decide(page, 0, "identifies", "ask the ward")
    page.check("#open")

    assert shown(page) == count - 1
    assert page.inner_text("#count") == f"1 of {count} decided"
    page.uncheck("#open")
    decisions = saved(page, tmp_path / "decisions.csv")
    assert len(decisions) == count
    assert (decisions[0]["decision"], decisions[0]["note"]) == ("identifies", "ask the ward")
    assert {row["decision"] for row in decisions[1:]} == {""}


def test_a_later_run(tmp_path: Path, page: Page) -> None:
    """Decisions follow attribute, VR and value, whatever the values hold, in another order and beside new rows."""
    page.goto(written(tmp_path, "first.html", AWKWARD).as_uri())
    for row, value in enumerate(AWKWARD):
        decide(page, row, ("harmless", "identifies", "unsure")[row % 3], f"note, of \u201c{value}\u201d")
    decisions = saved(page, tmp_path / "decisions.csv")
    assert [row["value"] for row in decisions] == [safe(value) for value in AWKWARD]

    page.goto(written(tmp_path, "second.html", ["new", *reversed(AWKWARD)]).as_uri())
    page.set_input_files("#load", tmp_path / "decisions.csv")

    expect(page.locator("#count")).to_have_text(f"{len(AWKWARD)} of {len(AWKWARD) + 1} decided")
    later = saved(page, tmp_path / "later.csv")
    assert later[0]["decision"] == later[0]["note"] == ""
    first = {row["value"]: (row["decision"], row["note"]) for row in decisions}
    assert {row["value"]: (row["decision"], row["note"]) for row in later[1:]} == first


def test_decisions_from_a_spreadsheet(tmp_path: Path, page: Page) -> None:
    """CSV with a byte order mark, and with quotation marks only where they are needed, is understood."""
    page.goto(written(tmp_path, "form.html", AWKWARD).as_uri())
    decisions = saved(page, tmp_path / "decisions.csv")
    decisions[0]["decision"], decisions[-1]["note"] = "harmless", "seen"
    with (tmp_path / "edited.csv").open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, list(decisions[0]))
        writer.writeheader()
        writer.writerows(decisions)

    page.set_input_files("#load", tmp_path / "edited.csv")

    expect(page.locator("#count")).to_have_text(f"1 of {len(AWKWARD)} decided")
    assert saved(page, tmp_path / "again.csv") == decisions


def test_many_rows(tmp_path: Path, page: Page) -> None:
    """More than a browser takes in the address of a link."""
    values = [f"{number:05d} {'x' * 2_000}" for number in range(1_500)]
    page.goto(written(tmp_path, "form.html", values).as_uri())
    decide(page, 1_499, "harmless")

    decisions = saved(page, tmp_path / "decisions.csv")

    assert len(decisions) == 1_500
    assert decisions[-1]["decision"] == "harmless"
