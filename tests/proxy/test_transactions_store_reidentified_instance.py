"""Store as reidentify: what was made of de-identified instances comes home, and nothing else does."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset, dcmread
from pydicom.datadict import tag_for_keyword

from dicomveil_engine import ConfigurationError
from dicomveil_proxy.errors import OriginTimeout
from dicomveil_proxy.origin import Match
from dicomveil_proxy.origin.folder.origin import FolderOrigin
from dicomveil_proxy.request.query import Level
from proxy.fakes import (
    ANY_SYNTAX,
    BASE,
    INSTANCE,
    SERIES,
    STUDY,
    Asking,
    MemoryOrigin,
    application_in,
    instance,
    parts,
    proxy,
    values,
)

pytestmark = pytest.mark.anyio

OWN_SERIES, OWN = "2.25.1", "2.25.1.1"
FRAME_OF_REFERENCE = "1.2.3.7"
ORIGINAL: dict[str, Any] = {
    "FrameOfReferenceUID": FRAME_OF_REFERENCE,
    "AcquisitionDate": "20200102",
    "ContentDate": "20200103",
    "PatientBirthDate": "19500101",
    "ReferringPhysicianName": "Doe^Joan",
    "StudyDescription": "Head",
}


def held() -> MemoryOrigin:
    """An origin server with one instance."""
    return MemoryOrigin(instance(**ORIGINAL))


async def fetched(ask: Asking) -> Dataset:
    """The instance as a user agent has it."""
    ((_, data),) = parts(await ask.get(ask.path(), ANY_SYNTAX))
    return dcmread(BytesIO(data))


def derived(source: Dataset, **attributes: Any) -> bytes:
    """What a viewer makes of a fetched instance: its patient and study, a reference to it, and today's dates."""
    reference = Dataset()
    reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID = source.SOPClassUID, source.SOPInstanceUID
    series = Dataset()
    series.SeriesInstanceUID, series.ReferencedInstanceSequence = source.SeriesInstanceUID, [reference]
    copied = ("PatientID", "PatientName", "StudyDate", "PatientIdentityRemoved", "FrameOfReferenceUID")
    made = {
        **{keyword: source.get(keyword) for keyword in copied},
        "ReferencedSeriesSequence": [series],
        "ContentDate": "20260101",
        "AccessionNumber": None,
    }
    return instance(source.StudyInstanceUID, OWN_SERIES, OWN, **{**made, **attributes})


def failures(response: Any) -> dict[str, int]:
    """SOP Instance UID and FailureReason."""
    return {values(i, "00081155")[0]: values(i, "00081197")[0] for i in values(response.json(), "00081198")}


async def test_it_comes_home(tmp_path: Path) -> None:
    """The origin holds it with the original's patient, study, references and frame of reference, and its own UIDs."""
    origin = held()
    async with proxy(tmp_path, origin, store="reidentify") as ask:
        response = await ask.store(derived(await fetched(ask)))
    assert response.status_code == 200
    home = dcmread(BytesIO(origin.held[1]))

    assert (home.StudyInstanceUID, home.SeriesInstanceUID, home.SOPInstanceUID) == (STUDY, OWN_SERIES, OWN)
    assert home.file_meta.MediaStorageSOPInstanceUID == OWN
    (series,) = home.ReferencedSeriesSequence
    assert series.SeriesInstanceUID == SERIES
    assert series.ReferencedInstanceSequence[0].ReferencedSOPInstanceUID == INSTANCE
    assert home.FrameOfReferenceUID == FRAME_OF_REFERENCE
    assert (home.PatientID, home.PatientName, home.PatientBirthDate) == ("PATIENT-1", "Doe^Jane", "19500101")
    assert (home.StudyDate, home.AccessionNumber, home.StudyDescription) == ("20200101", "ACCESSION-1", "Head")
    assert home.ReferringPhysicianName == "Doe^Joan"
    assert home.PatientIdentityRemoved == "NO"
    assert "DeidentificationMethodCodeSequence" not in home
    assert home.PixelData == bytes(range(16))


