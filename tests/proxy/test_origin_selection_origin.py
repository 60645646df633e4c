"""A selection of an origin server: what it has, page by page, and that it has nothing else, whatever is asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from io import BytesIO
from typing import Any

import pytest
from pydicom import Dataset
from pydicom.encaps import encapsulate

from dicomveil_engine.pseudonyms.sides import OriginalUID
from dicomveil_proxy.errors import UnknownResource
from dicomveil_proxy.origin import Match, Origin, StoreResult
from dicomveil_proxy.origin.selection.origin import SelectedOrigin
from dicomveil_proxy.request.query import Level
from dicomveil_proxy.settings.filters import FilterSettings, read_filter
from proxy.fakes import MemoryOrigin, instance, values

pytestmark = pytest.mark.anyio

HERE = OriginalUID("1.2.3.1"), OriginalUID("1.2.3.1.1"), OriginalUID("1.2.3.1.1.1")
OUT = OriginalUID("1.2.3.2"), OriginalUID("1.2.3.2.1"), OriginalUID("1.2.3.2.1.1")


def selection(origin: Origin, **settings: Any) -> SelectedOrigin:
    """What these settings select of an origin."""
    now = settings.pop("clock", lambda: 0.0)
    return SelectedOrigin(origin, read_filter(FilterSettings(**settings)), clock=now)


class Archive(MemoryOrigin):
    """Studies 1.2.3.1 and on, each of one series of one instance, of two patients in turns."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self._rows = [
            {
                "0020000D": {"vr": "UI", "Value": [f"1.2.3.{number}"]},
                "00100020": {"vr": "LO", "Value": [f"PATIENT-{2 - number % 2}"]},
                "00080020": {"vr": "DA", "Value": ["20200101"]},
            }
            for number in range(1, count + 1)
        ]

    async def search(
        self,
        level: Level,
        study: str | None,
        series: str | None,
        params: Sequence[tuple[str, str]],
        *,
        limit: int,
        offset: int,
    ) -> list[Match]:
        """By StudyInstanceUID and PatientID, at each level alike."""
        keys = {name: value for name, value in params if name != "includefield"}
        self.note("search", level.value, *(f"{name}={value}" for name, value in keys.items()))
        uids, patient = keys.get("StudyInstanceUID"), keys.get("PatientID")
        rows = [row for row in self._rows if uids is None or values(row, "0020000D")[0] in uids.split(",")]
        return [row for row in rows if patient in (None, values(row, "00100020")[0])][offset : offset + limit]


async def studies(origin: Origin, level: Level = Level.STUDIES, *, limit: int, offset: int = 0) -> list[str]:
    """The StudyInstanceUIDs of one page."""
    page = await origin.search(level, None, None, [], limit=limit, offset=offset)
    return [values(match, "0020000D")[0] for match in page]


async def everything(body: AsyncGenerator[Any, None]) -> list[Any]:
    """Of an iterator."""
    return [each async for each in body]


ASKED: dict[str, Callable[[Origin, OriginalUID, OriginalUID, OriginalUID], Awaitable[Any]]] = {
    "search": lambda origin, study, *_: origin.search(
        Level.SERIES, None if study is None else OriginalUID(study), None, [], limit=0, offset=0
    ),
    "metadata": lambda origin, study, *_: everything(origin.metadata(study)),
    "instances": lambda origin, study, *_: everything(origin.instances(study)),
    "frames": lambda origin, *uids: everything(origin.frames(*uids, [1])),
    "bulkdata": lambda origin, *uids: everything(origin.bulkdata(f"memory:/studies/{'/'.join(uids)}/bulk/7fe00010")),
    "rendered": lambda origin, *uids: origin.rendered(*uids, 1, media_type="image/jpeg", params={}),
}


@pytest.mark.parametrize("filtered", [{"studies": ("1.2.3.1",)}, {"query": {"PatientID": "PATIENT-1"}}])
@pytest.mark.parametrize("method", ASKED)
async def test_whatever_is_asked(method: str, filtered: dict[str, Any]) -> None:
    """Of a study that is not selected the origin server is asked no more than whether it is."""
    origin = MemoryOrigin(instance(*HERE), instance(*OUT, PatientID="PATIENT-2"))
    selected = selection(origin, **filtered)

    assert await ASKED[method](selected, *HERE)
    origin.asked.clear()
    with pytest.raises(UnknownResource, match=r"^there is no such resource$"):
        await ASKED[method](selected, *OUT)
    assert all(each.startswith("search studies StudyInstanceUID=") for each in origin.asked)


