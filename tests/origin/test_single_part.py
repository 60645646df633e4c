"""Single-part answers before a real Orthanc, which gives none: OHIF's view of ECGs asks for them."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from pydicom.dataset import Dataset

from origin.orthanc import Orthanc, running_orthanc
from origin.proxy import running_proxy
from proxy.fakes import instance

pytestmark = [pytest.mark.origin, pytest.mark.filterwarnings("ignore")]

_UIDS = ("1.2.3.91", "1.2.3.91.1", "1.2.3.91.1.1")
_WAVES = bytes(range(200)) * 50
_PIXELS = bytes(range(16))


def _add_waves(dataset: Dataset) -> None:
    item = Dataset()
    item.NumberOfWaveformChannels, item.NumberOfWaveformSamples = 1, len(_WAVES) // 2
    item.WaveformBitsAllocated, item.WaveformSampleInterpretation = 16, "SS"
    item.add_new(0x54001010, "OW", _WAVES)
    dataset.WaveformSequence = [item]


def test_single_part(orthanc: Orthanc, tmp_path: Path) -> None:
    """The samples of a waveform, where their metadata say; pixels; a frame; and the same to HEAD, without them."""
    del orthanc  # that there is one
    accept = {"Accept": "application/octet-stream"}
    with running_orthanc(tmp_path) as server, running_proxy(tmp_path, server.base_url) as proxy:
        assert server.store(instance(*_UIDS, pixels=_PIXELS, change=_add_waves)) == _UIDS[2]
        path = "/studies/{}/series/{}/instances/{}"
        refused = server.base_url + path.format(*_UIDS) + "/bulk/54000100/1/54001010"
        assert httpx.get(refused, headers=accept).status_code == 400

        ours = proxy.base_url + path.format(*map(proxy.policy.pseudonym_uid, _UIDS))
        (metadata,) = httpx.get(f"{ours}/metadata").json()
        waves = metadata["54000100"]["Value"][0]["54001010"]["BulkDataURI"]
        for url, value in ((waves, _WAVES), (f"{ours}/bulk/7fe00010", _PIXELS), (f"{ours}/frames/2", _PIXELS[8:])):
            response, head = httpx.get(url, headers=accept), httpx.head(url, headers=accept)
            assert (response.status_code, response.content) == (200, value)
            assert response.headers["content-type"].startswith("application/octet-stream")
            assert (head.status_code, head.content) == (200, b"")
            assert head.headers["content-type"] == response.headers["content-type"]
