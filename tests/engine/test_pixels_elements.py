"""Elements of a header are found, replaced and added, and the rest keeps its bytes."""

from __future__ import annotations

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO

from dicomveil_engine import InvalidDataSetError
from dicomveil_engine.pixels.boxes import Box
from dicomveil_engine.pixels.elements import read_instance
from dicomveil_engine.pixels.header import PixelHeader
from dicomveil_engine.pixels.regions import outside, trusted_regions
from dicomveil_engine.rewriting.fields import Field
from engine.pixel_instances import BIG, IMPLICIT, JPEG_LS, NATIVE, instance, written

PICTURE = written((40, 60), "Doe")


@pytest.mark.parametrize("syntax", [NATIVE, BIG, IMPLICIT, JPEG_LS])
def test_changes_stand_in_the_order_of_tags(syntax: str) -> None:
    """Replaced, added before and behind the others, removed."""
    data = instance([PICTURE], syntax=syntax, StudyDescription="old", PatientSex="F")
    elements = read_instance(data)
    assert elements is not None
    assert elements.pixel_data is not None
    header = elements.rewritten(
        [Field(0x00081030, "LO", ["new"]), Field(0x00080005, "CS", ["ISO_IR 100"]), Field(0x00880140, "UI", ["1.2"])],
        [0x00100040],
    )
    out = dcmread(DicomBytesIO(data[: elements.start] + header + data[elements.pixel_data.start :]))
    tags = [int(element.tag) for element in out]

    assert (out.StudyDescription, out.SpecificCharacterSet, "PatientSex" in out) == ("new", "ISO_IR 100", False)
    assert tags == sorted(tags)
    assert (out.PixelData == dcmread(DicomBytesIO(data)).PixelData) is True


def test_the_header_alone_is_enough() -> None:
    """Nothing is known before Pixel Data begins, everything from then on."""
    data = instance([PICTURE])
    elements = read_instance(data)
    assert elements is not None
    assert elements.pixel_data is not None
    begins = elements.pixel_data.value

    assert read_instance(data[: begins - 20], closing=False) is None
    short = read_instance(data[:begins], closing=False)
    assert short is not None
    assert PixelHeader.from_elements(short) == PixelHeader.from_elements(elements)
    with pytest.raises(InvalidDataSetError, match="cut off"):
        read_instance(data[:300])


def test_part10_and_json_give_the_same_header() -> None:
    """The gate decides alike for an instance and for its metadata."""
    region = Dataset()
    region.RegionLocationMinX0, region.RegionLocationMinY0 = 3, 4
    region.RegionLocationMaxX1, region.RegionLocationMaxY1 = 50, 30
    data = instance(
        [PICTURE],
        SequenceOfUltrasoundRegions=[region],
        BurnedInAnnotation="NO",
        WindowCenter=[40, 50],
        WindowWidth=[400, 500],
        Manufacturer="ACME",
        SoftwareVersions=["1", "2"],
        RescaleSlope="2",
    )
    elements = read_instance(data)
    assert elements is not None
    header = PixelHeader.from_elements(elements)

    assert PixelHeader.from_json(dcmread(DicomBytesIO(data)).to_json_dict(), NATIVE) == header
    assert header.regions == (Box(3, 4, 48, 27),)
    assert header.windows == ((40.0, 400.0), (50.0, 500.0))


def test_regions_outside_the_image_are_not_believed() -> None:
    """Real instances have such; then nothing is known of where text is."""
    good, beyond, whole = Box(10, 10, 40, 20), Box(10, 10, 400, 20), Box(0, 0, 60, 40)
    header = PixelHeader(rows=40, columns=60, regions=(good,))

    assert trusted_regions(header) == (good,)
    assert sum(box.area for box in outside(header)) == 40 * 60 - good.area
    assert not any(box.shared(good) for box in outside(header))
    for regions in ((good, beyond), (whole,), ()):
        assert outside(PixelHeader(rows=40, columns=60, regions=regions)) == ()


def test_nonsense_in_a_header() -> None:
    """Numbers that are none become the defaults, which the gate and the frames look at."""
    data = instance([PICTURE])
    elements = read_instance(data.replace(b"ORIGINAL\\PRIMARY", b"\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\"))
    assert elements is not None

    assert not any(PixelHeader.from_elements(elements).image_type)
    assert PixelHeader.from_json({"00280010": {"vr": "US", "Value": ["x"]}, "00281050": {}}).rows == 0
    assert np.isfinite(PixelHeader.from_json({"00281052": {"Value": ["1e999"]}}).rescale_intercept)