@pytest.mark.parametrize("written", ["1.2.x", "1%2E2.3.9"])
async def test_bulk_data_of_another_study(written: str) -> None:
    """A BulkDataURI into a study that is not selected is refused, however its UID is written."""
    origin = MemoryOrigin(instance(*HERE), instance(*OUT, PatientID="PATIENT-2"))
    selected = selection(origin, studies=("1.2.3.1",))

    with pytest.raises(UnknownResource, match=r"^there is no such resource$"):
        await everything(selected.bulkdata(f"memory:/studies/{written}/series/1.2/instances/1.2.3/bulk/7fe00010"))
    assert origin.asked == []


def test_nothing_is_forgotten() -> None:
    """Each method of an origin server is one of the selection, of those tested here, or does not name a study."""
    methods = {name for name in vars(Origin) if not name.startswith("_")}

    assert methods == {*ASKED, "store", "aclose"}
    assert methods <= vars(SelectedOrigin).keys()


@pytest.mark.parametrize("filtered", [{"studies": ("1.2.3.1",)}, {"query": {"PatientID": "PATIENT-1"}}])
async def test_what_is_stored(filtered: dict[str, Any]) -> None:
    """The instance itself says where it belongs, and what cannot be read belongs nowhere."""
    origin = MemoryOrigin(instance(*HERE), instance(*OUT, PatientID="PATIENT-2"))
    selected = selection(origin, **filtered)
    new, out, rubbish = instance(HERE[0], "1.2.3.7", "1.2.3.7.1"), instance(*OUT), b"Doe^Jane"

    assert (await selected.store(None, "1.2.3.7.1", BytesIO(new), len(new))).acknowledged
    for study, data in ((None, out), (HERE[0], out), (OUT[0], new), (None, rubbish)):
        result = await selected.store(None if study is None else OriginalUID(study), "1.2.3", BytesIO(data), len(data))
        assert result == StoreResult(acknowledged=False, failure_reason=0x0110)
    assert [each for each in origin.asked if each.startswith("store")] == ["store 1.2.3.7.1"]


@pytest.mark.parametrize("level", Level)
@pytest.mark.parametrize("size", [1, 7, 50, 1000])
@pytest.mark.parametrize(
    "filtered",
    [
        {"query": {"PatientID": "PATIENT-1"}},
        {"studies": tuple(f"1.2.3.{n}" for n in range(1, 300, 2))},
        {"query": {"PatientID": "PATIENT-1"}, "studies": tuple(f"1.2.3.{n}" for n in range(300))},
    ],
)
async def test_paging_visits_each_once(filtered: dict[str, Any], size: int, level: Level) -> None:
    """In pages of any size, with offsets that count what is selected; the last is shorter."""
    selected = selection(Archive(130), **filtered)
    found: list[str] = []
    while page := await studies(selected, level, limit=size, offset=len(found)):
        found += page
        if len(page) < size:
            break

    assert sorted(found) == sorted(f"1.2.3.{n}" for n in range(1, 131, 2))


async def test_paging_goes_on_where_it_was() -> None:
    """The origin server is not asked again for what came before, nor when pages are asked for together."""
    origin = Archive(130)
    selected = selection(origin, query={"StudyDate": "20200101"})
    pages = await asyncio.gather(*(studies(selected, limit=10, offset=offset) for offset in range(0, 130, 10)))

    assert sum(map(len, pages)) == len({uid for page in pages for uid in page}) == 130
    assert len(origin.asked) <= 2 * 13


async def test_everything_again() -> None:
    """Who asks for all without pages gets all, each time, and so does who asks beyond the end."""
    selected = selection(Archive(40), query={"PatientID": "PATIENT-1"})
    everyone = await studies(selected, limit=0)

    assert len(everyone) == 20
    assert await studies(selected, limit=0) == everyone
    assert await studies(selected, limit=10, offset=30) == []
    assert await studies(selected, limit=10, offset=15) == everyone[15:]


