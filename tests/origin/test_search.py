"""Search before a real Orthanc: the definition holds, whatever Orthanc makes of the questions, and nothing leaks."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

import httpx
import pytest
from pydicom import Dataset

from dicomveil_proxy.origin.web.origin import WebOrigin
from origin.orthanc import Orthanc, running_orthanc
from origin.proxy import Proxy, running_proxy
from proxy.fakes import instance, proxy
from proxy.search_model import PROFILE, archive, compare

pytestmark = pytest.mark.origin

QUERIES = 180


def test_orthanc_answers_as_the_model(orthanc: Orthanc, tmp_path: Path) -> None:
    """{deid(x) | x at Orthanc, match(deid(x), query)} for random queries of three random archives."""
    fruitful = 0
    for seed in range(3):
        rng = Random(seed)
        instances = archive(rng, 8)
        (tmp_path / str(seed)).mkdir()
        with running_orthanc(tmp_path / str(seed)) as server:
            assert all(server.store(each) for each in instances)
            fruitful += asyncio.run(_ask(tmp_path / str(seed), server.base_url, rng, instances))
    assert fruitful > QUERIES // 3


async def _ask(folder: Path, origin: str, rng: Random, instances: list[bytes]) -> int:
    async with proxy(folder, WebOrigin(origin), profile=PROFILE) as ask:
        return await compare(ask, rng, instances, QUERIES // 3)


@dataclass(frozen=True)
class Seen:
    """A proxy before a study that has something to hide."""

    proxy: Proxy
    orthanc: Orthanc

    @property
    def study(self) -> str:
        """Its pseudonym."""
        return self.proxy.policy.pseudonym_uid(STUDY)

    def get(self, path: str, **headers: str) -> httpx.Response:
        """Search, and look that nothing of the original is in the answer."""
        response = httpx.get(f"{self.proxy.base_url}{path}", headers=headers, timeout=60)
        seen = response.content + repr(response.headers.raw).encode()
        assert not [secret for secret in (*SECRETS, self.orthanc.base_url) if secret.encode() in seen], path
        return response


STUDY = "1.2.3.4711.1"
SECRETS = ("4711.1", "Planted", "HIDDEN-1", "20170717", "SECRET-STEP")


@pytest.fixture(scope="module")
def seen(orthanc: Orthanc, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    """One study in Orthanc, without Modality, and a proxy as a user starts it."""

    def schedule(dataset: Dataset) -> None:
        item = Dataset()
        item.ScheduledProcedureStepID = "SECRET-STEP"
        dataset.RequestAttributesSequence = [item]
        dataset.private_block(0x0009, "ACME", create=True).add_new(1, "LO", "Planted")

    stored = instance(
        *(STUDY, f"{STUDY}.1", f"{STUDY}.1.1"),
        pixels=None,
        change=schedule,
        PatientID="HIDDEN-1",
        PatientName="Planted^Jane",
        PatientAddress="Planted",
        StudyDate="20170717",
        AccessionNumber="HIDDEN-1",
        InstitutionName="Planted",
        Modality=None,
    )
    assert orthanc.store(stored) == f"{STUDY}.1.1"
    with running_proxy(tmp_path_factory.mktemp("proxy"), orthanc.base_url) as running:
        yield Seen(running, orthanc)


@pytest.mark.parametrize("path", ["/studies", "/studies/{}/series", "/studies/{}/instances", "/series", "/instances"])
def test_urls_of_results_are_the_proxys(seen: Seen, path: str) -> None:
    """Orthanc's RetrieveURL has its address and original UIDs; ours leads back, and works."""
    within = "" if "{}" in path else f"?StudyInstanceUID={seen.study}"
    (found,) = seen.get(path.format(seen.study) + within).json()
    (url,) = found["00081190"]["Value"]

    assert url.startswith(f"{seen.proxy.base_url}/studies/{seen.study}")
    assert seen.get(url.removeprefix(seen.proxy.base_url) + "/metadata").status_code == 200


def test_a_stranger_cannot_name_the_host_of_urls(seen: Seen) -> None:
    """Orthanc believes whoever sends Forwarded; the proxy does not, and does not pass it on."""
    found = seen.get(f"/studies?StudyInstanceUID={seen.study}", Forwarded="host=evil.test;proto=https")

    assert "evil.test" not in found.text


