"""A search result says of each attribute what the metadata of its instance say, at a real Orthanc."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset, dcmread
from pydicom.errors import InvalidDicomError

from dicomveil_engine.attributes.dictionary import keyword_of, vr_of
from dicomveil_proxy.origin.web.origin import WebOrigin
from engine.datasets import read
from origin.orthanc import Orthanc
from proxy.fakes import Asking, instance, proxy

pytestmark = [pytest.mark.origin, pytest.mark.anyio]

MARKS = {"00120062", "00120063", "00120064", "00280303"}
"""A result does not say that it is de-identified."""
OF_SEARCHES = {"00080005", "00080056", "00081190", "00080061", "00201206", "00201208", "00201209", *MARKS}
"""What Orthanc says in its own way in either."""
NOT_OF_SEARCHES = {"SQ", "OB", "OW", "UN", "US"}
"""Orthanc 1.10 answers 400 when asked for Acquisition Matrix, a US."""
MOST, LARGEST = 24, 300_000
STUDY = "1.2.3.8"


def planted() -> bytes:
    """Legal values that hold what identifies, in a sequence too; and illegal ones."""

    def change(dataset: Dataset) -> None:
        item = Dataset()
        item.RequestingPhysician = "Quillon^Ann"
        dataset.RequestAttributesSequence = [item]

    return instance(
        *(STUDY, f"{STUDY}.1", f"{STUDY}.1.1"),
        change=change,
        PatientName="Zebrowski^Jane",
        PatientID="7719443",
        BodyPartExamined="ZEBROWSKI",
        ScanningSequence="QUILLON",
        SequenceVariant="SK",
        SeriesNumber="7719443",
        AcquisitionNumber="1234567",
        StudyTime="20200101",
        KVP="1.5",
    )


async def agree(ask: Asking, uids: list[str], include: list[str]) -> dict[str, Any]:
    """The shared attributes of one instance, which a search at each level has as its metadata do."""
    study, series, sop = map(ask.uid, uids)
    path = f"/studies/{study}/series/{series}/instances/{sop}/metadata"
    response = await ask.get(path)
    if response.status_code != 200:
        return {}
    (metadata,) = response.json()
    searches = {
        f"/studies/{study}/series/{series}/instances": f"SOPInstanceUID={sop}",
        f"/studies/{study}/series": f"SeriesInstanceUID={series}",
        "/studies": f"StudyInstanceUID={study}",
    }
    shared: dict[str, Any] = {}
    for resource, key in searches.items():
        answer = await ask.get(f"{resource}?{key}&includefield=all&includefield={','.join(include)}")
        assert answer.status_code == 200, resource
        (result,) = answer.json()
        for tag in result.keys() - OF_SEARCHES:
            element = metadata.get(tag, {"vr": result[tag]["vr"]})
            assert values(result[tag]) == values(element), (resource, tag)
            shared[tag] = element
    return shared


def tags_of(dataset: Dataset) -> list[int]:
    """The standard attributes at its top level that a search can give."""
    return [int(tag) for tag in [*dataset._dict] if not tag.is_private and vr_of(tag) not in NOT_OF_SEARCHES]


def values(element: dict[str, Any]) -> list[str]:
    """The values as texts: Orthanc writes numbers of results and of metadata each in its own way."""
    found = [str(value).strip() if value is not None else "" for value in element.get("Value", [])]
    return found if any(found) else []


def real(corpus: Path) -> list[bytes]:
    """Real instances, one of each study."""
    kinds: dict[str, bytes] = {}
    for path in sorted(corpus.glob("*.dcm")):
        data = path.read_bytes() if path.stat().st_size < LARGEST else b""
        try:
            dataset = read(data)
        except (NotImplementedError, InvalidDicomError):
            continue
        if len(kinds) < MOST and dataset.get("StudyInstanceUID") and dataset.get("SeriesInstanceUID"):
            kinds.setdefault(str(dataset.StudyInstanceUID), data)
    return [*kinds.values()]


async def test_results_and_metadata_agree(orthanc: Orthanc, corpus: Path, tmp_path: Path) -> None:
    """Names and identifiers in values that are kept are found in a search as in the instance."""
    compared = 0
    async with proxy(tmp_path, WebOrigin(orthanc.base_url)) as ask:
        for data in (planted(), *real(corpus)):
            if orthanc.store(data) is None:
                continue
            dataset = dcmread(BytesIO(data), force=True, stop_before_pixels=True)
            uids = [str(dataset.get(each)) for each in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")]
            include = [keyword_of(tag) for tag in tags_of(dataset)]
            shared = await agree(ask, uids, [each for each in include if each][:200])
            compared += bool(shared)
            if uids[0] == STUDY:
                emptied = ("00180015", "00180020", "00200011", "00080030")
                assert [values(shared[tag]) for tag in emptied] == [[]] * len(emptied)
                assert values(shared["00180021"]) == ["SK"]
                assert values(shared["00200012"]) == ["1234567"]
    assert compared > MOST // 2
