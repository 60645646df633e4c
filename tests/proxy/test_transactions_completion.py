"""What results of a search lack at the origin server is fetched, where somebody asks for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset

from dicomveil_proxy.errors import OriginTimeout, UnknownResource
from dicomveil_proxy.request.query import Level
from proxy.fakes import MemoryOrigin, instance, proxy, values

pytestmark = pytest.mark.anyio

PROFILE = {
    "profile": "none",
    "rules": [
        {"tag": tag, "method": "refreshUID"} for tag in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
    ],
}
STEP = "RequestAttributesSequence.ScheduledProcedureStepID"


class LikeOrthanc(MemoryOrigin):
    """Leaves sequences and private attributes out of results, and tells modalities of studies only."""

    async def search(self, level: Level, *scope: Any, limit: int, offset: int) -> list[dict[str, Any]]:
        """As Orthanc does."""
        found = await super().search(level, *scope, limit=limit, offset=offset)
        kept = [{tag: e for tag, e in x.items() if e["vr"] != "SQ" and not int(tag[3], 16) & 1} for x in found]
        if level is not Level.STUDIES:
            return kept
        return [{**x, "00080061": {"vr": "CS", "Value": ["CT", f"M{x['0020000D']['Value'][0][-1]}"]}} for x in kept]


def scheduled(step: str) -> Any:
    """Changes an instance into one of this scheduled step, with a private attribute."""

    def change(dataset: Dataset) -> None:
        item = Dataset()
        item.ScheduledProcedureStepID = step
        dataset.RequestAttributesSequence = [item]
        dataset.private_block(0x0009, "ACME", create=True).add_new(1, "LO", step)

    return change


def archive() -> LikeOrthanc:
    """Twelve studies of one instance; the tenth is of step 9."""
    return LikeOrthanc(
        *(
            instance(f"1.2.3.{n}", f"1.2.3.{n}.1", f"1.2.3.{n}.1.1", pixels=None, change=scheduled(f"SPS-{n}"))
            for n in range(12)
        )
    )


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (f"{STEP}=SPS-9", [9]),
        ("00400275.00400009=sps-1*", [1, 10, 11]),
        ("00091001=SPS-3", [3]),
        ("ModalitiesInStudy=M7", [7]),
        (f"ModalitiesInStudy=M9,M8&{STEP}=SPS-9", [9]),
        (f"{STEP}=none", []),
    ],
)
@pytest.mark.parametrize("level", ["series", "instances"])
async def test_keys_on_what_results_lack(tmp_path: Path, level: str, query: str, found: list[int]) -> None:
    """They match by what the instances have, in pages too."""
    async with proxy(tmp_path, archive(), profile=PROFILE) as ask:
        expected = sorted(ask.uid(f"1.2.3.{n}") for n in found)
        assert sorted(values(x, "0020000D")[0] for x in (await ask.get(f"/{level}?{query}")).json()) == expected
        pages = [(await ask.get(f"/{level}?{query}&limit=1&offset={at}")).json() for at in range(len(found) + 1)]
        assert sorted(values(x, "0020000D")[0] for page in pages for x in page) == expected


@pytest.mark.parametrize("level", ["studies", "series", "instances"])
async def test_attributes_that_results_lack(tmp_path: Path, level: str) -> None:
    """They are there when they are included by name."""
    fields = "includefield=ModalitiesInStudy,00091001,00400275.00400009"
    async with proxy(tmp_path, archive(), profile=PROFILE) as ask:
        (found,) = (await ask.get(f"/{level}?StudyInstanceUID={ask.uid('1.2.3.5')}&{fields}")).json()

    assert values(found, "00080061") == ["CT", "M5"]
    assert values(found, "00091001") == ["SPS-5"]
    assert values(values(found, "00400275")[0], "00400009") == ["SPS-5"]


async def test_nothing_is_fetched_without_need(tmp_path: Path) -> None:
    """Not for what nobody names, not for what the policy removes, and not for what does not match anyway."""
    origin = archive()
    async with proxy(tmp_path, origin) as ask:
        await ask.get(f"/series?includefield=all&{STEP}=SPS-9&includefield=RequestAttributesSequence")
        await ask.get("/series?includefield=RequestAttributesSequence,00091001")
    async with proxy(tmp_path, origin, profile=PROFILE) as ask:
        await ask.get(f"/series?{STEP}=SPS-9&Modality=MR")
        await ask.get("/series?includefield=all")

    assert not [asked for asked in origin.asked if asked.startswith(("metadata", "search instances"))]


async def test_a_study_is_asked_for_once(tmp_path: Path) -> None:
    """However many of its series are looked at."""
    origin = LikeOrthanc(*(instance("1.2.3.1", f"1.2.3.1.{n}", f"1.2.3.1.{n}.1", pixels=None) for n in range(9)))
    async with proxy(tmp_path, origin, profile=PROFILE) as ask:
        assert len((await ask.get("/series?ModalitiesInStudy=M1")).json()) == 9

    assert [asked for asked in origin.asked if "studies" in asked] == ["search studies StudyInstanceUID=1.2.3.1"]


async def test_a_failure_is_one_of_the_search(tmp_path: Path) -> None:
    """What cannot be told is not taken for no match."""
    origin = archive()
    origin.failures["metadata"] = OriginTimeout("the origin server took too long")
    async with proxy(tmp_path, origin, profile=PROFILE) as ask:
        assert (await ask.get(f"/series?{STEP}=SPS-9")).status_code == 504


def named(name: str, part: str) -> Any:
    """Changes an instance into one of this patient, with this code as body part, and a name in a sequence."""

    def change(dataset: Dataset) -> None:
        item = Dataset()
        item.RequestingPhysician = "Quillon^Ann"
        dataset.RequestAttributesSequence = [item]
        dataset.PatientName, dataset.BodyPartExamined = name, part

    return change


@pytest.mark.parametrize("part", ["ZEBROWSKI", "QUILLON"])
async def test_a_name_in_a_kept_code_is_found_in_the_header(tmp_path: Path, part: str) -> None:
    """A result has no name, but its instance has: a code that holds it is emptied, and no key finds it."""
    origin = LikeOrthanc(
        instance("1.2.3.1", "1.2.3.1.1", "1.2.3.1.1.1", pixels=None, change=named("Zebrowski^Jane", part)),
        instance("1.2.3.2", "1.2.3.2.1", "1.2.3.2.1.1", pixels=None, change=named("Zebrowski^Jane", "ODDPART")),
    )
    async with proxy(tmp_path, origin, profile="default") as ask:
        found = (await ask.get("/series?includefield=BodyPartExamined")).json()
        parts = {values(each, "0020000D")[0]: each["00180015"].get("Value") for each in found}
        assert parts == {ask.uid("1.2.3.1"): None, ask.uid("1.2.3.2"): ["ODDPART"]}
        assert (await ask.get(f"/series?BodyPartExamined={part}")).json() == []
        assert len((await ask.get("/series?BodyPartExamined=ODDPART")).json()) == 1


async def test_without_a_header_a_code_that_may_name_somebody_is_emptied(tmp_path: Path) -> None:
    """The value is not taken for safe because nobody can look."""
    origin = LikeOrthanc(instance(pixels=None, change=named("Zebrowski^Jane", "ODDPART")))
    origin.failures["metadata"] = UnknownResource("it has gone")
    async with proxy(tmp_path, origin, profile="default") as ask:
        (found,) = (await ask.get("/series?includefield=BodyPartExamined")).json()
        assert found["00180015"] == {"vr": "CS"}


async def test_no_header_is_asked_for_known_terms(tmp_path: Path) -> None:
    """What is everybody's needs no second look."""
    origin = LikeOrthanc(instance(pixels=None, change=named("Head^Jane", "HEAD")))
    async with proxy(tmp_path, origin, profile="default") as ask:
        (found,) = (await ask.get("/series?includefield=BodyPartExamined")).json()
        assert values(found, "00180015") == ["HEAD"]
        assert not [asked for asked in origin.asked if asked.startswith("metadata")]
