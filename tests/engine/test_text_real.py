"""Which real descriptions cleaning changes: a list, so that a change of the rules shows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.text_real import GOLDEN, found, pydicom_files, touched

EXPECTED: dict[str, list[str]] = json.loads(GOLDEN.read_text(encoding="utf-8"))


def test_of_pydicom() -> None:
    """A change of the list is to be looked at; `text_real.py` writes it anew."""
    assert len(pydicom_files()) > 50
    assert list(touched(pydicom_files(), shown=True)) == EXPECTED["pydicom"]


def test_of_the_corpus(shared: Path) -> None:
    """The same for the instances beside the project."""
    lines = found(shared).get("corpus")
    if lines is None:
        pytest.skip("there are no real instances in the folder `shared`")
    assert lines == EXPECTED["corpus"]
