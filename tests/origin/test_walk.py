"""Everything that a real Orthanc holds, walked through a real proxy by a stock client (dicomweb-client)."""

from __future__ import annotations

import io
from collections.abc import Container, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import httpx
import pydicom
import pytest
from dicomweb_client.api import DICOMwebClient
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from dicomveil_engine import deidentify_instance, load_policy
from dicomveil_engine.attributes.legality import STRUCTURAL_UIDS
from origin.archive import Stored, by_study, fill
from origin.orthanc import Orthanc, running_orthanc
from origin.proxy import Proxy, running_proxy
from proxy.instances import over_attributes

pytestmark = [pytest.mark.origin, pytest.mark.filterwarnings("ignore")]  # dicomweb-client and pydicom warn of values

_DATES = ("StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate")


@dataclass(frozen=True)
class Walk:
    """A proxy before an archive."""

    proxy: Proxy
    client: DICOMwebClient
    archive: list[Stored]

    def pseudonym(self, uid: str) -> str:
        """What the proxy must call it."""
        return self.proxy.policy.pseudonym_uid(uid)

    def expected(self, stored: Stored) -> bytes:
        """What must come out for an instance."""
        return deidentify_instance(stored.data, self.proxy.policy)

    def path(self, stored: Stored) -> tuple[str, str, str]:
        """The UIDs of an instance in pseudonymised space."""
        return self.pseudonym(stored.study), self.pseudonym(stored.series), self.pseudonym(stored.instance)


@pytest.fixture(scope="module")
def archive(orthanc: Orthanc, shared: Path) -> list[Stored]:
    """What Orthanc holds for this module."""
    archive = fill(orthanc, shared, load_policy(Path(over_attributes("default")), bytes(32)))
    assert len(archive) > 120
    return archive


@pytest.fixture(scope="module", params=["default", "basic"])
def walk(
    request: pytest.FixtureRequest,
    orthanc: Orthanc,
    archive: list[Stored],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Walk]:
    """The walk with each preset."""
    with running_proxy(tmp_path_factory.mktemp("proxy"), orthanc.base_url, over_attributes(request.param)) as proxy:
        yield Walk(proxy, DICOMwebClient(proxy.base_url), archive)


def _read(data: bytes) -> Dataset:
    return pydicom.dcmread(io.BytesIO(data))


def test_search_shows_each_study_once(walk: Walk) -> None:
    """Every study of the archive is found under its pseudonym, page by page, and nothing else is."""
    found = walk.client.search_for_studies(limit=7, get_remaining=True)

    uids = [study["0020000D"]["Value"][0] for study in found]
    assert sorted(uids) == sorted(walk.pseudonym(study) for study in by_study(walk.archive))


def test_search_shows_each_series_and_instance_once(walk: Walk) -> None:
    """So it is within studies and series, and unscoped."""
    instances = walk.client.search_for_instances(limit=50, get_remaining=True)
    assert sorted(i["00080018"]["Value"][0] for i in instances) == sorted(
        walk.pseudonym(stored.instance) for stored in walk.archive
    )

    for study, stored in by_study(walk.archive).items():
        series = walk.client.search_for_series(walk.pseudonym(study))
        assert {s["0020000E"]["Value"][0] for s in series} == {walk.pseudonym(s.series) for s in stored}
        within = walk.client.search_for_instances(walk.pseudonym(study))
        assert {i["00080018"]["Value"][0] for i in within} == {walk.pseudonym(s.instance) for s in stored}


def test_search_by_the_pseudonymous_patient_finds_the_patients_studies(walk: Walk) -> None:
    """The PatientID of a result finds that result, by keyword and by tag."""
    for study in walk.client.search_for_studies(limit=20):
        if "Value" not in study["00100020"]:
            continue
        patient, uid = study["00100020"]["Value"][0], study["0020000D"]["Value"][0]
        for key in ("PatientID", "00100020"):
            found = walk.client.search_for_studies(search_filters={key: patient})
            assert uid in [each["0020000D"]["Value"][0] for each in found]


def test_originals_find_nothing(walk: Walk) -> None:
    """No original name, ID, UID or accession number finds anything, in a query or in a path."""
    for stored in walk.archive[:40]:
        dataset = stored.dataset
        for keyword in ("PatientID", "PatientName", "AccessionNumber", "StudyInstanceUID"):
            value = str(dataset.get(keyword) or "")
            if value.strip(" ^*?"):
                response = httpx.get(f"{walk.proxy.base_url}/studies", params={keyword: value})
                assert response.status_code in (200, 400)
                assert response.status_code == 400 or response.json() == []
        for path in (
            f"studies/{stored.study}",
            f"studies/{stored.study}/series",
            f"studies/{walk.pseudonym(stored.study)}/series/{stored.series}/metadata",
        ):
            assert httpx.get(f"{walk.proxy.base_url}/{path}").status_code == 404


