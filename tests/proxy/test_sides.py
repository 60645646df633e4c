"""Originals and pseudonyms are types: what gives one for the other does not pass mypy."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BEGINNING = """\
from dicomveil_engine import Policy
from dicomveil_engine.pseudonyms.sides import OriginalPatientID, OriginalUID, PseudonymousPatientID, PseudonymousUID
from dicomveil_proxy.origin import Origin
from dicomveil_proxy.request.resource import OriginalResource, OutsideResource, Resource
from dicomveil_proxy.transactions.search import Scope
from dicomveil_proxy.translation.translation import Translation


async def example(
    policy: Policy, origin: Origin, translation: Translation, original: OriginalUID, pseudonym: PseudonymousUID,
    patient: OriginalPatientID, outside: OutsideResource, inside: OriginalResource
) -> object:
"""
RIGHT = [
    "await translation.study(pseudonym)",
    "origin.metadata(await translation.study(pseudonym))",
    "await translation.resource(outside)",
    "translation.uid(original)",
    "await translation.study(policy.pseudonym_uid(original))",
    "Scope(pseudonym)",
    "await translation.patient(policy.pseudonym_patient_id(patient))",
]
LEAKS = [
    "await translation.study(original)",
    "await translation.series(pseudonym, pseudonym)",
    "origin.metadata(pseudonym)",
    "origin.instances(original, pseudonym)",
    "await translation.resource(inside)",
    "await translation.forget_outdated(original)",
    "Scope(original)",
    "await translation.patient(patient)",
    "Resource(original, pseudonym)",
    "await translation.study('1.2.3')",
]
"""One side in the place of the other, or a text of which nobody says what it is."""


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> set[int]:
    """The lines of the example in which mypy finds an error."""
    file = tmp_path_factory.mktemp("sides") / "example.py"
    lines = [f"    {line}" for line in (*RIGHT, *LEAKS)]
    file.write_text(BEGINNING + "\n".join(lines) + "\n    return None\n")
    command = [
        sys.executable,
        "-m",
        "mypy",
        "--config-file",
        str(ROOT / "pyproject.toml"),
        "--no-incremental",
        str(file),
    ]
    checked = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    errors = [line for line in checked.stdout.splitlines() if line.startswith(str(file)) and ": error:" in line]
    assert errors, checked.stdout + checked.stderr
    return {int(line.split(":")[1]) - BEGINNING.count("\n") - 1 for line in errors}


def test_mypy_finds_every_leak(found: set[int]) -> None:
    """Each line of the second list, and none of the first."""
    every = [*RIGHT, *LEAKS]

    assert [every[number] for number in sorted(found)] == LEAKS
