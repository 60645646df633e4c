"""Warnings about origins that are folders."""

from __future__ import annotations

from pathlib import Path

from dicomveil_proxy.command.origins import faults
from dicomveil_proxy.settings.server import Settings


def test_a_folder_without_files_is_reported(tmp_path: Path) -> None:
    """The message names the setting; a file at any depth is enough."""
    (tmp_path / "below").mkdir()
    settings = Settings(origin=str(tmp_path), key_file=tmp_path / "key")

    assert faults(settings) == ["origin: the folder has no files; name a folder with DICOM files"]
    (tmp_path / "below" / "instance").touch()
    assert faults(settings) == []
