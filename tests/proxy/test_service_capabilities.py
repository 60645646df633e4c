"""Retrieve Capabilities (PS3.18 Section 8.9): all that is routed is described, and nothing else."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from proxy.fakes import BASE, MemoryOrigin, instance, proxy

pytestmark = pytest.mark.anyio
_WADL = "{http://wadl.dev.java.net/2009/02}"


async def test_resources_and_methods(tmp_path: Path) -> None:
    """Each resource with its methods, below the service's own URL."""
    async with proxy(tmp_path, MemoryOrigin(instance())) as ask:
        response = await ask.client.options(f"{BASE}/")
    resources = ET.fromstring(response.content).find(f"{_WADL}resources")
    assert resources is not None
    described = {
        each.get("path"): [method.get("name") for method in each.findall(f"{_WADL}method")] for each in resources
    }

    assert response.headers["content-type"] == "application/vnd.sun.wadl+xml"
    assert resources.get("base") == BASE
    assert described["studies"] == ["POST", "GET", "HEAD"]
    assert described["studies/{study}/series/{series}/instances/{instance}/bulk/{bulk}"] == ["GET", "HEAD"]
    assert "" not in described


async def test_another_form(tmp_path: Path) -> None:
    """What is not offered is 406; other methods of the root are 405, and say which it has."""
    async with proxy(tmp_path, MemoryOrigin()) as ask:
        refused = await ask.client.options(BASE, headers={"Accept": "application/json"})
        got = await ask.client.get(BASE)

    assert refused.status_code == 406
    assert (got.status_code, got.headers["allow"]) == (405, "OPTIONS")
