"""What is found below a folder, and what is not followed."""

from __future__ import annotations

import os
from pathlib import Path

from dicomveil_proxy.jobs.tree import Found, walk


def found(folder: Path) -> dict[str, Found]:
    """What is below the folder, in the order in which it is found."""
    return {each.source: each for each in walk(folder, lambda _, name: name.lower())}


def test_files_are_found_at_any_depth_in_one_order(tmp_path: Path) -> None:
    """Names and folders go through the naming, each by itself."""
    for path in ("B/Y", "B/A/Z", "a", "C/X"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(b"12")

    assert [(each.source, each.target, each.size) for each in found(tmp_path).values()] == [
        ("a", "a", 2),
        ("B/Y", "b/y", 2),
        ("B/A/Z", "b/a/z", 2),
        ("C/X", "c/x", 2),
    ]


def test_links_are_not_followed(tmp_path: Path) -> None:
    """Neither out of the folder nor round in a circle."""
    (tmp_path / "outside").write_bytes(b"12")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "file").symlink_to(tmp_path / "outside")
    (tmp_path / "in" / "circle").symlink_to(tmp_path / "in")
    (tmp_path / "in" / "broken").symlink_to("nothing")

    assert {name: each.link for name, each in found(tmp_path / "in").items()} == {
        "broken": True,
        "circle": True,
        "file": True,
    }


def test_what_is_no_file_is_never_opened(tmp_path: Path) -> None:
    """To open a pipe would wait for ever."""
    os.mkfifo(tmp_path / "pipe")

    assert found(tmp_path)["pipe"].unreadable == "it is not a file"


def test_a_folder_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    """Its instances are missing in the output."""
    assert [each.unreadable for each in walk(tmp_path / "nothing", lambda _, name: name)] == [
        "No such file or directory"
    ]


def test_two_files_with_one_output_are_told(tmp_path: Path) -> None:
    """The second would replace the first."""
    (tmp_path / "A").write_bytes(b"12")
    (tmp_path / "a").write_bytes(b"12")

    assert {name: each.taken for name, each in found(tmp_path).items()} == {"A": False, "a": True}


def test_our_own_files_are_no_input(tmp_path: Path) -> None:
    """Neither unfinished instances nor ledgers."""
    (tmp_path / ".12.dicomveil-part").write_bytes(b"12")
    (tmp_path / ".dicomveil-anonymize.sqlite-journal").write_bytes(b"12")

    assert found(tmp_path) == {}
