"""Situations that people have reported, and values in places that are taken for safe: in Part 10 and in DICOM JSON.

Each comes out right in both encodings, or is refused by both.
"""

from __future__ import annotations

import base64
import contextlib
import struct
import tracemalloc
from pathlib import Path

import pydicom
import pytest

from dicomveil_engine import EngineError, JSONDataSet, Limits, deidentify_instance, deidentify_metadata, load_policy
from engine.datasets import (
    BIG,
    EXPLICIT,
    IMPLICIT,
    JPEG,
    KEY,
    cut,
    element,
    encoded,
    header,
    instance,
    item,
    open_sequence,
    preset,
    read,
    rewritten,
    rule,
    rules,
)
from engine.test_json_model_commutation import comparable, to_json

DEFAULT = preset("default")
NAME = element(0x00100010, "PN", "Zebrowski^Quillon")
ID = element(0x00100020, "LO", "QX7719-44")
STUDY = element(0x0020000D, "UI", "1.2.3")
PIXELS = element(0x7FE00010, "OW", bytes(8))
CODE = [encoded({0x00080100: ("SH", "{}"), 0x00080102: ("SH", "DCM")}, EXPLICIT)]


def values_of(elements: dict[int, tuple[str, object]], syntax: str = EXPLICIT) -> dict[int, object]:
    """What comes out of these elements beside a patient's name and ID, the same in both encodings."""
    nodes = {0x00100010: ("PN", "Zebrowski^Quillon"), 0x00100020: ("LO", "QX7719-44"), **elements}
    data = instance(encoded(nodes, syntax), syntax=syntax)
    output = read(deidentify_instance(data, DEFAULT))
    written: JSONDataSet = {
        f"{tag:08X}": {"vr": vr, "Value": str(value).split("\\")} for tag, (vr, value) in nodes.items()
    }
    (model,) = deidentify_metadata([written], DEFAULT)
    for tag in elements:
        got = model[f"{tag:08X}"].get("Value", [])
        assert isinstance(got, list)
        of_part10 = output.to_json_dict()[f"{tag:08X}"].get("Value", [])
        assert [str(one or "") for one in got] == [str(one or "") for one in of_part10], f"{tag:08X}"
    return {tag: output[tag].value for tag in elements}


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT])
@pytest.mark.parametrize(
    ("uid", "stays"),
    [
        ("1.2.840.10008.1.4.1.1", True),
        ("1.2.840.10008.1.4.1.19", False),
        ("1.2.840.10008.5.1.4.1.1.77", False),
        ("1.2.840.10008.6.1.1234", False),
        ("1.2.840.10008.19481231", False),
        ("1.2.840.10008.1.4.1.1.771944", False),
        ("1.2.840.10008.5.1.4.1.1.2.19481231", False),
    ],
)
def test_a_uid_stays_only_if_it_is_registered(uid: str, stays: bool, syntax: str) -> None:
    """Well-known frames of reference do; a date or an identifier behind a registered UID becomes a pseudonym.

    At the top and in items, in both encodings, and not again when it is one.
    """
    elements = {0x00081140: ("SQ", [{0x00081155: ("UI", uid)}]), 0x0020000D: ("UI", "1.2.3"), 0x00200052: ("UI", uid)}
    data = instance(encoded(elements, syntax), syntax=syntax)
    output = deidentify_instance(data, DEFAULT)
    got = read(output)
    written: JSONDataSet = {
        "00081140": {"vr": "SQ", "Value": [{"00081155": {"vr": "UI", "Value": [uid]}}]},
        "00200052": {"vr": "UI", "Value": [uid]},
    }
    (model,) = deidentify_metadata([written], DEFAULT)
    expected = uid if stays else DEFAULT.pseudonym_uid(uid)

    assert expected == uid if stays else DEFAULT.is_pseudonym_uid(expected)
    assert got.FrameOfReferenceUID == got.ReferencedImageSequence[0].ReferencedSOPInstanceUID == expected
    assert model["00200052"]["Value"] == [expected]
    assert model["00081140"]["Value"] == [{"00081155": {"vr": "UI", "Value": [expected]}}]
    assert deidentify_instance(output, DEFAULT) == output


