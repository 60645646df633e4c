"""What looking at pixels costs: CPU for each picture, memory of a child, memory of the proxy beside it.

    pytest -m bench tests/bench/test_bench_pixels_cost.py -s

Bytes are bounded; seconds are printed only.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from bench.pixel_drawing import chest, instances
from dicomveil_engine.configuration.pixels import PixelSettings, PixelText
from dicomveil_engine.pixels.gate import PixelAction, PixelVerdict
from dicomveil_proxy.pixels.processes import LookingLimits, PixelProcesses
from engine.pixel_instances import CT, instance
from origin.proxy import running_proxy

pytestmark = [pytest.mark.bench, pytest.mark.filterwarnings("ignore")]

MOST_CHILD_BYTES = 1_500_000_000
MOST_PROXY_BYTES = 24 << 20
"""More than under a policy that lets pixels pass: the gate, the boxes, what is read ahead."""
_TICK = os.sysconf("SC_CLK_TCK")
_VERDICT = PixelVerdict(PixelAction.LOOK, "a bench", claims=True)


def pictures() -> Iterator[tuple[str, bytes]]:
    """Of several sizes; the first one loads the models."""
    ultrasound, cine, *_, mammogram = [one.data for one in instances(6, 77)]
    yield "first", ultrasound
    yield from [("US 640 x 480", ultrasound)] * 5
    yield "US cine, 6 frames", cine
    yield "MG 1280 x 1664", mammogram
    random = np.random.default_rng(3)
    large = np.asarray(chest(random, (2500, 2048)) * 4000, np.uint16)
    yield "DX 2048 x 2500", instance([large], SOPClassUID="1.2.840.10008.5.1.4.1.1.1.1", Modality="DX")
    huge = np.asarray(chest(random, (4096, 3328)) * 4000, np.uint16)
    yield "MG 3328 x 4096", instance([huge], SOPClassUID="1.2.840.10008.5.1.4.1.1.1.2", Modality="MG")


def test_a_look(tmp_path: Path) -> None:
    """CPU and peak memory of the child that looks."""
    processes = PixelProcesses(LookingLimits(processes=1, seconds=600))
    settings = PixelSettings(text=PixelText.ALL)
    source = tmp_path / "original"
    peak = 0
    print()
    try:
        before = 0.0
        for name, data in pictures():
            source.write_bytes(data)
            processes.boxes(source, _VERDICT, settings)
            [child] = processes._idle
            now = cpu_seconds(child.pid)
            peak = peak_bytes(child.pid)
            print(f"{name:20} {now - before:6.2f} s of CPU, peak so far {peak / 1e6:.0f} MB", flush=True)
            before = now
    finally:
        processes.close()
    assert peak <= MOST_CHILD_BYTES


def test_the_proxy_beside_it(tmp_path: Path) -> None:
    """Peak memory of the proxy while slices and ultrasound pass, with pixels kept and with pixels cleaned."""
    source = tmp_path / "in"
    source.mkdir()
    ground = np.full((512, 512), 24, np.uint16)
    for number in range(1, 121):
        data = instance([ground], SOPClassUID=CT, Modality="CT", InstanceNumber=number, **uids(1, number))
        (source / f"{number}.dcm").write_bytes(data)
    for number in range(1, 7):
        data = instance([np.full((480, 640, 3), 30, np.uint8)], **uids(2, number))
        (source / f"us{number}.dcm").write_bytes(data)
    peaks = {}
    for pixels in ("keep", "clean"):
        folder = tmp_path / pixels
        folder.mkdir()
        profile = folder / "profile.json"
        profile.write_text(json.dumps({"profile": "basic", "pixels": pixels}))
        with running_proxy(folder, str(source), str(profile)) as proxy:
            url = f"{proxy.base_url}/studies/{proxy.policy.pseudonym_uid('1.2.3.8')}"
            for _ in range(2):
                with httpx.stream("GET", url, headers={"Accept": "*/*"}, timeout=600) as answer:
                    assert answer.status_code == 200
                    size = sum(map(len, answer.iter_raw()))
            peaks[pixels] = peak_bytes(proxy.process.pid)
        print(f"\npixels {pixels}: peak {peaks[pixels] / 1e6:.0f} MB for {size / 1e6:.0f} MB")
    assert peaks["clean"] - peaks["keep"] <= MOST_PROXY_BYTES


def uids(series: int, number: int) -> dict[str, Any]:
    series_uid = f"1.2.3.8.{series}"
    return {
        "StudyInstanceUID": "1.2.3.8",
        "SeriesInstanceUID": series_uid,
        "SOPInstanceUID": f"{series_uid}.{number}",
    }


def peak_bytes(process: int) -> int:
    """The most memory that a process has had."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def cpu_seconds(process: int) -> float:
    """What a process has used so far."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICK
