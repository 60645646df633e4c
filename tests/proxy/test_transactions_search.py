"""Search: the answer is {deid(x) | x at the origin server, match(deid(x), query)}, and no oracle of originals."""

from __future__ import annotations

import asyncio
import fnmatch
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomveil_engine import deidentify_metadata, load_policy
from dicomveil_proxy.errors import OriginTimeout
from dicomveil_proxy.origin.web.origin import WebOrigin
from dicomveil_proxy.project import Project
from dicomveil_proxy.request.query import Level, Query
from dicomveil_proxy.transactions.search import Scope, search
from dicomveil_proxy.translation.identity import IdentityMap
from proxy.fakes import BASE, KEY, SERIES, STUDY, Asking, MemoryOrigin, instance, proxy, values

pytestmark = pytest.mark.anyio

POLICY = load_policy({"profile": "default"}, KEY)
TAGS = {"PatientID": "00100020", "StudyDate": "00080020", "Modality": "00080060", "StudyInstanceUID": "0020000D"}
UID_TAGS = ("0020000D", "0020000E", "00080018")


def archive() -> MemoryOrigin:
    """Eight studies of three patients, one without a date and one without an ID, of up to three instances."""
    return MemoryOrigin(
        *(
            instance(
                f"1.2.3.{study}",
                f"1.2.3.{study}.{number}",
                f"1.2.3.{study}.{number}.1",
                pixels=None,
                PatientID=f"PATIENT-{study % 3}" if study else None,
                StudyDate=f"20{study:02}0615" if study != 5 else None,
                Modality="CT" if number else "MR",
            )
            for study in range(8)
            for number in range(study % 3 + 1)
        )
    )


def everything(level: Level) -> list[dict[str, Any]]:
    """All that the archive has at a level, de-identified by the engine alone."""
    originals = asyncio.run(archive().search(level, None, None, [], limit=0, offset=0))
    return deidentify_metadata(originals, POLICY)


OUTSIDE = {level: everything(level) for level in Level}
SEEN = {key: sorted({str(v) for x in OUTSIDE[Level.INSTANCES] for v in values(x, tag)}) for key, tag in TAGS.items()}


def is_match(key: str, wanted: str, found: dict[str, Any]) -> bool:
    """What PS3.4 Section C.2.2.2 says of one key, for the archive's attributes."""
    if not wanted.strip("*"):
        return True
    has = [str(value) for value in values(found, TAGS[key])]
    if key == "StudyDate" and "-" in wanted:
        first, last = wanted.split("-")
        return any(first <= value <= (last or "9") for value in has)
    return any(fnmatch.fnmatchcase(v, each.upper()) for v in has for each in wanted.split(","))


def identity(match: dict[str, Any]) -> tuple[str, ...]:
    """The UIDs of a result."""
    return tuple(values(match, tag)[0] for tag in UID_TAGS if values(match, tag))


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Level, dict[str, str]], list[Any]]]:
    """A search that can be asked outside of a coroutine; the proxy lives as long as the module."""
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        ask = runner.run(stack.enter_async_context(proxy(tmp_path_factory.mktemp("state"), archive())))

        def search(level: Level, query: dict[str, str]) -> list[Any]:
            response = runner.run(ask.get(f"/{level.value}?{urlencode(query)}"))
            assert response.status_code == 200
            found: list[Any] = response.json()
            return found

        yield search
        runner.run(stack.aclose())


def some(key: str) -> st.SearchStrategy[str]:
    """A value that results have."""
    return st.sampled_from(SEEN[key])


QUERIES = st.fixed_dictionaries(
    {},
    optional={
        "PatientID": some("PatientID").flatmap(lambda v: st.sampled_from([v, v.lower(), f"{v[:9]}*", f"?{v[1:]}", "*"]))
        | st.sampled_from(["PATIENT-1", "PATIENT*", "nobody"]),
        "StudyDate": some("StudyDate").flatmap(
            lambda v: st.sampled_from([v, f"{v}-", f"-{v}", "20030615", "20030101-20060101"])
        )
        | st.tuples(some("StudyDate"), some("StudyDate")).map(lambda ends: "-".join(sorted(ends))),
        "Modality": st.sampled_from(["CT", "mr", "CT,MR", "C*", "US", "*"]),
        "StudyInstanceUID": st.lists(some("StudyInstanceUID") | st.sampled_from(["1.2.3.4", "2.25.1"]), min_size=1).map(
            ",".join
        ),
    },
)


