"""What the origin server is asked for a search: at least all matches, and no more than it must."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from dicomveil_proxy.request.query import Level
from dicomveil_proxy.transactions.superset import without_illegal_offset
from proxy.fakes import MemoryOrigin, instance, proxy, values

pytestmark = pytest.mark.anyio


class Listening(MemoryOrigin):
    """Writes down which keys it is asked by, at which level and from which place on."""

    def __init__(self, *instances: bytes) -> None:
        super().__init__(*instances)
        self.keys: list[dict[str, str]] = []
        self.fields: set[str] = set()
        self.places: list[tuple[int, int]] = []

    async def search(self, *scope: Any, limit: int, offset: int) -> list[dict[str, Any]]:
        """As the origin that it is."""
        self.keys.append({name: value for name, value in scope[3] if name != "includefield"})
        self.fields |= {value for name, value in scope[3] if name == "includefield"}
        self.places.append((limit, offset))
        return await super().search(*scope, limit=limit, offset=offset)


async def keys_of(tmp_path: Path, path: str, profile: object = "default", **query: str) -> list[dict[str, str]]:
    """By which keys an origin server of one study is asked, that study being known by its pseudonyms."""
    origin = Listening(instance(SeriesDate="20200101", pixels=None))
    async with proxy(tmp_path, origin, profile=profile) as ask:
        for level in Level:
            await ask.get(f"/{level.value}")
        origin.keys.clear()
        wanted = {key: ask.uid(value) if key.endswith("UID") else value for key, value in query.items()}
        response = await ask.get(f"{path.format(study=ask.uid('1.2.3.1'))}?{urlencode(wanted)}")
        assert response.status_code == 200
    return origin.keys


@pytest.mark.parametrize(
    ("path", "query", "sent"),
    [
        ("/studies", {"StudyDate": "20200101"}, {"StudyDate": "20191112-20200220"}),
        ("/series", {"SeriesDate": "20200101-"}, {"SeriesDate": "20191112-"}),
        ("/studies", {"SeriesDate": "20200101-"}, {}),
        ("/studies", {"ModalitiesInStudy": "ct"}, {"ModalitiesInStudy": "CT"}),
        ("/series", {"ModalitiesInStudy": "CT"}, {}),
        ("/series", {"Modality": "CT"}, {"Modality": "CT"}),
        ("/studies", {"Modality": "CT"}, {}),
        ("/series", {"Modality": "C*"}, {}),
        ("/studies", {"PatientName": "Doe*"}, {}),
        ("/series", {"SeriesInstanceUID": "1.2.3.1.1"}, {"SeriesInstanceUID": "1.2.3.1.1"}),
        ("/studies/{study}/series", {"StudyInstanceUID": "1.2.3.1"}, {}),
    ],
)
async def test_keys_that_are_sent(tmp_path: Path, path: str, query: dict[str, str], sent: dict[str, str]) -> None:
    """In original values, dates widened; only where no origin server can leave a match out by them."""
    assert (await keys_of(tmp_path, path, **query))[0] == sent


@pytest.mark.parametrize(
    "query",
    [
        *({"AccessionNumber": "ACCESSION-1"}, {"StudyDescription": "?"}, {"00091001": "x"}),
        *({"RequestAttributesSequence.ScheduledProcedureStepID": "1"}, {"PatientID": "PATIENT-1"}),
        *({"StudyInstanceUID": "1.2.3.9"}, {"StudyID": "*1", "PatientName": "*"}),
    ],
)
async def test_what_nobody_can_match_is_not_asked(tmp_path: Path, query: dict[str, str]) -> None:
    """A key on what is removed or emptied, or what is not a pseudonym; an unknown pseudonym is looked for once."""
    asked = await keys_of(tmp_path, "/studies", **query)

    assert asked == ([{}] if "StudyInstanceUID" in query else [])


async def test_dates_that_are_kept_are_sent_as_they_are(tmp_path: Path) -> None:
    """A profile that moves nothing asks for no more days than it must."""
    profile = {"profile": "basic", "rules": [{"tag": "StudyDate", "method": "keep"}]}

    assert (await keys_of(tmp_path, "/studies", profile, StudyDate="20200101"))[0] == {"StudyDate": "20200101-20200101"}


async def test_another_study_than_that_of_the_path(tmp_path: Path) -> None:
    """Some servers take the key for the path: it is not asked for, and nothing found."""
    origin = Listening(instance(), instance("1.2.3.2", "1.2.3.2.1", "1.2.3.2.1.1"))
    async with proxy(tmp_path, origin) as ask:
        await ask.get("/studies")
        origin.keys.clear()
        path = f"/studies/{ask.uid('1.2.3.1')}/series?StudyInstanceUID="

        assert (await ask.get(path + ask.uid("1.2.3.2"))).json() == []
        assert {"StudyInstanceUID": "1.2.3.2"} not in origin.keys
        assert len((await ask.get(f"{path}{ask.uid('1.2.3.2')},{ask.uid('1.2.3.1')}")).json()) == 1


async def test_a_patient_that_the_origin_has_in_both_forms(tmp_path: Path) -> None:
    """As an original and, stored through the proxy, as the pseudonym: both are found, whatever the map has learnt."""
    origin = Listening(instance(pixels=None))
    async with proxy(tmp_path, origin) as ask:
        patient = ask.policy.pseudonym_patient_id("PATIENT-1")
        uids = [ask.uid(uid) for uid in ("1.2.3.2", "1.2.3.2.1", "1.2.3.2.1.1")]
        origin.held.append(instance(*uids, PatientID=patient, pixels=None))

        for query in ("limit=1", "limit=1&offset=1", ""):
            await ask.get(f"/studies?{query}")
            for _ in range(2):
                found = (await ask.get(f"/studies?PatientID={patient}")).json()
                assert len(found) == 2, query
                assert {values(x, "00100020")[0] for x in found} == {patient}
                assert [each["PatientID"] for each in origin.keys[-2:]] == ["PATIENT-1", patient]

        origin.held.pop(0)
        assert len((await ask.get(f"/studies?PatientID={patient}")).json()) == 1


async def test_pages_of_a_patient_whose_original_turns_up(tmp_path: Path) -> None:
    """What is remembered of where a page ended holds for the same questions only."""
    origin = Listening()
    async with proxy(tmp_path, origin) as ask:
        patient = ask.policy.pseudonym_patient_id("PATIENT-1")
        stored = [[ask.uid(f"1.2.3.{n}{suffix}") for suffix in ("", ".1", ".1.1")] for n in range(4)]
        origin.held += [instance(*uids, PatientID=patient, pixels=None) for uids in stored]
        assert len((await ask.get(f"/studies?PatientID={patient}&limit=2")).json()) == 2
        origin.held += [instance(f"1.2.3.9{n}", f"1.2.3.9{n}.1", f"1.2.3.9{n}.1.1", pixels=None) for n in range(4)]
        await ask.get("/studies")
        pages = [(await ask.get(f"/studies?PatientID={patient}&limit=2&offset={at}")).json() for at in range(0, 8, 2)]

    assert len({values(x, "0020000D")[0] for page in pages for x in page}) == 8


async def test_an_origin_that_knows_no_key_by_patient(tmp_path: Path) -> None:
    """It gives everything, twice over: each match comes once."""

    class Deaf(MemoryOrigin):
        async def search(self, level: Level, *_: Any, limit: int, offset: int) -> list[dict[str, Any]]:
            return await super().search(level, None, None, [], limit=limit, offset=offset)

    origin = Deaf(*(instance(f"1.2.3.{n}", f"1.2.3.{n}.1", f"1.2.3.{n}.1.1", PatientID=f"P{n % 2}") for n in range(6)))
    async with proxy(tmp_path, origin) as ask:
        await ask.get("/studies")
        patient = ask.policy.pseudonym_patient_id("P1")
        pages = [(await ask.get(f"/studies?PatientID={patient}&limit=2&offset={at}")).json() for at in (0, 2)]

    assert [values(x, "0020000D")[0] for page in pages for x in page] == [ask.uid(f"1.2.3.{n}") for n in (1, 3, 5)]


async def test_a_long_list_of_uids_is_not_sent(tmp_path: Path) -> None:
    """Servers take requests of some KiB: the archive is listed, and the list applied here."""
    uids = [f"1.2.3.{10**50 + n}" for n in range(80)]
    origin = Listening(*(instance(uid, f"{uid}.1", f"{uid}.1.1", pixels=None) for uid in uids))
    async with proxy(tmp_path, origin) as ask:
        await ask.get("/studies")
        for count, sent in ((2, {"StudyInstanceUID"}), (79, set())):
            found = await ask.get(f"/studies?StudyInstanceUID={','.join(map(ask.uid, uids[:count]))}")
            assert len(found.json()) == count
            assert origin.keys[-1].keys() == sent


async def test_what_identifies_is_asked_for(tmp_path: Path) -> None:
    """Where free text is to come out, so that it can be cleaned; also where cleaning may not leave it empty."""
    origin = Listening(instance())
    async with proxy(tmp_path, origin) as ask:
        await ask.get("/instances")
        assert "InstitutionName" not in origin.fields
        await ask.get("/instances?includefield=ManufacturerModelName")

    assert {"ManufacturerModelName", "InstitutionName", "AccessionNumber"} <= origin.fields


@pytest.mark.parametrize(("offset", "stays"), [("+0100", True), ("-1130", True), ("Doe", False), ("", False)])
def test_an_offset_that_is_none(offset: str, stays: bool) -> None:
    """It is free text, for which nobody asked what identifies."""
    result: dict[str, dict[str, object]] = {"00080201": {"vr": "SH", "Value": [offset]}, "00080020": {"vr": "DA"}}

    assert ("00080201" in without_illegal_offset(result)) is stays
    assert "00080020" in without_illegal_offset(result)
