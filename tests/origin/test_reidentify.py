"""What highdicom makes of instances fetched through the proxy comes home to Orthanc.

A segmentation, a report, a parametric map and a presentation state. Neither the user agent, dicomweb-client, nor what
makes the instances knows of the proxy.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import highdicom
import numpy as np
import pydicom
import pytest
from dicomweb_client.api import DICOMwebClient
from highdicom import sr
from highdicom.pm import ParametricMap, RealWorldValueMapping
from highdicom.pr import GrayscaleSoftcopyPresentationState
from highdicom.seg import SegmentAlgorithmTypeValues, Segmentation, SegmentationTypeValues, SegmentDescription
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes

from bench.instances import ct
from origin.orthanc import Orthanc, running_orthanc
from origin.proxy import Proxy, running_proxy
from proxy.instances import over_attributes

pytestmark = [pytest.mark.origin, pytest.mark.filterwarnings("ignore")]

SLICES = 3
STUDY, SERIES = "1.2.3.1", "1.2.3.1.2"
_DEVICE: dict[str, Any] = {
    "manufacturer": "Example",
    "manufacturer_model_name": "Model 1",
    "software_versions": "1",
    "device_serial_number": "1",
}


def original(number: int) -> bytes:
    """A slice of a CT of Doe^Jane."""
    dataset = pydicom.dcmread(io.BytesIO(ct(rows=16, columns=16)))
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = f"{SERIES}.{number}"
    dataset.InstanceNumber = str(number)
    dataset.ImagePositionPatient = [0, 0, 5.0 * number]
    file = io.BytesIO()
    dataset.save_as(file)
    return file.getvalue()


@dataclass
class Round:
    """The way there and back."""

    orthanc: Orthanc
    proxy: Proxy

    @property
    def outside(self) -> DICOMwebClient:
        """A user agent before the proxy."""
        return DICOMwebClient(self.proxy.base_url)

    @property
    def inside(self) -> DICOMwebClient:
        """One at Orthanc itself."""
        return DICOMwebClient(self.orthanc.base_url)

    def fetched(self) -> list[Dataset]:
        """The CT in pseudonymised space."""
        (study,) = self.outside.search_for_studies(search_filters={"ModalitiesInStudy": "CT"})
        uid = study["0020000D"]["Value"][0]
        (series,) = self.outside.search_for_series(uid, search_filters={"Modality": "CT"})
        instances: list[Dataset] = self.outside.retrieve_series(uid, series["0020000E"]["Value"][0])
        return sorted(instances, key=lambda each: int(each.InstanceNumber))


@pytest.fixture(scope="module")
def round_trip(tmp_path_factory: pytest.TempPathFactory, orthanc: Orthanc) -> Iterator[Round]:
    """An Orthanc of its own with the CT, and a proxy that brings home what it is sent."""
    del orthanc  # only for its skip, or failure, where Orthanc is not installed
    folder = tmp_path_factory.mktemp("reidentify")
    with running_orthanc(folder) as server:
        for number in range(SLICES):
            assert server.store(original(number))
        with running_proxy(folder, server.base_url, over_attributes("default"), "--store", "reidentify") as proxy:
            yield Round(server, proxy)


def segmentation(source: list[Dataset]) -> Dataset:
    """The same square on each slice."""
    mask = np.zeros((len(source), 16, 16), np.uint8)
    mask[:, 4:12, 4:12] = 1
    description = SegmentDescription(
        segment_number=1,
        segment_label="Liver",
        segmented_property_category=codes.SCT.Organ,
        segmented_property_type=codes.SCT.Liver,
        algorithm_type=SegmentAlgorithmTypeValues.MANUAL,
    )
    return Segmentation(
        source_images=source,
        pixel_array=mask,
        segmentation_type=SegmentationTypeValues.BINARY,
        segment_descriptions=[description],
        series_instance_uid="1.2.3.8.1",
        series_number=100,
        sop_instance_uid="1.2.3.8.1.1",
        instance_number=1,
        **_DEVICE,
    )


def report(source: list[Dataset], segmented: Dataset) -> Dataset:
    """A measurement on the first slice, and on the segmentation."""
    observer = sr.ObserverContext(codes.DCM.Person, sr.PersonObserverIdentifyingAttributes(name="Observer^One"))
    region = sr.ImageRegion(
        sr.GraphicTypeValues.POLYLINE,
        np.array([[4.0, 4.0], [12.0, 4.0], [12.0, 12.0], [4.0, 4.0]]),
        sr.SourceImageForRegion(source[0].SOPClassUID, source[0].SOPInstanceUID),
    )
    measured = sr.PlanarROIMeasurementsAndQualitativeEvaluations(
        tracking_identifier=sr.TrackingIdentifier("1.2.3.8.9", "Lesion"),
        referenced_region=region,
        measurements=[sr.Measurement(codes.SCT.Length, 12.5, codes.UCUM.Millimeter)],
    )
    content = sr.MeasurementReport(
        observation_context=sr.ObservationContext(observer_person_context=observer),
        procedure_reported=codes.LN.CTUnspecifiedBodyRegion,
        imaging_measurements=[measured],
    )
    return sr.ComprehensiveSR(
        evidence=[*source, segmented],
        content=content,
        series_instance_uid="1.2.3.8.2",
        series_number=101,
        sop_instance_uid="1.2.3.8.2.1",
        instance_number=1,
        manufacturer="Example",
    )


def parametric_map(source: list[Dataset]) -> Dataset:
    """A number between 0 and 1 for each pixel."""
    mapping = RealWorldValueMapping("1", "Probability", codes.UCUM.NoUnits, (0.0, 1.0), slope=1, intercept=0)
    return ParametricMap(
        source_images=source,
        pixel_array=np.zeros((len(source), 16, 16), np.float32),
        series_instance_uid="1.2.3.8.3",
        series_number=102,
        sop_instance_uid="1.2.3.8.3.1",
        instance_number=1,
        contains_recognizable_visual_features=False,
        real_world_value_mappings=[mapping],
        window_center=0.5,
        window_width=1,
        **_DEVICE,
    )


def presentation(source: list[Dataset]) -> Dataset:
    """The slices as they are to be shown."""
    return GrayscaleSoftcopyPresentationState(
        referenced_images=source,
        series_instance_uid="1.2.3.8.4",
        series_number=103,
        sop_instance_uid="1.2.3.8.4.1",
        instance_number=1,
        content_label="WINDOW",
        **_DEVICE,
    )


def uids(dataset: Dataset) -> set[str]:
    """All UIDs of a data set that are nobody's registered ones."""
    found: set[str] = set()
    for element in dataset.iterall():
        if element.VR == "UI" and element.value:
            values: Any = element.value if element.VM > 1 else [element.value]
            found |= {str(uid) for uid in values if not str(uid).startswith("1.2.840.10008.")}
    return found


