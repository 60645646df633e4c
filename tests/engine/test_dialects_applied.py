"""Configurations of other dialects, applied: both encodings agree, and what is not kept is gone."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from dicomveil_engine import EngineError, Policy, deidentify_instance, load_policy
from dicomveil_engine.configuration.google.profiles import PROFILES
from engine.datasets import EXPLICIT, KEY, SYNTAXES, Nodes, encoded, generated, instance, read, real_instances
from engine.test_json_model_commutation import commutes

POLICIES: dict[str, Policy] = {
    **{f"v1 {profile}": load_policy({"dicom": {"filterProfile": profile}}, KEY) for profile in PROFILES},
    **{f"v1beta1 {profile}": load_policy({"dicomTagConfig": {"profileType": profile}}, KEY) for profile in PROFILES},
    "keep list": load_policy({"dicom": {"keepList": {"tags": ["PatientAge", "StudyDate"]}}}, KEY),
    "remove list": load_policy({"dicom": {"removeList": {"tags": ["PatientName"]}, "skipIdRedaction": True}}, KEY),
    "tag rules": load_policy(
        {
            "DicomTagRules": [{"name": "PatientID", "method": "cryptoHash"}],
            "DicomVRRules": [{"name": "DA", "method": "dateshift"}, {"name": "PN", "method": "redact"}],
            "TagProfile": "KEEP_ALL_PROFILE",
            "parameters": {"dateShiftScope": "patient"},
        },
        KEY,
    ),
}


@given(generated, st.sampled_from(SYNTAXES), st.sampled_from(sorted(POLICIES)))
def test_both_encodings_agree(nodes: Nodes, syntax: str, name: str) -> None:
    """to_json(deidentify(part10)) == deidentify(to_json(part10)), or both refuse."""
    commutes(instance(encoded(nodes, syntax), syntax=syntax), POLICIES[name])


def test_nothing_but_the_keep_list_comes_out_of_real_instances(corpus: Path) -> None:
    """None is refused for what it holds, and no other element is left."""
    policy = POLICIES["keep list"]
    outputs = []
    instances = real_instances(corpus, largest=1 << 20)[::4]
    for _, data in instances:
        try:
            read(data)
            outputs.append(read(deidentify_instance(data, policy)))
        except EngineError:
            continue  # broken ones

    assert len(outputs) > len(instances) * 3 / 5
    assert {element.keyword for output in outputs for element in output} <= {
        *("SpecificCharacterSet", "PatientAge", "StudyDate", "SOPClassUID", "SOPInstanceUID", "StudyInstanceUID"),
        *("SeriesInstanceUID", "SamplesPerPixel", "PhotometricInterpretation", "PlanarConfiguration", "NumberOfFrames"),
        *("Rows", "Columns", "PixelAspectRatio", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation"),
        *("SmallestImagePixelValue", "LargestImagePixelValue", "WindowCenter", "WindowWidth", "VOILUTFunction"),
        *("RedPaletteColorLookupTableDescriptor", "GreenPaletteColorLookupTableDescriptor"),
        *("BluePaletteColorLookupTableDescriptor", "RedPaletteColorLookupTableData"),
        *(
            "GreenPaletteColorLookupTableData",
            "BluePaletteColorLookupTableData",
            "ICCProfile",
            "ColorSpace",
            "PixelData",
        ),
    }


def test_values_that_no_list_keeps_are_nowhere() -> None:
    """In no encoding of them."""
    nodes: Nodes = {
        0x00080016: ("UI", "1.2.840.10008.5.1.4.1.1.2"),
        0x00080018: ("UI", "1.2.3.9"),
        0x00081115: ("SQ", [{0x0020000E: ("UI", "1.2.3.4"), 0x00100010: ("PN", "Doe^Jane")}]),
        0x00100010: ("PN", "Doe^Jane"),
        0x00101010: ("AS", "030Y"),
        0x0020000D: ("UI", "1.2.3"),
    }
    output = deidentify_instance(instance(encoded(nodes, EXPLICIT)), POLICIES["keep list"])

    assert b"Doe" not in output
    assert b"1.2.3" not in output
    assert b"030Y" in output
