"""What dciodvfy says of an instance: David Clunie's checker of instances against their IODs, from his dicom3tools.

Nothing here knows of the engine. What comes out holds kinds of errors, never a value.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pytest

_SECONDS = 60

_UNREADABLE = ("Information Object Not found", "Tags out of order", "Tag read failed", "Seek failed", "Read failed")
"""dciodvfy has no IOD to check against, or lost its way before the end."""

_DIRECTORY = "BasicDirectory"
"""A DICOMDIR is not an instance of a series; its records are never passed on, but written anew (PS3.15 E.1.1)."""

_NAME = re.compile(r"(?:Element|Module|attribute)\s*=?\s*$")
_BRACKETS = re.compile(r"<[^<>]*>")
_QUOTED = re.compile(r"\"[^\"]*\"|'.' \(0x[0-9a-f]+\)")
_NUMBER = re.compile(r"(?<!Type )\b\d[\d.\\]*\b")
_EXPLANATION = re.compile(r"( - values are| ReferencedSOPInstanceUID ).*")


def is_installed() -> bool:
    """Whether there is a dciodvfy. Its absence is a reason to skip, but a failure in CI."""
    if shutil.which("dciodvfy"):
        return True
    if os.environ.get("CI") == "true":
        pytest.fail("dciodvfy is not installed (Debian: apt-get install dicom3tools)")
    return False


def kinds_of_errors(instance: Path) -> Counter[str] | None:
    """How often each kind of error is there; None where dciodvfy cannot read the instance or knows no IOD for it."""
    run = subprocess.run(["dciodvfy", instance], capture_output=True, check=False, timeout=_SECONDS)
    lines = (run.stdout + run.stderr).decode("latin-1").splitlines()
    if _DIRECTORY in lines or any(text in line for line in lines for text in _UNREADABLE):
        return None
    return Counter(kind(line) for line in lines if line.startswith("Error - "))


def kind(line: str) -> str:
    """A message without values: with the names of attributes and modules, and nothing else of the instance."""
    text = _EXPLANATION.sub("", line.removeprefix("Error - "))
    text = _QUOTED.sub("…", text)
    # A name stands in angle brackets after "Element=", "Module=" or "attribute"; a value after anything else.
    text = _BRACKETS.sub(lambda found: found[0] if _NAME.search(text[: found.start()]) else "…", text)
    return _NUMBER.sub("n", text)