@given(level=st.sampled_from(Level), query=QUERIES)
def test_the_answer_is_what_the_definition_says(asked: Any, level: Level, query: dict[str, str]) -> None:
    """{deid(x) | match(deid(x), query)}, each once."""
    expected = [x for x in OUTSIDE[level] if all(is_match(key, wanted, x) for key, wanted in query.items())]

    assert sorted(map(identity, asked(level, query))) == sorted(map(identity, expected))


@given(level=st.sampled_from(Level), query=QUERIES, limit=st.integers(1, 5))
def test_pages_add_up_to_the_whole(asked: Any, level: Level, query: dict[str, str], limit: int) -> None:
    """Limit and offset count what the user agent sees: paging to the end gives each result once."""
    whole = asked(level, query)
    pages = [
        asked(level, query | {"limit": str(limit), "offset": str(offset)})
        for offset in range(0, len(whole) + limit, limit)
    ]

    assert [match for page in pages for match in page] == whole
    assert all(len(page) <= limit for page in pages)


def test_more_results_than_the_origin_gives_at_a_time(tmp_path: Path) -> None:
    """Whatever the origin's pages are, all matches are found."""
    origin = MemoryOrigin(*(instance(f"1.2.3.{n}", f"1.2.3.{n}.1", f"1.2.3.{n}.1.1", pixels=None) for n in range(120)))

    async def search() -> list[Any]:
        async with proxy(tmp_path, origin) as ask:
            page, whole = [(await ask.get(f"/studies?{each}")).json() for each in ("limit=2&offset=117", "limit=200")]
            return [*page, *whole]

    found = asyncio.run(search())
    assert len(found) == 2 + 120
    assert found[:2] == found[2 + 117 : 2 + 119]


@pytest.fixture
async def ask(tmp_path: Path, anyio_backend: str) -> AsyncIterator[Asking]:
    """The proxy before one instance with everything that a user agent may ask for."""
    origin = MemoryOrigin(
        instance(
            StudyID="STUDY-1",
            StudyTime="101112",
            PatientBirthDate="19800101",
            ReferringPhysicianName="Doe^Jane",
            StudyDescription="Jane's abdomen",
            OtherPatientIDs="OTHER-1",
        )
    )
    async with proxy(tmp_path, origin) as asking:
        yield asking


def told(response: httpx.Response) -> tuple[object, ...]:
    """All that an answer tells, but for its number."""
    headers = [header for header in response.headers.multi_items() if header[0] != "x-request-id"]
    return response.status_code, headers, response.content


@pytest.mark.parametrize(
    ("key", "original", "other"),
    [
        ("PatientName", "Doe^Jane", "Roe^Jean"),
        ("PatientName", "Doe*", "Roe*"),
        ("PatientID", "PATIENT-1", "PATIENT-2"),
        ("PatientID", "PAT*", "NOB*"),
        ("OtherPatientIDs", "OTHER-1", "OTHER-2"),
        ("AccessionNumber", "ACCESSION-1", "ACCESSION-2"),
        ("StudyID", "STUDY-1", "STUDY-2"),
        ("StudyDate", "20200101", "20200202"),
        ("PatientBirthDate", "19800101", "19800202"),
        ("ReferringPhysicianName", "Doe^Jane", "Roe^Jean"),
        ("StudyDescription", "*Jane*", "*Jean*"),
        ("StudyInstanceUID", STUDY, "1.2.3.9"),
        ("SeriesInstanceUID", SERIES, "1.2.3.9"),
    ],
)
async def test_an_original_finds_nothing(ask: Asking, key: str, original: str, other: str) -> None:
    """Not by the result, nor the status, a header or the text: it is answered as what does not exist is."""
    found = await ask.get(f"/series?{urlencode({key: original})}")

    assert found.json() == []
    assert told(found) == told(await ask.get(f"/series?{urlencode({key: other})}"))


@pytest.mark.parametrize("path", ["/studies/{}/series", "/studies/{}/instances", "/studies/{}/series/1.2/instances"])
async def test_a_scope_that_is_unknown(ask: Asking, path: str) -> None:
    """404 for an original as for a stranger's UID and for a pseudonym of nobody."""
    answers = [await ask.get(path.format(uid)) for uid in (STUDY, "1.2.3.9", ask.uid("1.2.3.9"))]

    assert [answer.status_code for answer in answers] == [404] * 3
    assert len({answer.json()["detail"] for answer in answers}) == 1


