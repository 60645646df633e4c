"""The device table: what it matches and covers."""

from __future__ import annotations

from dataclasses import replace

from dicomveil_engine.configuration.pixels import PixelSettings, PixelText
from dicomveil_engine.pixels.boxes import Box
from dicomveil_engine.pixels.gate import PixelAction, gate
from dicomveil_engine.pixels.header import PixelHeader
from dicomveil_engine.pixels.mask_file import read_table, shipped_table, write_table

HEADER = PixelHeader(manufacturer="ACME", manufacturer_model_name="E 9", modality="US", rows=480, columns=640)


def test_first_match_wins_and_case_does_not_matter() -> None:
    """Texts may hold wildcards; numbers are exact."""
    table = read_table(
        '[[device]]\nmatch = {Manufacturer = "acme", Rows = 600}\nmask = [[0, 0, 1, 1]]\n'
        '[[device]]\nname = "this"\nmatch = {Manufacturer = "ac*", Columns = 640}\nmask = [[0, 0, 700, 9]]\n'
    )
    device = table.find(HEADER)

    assert device is not None
    assert device.name == "this"
    assert device.boxes(HEADER) == (Box(0, 0, 640, 9),)
    assert table.knows_other_size(PixelHeader(manufacturer="ACME", rows=1, columns=1))


def test_keep_covers_everything_else() -> None:
    """The boxes over the rest leave the kept ones alone, and nothing is left out."""
    table = read_table('[[device]]\nmatch = {Modality = "US"}\nkeep = [[10, 20, 100, 50], [200, 40, 100, 100]]\n')
    device = table.find(HEADER)
    assert device is not None
    covered = {
        (x, y) for box in device.boxes(HEADER) for x in range(box.x, box.right) for y in range(box.y, box.bottom)
    }
    kept = {
        (x, y)
        for a, b, w, h in ((10, 20, 100, 50), (200, 40, 100, 100))
        for x in range(a, a + w)
        for y in range(b, b + h)
    }

    assert not covered & kept
    assert len(covered) + len(kept) == 480 * 640


def test_a_box_outside_the_frame_is_never_taken_for_clean() -> None:
    """The device wrote frames of another size than the entry was made for: looked at, or refused."""
    entry = '[[device]]\nmatch = {Manufacturer = "ACME"}\nmask = [[0, 600, 10, 10]]\n'
    header = PixelHeader(
        manufacturer="ACME", modality="US", rows=480, columns=640, has_pixel_data=True, transfer_syntax_uid="1.2"
    )
    settings = PixelSettings(text=PixelText.ALL, device_table=entry)

    assert gate(header, settings).action is PixelAction.LOOK
    refusing = replace(settings, device_table=f'unmatched = "refuse"\n{entry}')
    assert gate(header, refusing).action is PixelAction.REFUSE


def test_written_tables_are_read_again() -> None:
    """The shipped one, and one with quotes and backslashes."""
    odd = read_table(
        "[[device]]\nname = 'a \"b\" \\ c'\nmatch = {Rows = 9, Columns = 9}\nkeep = [[0, 0, 1, 1]]\nlook = false\n"
    )

    assert read_table(write_table(shipped_table())) == shipped_table()
    assert read_table(write_table(odd)) == odd