@pytest.mark.parametrize(
    ("tag", "vr", "value", "left"),
    [
        (0x00180015, "CS", "ZEBROWSKI", ""),
        (0x00180015, "CS", "HEAD", "HEAD"),
        (0x00080008, "CS", "ORIGINAL\\Quillon Z\\AXIAL", ["ORIGINAL", "", "AXIAL"]),
        (0x00180050, "DS", "Zebrowski", None),
        (0x00180050, "DS", "771944", None),
        (0x00180050, "DS", "1.25", 1.25),
        (0x00180050, "DS", "31-12-1948", None),
        (0x00200013, "IS", "771944", None),
        (0x00200013, "IS", "771945", 771945),
        (0x00080030, "TM", "19481231", ""),
        (0x00080030, "TM", "101500.5", "101500.5"),
        (0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.2.19481231", ""),
        (0x00080016, "UI", "1.2.771944.3", ""),
        (0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.2"),
        (0x00080201, "SH", "Zebrowski", ""),
        (0x00080201, "SH", "+0100", "+0100"),
        (0x00080005, "CS", "Zebrowski", ""),
        (0x00080005, "CS", "ISO_IR 100", "ISO_IR 100"),
    ],
)
def test_kept_values_are_looked_at(tag: int, vr: str, value: str, left: object) -> None:
    """Illegal ones and the instance's own words go; terms, legal numbers and times stay."""
    got = values_of({tag: (vr, value)})[tag]

    assert (list(got) if isinstance(got, pydicom.multival.MultiValue) else got) == left


def test_a_class_uid_that_is_the_studys_own_is_emptied() -> None:
    """It names no class, however short it is."""
    data = instance(element(0x00080016, "UI", "1.2.3"), STUDY)

    assert not read(deidentify_instance(data, DEFAULT)).SOPClassUID


@pytest.mark.parametrize("vr", ["OB", "OW", "OD", "CS"])
def test_a_sequence_in_another_vr_does_not_pass(vr: str) -> None:
    """Its items could not be told from bytes."""
    items = item(NAME) + bytes(len(item(NAME)) % 8)
    data = instance(header(0x00081140, vr, len(items)) + items, STUDY)

    assert b"Zebrowski" not in deidentify_instance(data, DEFAULT)


def test_a_data_set_in_an_ow_of_undefined_length_is_refused() -> None:
    """Only Pixel Data has fragments."""
    data = instance(open_sequence(0x00281201, item(NAME), vr="OW"), STUDY)
    with pytest.raises(EngineError, match="undefined length"):
        deidentify_instance(data, DEFAULT)


def test_items_in_binary_values_do_not_pass() -> None:
    """Nor does a text with the patient's name."""
    data = instance(element(0x00281201, "OW", item(NAME)), element(0x00281202, "OW", b"ZEBROWSKI "), NAME, STUDY)

    assert b"ebrowski" not in deidentify_instance(data, DEFAULT).lower()


def test_a_character_set_that_is_a_sequence_is_refused() -> None:
    """By both encodings."""
    data = instance(element(0x00080005, "SQ", [NAME]), STUDY)
    with pytest.raises(EngineError, match="SpecificCharacterSet SQ has a VR that it cannot have"):
        deidentify_instance(data, DEFAULT)
    with pytest.raises(EngineError, match="SpecificCharacterSet SQ has a VR that it cannot have"):
        deidentify_metadata([{"00080005": {"vr": "SQ", "Value": []}}], DEFAULT)


def test_a_uid_in_another_vr_is_refused() -> None:
    """It is never dropped, since the instance would belong to no study."""
    with pytest.raises(EngineError, match="StudyInstanceUID LO"):
        deidentify_instance(instance(element(0x0020000D, "LO", "1.2.3")), DEFAULT)
    with pytest.raises(EngineError, match="StudyInstanceUID LO"):
        deidentify_metadata([{"0020000D": {"vr": "LO", "Value": ["1.2.3"]}}], DEFAULT)


def test_inline_binary_that_is_not_base64_is_refused() -> None:
    """It would pass as it is."""
    with pytest.raises(EngineError, match="not of its VR"):
        deidentify_metadata([{"00281201": {"vr": "OW", "InlineBinary": "Zebrowski^Quillon"}}], DEFAULT)


@pytest.mark.parametrize(
    "stray",
    [
        header(0x00091001, "??", 4) + b"abcd",
        b"\x09\0\x01\x10" + b"\4\0\0\0abcd",
        header(0xFFFEE0DD, "", 0),
    ],
)
@pytest.mark.parametrize("size", [1, 7, 1 << 20])
def test_what_is_dropped_is_no_reason_to_refuse(stray: bytes, size: int) -> None:
    """An unknown VR, implicit VR within explicit VR, a delimiter that is not needed; however it is cut."""
    from engine.datasets import cut, rewritten

    data = instance(element(0x00090010, "LO", "ACME"), stray, NAME, STUDY, PIXELS)
    output = read(rewritten(DEFAULT, cut(data, size)))

    assert output.PixelData == bytes(8)
    assert 0x00091001 not in output
    assert output.StudyInstanceUID.startswith("2.25.")


def test_delimiters_at_the_end_of_defined_lengths() -> None:
    """Of an item and of a sequence; the lengths in the output are right."""
    inside = element(0x00081155, "UI", "1.2.3.5") + header(0xFFFEE00D, "", 0)
    value = item(inside) + header(0xFFFEE0DD, "", 0)
    output = read(deidentify_instance(instance(element(0x00081140, "SQ", value), NAME, STUDY), DEFAULT))

    assert len(output.ReferencedImageSequence) == 1
    assert output.ReferencedImageSequence[0].ReferencedSOPInstanceUID.startswith("2.25.")
    assert output.PatientName != "Zebrowski^Quillon"


@pytest.mark.parametrize("surplus", [b"\n", b"\n\n", b"Zebrowski^Quillon", NAME[:9]])
def test_surplus_bytes_behind_pixel_data_are_dropped(surplus: bytes) -> None:
    """The instance ends at Pixel Data."""
    output = deidentify_instance(instance(NAME, STUDY, PIXELS) + surplus, DEFAULT)

    assert output.endswith(PIXELS)


def test_explicit_content_in_a_private_sequence_of_an_implicit_data_set() -> None:
    """It is dropped."""
    explicit = item(element(0x00091002, "LO", "Zebrowski"), IMPLICIT, is_open=True)
    data = instance(
        element(0x00090010, "LO", "ACME", IMPLICIT),
        open_sequence(0x00091001, explicit, IMPLICIT),
        element(0x0020000D, "UI", "1.2.3", IMPLICIT),
        syntax=IMPLICIT,
    )

    assert read(deidentify_instance(data, DEFAULT)).StudyInstanceUID.startswith("2.25.")


def test_a_name_in_another_vr_under_a_presets_rule() -> None:
    """The preset's rule has no meaning for it, so that the profile decides."""
    output = deidentify_instance(instance(element(0x00100010, "LO", "Zebrowski"), STUDY), DEFAULT)

    assert b"Zebrowski" not in output


def test_messages_show_no_tag_that_may_be_of_a_value() -> None:
    """Behind a damaged length the next tag is made of the value's bytes: of a name, say."""
    damaged = header(0x00100010, "PN", 2) + b"ZebrowskiQuillon"
    with pytest.raises(EngineError) as caught:
        deidentify_instance(instance(element(0x00080060, "CS", "CT"), damaged), DEFAULT)

    message = str(caught.value)
    assert "at offset" in message
    assert "after (0010,0010) PatientName" in message
    assert not any(f"{ord(a):02X}{ord(b):02X}" in message.upper() for a, b in zip("ebrowski", "browskiQ", strict=True))


@pytest.mark.parametrize("name", ["two_file_metas_jpeg", "file_meta_implicit", "group_0000_first"])
def test_reported_file_meta(shared: Path, name: str) -> None:
    """Read as other readers read it: the first of two groups counts."""
    output = read(deidentify_instance((shared / "corpus" / "faults" / f"{name}.dcm").read_bytes(), DEFAULT))

    assert output.file_meta.TransferSyntaxUID == (JPEG if name.startswith("two") else IMPLICIT)
    assert output.StudyInstanceUID.startswith("2.25.")


def test_reported_instances(shared: Path) -> None:
    """Each comes out without the names and the ID in it, or is refused by a message that names the element."""
    folder = shared / "corpus" / "faults"
    if not folder.is_dir():
        pytest.skip("there is no folder `shared`")
    refused = {}
    for path in sorted(folder.glob("*.dcm")):
        try:
            output = deidentify_instance(path.read_bytes(), DEFAULT)
        except EngineError as error:
            refused[path.stem] = str(error)
            continue
        content = output.lower()
        for word in (b"zebrowski", b"quillon", b"wolverton", b"qx7719", b"accn5501", "łuk".encode(), b"m\xfcller"):
            assert word not in content, (path.stem, word)
    assert set(refused) == {"study_uid_as_LO"}
    assert "(0020,000D) StudyInstanceUID" in refused["study_uid_as_LO"]


@pytest.mark.parametrize(
    "name", ["text_umlaut_ascii_pn", "text_polish_l", "text_utf8_unlabelled_case", "text_escape_undeclared"]
)
def test_reported_texts(shared: Path, name: str) -> None:
    """Names are found in other spellings and in other character sets, and the rest of the text stays."""
    data = (shared / "corpus" / "faults" / f"{name}.dcm").read_bytes()
    left = read(deidentify_instance(data, DEFAULT)).get("PatientState", "") or ""
    json = deidentify_metadata([to_json(data)], DEFAULT)[0]

    assert comparable(to_json(deidentify_instance(data, DEFAULT)).get("00104000")) == comparable(json.get("00104000"))
    assert "?" not in str(left)


@pytest.mark.parametrize(
    ("limits", "elements", "message"),
    [
        (Limits(elements=10), [element(0x00081140, "SQ", [element(0x00081155, "UI", "1.2.3")] * 20)], "limit elements"),
        (Limits(names=3), [element(0x00101001, "PN", "A^B\\C^D\\E^F\\G^H")], "limit names"),
    ],
)
def test_many_elements_and_names_are_refused_by_a_limit_with_a_name(
    limits: Limits, elements: list[bytes], message: str
) -> None:
    """Tiny elements take more memory than bytes, and each name is looked for in each text."""
    policy = load_policy({"profile": "default", "pixels": "keep"}, KEY, limits=limits)
    data = instance(*elements, element(0x00140046, "LT", "seen by A"), STUDY)
    with pytest.raises(EngineError, match=message):
        deidentify_instance(data, policy)
    with pytest.raises(EngineError, match=message):
        deidentify_metadata([to_json(data)], policy)

    assert deidentify_instance(data, DEFAULT)


LATE_NAME = element(0x7FE11001, "PN", "Roe^Ann")


@pytest.mark.parametrize(("text", "refused"), [("knee roe left", True), ("T1 ax", False)])
def test_names_that_come_late(text: str, refused: bool) -> None:
    """A text with a name that stands behind Pixel Data is not written: both encodings refuse it, and only then."""
    notes = element(0x00140046, "LT", text)
    data = instance(notes, STUDY, PIXELS, element(0x7FE10010, "LO", "ACME"), LATE_NAME)
    model: JSONDataSet = {
        "00140046": {"vr": "LT", "Value": [text]},
        "0020000D": {"vr": "UI", "Value": ["1.2.3"]},
        "7FE11001": {"vr": "PN", "Value": [{"Alphabetic": "Roe^Ann"}]},
    }
    if not refused:
        assert notes in deidentify_instance(data, DEFAULT)
        assert deidentify_metadata([model], DEFAULT)[0]["00140046"]["Value"] == [text]
        return
    with pytest.raises(EngineError, match="MaterialNotes holds a word"):
        deidentify_instance(data, DEFAULT)
    with pytest.raises(EngineError, match="MaterialNotes holds a word"):
        deidentify_metadata([model], DEFAULT)


def test_codes_and_texts_of_earlier_deidentifications_are_cleaned() -> None:
    """Like other texts and codes."""
    code = encoded(
        {0x00080100: ("SH", "ZEBROWSKI"), 0x00080102: ("SH", "99X"), 0x00080104: ("LO", "for Zebrowski")}, EXPLICIT
    )
    data = instance(NAME, element(0x00120063, "LO", "by Zebrowski"), element(0x00120064, "SQ", [code]), STUDY)
    output = deidentify_instance(data, DEFAULT)
    (model,) = deidentify_metadata([to_json(data)], DEFAULT)

    assert b"zebrowski" not in output.lower()
    assert "zebrowski" not in str(model).lower()


@pytest.mark.parametrize(
    ("named", "profile", "stays"),
    [
        ("StationName", "basic", True),
        ("(0008,1010)", "basic", True),
        ("(0008,10xx)", "basic", False),
        ("SH", "basic", False),
        ("(0008,10xx)", "none", True),
        ("SH", "none", True),
    ],
)
def test_free_text_is_kept_unseen_only_where_a_rule_names_it(named: str, profile: str, stays: bool) -> None:
    """A mask or a VR says nothing of the texts that it meets, and the patient's name may be in one."""
    policy = load_policy(
        {"profile": profile, "rules": [{"tag": named, "method": "keep"}, {"tag": "(0010,xxxx)", "method": "remove"}]},
        KEY,
    )
    nodes = {0x00081010: ("SH", "Zebrowski"), 0x00081040: ("LO", "Knee"), 0x00100010: ("PN", "Zebrowski^Quillon")}
    output = read(deidentify_instance(instance(encoded(nodes, EXPLICIT)), policy))
    (model,) = deidentify_metadata([to_json(instance(encoded(nodes, EXPLICIT)))], policy)

    assert output.StationName == ("Zebrowski" if stays else "")
    assert model["00081010"].get("Value") == (["Zebrowski"] if stays else None)


def test_a_mask_keeps_the_texts_that_name_nobody() -> None:
    """And what identifies, where the rule keeps that as well."""
    policy = load_policy(
        {"profile": "basic", "rules": [{"tag": "(0010,xxxx)", "method": "keep"}, {"tag": "LT", "method": "keep"}]}, KEY
    )
    nodes = {
        0x00100010: ("PN", "Zebrowski^Quillon"),
        0x00104000: ("LT", "of Zebrowski"),
        0x00204000: ("LT", "left knee"),
    }
    output = read(deidentify_instance(instance(encoded(nodes, EXPLICIT)), policy))

    assert (output.PatientName, output.PatientComments) == ("Zebrowski^Quillon", "of Zebrowski")
    assert output.ImageComments == "left knee"


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT])
@pytest.mark.parametrize(
    ("length", "text", "refused"),
    [
        ((1 << 20) + 2, "knee roe left", True),
        ((1 << 20) + 2, "T1 ax", False),
        (1 << 20, "knee roe left", False),
    ],
)
def test_names_behind_another_long_value(length: int, text: str, refused: bool, syntax: str) -> None:
    """A stream has passed it on, with what stands before it; JSON refuses the same texts, and no others."""
    nodes: dict[int, tuple[str, object]] = {
        0x00140046: ("LT", text),
        0x0020000D: ("UI", "1.2.3"),
        0x00420011: ("OB", bytes(length)),
        0x00560010: ("LT", text),
        0x00700084: ("PN", "Roe^Ann"),
    }
    policy = load_policy({"profile": "default", "rules": [{"tag": "(0042,0011)", "method": "keep"}]}, KEY)
    data = instance(encoded(nodes, syntax), syntax=syntax)
    if refused:
        with pytest.raises(EngineError, match="MaterialNotes holds a word"):
            deidentify_instance(data, policy)
        with pytest.raises(EngineError, match="MaterialNotes holds a word"):
            deidentify_metadata([to_json(data)], policy)
        return
    left = text if "roe" not in text else "knee left"
    assert read(deidentify_instance(data, policy)).MaterialNotes == left
    assert deidentify_metadata([to_json(data)], policy)[0]["00140046"]["Value"] == [left]