def test_each_instance_comes_out_once_as_the_policy_says(walk: Walk) -> None:
    """Study by study: all instances, each once, byte for byte what the engine makes of what was stored."""
    seen = 0
    for study, stored in by_study(walk.archive).items():
        expected = {walk.pseudonym(each.instance): walk.expected(each) for each in stored}
        datasets = walk.client.retrieve_study(walk.pseudonym(study))
        assert sorted(str(dataset.SOPInstanceUID) for dataset in datasets) == sorted(expected)
        for dataset in datasets:
            assert dataset == _read(expected[str(dataset.SOPInstanceUID)])
        seen += len(datasets)
    assert seen == len(walk.archive)


def test_pixels_are_untouched(walk: Walk) -> None:
    """Native pixels are as they were stored, and code streams have lost nothing but what no decoder reads."""
    native = encapsulated = 0
    for stored in walk.archive:
        original = stored.dataset
        dataset = walk.client.retrieve_instance(*walk.path(stored))
        syntax = original.file_meta.TransferSyntaxUID
        if "PixelData" in original and syntax.is_transfer_syntax and syntax.is_encapsulated:
            assert dataset.PixelData == _read(walk.expected(stored)).PixelData
            assert len(dataset.PixelData) == len(original.PixelData)
            encapsulated += 1
        else:
            assert dataset.get("PixelData") == _read(walk.expected(stored)).get("PixelData")
            native += dataset.get("PixelData") == original.get("PixelData")
    assert native > 50
    assert encapsulated > 20


def test_uids_are_consistent_everywhere(walk: Walk) -> None:
    """A reference points at the pseudonym of what it pointed at, at any depth, in bytes and in metadata."""
    for study, stored in by_study(walk.archive).items():
        metadata = {m["00080018"]["Value"][0]: m for m in walk.client.retrieve_study_metadata(walk.pseudonym(study))}
        assert set(metadata) == {walk.pseudonym(each.instance) for each in stored}
        for each in stored:
            dataset, json = _read(walk.expected(each)), metadata[walk.pseudonym(each.instance)]
            assert dataset.file_meta.MediaStorageSOPInstanceUID == dataset.SOPInstanceUID
            assert json["0020000D"]["Value"] == [dataset.StudyInstanceUID] == [walk.pseudonym(study)]
            assert json["0020000E"]["Value"] == [dataset.SeriesInstanceUID]
            # Structural UIDs, such as those of a private SOP Class or coding scheme, stay.
            allowed = {walk.pseudonym(uid) for uid in _uids(each.dataset)} | _uids(each.dataset, STRUCTURAL_UIDS)
            allowed.add("2.25.0")  # in dummy items
            assert _uids(dataset) <= allowed
            assert set(_json_uids(json)) <= allowed


def _uids(dataset: Dataset, tags: Container[int] | None = None) -> set[str]:
    """The UIDs at any depth; only those of `tags` when they are named."""
    found: set[str] = set()
    for element in dataset:
        if element.VR == "SQ":
            for item in element.value:
                found |= _uids(item, tags)
        elif element.VR == "UI" and element.value and (tags is None or element.tag in tags):
            found |= set(map(str, element.value if element.VM > 1 else [element.value]))
    return found


def _json_uids(dataset: dict[str, dict[str, object]]) -> Iterator[str]:
    for element in dataset.values():
        values = element.get("Value", [])
        assert isinstance(values, list)
        if element["vr"] == "SQ":
            for item in values:
                yield from _json_uids(item)
        elif element["vr"] == "UI":
            yield from (value for value in values if value)


def test_a_studys_dates_move_by_one_amount(walk: Walk) -> None:
    """Under the default preset every date of a study moves by the same days, never zero, at every level."""
    if walk.proxy.policy.date_range == 0:
        pytest.skip("the basic preset removes dates")
    moved = 0
    for study, stored in by_study(walk.archive).items():
        days = set()
        for each in stored:
            original, deidentified = each.dataset, _read(walk.expected(each))
            days |= {
                (_day(deidentified[name].value) - _day(original[name].value)).days
                for name in _DATES
                if _is_date(original.get(name))
            }
        (result,) = walk.client.search_for_studies(search_filters={"StudyInstanceUID": walk.pseudonym(study)})
        if _is_date(stored[0].dataset.get("StudyDate")):
            shown = _day(result["00080020"]["Value"][0]) - _day(stored[0].dataset.StudyDate)
            days.add(shown.days)
        assert len(days) <= 1
        assert 0 not in days
        moved += len(days)
    assert moved > 50


def _is_date(value: object) -> bool:
    return isinstance(value, str) and len(value) == 8 and value.isdigit() and value[4:6] != "00" != value[6:]


