"""Importing a device table writes one of ours, and says what was left out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dicomveil_engine.configuration.device_table_schema import device_table_schema
from dicomveil_engine.pixels.boxes import Box
from dicomveil_engine.pixels.mask_file import read_table
from dicomveil_proxy.command import masks

CTP = '{ Manufacturer.contains("ACME") } (0,0,640,40) { !Rows.equals("4") } (0,0,1,1)'
DEID = "FORMAT dicom\nLABEL one\n  contains Manufacturer ACME\n  coordinates 0,0,640,40\n"


@pytest.mark.parametrize("text", [CTP, DEID])
def test_a_table_is_written(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """On standard output; the format is recognised."""
    file = tmp_path / "table"
    file.write_text(text)
    masks.run(file, None)
    written = capsys.readouterr()
    [device] = read_table(written.out).devices

    assert device.mask == (Box(0, 0, 640, 40),)
    assert ("left out: signature 2" in written.err) is (text is CTP)


@pytest.mark.parametrize("text", ["", "LABEL x\n", "\x00"])
def test_nothing_to_import(text: str, tmp_path: Path) -> None:
    """A file without entries is refused rather than written as an empty table."""
    file = tmp_path / "table"
    file.write_text(text)
    with pytest.raises(SystemExit):
        masks.run(file, None)
    with pytest.raises(SystemExit):
        masks.run(tmp_path / "missing", None)


def test_check_names_file_and_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As compilers do, so that editors jump there; a right table is counted."""
    file = tmp_path / "table.toml"
    file.write_text('unmatched = "look"\n[[device]]\nmatch = {Rows = 9}\n\n[[device]]\nmatch = 1\n')
    with pytest.raises(SystemExit) as left:
        masks.check(file)
    lines = capsys.readouterr().out.splitlines()
    assert left.value.code == 1
    assert [line.partition(": ")[0] for line in lines] == [f"{file}:2", f"{file}:6"]

    file.write_text("[[device]]\nmatch = {Rows = 9}\nmask = [[0, 0, 1, 1]]\n")
    masks.check(file)
    assert capsys.readouterr().out == f"{file}: 1 entry, nothing is wrong\n"
    with pytest.raises(SystemExit):
        masks.check(tmp_path / "missing")


def test_schema(capsys: pytest.CaptureFixture[str]) -> None:
    """It is JSON, and that of the engine."""
    masks.schema()

    assert json.loads(capsys.readouterr().out) == device_table_schema()
