"""Versions of a project's key: the first makes pseudonyms, and what the others made is understood everywhere."""

from __future__ import annotations

from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset, dcmread

from dicomveil_engine import Policy, load_policy
from dicomveil_proxy.jobs.job import Job
from proxy.exporting import Laboratory, fill
from proxy.fakes import (
    ANY_SYNTAX,
    BASE,
    INSTANCE,
    KEY,
    SERIES,
    STUDY,
    Asking,
    MemoryOrigin,
    instance,
    parts,
    proxy,
    values,
)
from proxy.instances import over_attributes

pytestmark = pytest.mark.anyio

NEW_KEY = bytes(range(32, 64))
OLD = load_policy({"profile": "default"}, KEY)
NEW = load_policy({"profile": "default"}, NEW_KEY)
OWN_SERIES, OWN = "2.25.1", "2.25.1.1"


def both(folder: Path, profile: object = "default", **settings: Any) -> dict[str, Any]:
    """Settings with a new key beside the old one, which is that of `proxy`."""
    new, old = folder / "new.key", folder / "key"
    for file, key in ((new, NEW_KEY), (old, KEY)):
        if not file.exists():
            file.touch(0o600)
            file.write_text(key.hex())
    return {"keys": (new, old), "profile": profile, **settings}


def path(policy: Policy, study: str = STUDY, series: str = SERIES, instance: str = INSTANCE) -> str:
    """Of an instance, as user agents of one version know it."""
    uids = (policy.pseudonym_uid(uid) for uid in (study, series, instance))
    return "/studies/{}/series/{}/instances/{}".format(*uids)


async def read(ask: Asking, where: str) -> Dataset:
    """An instance as a user agent gets it."""
    response = await ask.get(where, ANY_SYNTAX)
    assert response.status_code == 200, response.text
    ((_, data),) = parts(response)
    return dcmread(BytesIO(data))


def days(text: str) -> int:
    """Of a date, from one to another."""
    return datetime.strptime(text, "%Y%m%d").toordinal()  # noqa: DTZ007 - a date has no zone


@pytest.mark.parametrize("keeps_state", [True, False])
async def test_bookmarks_of_the_old_key_are_answered_under_the_new_one(tmp_path: Path, keeps_state: bool) -> None:
    """By every route, with the state of the old key's time or without."""
    origin = MemoryOrigin(instance())
    if keeps_state:
        async with proxy(tmp_path, origin) as ask:
            await read(ask, path(OLD))
    async with proxy(tmp_path, origin, **both(tmp_path)) as ask:
        for policy in (OLD, NEW):
            assert (await read(ask, path(policy))).StudyInstanceUID == NEW.pseudonym_uid(STUDY)
        series, _, _ = path(OLD).partition("/instances")
        (metadata,) = (await ask.get(f"{series}/metadata")).json()
        (found,) = (await ask.get(f"{series}/instances")).json()
        uids = [each.rpartition("/")[2] for each in (path(OLD).split("/series")[0], series, path(OLD))]
        query = dict(zip(("studyUID", "seriesUID", "objectUID"), uids, strict=True))
        asked = "&".join(f"{name}={value}" for name, value in query.items())
        wado = await ask.get(f"/wado?requestType=WADO&contentType=application/dicom&{asked}")
        third = load_policy({"profile": "default"}, bytes(32))
        missing = await ask.get(path(third), ANY_SYNTAX)

    assert values(metadata, "0020000D") == values(found, "0020000D") == [NEW.pseudonym_uid(STUDY)]
    assert values(found, "00081190") == [BASE + path(NEW)]
    assert dcmread(BytesIO(wado.content)).PatientID == NEW.pseudonym_patient_id("PATIENT-1")
    assert missing.status_code == 404


async def test_the_new_key_alone_does_not_know_them(tmp_path: Path) -> None:
    """An old key that is not named is unknown, whatever the state remembers."""
    origin = MemoryOrigin(instance())
    async with proxy(tmp_path, origin) as ask:
        await read(ask, path(OLD))
    settings = both(tmp_path)
    async with proxy(tmp_path, origin, keys=settings["keys"][:1]) as ask:
        assert (await ask.get(path(OLD), ANY_SYNTAX)).status_code == 404
        assert (await ask.get(path(NEW), ANY_SYNTAX)).status_code == 200


RULES: dict[str, Any] = {
    "profile": "default",
    "rules": [{"tag": "AccessionNumber", "method": "pseudonym"}, {"tag": "StudyID", "method": "cryptoHash"}],
}