@pytest.mark.parametrize("size", [1 << 30, 70_000])
@pytest.mark.parametrize(
    ("before", "last"),
    [
        (b"", "(0042,0011) EncapsulatedDocument"),
        (element(0x00420012, "LO", "text"), "(0042,0012) MIMETypeOfEncapsulatedDocument"),
    ],
)
def test_what_is_wrong_behind_a_long_value_is_named(size: int, before: bytes, last: str) -> None:
    """By its offset in the whole instance and the last element that could be read, however the bytes come."""
    policy = load_policy({"profile": "none", "rules": [{"tag": "(0010,0010)", "method": "remove"}]}, KEY)
    good = instance(STUDY, element(0x00420011, "OB", bytes(1_100_000)), before)
    broken = good + element(0x00700084, "PN", "Doe^Jane")[:10]
    with pytest.raises(EngineError) as caught:
        rewritten(policy, cut(broken, size))

    assert f"at offset {len(good)} after {last}" in str(caught.value)


def test_a_long_value_that_is_cut_off_is_named() -> None:
    """It is not always Pixel Data."""
    policy = load_policy({"profile": "none", "rules": [{"tag": "(0010,0010)", "method": "remove"}]}, KEY)
    with pytest.raises(EngineError, match=r"cut off in the middle of \(0042,0011\) EncapsulatedDocument"):
        deidentify_instance(instance(STUDY, header(0x00420011, "OB", 1_100_000), bytes(99)), policy)