async def test_any_offset() -> None:
    """Also one that nobody has come to before, or so long ago that it counts no longer."""
    now = 0.0
    selected = selection(Archive(40), query={"PatientID": "PATIENT-1"}, clock=lambda: now)
    everyone = await studies(selected, limit=100)
    assert await studies(selected, limit=5, offset=15) == everyone[15:20]
    assert await studies(selected, limit=5, offset=20) == everyone[20:]
    now = 1_000.0

    assert await studies(selected, limit=5, offset=20) == everyone[20:]


async def test_a_search_is_narrowed() -> None:
    """By the list, or by keys that any origin server knows; not where the same key is asked for already."""
    origin = Archive(4)
    await studies(selection(origin, studies=("1.2.3.1", "1.2.3.3")), Level.INSTANCES, limit=10)
    by_query = selection(origin, query={"PatientID": "PATIENT-1", "PatientSex": "F"})
    await studies(by_query, limit=10)
    await by_query.search(Level.STUDIES, None, None, [("PatientID", "PATIENT-2")], limit=10, offset=0)

    assert origin.asked == [
        "search instances StudyInstanceUID=1.2.3.1,1.2.3.3",
        "search studies PatientID=PATIENT-1",
        "search studies PatientID=PATIENT-2",
    ]


async def test_a_list_and_a_search_by_study() -> None:
    """What is asked for and not on the list is not asked of the origin server."""
    origin = Archive(4)
    selected = selection(origin, studies=("1.2.3.1", "1.2.3.3"))
    found = await selected.search(
        Level.SERIES, None, None, [("StudyInstanceUID", "1.2.3.1,1.2.3.2")], limit=10, offset=0
    )

    assert [values(match, "0020000D") for match in found] == [["1.2.3.1"]]
    assert origin.asked == ["search series StudyInstanceUID=1.2.3.1"]


@pytest.mark.parametrize("patients", [("PATIENT-1", "PATIENT-2"), ("PATIENT-2", "PATIENT-1")])
async def test_a_study_of_two_patients(patients: tuple[str, str]) -> None:
    """One UID under two PatientIDs is retrieved as one study, so that both must pass, whichever comes first."""
    duplicates: list[Match] = [
        {"0020000D": {"vr": "UI", "Value": ["1.2.3.1"]}, "00100020": {"vr": "LO", "Value": [patient]}}
        for patient in patients
    ]

    class Duplicates(MemoryOrigin):
        async def search(self, *_: Any, **__: Any) -> list[Match]:
            return duplicates

    with pytest.raises(UnknownResource):
        await everything(
            selection(Duplicates(instance(*HERE)), query={"PatientID": "PATIENT-1"}).metadata(OriginalUID("1.2.3.1"))
        )


async def test_a_study_that_no_search_finds() -> None:
    """What the origin server finds under no key is not selected, though it would be retrieved."""

    class Silent(MemoryOrigin):
        async def search(self, *_: Any, **__: Any) -> list[Match]:
            return []

    with pytest.raises(UnknownResource):
        await everything(selection(Silent(instance(*HERE)), query={"PatientID": "PATIENT-1"}).metadata(HERE[0]))


async def test_what_a_study_is_may_change() -> None:
    """A verdict is believed for half a minute."""
    now = 0.0
    origin = MemoryOrigin(instance(*HERE))
    selected = selection(origin, query={"PatientID": "PATIENT-1"}, clock=lambda: now)
    assert await everything(selected.metadata(HERE[0]))
    origin.held[0] = instance(*HERE, PatientID="PATIENT-2")
    assert await everything(selected.metadata(HERE[0]))
    now = 31.0

    with pytest.raises(UnknownResource):
        await everything(selected.metadata(HERE[0]))


async def test_whose_origin_it_is() -> None:
    """It does not close what other projects have parts of as well."""
    origin = Archive(1)
    await selection(origin, studies=()).aclose()

    assert not origin.is_closed


async def test_an_origin_that_searches_elsewhere() -> None:
    """Results of another study than that in the path are left out."""
    found = await selection(Archive(3), studies=("1.2.3.1",)).search(
        Level.SERIES, OriginalUID("1.2.3.1"), None, [("StudyInstanceUID", "1.2.3.1,1.2.3.2")], limit=10, offset=0
    )

    assert [values(match, "0020000D") for match in found] == [["1.2.3.1"]]