@pytest.mark.parametrize("keyword", ["StudyInstanceUID", "PatientID", "PatientName", "AccessionNumber", "StudyID"])
async def test_searches_by_values_of_the_old_key(tmp_path: Path, keyword: str) -> None:
    """Find what they found, and answer with what the new key makes; by originals nothing is found, as ever."""
    other: dict[str, Any] = {"PatientID": "PATIENT-2", "AccessionNumber": "ACCESSION-2", "StudyID": "STUDY-2"}
    origin = MemoryOrigin(instance(StudyID="STUDY-1"), instance("1.2.3.2", "1.2.3.2.1", "1.2.3.2.1.1", **other))
    answers = []
    for settings in ({"profile": RULES}, both(tmp_path, RULES)):
        async with proxy(tmp_path, origin, **settings) as ask:
            found = (await ask.get("/studies?includefield=StudyID")).json()
            answers.append({tuple(values(each, "00100020")): each for each in found})
    ((old, *_), (new, *_)) = (list(each.values()) for each in answers)
    tag = {"StudyInstanceUID": "0020000D", "PatientID": "00100020", "PatientName": "00100010"}.get(keyword)
    tag = tag or {"AccessionNumber": "00080050", "StudyID": "00200010"}[keyword]
    (value,) = values(old, tag)
    value = value["Alphabetic"] if isinstance(value, dict) else value
    assert values(old, tag) != values(new, tag)

    async with proxy(tmp_path, origin, **both(tmp_path, RULES)) as ask:
        by_old = (await ask.get(f"/studies?{keyword}={value}&includefield=StudyID")).json()
        day = values(new, "00080020")[0]
        with_date = (await ask.get(f"/studies?{keyword}={value}&StudyDate={day}")).json()
        wrong_date = (await ask.get(f"/studies?{keyword}={value}&StudyDate={values(old, '00080020')[0]}")).json()
        original = {"StudyInstanceUID": STUDY, "PatientID": "PATIENT-1", "PatientName": "Doe*"}
        by_original = await ask.get(f"/studies?{keyword}={original.get(keyword, 'ACCESSION-1')}")

    assert [values(each, "0020000D") for each in by_old] == [values(new, "0020000D")]
    assert [values(each, tag) for each in by_old] == [values(new, tag)]
    assert len(with_date) == 1
    assert wrong_date == []
    assert by_original.json() == []


async def test_wildcards_find_what_the_new_key_makes(tmp_path: Path) -> None:
    """A pattern that an old pseudonym has finds nothing: the answer would not have it."""
    origin = MemoryOrigin(instance())
    old, new = (policy.pseudonym_patient_id("PATIENT-1") for policy in (OLD, NEW))
    async with proxy(tmp_path, origin, **both(tmp_path)) as ask:
        assert (await ask.get(f"/studies?PatientID={old[:8]}*")).json() == []
        assert len((await ask.get(f"/studies?PatientID={new[:8]}*")).json()) == 1


def derived(source: Dataset) -> bytes:
    """What a viewer makes of an instance: a reference to it, and the study's dates."""
    reference = Dataset()
    reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID = source.SOPClassUID, source.SOPInstanceUID
    series = Dataset()
    series.SeriesInstanceUID, series.ReferencedInstanceSequence = source.SeriesInstanceUID, [reference]
    return instance(
        source.StudyInstanceUID,
        OWN_SERIES,
        OWN,
        PatientID=source.PatientID,
        PatientName=str(source.PatientName),
        StudyDate=source.StudyDate,
        ContentDate=source.ContentDate,
        FrameOfReferenceUID=source.FrameOfReferenceUID,
        ReferencedSeriesSequence=[series],
        SeriesDescription="Head Qorvex",
        AccessionNumber=None,
    )


@pytest.mark.parametrize("keeps_state", [True, False])
async def test_what_was_made_of_old_pseudonyms_comes_home(tmp_path: Path, keeps_state: bool) -> None:
    """A derived object of the old key's time: patient, references, and dates by the old key's shift."""
    origin = MemoryOrigin(instance(ContentDate="20200103", FrameOfReferenceUID="1.2.3.7"))
    async with proxy(tmp_path, origin, store="reidentify") as ask:
        made = derived(await read(ask, path(OLD)))
    settings = both(tmp_path, store="reidentify") | ({} if keeps_state else {"state": tmp_path / "other"})
    async with proxy(tmp_path, origin, **settings) as ask:
        response = await ask.store(made)
        assert response.status_code == 200, response.text
        (url,) = values(values(response.json(), "00081199")[0], "00081190")
        again = await read(ask, url.removeprefix(BASE))
    home = dcmread(BytesIO(origin.held[1]))

    assert (home.StudyInstanceUID, home.PatientID, home.StudyDate) == (STUDY, "PATIENT-1", "20200101")
    assert (home.ContentDate, home.FrameOfReferenceUID) == ("20200103", "1.2.3.7")
    (series,) = home.ReferencedSeriesSequence
    assert series.ReferencedInstanceSequence[0].ReferencedSOPInstanceUID == INSTANCE
    assert again.StudyInstanceUID == NEW.pseudonym_uid(STUDY)
    assert days(again.ContentDate) - days(again.StudyDate) == 2