async def test_read_again_it_is_what_was_sent(tmp_path: Path) -> None:
    """In pseudonymised space it belongs to the same study, under the pseudonyms of its own UIDs."""
    async with proxy(tmp_path, held(), store="reidentify") as ask:
        source = await fetched(ask)
        response = await ask.store(derived(source))
        (item,) = values(response.json(), "00081199")
        (url,) = values(item, "00081190")
        ((_, data),) = parts(await ask.get(url.removeprefix(BASE), ANY_SYNTAX))
        assert url == BASE + ask.path(series=OWN_SERIES, instance=OWN)
    again = dcmread(BytesIO(data))

    assert (again.StudyInstanceUID, again.PatientID) == (source.StudyInstanceUID, source.PatientID)
    assert (again.PatientName, again.StudyDate) == (source.PatientName, source.StudyDate)
    referenced = again.ReferencedSeriesSequence[0].ReferencedInstanceSequence[0].ReferencedSOPInstanceUID
    assert referenced == source.SOPInstanceUID
    assert again.FrameOfReferenceUID == source.FrameOfReferenceUID
    assert values(item, "00081155") == [OWN]


async def test_dates(tmp_path: Path) -> None:
    """They go back at every depth, today's as well as those that were copied, and come out again as they were sent."""
    origin = held()
    async with proxy(tmp_path, origin, store="reidentify") as ask:
        source = await fetched(ask)
        item = Dataset()
        item.DateTime = source.StudyDate + "1530"
        sent = derived(source, AcquisitionDate=source.AcquisitionDate, ContentSequence=[item])
        response = await ask.store(sent)
        (url,) = values(values(response.json(), "00081199")[0], "00081190")
        ((_, again),) = parts(await ask.get(url.removeprefix(BASE), ANY_SYNTAX))
    home = dcmread(BytesIO(origin.held[1]))

    assert (home.AcquisitionDate, home.ContentSequence[0].DateTime) == ("20200102", "202001011530")
    assert home.ContentDate != "20260101"
    assert dcmread(BytesIO(again)).ContentDate == "20260101"


async def test_no_original_by_way_of_the_archive(tmp_path: Path) -> None:
    """A pseudonym or a date in an attribute that the policy keeps stays: read again, it would be the original."""
    kept = ["FrameOfReferenceUID", "SeriesDescription", "ContentDate", "DateOfSecondaryCapture", "OperatorsName"]
    rules = [{"tag": keyword, "method": "keep"} for keyword in kept]
    rules.append({"tag": "StationName", "method": "pseudonym"})
    origin = held()
    async with proxy(tmp_path, origin, store="reidentify", profile={"profile": "default", "rules": rules}) as ask:
        source = await fetched(ask)
        block = Dataset()
        block.add_new(0x00211001, "UI", ask.uid(STUDY))
        texts: dict[str, Any] = {"SeriesDescription": source.PatientID, "OperatorsName": source.PatientID}
        dates = {"ContentDate": source.StudyDate, "DateOfSecondaryCapture": source.StudyDate}
        uids = {"FrameOfReferenceUID": ask.uid(STUDY), "ReferencedImageSequence": [block]}
        await ask.store(derived(source, **texts, **dates, **uids, StationName=source.PatientID))
    home = dcmread(BytesIO(origin.held[1]))

    assert home.StudyInstanceUID == STUDY
    assert (home.SeriesDescription, home.OperatorsName) == (source.PatientID, source.PatientID)
    assert (home.ContentDate, home.DateOfSecondaryCapture) == (source.StudyDate, source.StudyDate)
    assert home.FrameOfReferenceUID == ask.uid(STUDY)
    assert home.ReferencedImageSequence[0][0x00211001].value == ask.uid(STUDY)
    assert home.StationName == "PATIENT-1"


async def test_characters(tmp_path: Path) -> None:
    """The patient's name is whole although the sender wrote in another character set; and so are the sender's texts."""
    origin = MemoryOrigin(instance(SpecificCharacterSet="ISO_IR 192", PatientName="Doe^Žaneta"))
    async with proxy(tmp_path, origin, store="reidentify") as ask:
        source = await fetched(ask)
        item = Dataset()
        item.TextValue = "Größe"
        sent = derived(source, SpecificCharacterSet="ISO_IR 100", SeriesDescription="Maß", ContentSequence=[item])
        assert (await ask.store(sent)).status_code == 200
    home = dcmread(BytesIO(origin.held[1]))

    assert (home.PatientName, home.SeriesDescription) == ("Doe^Žaneta", "Maß")
    assert home.ContentSequence[0].TextValue == "Größe"


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"])
async def test_encodings(tmp_path: Path, syntax: str) -> None:
    """Implicit, big endian and deflated instances come home too."""
    origin = held()
    async with proxy(tmp_path, origin, store="reidentify") as ask:
        assert (await ask.store(derived(await fetched(ask), transfer_syntax=syntax))).status_code == 200
    home = dcmread(BytesIO(origin.held[1]))

    assert (home.PatientName, home.FrameOfReferenceUID) == ("Doe^Jane", FRAME_OF_REFERENCE)
    assert home.PixelData == bytes(range(16))


