"""Other transfer syntaxes than Orthanc holds, for user agents that insist: Orthanc itself may crash when asked so."""

from __future__ import annotations

from pathlib import Path

import httpx
import numpy as np
import pytest
from dicomweb_client import DICOMwebClient
from pydicom import dcmread

from dicomveil_proxy.pixels.frame import EXPLICIT_LITTLE, JPEG_2000, RLE
from origin.orthanc import Orthanc, running_orthanc
from origin.proxy import running_proxy
from proxy.pictures import COLOUR, GREY, picture, raw

pytestmark = [pytest.mark.origin, pytest.mark.filterwarnings("ignore")]

_SERIES = ("1.2.3.92", "1.2.3.92.1")


def _baseline(shared: Path) -> Path:
    """An instance in JPEG Baseline, of the corpus."""
    for path in sorted((shared / "corpus").glob("*.dcm"), key=lambda path: path.stat().st_size):
        dataset = dcmread(path, force=True, stop_before_pixels=True)
        is_baseline = dataset.file_meta.get("TransferSyntaxUID") == "1.2.840.10008.1.2.4.50"
        if is_baseline and dataset.get("PhotometricInterpretation") == "YBR_FULL_422" and "StudyInstanceUID" in dataset:
            return path
    pytest.skip("the corpus has no instance in JPEG Baseline")


def test_transcoding(orthanc: Orthanc, tmp_path: Path, shared: Path) -> None:
    """A stock client gets a compressed series and its frames decoded, and Orthanc is none the worse."""
    del orthanc  # that there is one
    with running_orthanc(tmp_path) as server, running_proxy(tmp_path, server.base_url) as proxy:
        for number, (syntax, described) in enumerate(((JPEG_2000, GREY), (RLE, GREY), (JPEG_2000, COLOUR)), 1):
            server.store(picture(syntax, described, uids=(*_SERIES, f"1.2.3.92.1.{number}")))
        jpeg = dcmread(_baseline(shared))
        server.store(_baseline(shared).read_bytes())
        client = DICOMwebClient(proxy.base_url)
        study, series = map(proxy.policy.pseudonym_uid, _SERIES)

        found = client.retrieve_series(study, series, media_types=(("application/dicom", EXPLICIT_LITTLE),))
        assert {each.file_meta.TransferSyntaxUID for each in found} == {EXPLICIT_LITTLE}
        pixels = sorted(bytes(each.PixelData) for each in found)
        assert pixels == sorted([b"".join(raw(GREY)), b"".join(raw(GREY)), b"".join(raw(COLOUR))])

        uids = [proxy.policy.pseudonym_uid(jpeg[name].value) for name in (0x0020000D, 0x0020000E, 0x00080018)]
        decoded = client.retrieve_instance(*uids, media_types=(("application/dicom", EXPLICIT_LITTLE),))
        assert decoded.PhotometricInterpretation == "RGB"
        assert np.array_equal(decoded.pixel_array, jpeg.pixel_array)
        frame = httpx.get(
            "{}/studies/{}/series/{}/instances/{}/frames/1".format(proxy.base_url, *uids),
            headers={"Accept": "application/octet-stream"},
        )
        assert frame.content == decoded.PixelData[: len(frame.content)]
        assert len(frame.content) == decoded.Rows * decoded.Columns * 3