async def test_within_a_scope(ask: Asking) -> None:
    """Results are found by their pseudonyms, and the study's attributes are not repeated."""
    (series,) = (await ask.get(f"{ask.path(instance=None).replace('/series/', '/series?SeriesInstanceUID=')}")).json()
    (found,) = (await ask.get(f"{ask.path(instance=None)}/instances")).json()

    assert values(series, "0020000E") == [ask.uid(SERIES)]
    assert identity(found) == (ask.uid(STUDY), ask.uid(SERIES), ask.uid("1.2.3.1.1.1"))
    assert "00100010" not in found


async def test_urls_are_our_own(ask: Asking) -> None:
    """RetrieveURL leads back to the proxy, by pseudonyms, at every level."""
    for level, path in (
        ("studies", ask.path(series=None, instance=None)),
        ("series", ask.path(instance=None)),
        ("instances", ask.path()),
    ):
        (found,) = (await ask.get(f"/{level}")).json()
        assert values(found, "00081190") == [BASE + path]


async def test_patient_and_date_are_pseudonymous(ask: Asking) -> None:
    """Name and ID are one pseudonym, the date is moved, and the study can be found by both."""
    (found,) = (await ask.get("/studies")).json()
    (patient,), (date,) = values(found, "00100020"), values(found, "00080020")

    assert values(found, "00100010") == [{"Alphabetic": patient}]
    assert date != "20200101"
    for form in (patient, patient.lower()):
        assert (await ask.get(f"/studies?PatientID={form}&StudyDate={date}")).json() == [found]


async def test_no_modalities_without_a_value(tmp_path: Path) -> None:
    """Viewers read the first of (0008,0061) without looking whether there is one: it is left out."""
    origin = MemoryOrigin(*(instance(f"1.2.3.{n}", f"1.2.3.{n}.1", f"1.2.3.{n}.1.1") for n in range(3)))
    search = origin.search

    async def with_modalities(*args: Any, **page: Any) -> list[Any]:
        elements = ({"vr": "CS", "Value": ["CT"]}, {"vr": "CS", "Value": []}, {"vr": "CS"})
        return [match | {"00080061": each} for match, each in zip(await search(*args, **page), elements, strict=True)]

    origin.search = with_modalities  # type: ignore[method-assign]
    async with proxy(tmp_path, origin) as ask:
        found = (await ask.get("/studies")).json()

    assert [values(match, "00080061") for match in found if "00080061" in match] == [["CT"]]


async def test_what_the_origin_is_asked(tmp_path: Path) -> None:
    """A superset in original values: no name, and dates widened by the most that they can move."""
    origin = archive()
    async with proxy(tmp_path, origin) as ask:
        query = {"StudyInstanceUID": ask.uid("1.2.3.4"), "PatientName": "Doe*", "StudyDate": "20200101"}
        await ask.get(f"/studies?{urlencode(query)}")

    assert origin.asked[1] == "search studies StudyInstanceUID=1.2.3.4 StudyDate=20191112-20200220"


async def test_ages_are_reckoned_where_no_study_date_is_asked_for(tmp_path: Path) -> None:
    """A year that may stay stays in a series, too, at an origin server that tells only what it is asked for."""
    origin = MemoryOrigin(instance(PerformedProcedureStepStartDate="20200102"))
    search = origin.search

    async def only_asked(
        level: Level, study: str, series: str, params: list[tuple[str, str]], **page: Any
    ) -> list[Any]:
        asked = {"0020000D", "0020000E"} | {"00080020" for _, name in params if name in {"StudyDate", "00080020"}}
        matches = await search(level, study, series, params, **page)
        return [{tag: match[tag] for tag in match if tag in asked | {"00400244"}} for match in matches]

    origin.search = only_asked  # type: ignore[method-assign, assignment]
    async with proxy(tmp_path, origin, profile="safe-harbor") as ask:
        (found,) = (await ask.get("/series?includefield=PerformedProcedureStepStartDate")).json()

    assert values(found, "00400244") == ["20200101"]


@pytest.mark.parametrize(
    "query",
    ["limit=x", "limit=1&limit=2", "Doe^Jane=x", "StudyDate=Doe", "StudyInstanceUID=Doe", "%ff=x", "x&" * 600],
)
async def test_a_query_that_is_none(ask: Asking, query: str) -> None:
    """400, and the answer repeats nothing of it: people ask for patients by name."""
    response = await ask.get(f"/studies?{query}")

    assert response.status_code == 400
    assert b"Doe" not in response.content