async def test_a_stranger(tmp_path: Path) -> None:
    """What is of no study that the project shows is refused, with an original UID as well as with any other."""
    origin = held()
    async with proxy(tmp_path, origin, store="reidentify") as ask:
        original = await ask.store(instance(instance="1.2.3.9"))
        unheard_of = await ask.store(instance(ask.uid("1.2.3.99"), instance="1.2.3.9"))

    assert (original.status_code, failures(original)) == (409, {"1.2.3.9": 0xC411})
    assert (unheard_of.status_code, failures(unheard_of)) == (409, {"1.2.3.9": 0xC411})
    assert len(origin.held) == 1


async def test_a_reference_to_nothing(tmp_path: Path) -> None:
    """An instance that refers to one that the origin does not hold is refused; other pseudonyms without one stay."""
    origin = held()
    async with proxy(tmp_path, origin, store="reidentify") as ask:
        source = await fetched(ask)
        lost = Dataset()
        lost.ReferencedSOPInstanceUID = ask.uid("1.2.3.98")
        refused = await ask.store(derived(source, SourceImageSequence=[lost]))
        taken = await ask.store(derived(source, SynchronizationFrameOfReferenceUID=ask.uid("1.2.3.97")))
        unknown = ask.uid("1.2.3.97")

    assert failures(refused) == {OWN: 0xC412}
    assert taken.status_code == 200
    assert dcmread(BytesIO(origin.held[1])).SynchronizationFrameOfReferenceUID == unknown


async def test_what_was_fetched_is_not_sent_back(tmp_path: Path) -> None:
    """It would stand in the place of its original, without all that was removed."""
    origin = held()
    async with proxy(tmp_path, origin, store="reidentify") as ask:
        ((_, data),) = parts(await ask.get(ask.path(), ANY_SYNTAX))
        response = await ask.store(data)

    assert (response.status_code, [*failures(response).values()]) == (409, [0xC410])
    assert len(origin.held) == 1


async def test_a_series_of_another_study(tmp_path: Path) -> None:
    """An instance cannot be put into a series that belongs elsewhere; into one of its own study it can."""
    origin = MemoryOrigin(instance(**ORIGINAL), instance("1.2.3.2", "1.2.3.2.1", "1.2.3.2.1.1"))
    async with proxy(tmp_path, origin, store="reidentify") as ask:
        source = await fetched(ask)
        await ask.get("/series")
        other = await ask.store(derived(source, SeriesInstanceUID=ask.uid("1.2.3.2.1")))
        same = await ask.store(derived(source, SeriesInstanceUID=source.SeriesInstanceUID))

    assert failures(other) == {OWN: 0xC412}
    assert same.status_code == 200
    assert dcmread(BytesIO(origin.held[2])).SeriesInstanceUID == SERIES


async def test_sent_again(tmp_path: Path) -> None:
    """The same bytes go to the origin: it can tell that nothing is new. Also with the identity map gone."""
    origin = held()
    async with proxy(tmp_path, origin, store="reidentify") as ask:
        sent = derived(await fetched(ask))
        await ask.store(sent)
    for file in (tmp_path / "state").iterdir():
        file.unlink()
    async with proxy(tmp_path, origin, store="reidentify") as ask:
        await ask.store(sent)

    assert origin.held[1] == origin.held[2]


