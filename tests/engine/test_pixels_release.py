"""The presets as shipped: text in pixels is covered, or the instance is refused; slices pass, and nothing is loaded."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.filebase import DicomBytesIO

from dicomveil_engine import (
    DeidentificationError,
    JSONDataSet,
    Policy,
    deidentify_dataset,
    deidentify_instance,
    deidentify_metadata,
    load_policy,
)
from dicomveil_engine.configuration.presets import PRESETS
from dicomveil_engine.pixels import gate, release
from engine.pixel_instances import CT, JPEG_LS, SC, instance, written

SLICE = np.random.default_rng(1).integers(1, 4095, (32, 48)).astype(np.uint16)
COVERING = [name for name in PRESETS if name != "microsoft"]
GATES = {"basic": "trust", "default": "trust"} | dict.fromkeys(COVERING[2:], "sample")


@cache
def shipped(name: str) -> Policy:
    """A preset without any change."""
    return load_policy({"profile": name}, b"k" * 32)


def slices(**attributes: str) -> bytes:
    """A CT image as the scanner made it."""
    return instance([SLICE], SOPClassUID=CT, Modality="CT", **attributes)


def model(data: bytes) -> JSONDataSet:
    """An instance in DICOM JSON, its pixels in it."""
    found: JSONDataSet = dcmread(DicomBytesIO(data)).to_json_dict()
    return found


@pytest.fixture
def blind(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing may load the models."""

    def load() -> None:
        raise AssertionError("the models are loaded")

    monkeypatch.setattr(release, "_shared_looker", load)


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, blind: None) -> None:
    """The extra is not installed."""
    monkeypatch.setattr(gate, "can_clean", lambda: False)


def test_each_preset_says_what_it_does() -> None:
    """Covered under all that stand on PS3.15, with the gate of their kind; `microsoft` does what that tool does."""
    assert {name: shipped(name).pixels.gate.value for name in COVERING} == GATES
    assert {shipped(name).pixels.text.value for name in COVERING} == {"allText"}
    assert shipped("microsoft").pixels.text.value == "keep"


@pytest.mark.parametrize(
    ("written_", "text"),
    [
        ({"rules": []}, "allText"),
        ({"profile": "default", "pixels": "keep"}, "keep"),
        ({"profile": "default", "pixels": {"gate": "look"}}, "allText"),
        ({"profile": "tcia", "options": ["cleanPixelData"]}, "allText"),
        ({"profile": "PS3.15"}, "keep"),
        ({"profile": "none", "rules": [{"tag": "PatientName", "method": "remove"}]}, "keep"),
        ({"dicom": {"filterProfile": "ATTRIBUTE_CONFIDENTIALITY_BASIC_PROFILE"}}, "keep"),
        (
            {
                "dicom": {"filterProfile": "ATTRIBUTE_CONFIDENTIALITY_BASIC_PROFILE"},
                "image": {"textRedactionMode": "REDACT_SENSITIVE_TEXT"},
            },
            "sensitiveText",
        ),
    ],
)
def test_a_file_over_a_preset(written_: dict[str, object], text: str) -> None:
    """A file without a profile has the basic one; what a file says of pixels wins; of Google's only its own image."""
    assert load_policy(written_, b"k" * 32).pixels.text.value == text


def test_text_is_covered_by_the_functions_for_libraries() -> None:
    """Bytes, data sets and metadata say the same, and a second pass changes nothing."""
    picture = written()
    data = instance([picture], BurnedInAnnotation="NO")
    output = deidentify_instance(data, shipped("default"))
    dataset = dcmread(DicomBytesIO(output))

    assert (dataset.pixel_array[picture > 60] == 0).all()
    assert (dataset.pixel_array != picture).mean() < 0.25
    assert dataset.BurnedInAnnotation == "NO"
    assert "113101" in [item.CodeValue for item in dataset.DeidentificationMethodCodeSequence]
    assert deidentify_dataset(dcmread(DicomBytesIO(data)), shipped("default")) == dataset
    assert deidentify_instance(output, shipped("default")) == output
    [metadata] = deidentify_metadata([model(data)], shipped("default"))
    assert metadata.pop("7FE00010") == {"vr": "OB"}
    expected = model(output)
    del expected["7FE00010"]
    # Nobody has looked at the instance that the metadata are about: nothing is claimed of it.
    claims = ("00280301", "00120064")
    assert [expected.pop(key) for key in claims] != [metadata.pop(key) for key in claims]
    assert metadata == expected