@pytest.mark.parametrize(("on_error", "status", "found"), [("abort", 502, None), ("omit", 200, 2)])
async def test_a_result_that_cannot_be_deidentified(
    tmp_path: Path, on_error: str, status: int, found: int | None
) -> None:
    """It ends the search, or is left out."""
    origin = MemoryOrigin(*(instance(f"1.2.3.{n}", f"1.2.3.{n}.1", f"1.2.3.{n}.1.1") for n in range(3)))
    search = origin.search

    async def with_rubbish(*args: Any, **page: Any) -> list[Any]:
        first, *rest = await search(*args, **page)
        return [first | {"00100010": {"vr": "Doe", "Value": ["Doe^Jane"]}}, *rest]

    origin.search = with_rubbish  # type: ignore[method-assign]
    async with proxy(tmp_path, origin, on_error=on_error) as ask:
        response = await ask.get("/studies")

    assert response.status_code == status
    assert found is None or len(response.json()) == found
    assert b"Doe" not in response.content


@pytest.mark.parametrize("on_error", ["abort", "omit"])
async def test_a_result_that_cannot_be_deidentified_reveals_no_date(tmp_path: Path, on_error: str) -> None:
    """A search by dates answers alike, wherever the original date lies: else a few searches would find it."""
    origin = MemoryOrigin(*(instance(STUDY, f"{STUDY}.{n}", f"{STUDY}.{n}.1", StudyDate="20200102") for n in range(2)))
    search = origin.search

    async def with_rubbish(*args: Any, **page: Any) -> list[Any]:
        found = await search(*args, **page)
        return [each | {"00100010": {"vr": "Doe", "Value": ["Doe^Jane"]}} for each in found]

    origin.search = with_rubbish  # type: ignore[method-assign]
    async with proxy(tmp_path, origin, on_error=on_error) as ask:
        for level in (f"{ask.path(series=None, instance=None)}/series", "/studies"):
            for day in ("20200102", "20200108", "20190901", "20201231", "20200101-20200131", "-20210101"):
                response = await ask.get(f"{level}?StudyDate={day}")
                assert (response.status_code, response.json()) == (200, [])


async def test_an_error_body_of_the_origin(tmp_path: Path) -> None:
    """Orthanc's holds the path, with original UIDs, and the query: it goes no further."""
    body = {"Uri": "/dicom-web/studies/1.2.3.4711", "Details": "Doe^Jane", "HttpStatus": 400}
    origin = WebOrigin("http://origin.test/dicom-web", httpx.MockTransport(lambda _: httpx.Response(400, json=body)))
    async with proxy(tmp_path, origin) as ask:
        response = await ask.get("/studies?PatientName=Doe*")

    assert response.status_code == 502
    assert not [each for each in ("4711", "Doe", "origin.test", "Uri") if each in response.text]


async def test_an_origin_that_fails(tmp_path: Path) -> None:
    """Its error is the answer."""
    origin = MemoryOrigin(instance())
    origin.failures["search"] = OriginTimeout("the origin server took too long")
    async with proxy(tmp_path, origin) as ask:
        assert (await ask.get("/studies")).status_code == 504


@pytest.mark.parametrize("name", ["emptyvaluematching", "multiplevaluematching", "fuzzymatching"])
async def test_what_is_not_done_is_in_a_warning(ask: Asking, name: str) -> None:
    """PS3.18 Sections 8.3.4.2, 8.3.4.5 and 8.3.4.6: the search is performed, and the answer says how."""
    response = await ask.get(f"/studies?{name}=true")

    assert len(response.json()) == 1
    assert response.headers["warning"].startswith(f'299 dicomveil "The {name} parameter is not supported.')
    assert "warning" not in (await ask.get(f"/studies?{name}=false")).headers


class Counting(MemoryOrigin):
    """Forty studies, of two patients in turns; writes down from which place on it is asked, and for how many."""

    def __init__(self) -> None:
        uids = [(f"1.2.3.{n}", f"1.2.3.{n}.1", f"1.2.3.{n}.1.1", n % 2) for n in range(100, 140)]
        super().__init__(*(instance(*each, PatientID=f"PATIENT-{patient}", pixels=None) for *each, patient in uids))
        self.places: list[tuple[int, int]] = []

    async def search(self, *scope: Any, limit: int, offset: int) -> list[dict[str, Any]]:
        """As the origin that it is."""
        self.places.append((limit, offset))
        return await super().search(*scope, limit=limit, offset=offset)


async def paged(ask: Asking, query: str, size: int, *offsets: int) -> list[str]:
    """The studies on pages."""
    found = [(await ask.get(f"/studies?{query}&limit={size}&offset={offset}")).json() for offset in offsets]
    return [values(x, "0020000D")[0] for page in found for x in page]


