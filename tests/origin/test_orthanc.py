"""The origin server of these tests is what the tests take it for."""

from __future__ import annotations

import httpx
import pytest

from bench.attributes import INSTANCE, SERIES, STUDY
from bench.instances import ct
from origin.orthanc import Orthanc

pytestmark = pytest.mark.origin


def test_orthanc_gives_back_what_was_stored(orthanc: Orthanc) -> None:
    """An instance stored past the proxy, maybe by another test before, is found again byte for byte."""
    stored = ct(rows=16, columns=16)

    uid = orthanc.store(stored)

    assert uid == f"{INSTANCE}.1"
    path = f"studies/{STUDY}/series/{SERIES}/instances/{uid}"
    accept = 'multipart/related; type="application/dicom"; transfer-syntax=*'
    assert stored in httpx.get(f"{orthanc.base_url}/{path}", headers={"Accept": accept}).content


def test_orthanc_takes_no_garbage(orthanc: Orthanc) -> None:
    """What is not an instance is not reported as stored."""
    assert orthanc.store(b"no instance") is None