async def test_another_patients_old_pseudonym_is_refused(tmp_path: Path) -> None:
    """What says by an old pseudonym that it is another patient's does not come into the study."""
    origin = MemoryOrigin(instance(ContentDate="20200103", FrameOfReferenceUID="1.2.3.7"))
    async with proxy(tmp_path, origin, store="reidentify") as ask:
        source = await read(ask, path(OLD))
        source.PatientID = OLD.pseudonym_patient_id("PATIENT-2")
    async with proxy(tmp_path, origin, **both(tmp_path, store="reidentify")) as ask:
        response = await ask.store(derived(source))

    assert response.status_code == 409
    assert len(origin.held) == 1


async def test_what_came_home_under_the_old_key_says_so_still(tmp_path: Path) -> None:
    """Its texts are not cleaned by the patient's words, or a guess among them could be tested after a new key."""
    profile = {"profile": "default", "options": ["cleanDescriptors"]}
    named: dict[str, Any] = {"PatientName": "Qorvex^Zillat", "SeriesDescription": "Qorvex Head"}
    origin = MemoryOrigin(instance(ContentDate="20200103", FrameOfReferenceUID="1.2.3.7", **named))
    async with proxy(tmp_path, origin, store="reidentify", profile=profile) as ask:
        await ask.store(derived(await read(ask, path(OLD))))
        before = await read(ask, path(OLD, series=OWN_SERIES, instance=OWN))
    async with proxy(tmp_path, origin, **both(tmp_path, profile, store="reidentify")) as ask:
        after = await read(ask, path(NEW, series=OWN_SERIES, instance=OWN))
        original = await read(ask, path(NEW))

    assert before.SeriesDescription == after.SeriesDescription == "Head Qorvex"
    assert "Qorvex" not in original.SeriesDescription


async def test_what_was_stored_under_the_old_key_stays(tmp_path: Path) -> None:
    """De-identified instances at the origin server are not de-identified twice, and are found as before."""
    origin = MemoryOrigin()
    async with proxy(tmp_path, origin) as ask:
        assert (await ask.store(instance())).status_code == 200
        before = await read(ask, path(OLD))
    async with proxy(tmp_path, origin, **both(tmp_path)) as ask:
        after = await read(ask, path(OLD))
        by_patient = (await ask.get(f"/studies?PatientID={OLD.pseudonym_patient_id('PATIENT-1')}")).json()

    for keyword in ("StudyInstanceUID", "SOPInstanceUID", "PatientID", "StudyDate"):
        assert after[keyword].value == before[keyword].value
    assert [values(each, "0020000D") for each in by_patient] == [[OLD.pseudonym_uid(STUDY)]]


async def test_a_copy_of_the_old_key_is_not_stored_beside_its_original(tmp_path: Path) -> None:
    """A duplicate is one under whichever key it was made."""
    origin = MemoryOrigin(instance())
    async with proxy(tmp_path, origin) as ask:
        ((_, copy),) = parts(await ask.get(path(OLD), ANY_SYNTAX))
    async with proxy(tmp_path, origin, **both(tmp_path)) as ask:
        response = await ask.store(copy)

    assert response.status_code == 409
    assert len(origin.held) == 1


def test_a_list_of_old_pseudonyms_is_exported(tmp_path: Path) -> None:
    """The studies that it names, under new pseudonyms."""
    fill(tmp_path / "in", studies=2, series=1, instances=1)
    laboratory = Laboratory(tmp_path, job=Job(over_attributes("default"), NEW_KEY, older_keys=(KEY,)))
    summary = laboratory.export(rows=f"StudyInstanceUID\n{OLD.pseudonym_uid('1.2.3.1')}\n")
    (exported,) = laboratory.out.rglob("*.dcm")

    assert summary.is_whole
    assert dcmread(exported).StudyInstanceUID == NEW.pseudonym_uid("1.2.3.1")