async def test_a_deep_page_begins_where_the_one_before_ended(tmp_path: Path) -> None:
    """What only the proxy can match is not matched again from the beginning."""
    origin = Counting()
    async with proxy(tmp_path, origin) as ask:
        await ask.get("/studies")
        even = ask.policy.pseudonym_patient_id("PATIENT-0")
        first = await paged(ask, f"PatientName={even[:-1]}?", 10, 0)
        origin.places.clear()
        second = await paged(ask, f"PatientName={even[:-1]}?", 10, 10)
        assert [ask.uid(f"1.2.3.{n}") for n in range(100, 140, 2)] == first + second
        assert origin.places[0] == (250, 19)  # behind the tenth of every second study


async def test_a_page_without_keys_begins_at_its_place(tmp_path: Path) -> None:
    """The origin server counts as we do: one look at its first result shows that it knows offset."""
    origin = Counting()
    async with proxy(tmp_path, origin) as ask:
        found = await paged(ask, "", 5, 30)

    assert found == [ask.uid(f"1.2.3.{n}") for n in range(130, 135)]
    assert origin.places == [(1, 0), (50, 30)]


async def test_a_page_of_an_origin_that_cannot_jump(tmp_path: Path) -> None:
    """One that does not know offset is found out; one that knows no limit either holds all, and is cut here."""

    class Deaf(Counting):
        knows_limit = True

        async def search(self, *scope: Any, limit: int, offset: int) -> list[dict[str, Any]]:
            return await super().search(*scope, limit=limit if self.knows_limit else 0, offset=0)

    origin = Deaf()
    async with proxy(tmp_path, origin) as ask:
        assert (await ask.get("/studies?limit=5&offset=30")).status_code == 502
        origin.knows_limit = False
        assert await paged(ask, "", 5, 30) == [ask.uid(f"1.2.3.{n}") for n in range(130, 135)]


async def test_results_outside_the_scope(tmp_path: Path) -> None:
    """A path that was sent is not taken for one that was obeyed."""
    origin = MemoryOrigin(instance(), instance("1.2.3.2", "1.2.3.2.1", "1.2.3.2.1.1"))
    search = origin.search

    async def everywhere(level: Level, *_: Any, **page: Any) -> list[Any]:
        return await search(level, None, None, [], **page)

    origin.search = everywhere  # type: ignore[method-assign]
    async with proxy(tmp_path, origin) as ask:
        await ask.get("/instances")
        found = (await ask.get(f"/studies/{ask.uid(STUDY)}/instances")).json()

    assert [identity(x)[0] for x in found] == [ask.uid(STUDY)]


async def test_attributes_of_the_levels_above(ask: Asking) -> None:
    """Down to the path's: PS3.18 Sections 10.6.3.3.2 and 10.6.3.3.3."""
    (unscoped,) = (await ask.get("/instances")).json()
    (of_study,) = (await ask.get(f"{ask.path(series=None, instance=None)}/instances")).json()
    (of_series,) = (await ask.get(f"{ask.path(instance=None)}/instances")).json()

    assert ["00100020" in x for x in (unscoped, of_study, of_series)] == [True, False, False]
    assert ["00080060" in x for x in (unscoped, of_study, of_series)] == [True, True, False]


@pytest.mark.parametrize(("limit", "is_more"), [(40, False), (39, True)])
async def test_more_than_one_search_gives(tmp_path: Path, limit: int, is_more: bool) -> None:
    """Where the limit is ours, the user agent is told that there is more (PS3.18 Section 8.3.4.4)."""
    query = Query.parse(Level.STUDIES, [], maximum=limit)
    project = Project(POLICY, Counting(), IdentityMap(tmp_path / "map"))
    answer = await search(project, Scope(), query, BASE)
    project.identities.close()

    assert len(answer.results) == limit
    assert [text.startswith("There are additional results") for text in answer.warnings] == [True] * is_more


@pytest.mark.parametrize("path", ["/studies", "/series", "/instances", "/studies/{study}/series"])
async def test_no_results_are_wanted(tmp_path: Path, path: str) -> None:
    """`limit=0` is a limit: an empty answer, in JSON as in XML, and never all that there is."""
    async with proxy(tmp_path, MemoryOrigin(instance())) as ask:
        path = path.format(study=ask.uid(STUDY))
        assert (await ask.get(path)).json() != []
        for query in ("limit=0", "limit=0&offset=5"):
            response = await ask.get(f"{path}?{query}")
            assert (response.status_code, response.json()) == (200, [])
        assert (await ask.get(f"{path}?limit=0", "application/dicom+xml")).status_code == 204