def tiny(number: int) -> bytes:
    """An instance of so many items with a UID that changes."""
    return instance(element(0x00081140, "SQ", [element(0x00081155, "UI", "1.2.3.4")] * number), STUDY)


def test_many_tiny_elements_are_refused_before_they_take_memory() -> None:
    """Ten times the bytes, and what a twelfth of the limit takes: beyond it each must come with some bytes."""
    limits = Limits(elements=24_000)
    policy = load_policy({"profile": "default"}, KEY, limits=limits)
    assert deidentify_instance(tiny(1_900), policy)
    with pytest.raises(EngineError, match="more than 2000 elements change, which have fewer than 96 bytes each"):
        deidentify_instance(tiny(6_000), policy)
    long = element(0x00081155, "UI", "1.2.3.4") + element(0x00204000, "LT", "T1 " * 24)
    assert deidentify_instance(instance(element(0x00081140, "SQ", [long] * 6_000), STUDY), policy)


@pytest.mark.parametrize("number", [2_000, 8_000, 30_000])
def test_tiny_elements_take_a_bounded_memory(number: int) -> None:
    """Measured, for what is refused too."""
    policy = load_policy({"profile": "default"}, KEY, limits=Limits(elements=24_000))
    data = tiny(number)
    tracemalloc.start()
    try:
        with contextlib.suppress(EngineError):
            rewritten(policy, cut(data, 1 << 16))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 10 * len(data) + 4_000_000


