"""Warnings before the server starts."""

from __future__ import annotations

from pathlib import Path

from dicomveil_proxy.command.keygen import write_key
from dicomveil_proxy.command.server_check import check_server
from dicomveil_proxy.settings.server import Settings


def test_a_folder_without_files_is_reported(tmp_path: Path) -> None:
    """The warning names the setting; a file at any depth is enough."""
    write_key(tmp_path / "key")
    origin = tmp_path / "origin"
    (origin / "below").mkdir(parents=True)
    settings = Settings(origin=str(origin), key_file=tmp_path / "key", state=str(tmp_path / "state"))

    assert check_server(settings) == ["origin: the folder has no files; name a folder with DICOM files"]
    (origin / "below" / "instance").touch()
    assert check_server(settings) == []