def _day(text: str) -> datetime:
    return datetime.strptime(text, "%Y%m%d")  # noqa: DTZ007 - a day has no zone


def test_frames_are_those_of_the_original(walk: Walk) -> None:
    """The first and the last frame, as stored; and the bytes of native ones."""
    compared = 0
    for stored in walk.archive:
        original = stored.dataset
        if "PixelData" not in original or not original.get("Rows"):
            continue
        count = int(original.get("NumberOfFrames") or 1)
        response = httpx.get(
            "{}/studies/{}/series/{}/instances/{}/frames/{}".format(walk.proxy.base_url, *walk.path(stored), count),
            headers={"Accept": "multipart/related; type=application/octet-stream; transfer-syntax=*"},
            timeout=60,
        )
        if response.status_code == 502:
            continue  # Orthanc can neither give the frame nor are its bytes where they should be
        assert response.status_code == 200, response.text
        if original.file_meta.TransferSyntaxUID in (ImplicitVRLittleEndian, ExplicitVRLittleEndian):
            # Not the value's length divided: it may hold a byte of padding.
            bits = original.Rows * original.Columns * original.SamplesPerPixel * original.BitsAllocated
            size = bits // 8 or 1
            assert original.PixelData[(count - 1) * size : count * size][:1000] in response.content
            compared += 1
    assert compared > 15


def test_frames_by_the_stock_client(walk: Walk) -> None:
    """dicomweb-client gets a list of frames with its own defaults."""
    multi = next(each for each in walk.archive if int(each.dataset.get("NumberOfFrames") or 1) > 2)

    frames = walk.client.retrieve_instance_frames(*walk.path(multi), frame_numbers=[1, 2])

    assert len(frames) == 2
    assert all(frames)


def test_bulk_data_of_metadata_can_be_retrieved(walk: Walk) -> None:
    """Every BulkDataURI that the metadata holds is the proxy's own, and leads to bytes."""
    followed = empty = 0
    for study in by_study(walk.archive):
        for metadata in walk.client.retrieve_study_metadata(walk.pseudonym(study)):
            for uri in _bulk_data_uris(metadata):
                assert uri.startswith(walk.proxy.base_url)
                (value,) = walk.client.retrieve_bulkdata(uri)[:1]
                empty += not value
                followed += 1
    assert followed > 50
    assert empty <= 1, "one instance of the corpus has Pixel Data of no length"


def _bulk_data_uris(dataset: dict[str, dict[str, object]]) -> Iterator[str]:
    for element in dataset.values():
        if "BulkDataURI" in element:
            yield str(element["BulkDataURI"])
        elif element["vr"] == "SQ":
            values = element.get("Value", [])
            assert isinstance(values, list)
            for item in values:
                yield from _bulk_data_uris(item)


def test_names_are_no_bulk_data(walk: Walk) -> None:
    """What the policy does not let out is not bulk data, at any depth, though Orthanc would give it."""
    stored = walk.archive[0]
    path = "{}/studies/{}/series/{}/instances/{}".format(walk.proxy.base_url, *walk.path(stored))

    for bulk in ("00100010", "00100020", "00081140/1/00081155", "00080018"):
        assert httpx.get(f"{path}/bulk/{bulk}").status_code == 404


def test_what_is_stored_through_the_proxy_is_stored_deidentified(
    shared: Path, walk: Walk, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Into an empty Orthanc: acknowledged in the sender's UIDs, held under pseudonyms, read back the same."""
    folder = tmp_path_factory.mktemp("store")
    profile = over_attributes("default" if walk.proxy.policy.date_range else "basic")
    with running_orthanc(folder) as empty, running_proxy(folder, empty.base_url, profile) as proxy:
        client, stored = DICOMwebClient(proxy.base_url), 0
        for each in walk.archive[::3]:
            reply = client.store_instances([each.dataset])
            if "ReferencedSOPSequence" not in reply:
                continue
            assert reply.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == each.instance
            uids = [proxy.policy.pseudonym_uid(uid) for uid in (each.study, each.series, each.instance)]
            at_origin = DICOMwebClient(empty.base_url).retrieve_instance(*uids)
            through_proxy = client.retrieve_instance(*uids)
            assert through_proxy == at_origin
            stored += 1
        assert stored > 30
        assert len(client.search_for_instances(get_remaining=True, limit=100)) == stored


def test_a_copy_is_not_stored_beside_its_original(walk: Walk) -> None:
    """A de-identified copy of what Orthanc holds is refused, and Orthanc is unchanged."""
    before = len(walk.client.search_for_instances(get_remaining=True, limit=100))
    for dataset in (walk.archive[0].dataset, walk.client.retrieve_instance(*walk.path(walk.archive[0]))):
        with pytest.raises(Exception, match="409"):
            walk.client.store_instances([dataset])
    assert len(walk.client.search_for_instances(get_remaining=True, limit=100)) == before
