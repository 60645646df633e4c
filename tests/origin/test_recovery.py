"""What happens when things go away: the identity map, the origin server, the disk."""

from __future__ import annotations

import shutil
from pathlib import Path

import httpx
import pytest

from bench.instances import ct
from origin.orthanc import Orthanc, running_orthanc, stop
from origin.proxy import running_proxy

pytestmark = pytest.mark.origin


def test_the_identity_map_can_be_deleted(orthanc: Orthanc, tmp_path: Path) -> None:
    """Deleted while the proxy is stopped, it is missed by nobody: the same URLs lead to the same bytes."""
    orthanc.store(ct(rows=8, columns=8))
    with running_proxy(tmp_path, orthanc.base_url) as proxy:
        study = httpx.get(f"{proxy.base_url}/studies?limit=1").json()[0]["0020000D"]["Value"][0]
        (instance,) = httpx.get(f"{proxy.base_url}/studies/{study}/instances?limit=1").json()
        path = instance["00081190"]["Value"][0].removeprefix(proxy.base_url)
        before = httpx.get(f"{proxy.base_url}{path}", headers={"Accept": "application/dicom"})
    shutil.rmtree(tmp_path / "state")

    with running_proxy(tmp_path, orthanc.base_url) as proxy:
        after = httpx.get(f"{proxy.base_url}{path}", headers={"Accept": "application/dicom"})

    assert before.status_code == after.status_code == 200
    assert before.content == after.content


def test_an_origin_that_is_down_is_a_clear_502(tmp_path: Path) -> None:
    """Before it ever came up, and after it died; nothing of its address is told, and then all is well again."""
    with running_orthanc(tmp_path) as dying:
        dying.store(ct(rows=8, columns=8))
        with running_proxy(tmp_path, dying.base_url) as proxy:
            assert len(httpx.get(f"{proxy.base_url}/studies").json()) == 1
            stop(dying.process)

            response = httpx.get(f"{proxy.base_url}/studies")

            assert response.status_code == 502
            assert response.json()["code"] == "origin-unavailable"
            assert "127.0.0.1" not in response.text