@pytest.mark.parametrize("syntax", [EXPLICIT, BIG])
@pytest.mark.parametrize(("text", "stays"), [(b"of ZEBROWSKI, 77", False), (b"SOME OTHER TEXT ", True)])
@pytest.mark.parametrize("vr", ["AT", "FD", "FL", "SL", "SS", "SV", "UL", "US", "UV"])
def test_a_name_written_as_numbers(vr: str, text: bytes, stays: bool, syntax: str) -> None:
    """Whoever writes a text with the VR of numbers does not hide it: numbers that spell a name are emptied."""
    raw = element(0x00180015, vr, text, syntax)
    data = instance(
        raw,
        element(0x00100010, "PN", "Zebrowski^Quillon", syntax),
        element(0x0020000D, "UI", "1.2.3", syntax),
        syntax=syntax,
    )
    policy = load_policy({"profile": "default", "rules": [{"tag": "(0010,0010)", "method": "remove"}]}, KEY)
    output = deidentify_instance(data, policy)
    (model,) = deidentify_metadata([to_json(data)], policy)

    assert (text in output) is stays
    assert ("Value" in model["00180015"]) is stays


@pytest.mark.parametrize("vr", ["AT", "FL", "SL", "SS", "UL", "US", "OB", "OW"])
def test_a_data_set_written_as_numbers(vr: str) -> None:
    """A sequence with another VR would keep the names in it."""
    raw = item(element(0x00100010, "PN", "Roe^Ann "))
    data = instance(header(0x00089205, vr, len(raw)), raw, STUDY)
    (model,) = deidentify_metadata(
        [
            {
                "00089205": {"vr": vr, "InlineBinary": base64.b64encode(raw).decode()},
                "0020000D": {"vr": "UI", "Value": ["1.2.3"]},
            }
        ],
        DEFAULT,
    )

    assert b"Roe" not in deidentify_instance(data, DEFAULT)
    assert model["00089205"] == {"vr": vr}