@pytest.mark.parametrize(
    "query",
    [
        *("PatientName=Planted*", "PatientName=planted%5EJane", "PatientID=HIDDEN-1", "00100020=HIDDEN*"),
        *(
            "AccessionNumber=HIDDEN-1",
            "StudyDate=20170717",
            f"StudyInstanceUID={STUDY}",
            f"SeriesInstanceUID={STUDY}.1",
        ),
        *("InstitutionName=Planted", "PatientAddress=Planted", "StudyDate=20170701-20170731&PatientName=Planted*"),
    ],
)
@pytest.mark.parametrize("level", ["studies", "series", "instances"])
def test_an_original_is_no_better_than_a_guess(seen: Seen, level: str, query: str) -> None:
    """Same status, headers and body as for what does not exist."""
    wrong = (
        query.replace("lanted", "lunted").replace("HIDDEN", "HODDEN").replace("2017", "2018").replace("4711", "4712")
    )
    right, guess = (seen.get(f"/{level}?{each}") for each in (query, wrong))

    assert right.json() == []
    assert told(right) == told(guess)


def told(response: httpx.Response) -> tuple[object, ...]:
    """All that an answer tells, but for its number and time."""
    headers = [each for each in response.headers.multi_items() if each[0] not in ("x-request-id", "date")]
    return response.status_code, headers, response.content


@pytest.mark.parametrize(
    "query",
    [
        *("RequestAttributesSequence.ScheduledProcedureStepID=SECRET-STEP", "00400275.00400009=SECRET*"),
        *("00091001=Planted", "00091001=x", "%50atientID=HIDDEN-1", "%50atientID=x", "StudyDescription=x"),
    ],
)
def test_filters_that_orthanc_passes_over(seen: Seen, query: str) -> None:
    """It answers with everything for sequences, private and unknown attributes, and encoded names: nothing matches."""
    assert seen.get(f"/series?{query}").json() == []


@pytest.mark.parametrize("query", ["Nonsense=x", "PatientNam=Planted", "annotation=patient", "_=1"])
def test_filters_that_nobody_knows(seen: Seen, query: str) -> None:
    """They are refused and not passed over, which would show everything."""
    assert seen.get(f"/studies?{query}").status_code == 400


def test_everything_that_can_be_included(seen: Seen) -> None:
    """By name, by tag, all of it, nested and private."""
    named = "PatientName,00100020,PatientAddress,InstitutionName,StudyDate,RetrieveURL,OtherPatientIDs"
    for fields in (named, "all", "RequestAttributesSequence.ScheduledProcedureStepID,00091001,00090010"):
        for level in ("studies", "series", "instances"):
            (found,) = seen.get(f"/{level}?StudyInstanceUID={seen.study}&includefield={fields}").json()
            assert found["0020000D"]["Value"] == [seen.study]


def test_errors_are_our_own(seen: Seen) -> None:
    """Orthanc's bodies hold paths with original UIDs."""
    for path in (f"/studies/{STUDY}/series", f"/studies/{seen.study}/series/{STUDY}/instances", "/studies?limit=-1"):
        response = seen.get(path)
        assert response.status_code in (400, 404)
        assert response.json().keys() == {"code", "detail", "request_id"}


def test_a_study_without_modality_does_not_break_viewers(seen: Seen) -> None:
    """Orthanc gives (0008,0061) without a value, and OHIF's list dies of it: it is left out."""
    (found,) = seen.get(f"/studies?StudyInstanceUID={seen.study}").json()

    assert "00080061" not in found


def test_the_pseudonymous_study_is_found(seen: Seen) -> None:
    """By everything that its result shows."""
    (found,) = seen.get(f"/studies?StudyInstanceUID={seen.study}").json()
    date, patient = found["00080020"]["Value"][0], found["00100020"]["Value"][0]

    for query in (f"StudyDate={date}", f"StudyDate={date}-{date}&StudyTime=", f"PatientID={patient.lower()}"):
        uids = [each["0020000D"]["Value"] for each in seen.get(f"/studies?{query}&PatientName={patient}").json()]
        assert uids == [[seen.study]], query


def test_the_log_holds_nothing(seen: Seen) -> None:
    """Neither queries nor originals, after all of the above."""
    log = seen.proxy.log.read_text()

    assert not [secret for secret in (*SECRETS, seen.study) if secret in log]
