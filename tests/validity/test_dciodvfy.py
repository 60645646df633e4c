"""De-identified instances are as valid as their originals, says a checker that is not ours."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from dicomveil_engine import load_policy
from dicomveil_engine.attributes._standard import Option
from dicomveil_engine.configuration.presets import PRESETS
from engine.datasets import KEY
from validity import table
from validity.comparison import compare, corpus
from validity.dciodvfy import is_installed, kind, kinds_of_errors

ALLOWED = {
    # Table E.1-1 has X for them, and nothing else, though PS3.3 wants them there.
    "Missing attribute Type 1 Required Element=<PresentationCreationDate> Module=<PresentationStateIdentification>",
    "Missing attribute Type 1 Required Element=<PresentationCreationTime> Module=<PresentationStateIdentification>",
    "Missing attribute Type 2C Conditional Element=<ResponsiblePerson> Module=<Patient>",
    "Missing attribute Type 2C Conditional Element=<ResponsibleOrganization> Module=<Patient>",
    # An original without SOP Instance UID: file meta information is written, and has no name to give.
    "MediaStorageSOPInstanceUID but missing SOPInstanceUID and not a directory",
    "Empty attribute (no value) Type 1 Required Element=<MediaStorageSOPInstanceUID> Module=<FileMetaInformation>",
    # A NO that nobody has checked is emptied; the standard has no value for "not known".
    *(
        f"Empty attribute (no value) Type {kind} Element=<BurnedInAnnotation> Module=<{module}>"
        for kind, module in (
            ("1 Required", "DXImage"),
            ("1 Required", "ParametricMapImage"),
            ("1 Required", "WholeSlideMicroscopyImage"),
            ("1C Conditional", "EnhancedCTImage"),
            ("1C Conditional", "EnhancedMRImage"),
        )
    ),
    # A Content Label in small letters is illegal in the original, too, and is emptied.
    "Empty attribute (no value) Type 1 Required Element=<ContentLabel> Module=<ContentIdentificationMacro>",
}
"""What a legal de-identified instance may have that its original had not."""

ALLOWED_TO: dict[str, tuple[str, ...]] = {
    # That tool's rules remove and empty attributes whatever their type, and we are to do as it does.
    "microsoft": (
        "Missing attribute Type ",
        "Empty attribute (no value) Type ",
        "Attribute present when condition unsatisfied (which may not be present otherwise) Type 1C Conditional",
        "ReferencedSeriesSequence present but Instance does not reference Instances",
    ),
    # A year may show an age over 89. Where the original has no Study Date nobody can tell, and its rule empties it.
    "safe-harbor": ("Empty attribute (no value) Type 1 Required Element=<ContentDate> Module=<SRDocumentGeneral>",),
    # Request Attributes Sequence is kept, and with it a Referenced Study Sequence that has no items.
    "research": (
        "Bad Sequence number of Items n (n-n Required by Module definition) Element=<ReferencedStudySequence>",
        "Bad attribute Value Multiplicity Type 3 Optional Element=<ReferencedStudySequence>",
    ),
    # Where UIDs are retained, those that are illegal (a component that begins with 0) are emptied.
    "all options": tuple(
        f"Empty attribute (no value) Type 1 Required Element=<{keyword}> Module=<{module}>"
        for keyword, module in (
            ("ReferencedSOPInstanceUID", "SOPInstanceReferenceMacro"),
            ("SOPInstanceUID", "SOPCommon"),
            ("StudyInstanceUID", "GeneralStudy"),
        )
    ),
}
"""What it may have under one preset."""

# The two date options exclude each other (PS3.15 E.3.6).
OPTIONS = sorted(option.value for option in Option if option is not Option.RETAIN_LONG_FULL_DATES)
CONFIGURATIONS: dict[str, dict[str, object]] = {
    **{name: {"profile": name, "pixels": "keep"} for name in PRESETS},
    "all options": {"profile": "basic", "options": OPTIONS, "pixels": "keep"},
}
"""Over attributes: instances whose pixels were covered are validated by the bench of pixels."""


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_no_new_errors(name: str, shared: Path, tmp_path: Path) -> None:
    """Over the whole corpus, nothing is invalid that was not so before, but for what is listed."""
    if not is_installed():
        pytest.skip("dciodvfy is not installed (Debian: apt-get install dicom3tools)")
    result = compare(load_policy(CONFIGURATIONS[name], KEY), corpus(shared), tmp_path)

    allowed = (*ALLOWED, *ALLOWED_TO.get(name, ()))
    assert {text: count for text, count in result.new.items() if not text.startswith(allowed)} == {}
    assert result.unreadable == []
    assert result.compared > 100


def test_errors_are_found(shared: Path, tmp_path: Path) -> None:
    """The comparison would notice: an emptied Modality is an error that the original has not."""
    if not is_installed():
        pytest.skip("dciodvfy is not installed (Debian: apt-get install dicom3tools)")
    policy = load_policy({"profile": "basic", "rules": [{"tag": "Modality", "method": "redact"}]}, KEY)
    instance = shared / "corpus" / "d9176e6d639a.dcm"

    assert "Empty attribute (no value) Type 1C Conditional Element=<Modality> Module=<GeneralSeries>" in (
        compare(policy, [instance], tmp_path).new
    )


def test_table(shared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What docs/validity.md calls prints one column per preset."""
    if not is_installed():
        pytest.skip("dciodvfy is not installed (Debian: apt-get install dicom3tools)")
    (tmp_path / "one.dcm").symlink_to(shared / "corpus" / "d9176e6d639a.dcm")
    table.main(str(tmp_path))

    lines = capsys.readouterr().out.splitlines()
    assert [cell.strip(" `") for cell in lines[0].strip("|").split("|")] == ["", *PRESETS]
    assert lines[2] == "| compared |" + " 1 |" * len(PRESETS)