async def test_a_study_without_an_original(tmp_path: Path) -> None:
    """What was stored de-identified is at home under its pseudonyms: nothing is undone, and nothing slips in."""
    origin = MemoryOrigin()
    async with proxy(tmp_path, origin) as ask:
        await ask.store(instance(**ORIGINAL))
    async with proxy(tmp_path, origin, store="reidentify") as ask:
        source = await fetched(ask)
        response = await ask.store(derived(source, OperatorsName="Doe^John"))
        assert dcmread(BytesIO(origin.held[1])).SOPInstanceUID == ask.uid(OWN)
    assert response.status_code == 200
    assert b"Doe" not in origin.held[1]
    assert dcmread(BytesIO(origin.held[1])).StudyInstanceUID == source.StudyInstanceUID


async def test_no_patient_touches_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The spool holds what was sent; the header that names the patient stays in memory."""
    import tempfile

    written: list[bytes] = []

    class Watched(BytesIO):
        def __init__(self, *_: object) -> None:
            super().__init__()

        def writelines(self, lines: Any) -> None:
            for line in lines:
                written.append(bytes(line))
                self.write(line)

    origin = held()
    monkeypatch.setattr("dicomveil_proxy.wire.spool.IN_MEMORY", 0)
    monkeypatch.setattr(tempfile, "TemporaryFile", Watched)
    async with proxy(tmp_path, origin, store="reidentify") as ask:
        await ask.store(derived(await fetched(ask)))

    assert b"Doe^Jane" in origin.held[1]
    assert written
    assert b"Doe" not in b"".join(written)


async def test_cut_off(tmp_path: Path) -> None:
    """An instance that ends too early is named as failed where its header can be read, else counted."""
    async with proxy(tmp_path, held(), store="reidentify") as ask:
        sent = derived(await fetched(ask), pixels=bytes(1000))
        response = await ask.store(sent[:-100], sent[:300], b"Doe^Jane")

    assert response.status_code == 409
    assert failures(response) == {OWN: 0xC000}
    assert len(values(response.json(), "0008119A")) == 2
    assert "Doe" not in response.text


@pytest.mark.parametrize(
    ("rules", "word"),
    [
        (
            [{"tag": tag, "method": "keep"} for tag in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")],
            "UID",
        ),
        ([{"tag": "StudyDate", "method": "dateShift", "params": {"dateShiftScope": "SOPInstance"}}], "dateShiftScope"),
    ],
)
async def test_policies_that_cannot_be_undone(tmp_path: Path, rules: list[object], word: str) -> None:
    """They are refused when the proxy starts, by the name of what stands in the way."""
    with pytest.raises(ConfigurationError, match=word):
        application_in(tmp_path, held(), profile={"profile": "PS3.15", "rules": rules}, store="reidentify")


async def test_a_patient_of_another_study(tmp_path: Path) -> None:
    """A PatientID that is another patient's pseudonym is a mistake, and refused; any other is replaced."""
    origin = held()
    async with proxy(tmp_path, origin, store="reidentify") as ask:
        source = await fetched(ask)
        other = await ask.store(derived(source, PatientID=ask.policy.pseudonym_patient_id("PATIENT-2")))
        none = await ask.store(derived(source, PatientID="LOCAL"))

    assert failures(other) == {OWN: 0xC413}
    assert none.status_code == 200
    assert dcmread(BytesIO(origin.held[1])).PatientID == "PATIENT-1"


async def test_another_study_of_the_patient(tmp_path: Path) -> None:
    """Its instances, series and frames of reference are found as well, where the item names the study."""
    prior = instance("1.2.3.2", "1.2.3.2.1", "1.2.3.2.1.1", FrameOfReferenceUID="1.2.3.8")
    origin = MemoryOrigin(instance(**ORIGINAL), prior)
    async with proxy(tmp_path, origin, store="reidentify") as ask:
        source = await fetched(ask)
        evidence, series, reference = Dataset(), Dataset(), Dataset()
        reference.ReferencedSOPInstanceUID = ask.uid("1.2.3.2.1.1")
        series.SeriesInstanceUID, series.ReferencedSOPSequence = ask.uid("1.2.3.2.1"), [reference]
        evidence.StudyInstanceUID, evidence.ReferencedSeriesSequence = ask.uid("1.2.3.2"), [series]
        evidence.FrameOfReferenceUID = ask.uid("1.2.3.8")
        response = await ask.store(derived(source, StudiesContainingOtherReferencedInstancesSequence=[evidence]))
    assert response.status_code == 200
    (evidence,) = dcmread(BytesIO(origin.held[2])).StudiesContainingOtherReferencedInstancesSequence

    assert evidence.StudyInstanceUID == "1.2.3.2"
    assert evidence.ReferencedSeriesSequence[0].SeriesInstanceUID == "1.2.3.2.1"
    assert evidence.ReferencedSeriesSequence[0].ReferencedSOPSequence[0].ReferencedSOPInstanceUID == "1.2.3.2.1.1"
    assert evidence.FrameOfReferenceUID == "1.2.3.8"


