"""File Meta Information: what is read of it, and our own in its place."""

from __future__ import annotations

import mmap
from pathlib import Path
from typing import cast

import pytest

from dicomveil_engine import InvalidDataSetError, deidentify_instance
from dicomveil_engine.part10.encoding import EXPLICIT_BIG, EXPLICIT_LITTLE, IMPLICIT_LITTLE
from dicomveil_engine.part10.file_meta import FileMeta, read_file_meta
from engine.datasets import BIG, CT_IMAGE, DEFLATED, EXPLICIT, IMPLICIT, JPEG, element, file_meta, read, rule, rules

DATA = element(0x00080060, "CS", "CT")
IMPLICIT_META = (
    bytes(128)
    + b"DICM"
    + element(0x00020000, "UL", 26, IMPLICIT)
    + element(0x00020010, "UI", IMPLICIT.encode() + b"\0", IMPLICIT)
)
COMMANDS = element(0x00000000, "UL", 10, IMPLICIT) + element(0x00000100, "US", 1, IMPLICIT)
KEEP = rules(rule("PatientName", "redact"))


def syntax_of(data: bytes) -> str:
    found = read_file_meta(data, closing=True)
    assert found is not None
    meta, start = found
    assert data[start:].endswith(DATA[-2:])
    return meta.transfer_syntax_uid


@pytest.mark.parametrize("syntax", [EXPLICIT, JPEG, DEFLATED, BIG])
def test_announced(syntax: str) -> None:
    """The transfer syntax is what (0002,0010) says."""
    assert syntax_of(file_meta(syntax) + DATA) == syntax


@pytest.mark.parametrize(
    ("data", "syntax"),
    [
        (file_meta(EXPLICIT)[128:] + DATA, EXPLICIT),
        (file_meta(EXPLICIT)[132:] + DATA, EXPLICIT),
        (bytes(128) + b"DICM" + DATA, EXPLICIT),
        (b"DICM" + DATA, EXPLICIT),
        (DATA, EXPLICIT),
        (element(0x00080060, "CS", "CT", IMPLICIT), IMPLICIT),
        (element(0x00080060, "CS", "CT", BIG), BIG),
        (file_meta(IMPLICIT) + DATA, EXPLICIT),
        (file_meta(EXPLICIT) + element(0x00080060, "CS", "CT", IMPLICIT), IMPLICIT),
        (file_meta("") + DATA, EXPLICIT),
        (IMPLICIT_META + element(0x00080060, "CS", "CT", IMPLICIT), IMPLICIT),
        (COMMANDS + DATA, EXPLICIT),
        (bytes(128) + b"DICM" + COMMANDS + element(0x00080060, "CS", "CT", IMPLICIT), IMPLICIT),
    ],
)
def test_told_by_the_bytes(data: bytes, syntax: str) -> None:
    """Without preamble, without file meta, or with a wrong one: the first element says how it is encoded."""
    assert syntax_of(data) == syntax


@pytest.mark.parametrize(
    "data",
    [*(file_meta(syntax) + DATA for syntax in (EXPLICIT, IMPLICIT, JPEG, "")), bytes(128) + b"DICM" + COMMANDS + DATA],
)
def test_no_guess_before_the_bytes_are_there(data: bytes) -> None:
    """A beginning of an instance says the same as the whole, or that more is needed."""
    expected = read_file_meta(data, closing=True)

    found = [read_file_meta(data[:length], closing=False) for length in range(len(data))]

    assert {each for each in found if each is not None} <= {expected}
    assert read_file_meta(data, closing=False) == expected


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "not a DICOM instance"),
        (b"GIF89a", "not a DICOM instance"),
        (bytes(200), "not a DICOM instance"),
        (file_meta(EXPLICIT)[:200], "cut off"),
        (file_meta(EXPLICIT), "cut off"),
        (file_meta("1.2.3.4") + DATA, "no transfer syntax of PS3.5"),
        (file_meta("1.2.840.10008.1.2Doe^Jane") + DATA, "no transfer syntax of PS3.5"),
        (file_meta("1.2.840.10008.1.2.1234567") + DATA, "no transfer syntax of PS3.5"),
        (file_meta("1.2.840.10008.1.2.é") + DATA, "no transfer syntax of PS3.5"),
        (bytes(128) + b"DICM\2\0\x10\0XX\2\0ab" + DATA, "too long, or in an unknown VR"),
        (bytes(128) + b"DICM\2\0\2\1OB\0\0\0\0\1\1" + DATA, "too long"),
        (COMMANDS[:12] + b"\0\0\0\1\0\0\1\1" + DATA, "command group .* too long"),
        (bytes(4) + b"\4\0\0\0\0", "cut off"),
        (COMMANDS[12:] + DATA, "not a DICOM instance"),
    ],
)
def test_refused(data: bytes, problem: str) -> None:
    """What is not an instance, or in an unknown encoding, is refused with a word of why."""
    with pytest.raises(InvalidDataSetError, match=problem):
        read_file_meta(data, closing=True)