@pytest.mark.parametrize("study", [None, "1.2.3.1"])
async def test_a_patients_other_studies_are_not_counted(study: str | None) -> None:
    """An origin server counts all that it has of a patient."""
    counts = {tag: {"vr": "IS", "Value": [7]} for tag in ("00201200", "00201202", "00201204")}

    class Counting(Archive):
        async def search(self, *arguments: Any, **page: Any) -> list[Match]:
            return [match | counts for match in await super().search(*arguments, **page)]

    (found,) = await selection(Counting(1), studies=("1.2.3.1",)).search(
        Level.SERIES, None if study is None else OriginalUID(study), None, [], limit=10, offset=0
    )

    assert not found.keys() & counts.keys()


@pytest.mark.parametrize("name", ["PatientID", "00100020"])
@pytest.mark.parametrize(("patient", "found"), [("PATIENT-1", ["1.2.3.1", "1.2.3.3"]), ("PATIENT-2", [])])
async def test_a_users_key_beside_the_filters(name: str, patient: str, found: list[str]) -> None:
    """A key has one value at the origin server, which is the user's; what comes back is judged by the filter."""
    origin = Archive(4)
    selected = selection(origin, query={"PatientID": "PATIENT-1"})
    page = await selected.search(Level.STUDIES, None, None, [(name, patient)], limit=10, offset=0)

    asked = [{**dict(part.partition("=")[::2] for part in each.split()[2:])} for each in origin.asked]
    assert all(keys == {name: patient} for keys in asked)
    if name == "PatientID":
        assert [values(match, "0020000D")[0] for match in page] == found


async def test_another_key_of_the_user() -> None:
    """The filter's own key is sent beside it, once."""
    origin = Archive(4)
    selected = selection(origin, query={"PatientID": "PATIENT-1"})
    await selected.search(Level.STUDIES, None, None, [("StudyDate", "20200101")], limit=10, offset=0)

    assert origin.asked == ["search studies PatientID=PATIENT-1 StudyDate=20200101"]


async def test_an_empty_key_of_the_user() -> None:
    """It asks for nothing, so that the filter's own narrows the search."""
    sent: list[tuple[str, str]] = []

    class Noting(Archive):
        async def search(self, *arguments: Any, **page: Any) -> list[Match]:
            sent.extend(arguments[3])
            return await super().search(*arguments, **page)

    selected = selection(Noting(4), query={"PatientID": "PATIENT-1"})
    found = await selected.search(Level.STUDIES, None, None, [("PatientID", "")], limit=10, offset=0)

    assert {values(match, "00100020")[0] for match in found} <= {"PATIENT-1"}
    assert ("PatientID", "PATIENT-1") in sent


@pytest.mark.parametrize(("limit", "size"), [(0, 500), (1, 100), (100, 100), (101, 101), (1000, 1000)])
async def test_results_of_one_request(limit: int, size: int) -> None:
    """At least 100, since many may be of other studies, and 500 where all of them are wanted."""
    sizes: list[int] = []

    class Counting(Archive):
        async def search(self, *arguments: Any, limit: int, offset: int) -> list[Match]:
            sizes.append(limit)
            return await super().search(*arguments, limit=limit, offset=offset)

    await studies(selection(Counting(4), query={"PatientID": "PATIENT-1"}), limit=limit)

    assert sizes == [size]


async def test_a_page_is_not_longer_than_its_limit() -> None:
    """However many results of a request are for selected studies."""
    assert len(await studies(selection(Archive(700), query={"PatientID": "PATIENT-1"}), limit=300)) == 300


async def test_pixels_are_not_read_to_find_an_instances_study() -> None:
    """They may be longer than memory; the origin server decides about those that are cut off."""

    class Counting(BytesIO):
        count = 0

        def read(self, size: int | None = -1) -> bytes:
            found = super().read(size)
            self.count += len(found)
            return found

    def change(dataset: Dataset) -> None:
        dataset.PixelData = encapsulate([bytes(1 << 20)])
        dataset["PixelData"].is_undefined_length = True
        dataset["PixelData"].VR = "OB"

    file = Counting(instance(*HERE, transfer_syntax="1.2.840.10008.1.2.4.50", change=change))
    origin = MemoryOrigin()
    origin.stores_as = StoreResult(acknowledged=False)
    await selection(origin, studies=("1.2.3.1",)).store(None, HERE[2], file, 1 << 20)

    assert origin.asked == [f"store {HERE[2]}"]
    assert file.count < 1 << 16