async def test_the_study_as_an_instance(tmp_path: Path) -> None:
    """A structure set refers to its study by a ReferencedSOPInstanceUID (PS3.3 Section C.8.8.5)."""
    origin = held()
    async with proxy(tmp_path, origin, store="reidentify") as ask:
        item = Dataset()
        item.ReferencedSOPInstanceUID = ask.uid(STUDY)
        response = await ask.store(derived(await fetched(ask), RTReferencedStudySequence=[item]))

    assert response.status_code == 200
    assert dcmread(BytesIO(origin.held[1])).RTReferencedStudySequence[0].ReferencedSOPInstanceUID == STUDY


async def test_over_a_folder(tmp_path: Path) -> None:
    """A folder takes it as well, once; and lists it in the study."""
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "1.dcm").write_bytes(instance(**ORIGINAL))
    async with proxy(tmp_path, FolderOrigin(folder), store="reidentify") as ask:
        sent = derived(await fetched(ask))
        first, again = await ask.store(sent), await ask.store(sent)
        series = (await ask.get(ask.path(series=None, instance=None) + "/series")).json()

    assert (first.status_code, again.status_code) == (200, 200)
    assert {values(each, "0020000E")[0] for each in series} == {ask.uid(SERIES), ask.uid(OWN_SERIES)}
    assert dcmread(folder / STUDY / OWN_SERIES / f"{OWN}.dcm").PatientName == "Doe^Jane"


async def test_a_broken_sequence(tmp_path: Path) -> None:
    """An element that is longer than its item: the instance is failed by its name, and the next is stored."""
    origin = held()
    async with proxy(tmp_path, origin, store="reidentify") as ask:
        sent = derived(await fetched(ask))
        start = sent.index(b"\x08\x00\x55\x11UI") + 6
        response = await ask.store(sent[:start] + b"\xf0\xff" + sent[start + 2 :], sent)

    assert response.status_code == 202
    assert failures(response) == {OWN: 0xC000}
    assert len(origin.held) == 2


# No oracle


GUESSES = " ".join(
    [f"{year}{month:02}{day:02}" for year in (1949, 1950, 1951, 2020) for month in range(1, 13) for day in range(1, 29)]
    + ["Qorvex", "Zillat", "Qorvex^Zillat", "PATIENT-1", "ACCESSION-1", "Brontik", "Wumplet", "Head"]
)
NAMES = ["Qorvex", "Zillat", "Brontik", "Wumplet"]
"""On no list of names."""


async def read_again(tmp_path: Path, origin: MemoryOrigin, **attributes: Any) -> dict[str, Any]:
    """What comes back of an instance that a user agent stored: as Part 10, as metadata, and as a search's result."""
    found: dict[str, Any] = {}
    profile = {"profile": "default", "options": ["cleanDescriptors"]}
    async with proxy(tmp_path, origin, store="reidentify", profile=profile) as ask:
        await ask.store(derived(await fetched(ask), **attributes))
        path = ask.path(series=OWN_SERIES, instance=OWN)
        ((_, data),) = parts(await ask.get(path, ANY_SYNTAX))
        again = dcmread(BytesIO(data))
        found["part 10"] = {each.keyword: str(each.value) for each in again.iterall() if each.keyword in attributes}
        (metadata,) = (await ask.get(f"{path}/metadata")).json()
        fields = "&".join(f"includefield={keyword}" for keyword in attributes)
        search = (await ask.get(f"{ask.path(series=None, instance=None)}/instances?{fields}")).json()
        (own,) = [each for each in search if values(each, "00080018") == [ask.uid(OWN)]]
        for way, dataset in (("metadata", metadata), ("search", own)):
            found[way] = {key: values(dataset, f"{tag_for_keyword(key):08X}") for key in attributes}
    return found


