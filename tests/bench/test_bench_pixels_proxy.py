"""Text in pixels through the proxy: the development set by every way out, judged by the engine's scorer.

    pytest -m bench tests/bench/test_bench_pixels_proxy.py -s

And what a series of slices costs, once and again, by the way that is chosen for it.
"""

from __future__ import annotations

import io
import json
import time
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image
from pydicom import Dataset, dcmread

from bench.figures import Figure, Figures, Measure
from bench.pixel_scores import Score, score, truth_of
from bench.test_bench_pixels import SHARED, table
from bench.test_bench_pixels_cost import cpu_seconds
from dicomveil_proxy.pixels.render import render
from engine.pixel_instances import CT, instance
from origin.proxy import Proxy, running_proxy

pytestmark = [pytest.mark.bench, pytest.mark.filterwarnings("ignore")]

SLICES = 300
LOADING_SECONDS = 4
"""The processes load the models at the start, which is not part of the first retrieve."""
MOST_STROKES_SECONDS = 0.005
"""CPU of the proxy and its processes for a slice in which the fast test finds no strokes."""


def get(proxy: Proxy, original: Dataset, rest: str, accept: str) -> httpx.Response:
    """What the proxy answers about an instance."""
    uids = [proxy.policy.pseudonym_uid(original[tag].value) for tag in (0x0020000D, 0x0020000E, 0x00080018)]
    path = "{}/studies/{}/series/{}/instances/{}".format(proxy.base_url, *uids)
    return httpx.get(path + rest, headers={"Accept": accept}, timeout=600)


def profile(folder: Path, gate: str) -> str:
    path = folder / "profile.json"
    path.write_text(json.dumps({"profile": "basic", "pixels": {"text": "allText", "gate": gate}}))
    return str(path)


def test_shared(tmp_path: Path) -> None:
    """Each instance comes as the engine's scorer wants it, and frames, other syntaxes and pictures agree with it."""
    folder = SHARED / "pixelbench"
    if not folder.is_dir():
        pytest.skip("needs ../shared/pixelbench")
    scores, disagreements = [], []
    with running_proxy(tmp_path, str(folder / "in"), profile(tmp_path, "look")) as proxy:
        for entry in json.loads((folder / "truth.json").read_text()):
            name, data = entry["file"], (folder / "in" / entry["file"]).read_bytes()
            original, lines = dcmread(io.BytesIO(data)), truth_of(entry["lines"])
            begun = time.monotonic()
            answer = get(proxy, original, "", "application/dicom; transfer-syntax=*")
            if answer.status_code != 200:
                scores.append(Score(name, refused=answer.text, is_control=not lines))
                continue
            outcome = score(name, data, answer.content, lines)
            outcome.seconds = time.monotonic() - begun
            scores.append(outcome)
            disagreements += [f"{name}: {way}" for way in ways_that_disagree(proxy, original, answer.content)]
    print("\n" + table("through the proxy", scores))
    print("refused:", [f"{each.name}: {each.refused}" for each in scores if each.refused])
    print("faults:", [f"{each.name}: {each.faults}" for each in scores if each.faults])
    assert disagreements == []


def ways_that_disagree(proxy: Proxy, original: Dataset, released: bytes) -> list[str]:
    """Which ways show other pixels than the instance does."""
    wrong = []
    dataset = dcmread(io.BytesIO(released))
    frames = int(dataset.get("NumberOfFrames") or 1)
    for number in sorted({1, frames}):
        native = get(proxy, original, f"/frames/{number}", "application/octet-stream")
        explicit = get(proxy, original, "", "application/dicom; transfer-syntax=1.2.840.10008.1.2.1")
        if 406 in {native.status_code, explicit.status_code}:
            continue  # of a kind that is not transcoded
        whole = dcmread(io.BytesIO(explicit.content)).PixelData
        size = len(native.content)
        if native.status_code != 200 or native.content != whole[(number - 1) * size : number * size]:
            wrong.append(f"frame {number}")
    picture = get(proxy, original, "/rendered", "image/png")
    drawn = np.asarray(Image.open(io.BytesIO(render(io.BytesIO(released), 1, "image/png", {}))))
    if picture.status_code != 200 or not np.array_equal(np.asarray(Image.open(io.BytesIO(picture.content))), drawn):
        wrong.append("rendered")
    [metadata] = get(proxy, original, "/metadata", "application/dicom+json").json()
    said = Dataset.from_json(metadata, lambda *_: b"")
    keywords = ("BurnedInAnnotation", "PhotometricInterpretation")
    return wrong + [f"metadata: {each}" for each in keywords if said.get(each) != dataset.get(each)]


@pytest.mark.parametrize("gate", ["keep", "trust", "sample", "strokes"])
def test_series_of_slices(tmp_path: Path, gate: str, figures: Figures) -> None:
    """A series of 300 CT slices, retrieved for the first time and again."""
    source = tmp_path / "in"
    source.mkdir()
    rows, columns = np.mgrid[:512, :512]
    disc = np.where((rows - 256) ** 2 + (columns - 256) ** 2 < 160**2, 1040, 24).astype(np.uint16)
    random = np.random.default_rng(3)
    for number in range(1, SLICES + 1):
        pixels = (disc + random.integers(0, 12, disc.shape)).astype(np.uint16)
        uids = {
            "StudyInstanceUID": "1.2.3.8",
            "SeriesInstanceUID": "1.2.3.8.1",
            "SOPInstanceUID": f"1.2.3.8.1.{number}",
        }
        data = instance(
            [pixels], SOPClassUID=CT, Modality="CT", InstanceNumber=number, BitsStored=12, HighBit=11, **uids
        )
        (source / f"{number}.dcm").write_bytes(data)
    path = profile(tmp_path, "trust" if gate == "keep" else gate)
    if gate == "keep":
        Path(path).write_text(json.dumps({"profile": "basic", "pixels": "keep"}))
    with running_proxy(tmp_path, str(source), path) as proxy:
        study, series = (proxy.policy.pseudonym_uid(uid) for uid in ("1.2.3.8", "1.2.3.8.1"))
        url = f"{proxy.base_url}/studies/{study}/series/{series}"
        seconds = []
        time.sleep(LOADING_SECONDS)
        used = [tree_seconds(proxy.process.pid)]
        for _ in range(3):
            begun = time.monotonic()
            with httpx.stream("GET", url, headers={"Accept": "*/*"}, timeout=600) as answer:
                assert answer.status_code == 200
                size = sum(map(len, answer.iter_raw()))
            seconds.append(time.monotonic() - begun)
            used.append(tree_seconds(proxy.process.pid))
    print(f"\n{gate}: {', '.join(f'{each:.2f} s' for each in seconds)} for {size / 1e6:.0f} MB")
    print(f"{(used[1] - used[0]) / SLICES * 1000:.2f} ms of CPU for each slice the first time")
    most = MOST_STROKES_SECONDS if gate == "strokes" else None
    figures.add(Figure(f"a CT slice, pixels: {gate}", Measure.CPU, (used[1] - used[0]) / SLICES, at_most=most))


def tree_seconds(process: int) -> float:
    """The CPU seconds of a process and its children so far."""
    threads = Path(f"/proc/{process}/task").glob("*/children")
    children = {int(child) for path in threads for child in path.read_text().split()}
    return cpu_seconds(process) + sum(map(cpu_seconds, children))
