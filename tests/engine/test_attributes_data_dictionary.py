"""The generated data dictionary says what pydicom's says."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import datadict
from pydicom._private_dict import private_dictionaries

from dicomveil_engine.attributes._standard.data_dictionary import private_dictionary, public_dictionary

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "engine" / "dicomveil_engine" / "attributes" / "_standard"


def test_the_files_are_what_the_script_writes() -> None:
    """A newer pydicom in the lock file, or a file that somebody edited, shows here."""
    spec = importlib.util.spec_from_file_location("generate_dictionary", ROOT / "scripts" / "generate_dictionary.py")
    assert spec
    assert spec.loader
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)

    assert (SHIPPED / "dictionary.tsv").read_text(encoding="ascii") == script.public()
    assert (SHIPPED / "private_dictionary.tsv").read_text(encoding="utf-8") == script.private()


@given(st.sampled_from([*datadict.DicomDictionary, 0x60023000, 0x50FE0005, 0x00203105]) | st.integers(0, 0xFFFFFFFF))
def test_public_entries(tag: int) -> None:
    """Plain attributes, those of repeating groups and unknown ones: as pydicom has them."""
    try:
        vr, vm, _, _, keyword = datadict.get_entry(tag)
    except KeyError:
        assert public_dictionary().entry(tag) is None
    else:
        assert public_dictionary().entry(tag) == (vr, vm, keyword)


@given(st.sampled_from(sorted(private_dictionaries)), st.data())
def test_private_entries(creator: str, data: st.DataObject) -> None:
    """The VR of a private attribute depends on its creator, not on the block that it is in."""
    block = data.draw(st.integers(0x10, 0xFF))
    written = data.draw(st.sampled_from(sorted(private_dictionaries[creator])))
    tag = int((written[:4] + written[4:6].replace("xx", f"{block:02X}") + written[6:]).replace("x", "0"), 16)
    try:
        expected = datadict.private_dictionary_VR(tag, creator)
    except KeyError:
        expected = ""

    assert private_dictionary().vr_of(tag, creator) == expected


def test_unknown_private_attributes_have_no_vr() -> None:
    """Neither an unknown creator's nor an unknown element of a known one."""
    assert private_dictionary().vr_of(0x00091001, "ACME") == ""
    assert private_dictionary().vr_of(0x00091001, "SIEMENS CSA HEADER") == ""
    with pytest.raises(KeyError):
        datadict.private_dictionary_VR(0x00091001, "SIEMENS CSA HEADER")