def test_unreadable(tmp_path: Path) -> None:
    """What is not an instance has no kinds of errors."""
    if not is_installed():
        pytest.skip("dciodvfy is not installed (Debian: apt-get install dicom3tools)")
    path = tmp_path / "text.dcm"
    path.write_bytes(b"no instance")

    assert kinds_of_errors(path) is None


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            "Error - Empty attribute (no value) Type 1 Required Element=<StudyID> Module=<GeneralStudy>",
            "Empty attribute (no value) Type 1 Required Element=<StudyID> Module=<GeneralStudy>",
        ),
        (
            "Error - Value is zero for value 1 of attribute <Window Width>",
            "Value is zero for value n of attribute <Window Width>",
        ),
        (
            "Error - StudyInstanceUID has same value as FrameOfReferenceUID <1.2.3>",
            "StudyInstanceUID has same value as FrameOfReferenceUID …",
        ),
        (
            "Error - Value invalid for this VR - (0x0010,0x0010) PN Patient's Name  PN [1] = <Doe^Jane> = 'J' (0x4a)",
            "Value invalid for this VR - (0x0010,0x0010) PN Patient's Name  PN [n] = … = …",
        ),
        (
            "Error - Unrecognized enumerated value <DOE> for value 1 of attribute <Value Type>",
            "Unrecognized enumerated value … for value n of attribute <Value Type>",
        ),
        (
            'Error - Illegal root for UID - "1.2.3" in (0x0002,0x0012) Implementation Class UID',
            "Illegal root for UID - … in (0x0002,0x0012) Implementation Class UID",
        ),
    ],
)
def test_kind(line: str, expected: str) -> None:
    """A kind has the names of the attribute and the module, and no value."""
    assert kind(line) == expected


def test_kinds_are_counted() -> None:
    """Two values of one kind of error are that kind, twice."""
    lines = [f'Error - Illegal root for UID - "{uid}" in (0x0040,0xa124) UID' for uid in ("1.2.3", "1.2.4")]

    assert Counter(map(kind, lines)) == {"Illegal root for UID - … in (0x0040,0xa124) UID": 2}