@pytest.mark.parametrize("attribute", ["SeriesDescription", "ImageComments", "ContentDescription"])
async def test_no_guess_is_confirmed(tmp_path: Path, attribute: str) -> None:
    """What is left of a sender's text does not depend on who the patient is: names stay that might be his or not."""
    text = " ".join(NAMES) if attribute == "SeriesDescription" else GUESSES
    (tmp_path / "jane").mkdir()
    (tmp_path / "john").mkdir()
    jane = MemoryOrigin(instance(**ORIGINAL | {"PatientName": "Qorvex^Zillat"}))
    john = MemoryOrigin(instance(**ORIGINAL | {"PatientName": "Brontik^Wumplet", "PatientBirthDate": "19510203"}))

    of_jane = await read_again(tmp_path / "jane", jane, **{attribute: text})
    of_john = await read_again(tmp_path / "john", john, **{attribute: text})

    assert of_jane == of_john
    assert all(name in str(of_jane["part 10"]) for name in NAMES)


async def test_dates_in_texts_go_whoever_the_patient_is(tmp_path: Path) -> None:
    """A sender's text is cleaned by what it is written like."""
    found = await read_again(tmp_path, held(), ImageComments=GUESSES)

    assert not any(digit in str(found["metadata"]) for digit in ("1950", "2020"))


async def test_originals_texts_are_clean_although_the_senders_are_not_looked_at(tmp_path: Path) -> None:
    """A description of the study that names the patient is restored, and comes out without the name all the same."""
    origin = MemoryOrigin(
        instance(**ORIGINAL | {"StudyDescription": "Head of Doe", "PatientComments": "Jane was calm"})
    )
    async with proxy(tmp_path, origin, store="reidentify") as ask:
        await ask.store(derived(await fetched(ask)))
        ((_, data),) = parts(await ask.get(ask.path(series=OWN_SERIES, instance=OWN), ANY_SYNTAX))
    home, again = dcmread(BytesIO(origin.held[1])), dcmread(BytesIO(data))

    assert home.PatientName == "Doe^Jane"
    assert b"Doe" not in data
    assert b"Jane" not in data
    (item,) = home.ContributingEquipmentSequence
    assert item.DeviceSerialNumber.encode() not in data
    assert again.StudyInstanceUID != home.StudyInstanceUID


async def test_nobody_else_can_say_so(tmp_path: Path) -> None:
    """An instance that says of itself what another one says, or of another study, is cleaned as any other is."""
    origin = held()
    async with proxy(tmp_path, origin, store="reidentify") as ask:
        await ask.store(derived(await fetched(ask)))
        item = dcmread(BytesIO(origin.held[1])).ContributingEquipmentSequence[0]
        forged: dict[str, Any] = {"SeriesDescription": "Doe", "ContributingEquipmentSequence": [item]}
        origin.held.append(instance("1.2.3.9", "1.2.3.9.1", "1.2.3.9.1.1", **forged))
        response = await ask.get(ask.path("1.2.3.9", "1.2.3.9.1", "1.2.3.9.1.1"), ANY_SYNTAX)

    ((_, data),) = parts(response)
    assert item.DeviceSerialNumber.startswith("2.25.")
    assert b"Doe" not in data


async def test_dates_tell_nothing(tmp_path: Path) -> None:
    """Whatever date is sent, it comes out as it was sent, or not at all: private ones, said to be safe, too."""

    def private(dataset: Dataset) -> None:
        block = dataset.private_block(0x0019, "ACME 1.0", create=True)
        block.add_new(0x01, "DA", "20200101")
        block.add_new(0x02, "DT", "20200101")
        safe = Dataset()
        safe.PrivateGroupReference, safe.PrivateCreatorReference = 0x0019, "ACME 1.0"
        safe.BlockIdentifyingInformationStatus = "SAFE"
        dataset.PrivateDataElementCharacteristicsSequence = [safe]

    sent = {"AcquisitionDate": "00010101", "AcquisitionDateTime": "2024", "DateOfSecondaryCapture": "99991231"}
    origin = held()
    async with proxy(
        tmp_path, origin, store="reidentify", profile={"profile": "default", "options": ["retainSafePrivate"]}
    ) as ask:
        await ask.store(derived(await fetched(ask), change=private, **sent))
        ((_, data),) = parts(await ask.get(ask.path(series=OWN_SERIES, instance=OWN), ANY_SYNTAX))
    again = dcmread(BytesIO(data))

    for keyword, value in sent.items():
        assert again.get(keyword) in (None, "", value)
    assert not [each for each in again if each.tag.is_private]


