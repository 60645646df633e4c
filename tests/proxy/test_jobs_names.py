"""Names of the output."""

from __future__ import annotations

import re
from pathlib import Path

from pydicom.fileset import is_conformant_file_id

from dicomveil_proxy.jobs.job import Job
from dicomveil_proxy.jobs.names import printable, rename_by

JOB = Job("default", bytes(32))
rename = rename_by("pseudonymous", JOB)


def test_names_are_kept_if_asked() -> None:
    """Letter by letter."""
    assert rename_by("keep", JOB)("a", "Doe^Jane \u3000\u5c71.DCM") == "Doe^Jane \u3000\u5c71.DCM"


def test_kept_names_have_no_control_characters() -> None:
    """They would be in SHA256SUMS, where each line is a file; nor letters that turn the reading direction."""
    assert rename_by("keep", JOB)("a", "a\nb\u202e\udcff") == r"a\nb\u202e\xff"


def test_a_pseudonymous_name_is_a_legal_component_of_a_file_id() -> None:
    """PS3.10 Section 8.5; the ending stays, for those who go by it."""
    assert is_conformant_file_id(Path(rename("", "Doe^Jane")))
    assert re.fullmatch(r"[A-Z2-7]{8}\.dcm", rename("", "Doe^Jane.DCM"))


def test_a_pseudonymous_name_depends_on_key_folder_and_name() -> None:
    """The same name elsewhere cannot be recognised."""
    other = rename_by("pseudonymous", Job("default", bytes([1] * 32)))
    names = {rename("a", "IM1"), rename("a", "IM2"), rename("b", "IM1"), rename("a", "IM1.dcm"), other("a", "IM1")}

    assert len(names) == 5
    assert rename("a", "IM1") == rename_by("pseudonymous", Job("basic", bytes(32)))("a", "IM1")


def test_names_that_are_no_text_are_told_all_the_same() -> None:
    """On one line."""
    assert printable("a\udcff\n\x1b[2Jü") == r"a\xff\n\x1b[2Jü"