@pytest.mark.parametrize(("length", "passes"), [(1 << 20, True), ((1 << 20) + 2, False)])
def test_an_element_of_an_unknown_vr_has_a_longest_length(length: int, passes: bool) -> None:
    """It is dropped up to a mebibyte; beyond, the instance is refused, since the length may be anything."""
    stray = header(0x00091001, "OB", length).replace(b"OB", b"??") + bytes(length)
    data = instance(element(0x00090010, "LO", "ACME"), stray, NAME, STUDY, PIXELS)
    if passes:
        assert read(deidentify_instance(data, DEFAULT)).PixelData == bytes(8)
        return
    with pytest.raises(EngineError, match=r"VR that PS3\.5 does not know"):
        deidentify_instance(data, DEFAULT)


@pytest.mark.parametrize("is_open", [True, False])
def test_an_element_of_an_unknown_vr_in_an_item(is_open: bool) -> None:
    """It is dropped, and what is behind it in the item comes out."""
    inside = header(0x00091001, "??", 4) + b"abcd" + element(0x00281052, "DS", "2")
    data = instance(NAME, STUDY, element(0x00289145, "SQ", item(inside, is_open=is_open)))
    output = read(deidentify_instance(data, DEFAULT))

    assert [*output.PixelValueTransformationSequence[0].keys()] == [0x00281052]