async def test_keyed_methods_tell_nothing(tmp_path: Path) -> None:
    """A guess in an attribute that is hashed, encrypted, perturbed or made a patient's pseudonym does not come out."""
    rules = [
        {"tag": "ImageComments", "method": "cryptoHash"},
        {"tag": "ContentDescription", "method": "encrypt"},
        {"tag": "ExposureTime", "method": "perturb"},
        {"tag": "StationName", "method": "pseudonym"},
    ]
    sent = {"ImageComments": "Doe", "ContentDescription": "Doe", "ExposureTime": "100", "StationName": "PATIENT-1"}
    origin = held()
    async with proxy(tmp_path, origin, store="reidentify", profile={"profile": "default", "rules": rules}) as ask:
        await ask.store(derived(await fetched(ask), **sent))
    home = dcmread(BytesIO(origin.held[1]))

    assert {keyword: home[keyword].value or "" for keyword in sent} == dict.fromkeys(sent, "")


async def test_the_studys_attributes_are_those_of_the_referenced_instance(tmp_path: Path) -> None:
    """Where instances of a study differ, and although another one comes first."""
    second = instance(instance="1.2.3.1.1.2", **ORIGINAL | {"StudyDescription": "Neck"})
    origin = MemoryOrigin(instance(**ORIGINAL), second)
    async with proxy(tmp_path, origin, store="reidentify") as ask:
        ((_, data),) = parts(await ask.get(ask.path(instance="1.2.3.1.1.2"), ANY_SYNTAX))
        await ask.store(derived(dcmread(BytesIO(data))))

    assert dcmread(BytesIO(origin.held[2])).StudyDescription == "Neck"


async def test_no_more_of_a_study_is_read_than_is_needed(tmp_path: Path) -> None:
    """Its metadata is read up to the instance that has the last of the UIDs."""
    second = instance(instance="1.2.3.1.1.2", **ORIGINAL | {"FrameOfReferenceUID": "1.2.3.8"})
    origin = MemoryOrigin(instance(**ORIGINAL), second)
    async with proxy(tmp_path, origin, store="reidentify") as ask:
        ((_, data),) = parts(await ask.get(ask.path(instance="1.2.3.1.1.2"), ANY_SYNTAX))
        origin.breaks["metadata"] = OriginTimeout("the origin server took too long")
        sent = derived(dcmread(BytesIO(data)), FrameOfReferenceUID=ask.uid(FRAME_OF_REFERENCE))
        assert (await ask.store(sent)).status_code == 200

    assert dcmread(BytesIO(origin.held[2])).FrameOfReferenceUID == FRAME_OF_REFERENCE


async def test_a_uid_in_a_text_is_not_an_original(tmp_path: Path) -> None:
    """A pseudonym is kept if the study has its original only in an attribute that is not de-identified as a UID."""
    origin = MemoryOrigin(instance(**ORIGINAL, SeriesDescription="1.2.3.97"))
    async with proxy(tmp_path, origin, store="reidentify") as ask:
        sent = derived(await fetched(ask), SynchronizationFrameOfReferenceUID=ask.uid("1.2.3.97"))
        assert (await ask.store(sent)).status_code == 200
        unknown = ask.uid("1.2.3.97")

    assert dcmread(BytesIO(origin.held[1])).SynchronizationFrameOfReferenceUID == unknown


@pytest.mark.parametrize("missing", ["0020000E", "00080018"])
async def test_a_search_result_without_uids(tmp_path: Path, missing: str) -> None:
    """No metadata is requested for a resource that it does not name; the instance is refused."""
    origin = held()
    async with proxy(tmp_path, origin, store="reidentify") as ask:
        sent = derived(await fetched(ask))
        search = origin.search

        async def without(level: Level, *of: Any, **page: Any) -> list[Match]:
            found = await search(level, *of, **page)
            return [match | {missing: {"vr": "UI"}} for match in found] if level is Level.INSTANCES else found

        origin.search = without  # type: ignore[method-assign]
        assert failures(await ask.store(sent)) == {OWN: 0xC411}

    assert not [asked for asked in origin.asked if asked.startswith("metadata")]