def test_of_two_groups_the_first_counts() -> None:
    """Readers take the first transfer syntax; the data set behind the second group is encoded in that."""
    meta = file_meta(JPEG)
    data = meta + file_meta(EXPLICIT)[132:] + DATA

    assert syntax_of(data) == JPEG


def test_more_is_awaited() -> None:
    """Before the end of the input, what is cut off may still come."""
    data = file_meta(EXPLICIT) + DATA
    lengths = [at for at in range(len(data)) if read_file_meta(data[:at], closing=False) is not None]

    assert lengths == list(range(len(file_meta(EXPLICIT)) + 6, len(data)))


def test_written() -> None:
    """A preamble of zeros, and our own elements with a correct group length."""
    output = FileMeta(JPEG, CT_IMAGE, "1.2.3").encoded()
    meta = read(output + DATA).file_meta

    assert output[:132] == bytes(128) + b"DICM"
    assert meta.FileMetaInformationGroupLength == len(output) - 144
    assert [element.keyword for element in meta] == [
        "FileMetaInformationGroupLength",
        "FileMetaInformationVersion",
        "MediaStorageSOPClassUID",
        "MediaStorageSOPInstanceUID",
        "TransferSyntaxUID",
        "ImplementationClassUID",
        "ImplementationVersionName",
    ]


def test_encodings() -> None:
    """Encapsulated and unknown registered syntaxes are explicit VR little endian (PS3.5 Annex A.4)."""
    assert FileMeta(IMPLICIT).encoding is IMPLICIT_LITTLE
    assert FileMeta(BIG).encoding is EXPLICIT_BIG
    assert FileMeta(JPEG).encoding is FileMeta(DEFLATED).encoding is EXPLICIT_LITTLE
    assert [FileMeta(syntax).is_deflated for syntax in (DEFLATED, EXPLICIT)] == [True, False]


def test_nothing_of_the_original_passes() -> None:
    """Preamble, AE titles, private information and the writer's name are replaced (PS3.15 E.1.1)."""
    more = element(0x00020016, "AE", "STATION-1") + element(0x00020102, "OB", b"private")
    output = deidentify_instance(file_meta(EXPLICIT, more, preamble=b"P" * 128) + DATA, KEEP)

    assert output == FileMeta(EXPLICIT, CT_IMAGE, KEEP.pseudonym_uid("1.2.3.4.5")).encoded() + DATA


def test_known_group() -> None:
    """A group that was read before, but for its SOP Instance UID, is read as if it had not been."""
    beginning = element(0x00020002, "UI", CT_IMAGE.encode() + b"\0")
    ends = (
        element(0x00020010, "UI", EXPLICIT.encode() + b"\0"),
        element(0x00020010, "UI", JPEG.encode()) + element(0x00020016, "AE", "SCANNER "),
        element(0x00020003, "UI", "1.2.3.99") + element(0x00020010, "UI", EXPLICIT.encode() + b"\0"),
    )
    for _ in range(2):
        for uid in ("1.2.3.4 ", "1.2.3.4.5.6.7\0", "1.2.\2\0\3\0UI"):
            for end in ends:
                group = bytes(128) + b"DICM" + beginning + element(0x00020003, "UI", uid.encode("latin-1")) + end
                syntax = JPEG if "SCANNER" in end.decode("latin-1") else EXPLICIT
                expected = FileMeta(syntax, CT_IMAGE, uid.strip(" \0"))
                assert read_file_meta(group + DATA, closing=True) == (expected, len(group))
                for cut in range(132, len(group) + 6):
                    assert read_file_meta((group + DATA)[:cut], closing=False) is None


def test_known_group_is_longer() -> None:
    """What follows of group 0002 behind a group that was read before belongs to it."""
    instance = element(0x00020003, "UI", "1.2.3.4 ")
    short = bytes(128) + b"DICM" + instance + element(0x00020010, "UI", EXPLICIT.encode() + b"\0")
    long = short + element(0x00020016, "AE", "SCANNER ")
    for group in (short, long, short, long):
        assert read_file_meta(group + DATA, closing=True) == (FileMeta(EXPLICIT, "", "1.2.3.4"), len(group))


def test_known_group_in_a_mapped_file(tmp_path: Path) -> None:
    """Files are read mapped where pixels are looked at: a group is known there as in bytes."""
    file = tmp_path / "instance"
    file.write_bytes(file_meta(EXPLICIT) + DATA)
    with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as data:
        mapped = cast("bytes", data)
        assert read_file_meta(mapped, closing=True) == read_file_meta(mapped, closing=True)
        assert read_file_meta(mapped, closing=True) == read_file_meta(file.read_bytes(), closing=True)


def test_commands_of_several_lengths() -> None:
    """The data set begins behind the last element of the command group, whatever lengths they have."""
    more = element(0x00000110, "US", 1, IMPLICIT) + element(0x00000800, "US", 1, IMPLICIT)

    assert read_file_meta(COMMANDS + more + DATA, closing=True) == (FileMeta(EXPLICIT), len(COMMANDS + more))