@pytest.mark.parametrize(
    "before", [element(0x00080005, "CS", "ISO_IR 192"), header(0x00091001, "??", 4) + b"abcd", b""]
)
def test_a_name_behind_something_special_in_a_sequence_that_is_dropped(before: bytes) -> None:
    """It is found, and texts are cleaned of it."""
    dropped = element(0x00081110, "SQ", [before + element(0x00101001, "PN", "Quambash^Vexley")])
    text = element(0x00204000, "LT", "lead in quambash state")
    policy = rules(rule("(0008,1110)", "remove"), rule("(0010,1001)", "remove"), rule("LT", "clean"))
    output = deidentify_instance(instance(dropped, STUDY, text), policy)

    assert b"lead in state" in output


def test_a_private_creator_at_the_end_of_an_item() -> None:
    """It is no reason to refuse, and goes, since nothing is in its block."""
    inside = element(0x00081150, "UI", "1.2.840.10008.5.1.4.1.1.2") + element(0x00090010, "LO", "ACME")
    policy = rules(rule("PatientName", "redact"))
    output = read(deidentify_instance(instance(element(0x00081140, "SQ", [inside]), NAME, STUDY), policy))

    assert [*output.ReferencedImageSequence[0].keys()] == [0x00081150]


@pytest.mark.parametrize("legal", ["ISO 2022 IR 6", "ISO_IR 100"])
def test_what_is_left_of_a_character_set_is_of_even_length(legal: str) -> None:
    """Whether it was even or odd (PS3.5 Section 6.2)."""
    data = instance(element(0x00080005, "CS", f"{legal}\\ZEBROWSKI"), NAME, STUDY)
    output = deidentify_instance(data, DEFAULT)

    assert read(output).SpecificCharacterSet == legal
    assert struct.unpack_from("<H", output, output.index(b"\x08\0\x05\0CS") + 6)[0] == len(legal) + len(legal) % 2