@pytest.mark.parametrize("name", ["default", "basic"])
@pytest.mark.usefixtures("blind")
def test_slices_pass_without_a_look(name: str) -> None:
    """Bit for bit, with nothing claimed: a NO that nobody has checked is emptied."""
    kept = load_policy({"profile": name, "pixels": "keep"}, b"k" * 32)
    data = slices(BurnedInAnnotation="NO")
    output = deidentify_instance(data, shipped(name))

    assert output == deidentify_instance(data, kept)
    assert deidentify_metadata([model(data)], shipped(name)) == [model(output)]
    assert not dcmread(DicomBytesIO(output)).BurnedInAnnotation


@pytest.mark.parametrize("name", [*COVERING, "PS3.15"])
@pytest.mark.usefixtures("blind")
def test_an_unchecked_no_is_emptied(name: str) -> None:
    """Under every profile, in an instance without pixels too; a warning stays."""
    without = dcmread(DicomBytesIO(slices(BurnedInAnnotation="NO")))
    del without.PixelData
    warned = dcmread(DicomBytesIO(slices(BurnedInAnnotation="YES")))
    del warned.PixelData

    assert not deidentify_dataset(without, shipped(name)).BurnedInAnnotation
    assert deidentify_dataset(warned, shipped(name)).BurnedInAnnotation == "YES"


@pytest.mark.parametrize("name", COVERING)
@pytest.mark.usefixtures("bare")
def test_what_is_risky_is_refused_without_the_extra(name: str) -> None:
    """The message says how to install it, and how to choose otherwise; what passes the gate still passes."""
    for risky in (instance([written()]), instance([written()], SOPClassUID=SC, syntax=JPEG_LS)):
        with pytest.raises(DeidentificationError, match=r"pip install .*\[pixels\].*\"pixels\": \"keep\""):
            deidentify_instance(risky, shipped(name))
        [metadata] = deidentify_metadata([model(risky)], shipped(name))
        assert metadata["7FE00010"].keys() == {"vr"}
    if GATES[name] == "trust":
        assert deidentify_instance(slices(), shipped(name))
    assert deidentify_instance(instance([written()]), load_policy({"profile": name, "pixels": "keep"}, b"k" * 32))


@pytest.mark.usefixtures("bare")
def test_a_refused_instance_shows_no_icon() -> None:
    """Metadata of a refused instance hold neither its pixels nor what shows them, though rules keep that."""
    keeps = [{"tag": tag, "method": "keep"} for tag in ("IconImageSequence", "(6000,3000)")]
    policy = load_policy({"profile": "basic", "rules": keeps}, b"k" * 32)
    data = dcmread(DicomBytesIO(instance([written()])))
    icon = dcmread(DicomBytesIO(instance([written()])))
    data.add_new(0x00880200, "SQ", [icon])
    data.add_new(0x60003000, "OW", b"\1\2")
    [metadata] = deidentify_metadata([data.to_json_dict()], policy)

    assert "00880200" not in metadata
    assert "60003000" not in metadata


@pytest.mark.usefixtures("bare")
def test_faces_are_flagged_without_the_extra() -> None:
    """Nothing has to be decoded for that."""
    policy = load_policy({"profile": "default", "pixels": {"faces": "flag"}}, b"k" * 32)
    output = deidentify_instance(slices(), policy)

    assert dcmread(DicomBytesIO(output)).RecognizableVisualFeatures == "YES"
    assert deidentify_metadata([model(slices())], policy) == [model(output)]
