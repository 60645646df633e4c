"""A file is whole or not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from dicomveil_proxy.wire import unfinished


def test_whole(tmp_path: Path) -> None:
    """It takes its place when it is written."""
    target = tmp_path / "1.dcm"
    with unfinished.whole(target) as place:
        place.write_bytes(b"DICM")
        assert not target.exists()
        assert place.name.endswith(unfinished.SUFFIX)

    assert target.read_bytes() == b"DICM"
    assert list(tmp_path.iterdir()) == [target]


def test_broken_off(tmp_path: Path) -> None:
    """Nothing stays, and what was there before does."""
    target = tmp_path / "1.dcm"
    target.write_bytes(b"before")

    def write() -> None:
        with unfinished.whole(target, target.name) as place:
            place.write_bytes(b"DI")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write()
    assert target.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [target]