def test_they_come_home(round_trip: Round) -> None:
    """At Orthanc they belong to Doe^Jane's study and refer to its instances; through the proxy to the pseudonyms."""
    source = round_trip.fetched()
    assert str(source[0].PatientName) != "Doe^Jane"
    assert len(source) == SLICES
    made = segmentation(source)
    made_report = report(source, made)
    others = [parametric_map(source), presentation(source)]
    assert made.FrameOfReferenceUID == source[0].FrameOfReferenceUID

    round_trip.outside.store_instances([made, *others])
    stored = round_trip.outside.store_instances([made_report], study_instance_uid=source[0].StudyInstanceUID)
    assert [str(item.ReferencedSOPInstanceUID) for item in stored.ReferencedSOPSequence] == [made_report.SOPInstanceUID]

    pseudonym = round_trip.proxy.policy.is_pseudonym_uid
    first = pydicom.dcmread(io.BytesIO(original(0)))
    for sent in (made, made_report, *others):
        home = round_trip.inside.retrieve_instance(STUDY, sent.SeriesInstanceUID, sent.SOPInstanceUID)
        assert not {uid for uid in uids(home) if pseudonym(uid)}
        for keyword in ("PatientName", "PatientID", "PatientBirthDate", "StudyDate", "StudyTime", "AccessionNumber"):
            assert str(home[keyword].value) == str(first[keyword].value)
        assert home.get("FrameOfReferenceUID") == (first.FrameOfReferenceUID if "FrameOfReferenceUID" in sent else None)
        assert {f"{SERIES}.{number}" for number in range(SLICES)} <= uids(home)

        study, series = source[0].StudyInstanceUID, round_trip.proxy.policy.pseudonym_uid(sent.SeriesInstanceUID)
        instance = round_trip.proxy.policy.pseudonym_uid(sent.SOPInstanceUID)
        again = round_trip.outside.retrieve_instance(study, series, instance)
        for keyword in ("PatientName", "PatientID", "StudyInstanceUID", "StudyDate", "ContentDate"):
            assert str(again.get(keyword)) == str(sent.get(keyword))
        assert {each.SOPInstanceUID for each in source} <= uids(again)
        assert b"Doe" not in repr(again).encode()


def test_it_is_readable_where_it_is(round_trip: Round) -> None:
    """highdicom reads the segmentation at Orthanc, and its frames fit the originals' slices."""
    source = round_trip.fetched()
    round_trip.outside.store_instances([segmentation(source)])

    home = round_trip.inside.retrieve_instance(STUDY, "1.2.3.8.1", "1.2.3.8.1.1")
    read = highdicom.seg.Segmentation.from_dataset(home)

    pixels = read.get_pixels_by_source_instance([f"{SERIES}.{number}" for number in range(SLICES)])
    assert pixels.sum() == SLICES * 64
