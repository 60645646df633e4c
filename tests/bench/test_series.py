"""The instances that are made from one, or without ever being held."""

from __future__ import annotations

from io import BytesIO

from pydicom import dcmread

from bench.series import LongInstance, ct_series, ct_uid


def test_slices_differ_in_their_uids_and_pixels() -> None:
    """So one that comes twice is no other."""
    first, second = (dcmread(BytesIO(each)) for each in ct_series(2, 4, 4))

    assert [first.SOPInstanceUID, second.SOPInstanceUID] == [ct_uid(0), ct_uid(1)]
    assert first.SeriesInstanceUID == second.SeriesInstanceUID
    assert first.PixelData != second.PixelData


def test_long_instance_can_be_read() -> None:
    """Its head says how long it is."""
    instance = LongInstance(frames=2)
    data = b"".join(instance.chunks())

    assert len(data) == instance.size
    assert len(dcmread(BytesIO(data)).PixelData) == 2 * 600 * 800 * 3
