"""What is written, what the proxy sends of the same original, and its metadata are one data set."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread

from bench.attributes import INSTANCE, SERIES, STUDY
from bench.instances import ct, enhanced_mr, rtstruct, sr
from dicomveil_proxy.jobs import Job, Status, deidentify_file
from dicomveil_proxy.origin.folder.header_json import header_json
from dicomveil_proxy.origin.folder.origin import FolderOrigin
from proxy.fakes import KEY, proxy
from proxy.instances import over_attributes

INSTANCES: dict[str, Callable[[], bytes]] = {
    "CT": lambda: ct(rows=32, columns=32),
    "enhanced MR": lambda: enhanced_mr(frames=2, rows=32, columns=32),
    "RTSTRUCT": lambda: rtstruct(regions=2, contours=4),
    "SR": lambda: sr(groups=2),
}


def without_addresses(dataset: Any) -> Any:
    """The same, but that bulk data is only said to be elsewhere."""
    if isinstance(dataset, list):
        return [without_addresses(each) for each in dataset]
    if isinstance(dataset, dict):
        return {name: "" if name == "BulkDataURI" else without_addresses(value) for name, value in dataset.items()}
    return dataset


@pytest.mark.anyio
@pytest.mark.parametrize("profile", ["default", "basic"])
@pytest.mark.parametrize("kind", INSTANCES)
async def test_a_file_and_the_proxy_agree(kind: str, profile: str, tmp_path: Path) -> None:
    """Byte for byte in Part 10, element for element in DICOM JSON."""
    original, output = tmp_path / "origin" / "original", tmp_path / "output"
    original.parent.mkdir()
    original.write_bytes(INSTANCES[kind]())
    assert deidentify_file(Job(over_attributes(profile), KEY), original, output).status is Status.WRITTEN

    async with proxy(tmp_path, FolderOrigin(original.parent), profile=profile) as ask:
        path = ask.path(STUDY, SERIES, f"{INSTANCE}.1")
        instance = await ask.get(path, "application/dicom")
        metadata = await ask.get(f"{path}/metadata")

    assert instance.content == output.read_bytes()
    (dataset,) = metadata.json()
    written = header_json(dcmread(output), lambda path: path)
    assert without_addresses(dataset) == without_addresses(written)
