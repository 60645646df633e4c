"""Tables of others come over where our table says exactly the same, and the rest is listed."""

from __future__ import annotations

from dicomveil_engine.pixels.boxes import Box
from dicomveil_engine.pixels.mask_file import read_table, write_table
from dicomveil_engine.pixels.mask_import import read_ctp, read_deid

DEID = """FORMAT dicom

%filter graylist

LABEL Acme console # (somebody)
  contains Manufacturer ACME
  + equals Rows 480
  + contains Modality US
  coordinates 0,0,640,40
  coordinates 10,50,20,60

LABEL Acme two
  equals ManufacturerModelName E 9
  ctpkeepcoordinates 5,6,70,80

LABEL Flag only
  contains Manufacturer ACME

LABEL Alternatives
  contains ImageType DOSE || contains SeriesDescription Dose
  coordinates 0,0,5,5

LABEL Elsewhere
  contains SeriesDescription Dose
  coordinates 0,0,5,5

LABEL All
  contains Manufacturer ACME
  coordinates all
"""
CTP = """A comment.
{ Manufacturer.containsIgnoreCase("ACME") * Rows.equals("480") }
(0,0,640,40) (10, 50, 10, 10)
{ Manufacturer.contains("ACME") + Manufacturer.contains("EMCA") } (0,0,1,1)
{ !Modality.equals("US") } (0,0,1,1)
{ ManufacturerModelName.startsWith("E") } (0,0,9,9)
{ Modality.equals("US") }
"""


def test_deid() -> None:
    """Right and bottom become width and height; flags without coordinates are not masks."""
    imported = read_deid(DEID)
    first, second = imported.table.devices

    assert first.match == {"Manufacturer": "*ACME*", "Rows": 480, "Modality": "*US*"}
    assert first.mask == (Box(0, 0, 640, 40), Box(10, 50, 10, 10))
    assert (second.match, second.keep) == ({"ManufacturerModelName": "E 9"}, (Box(5, 6, 70, 80),))
    assert [line.partition(":")[0] for line in imported.left_out] == ["Alternatives", "Elsewhere", "All"]


def test_ctp() -> None:
    """Conditions that must all hold; alternatives and negations are left out."""
    imported = read_ctp(CTP)
    first, second = imported.table.devices

    assert first.match == {"Manufacturer": "*ACME*", "Rows": 480}
    assert first.mask == (Box(0, 0, 640, 40), Box(10, 50, 10, 10))
    assert second.match == {"ManufacturerModelName": "E*"}
    assert [line.partition(":")[0] for line in imported.left_out] == ["signature 2", "signature 3", "signature 5"]


def test_what_is_imported_can_be_written() -> None:
    """As a table of our own."""
    for imported in (read_deid(DEID), read_ctp(CTP)):
        assert read_table(write_table(imported.table)) == imported.table
