"""Text in pixels: what is covered, what is covered needlessly, what is not found; others beside it on the same set.

    pytest -m bench tests/bench/test_bench_pixels.py -s

The set is drawn by `pixel_drawing` (other people, faces, grounds and encodings than any that were tuned on); the shared
development set, and real anatomy as ground, are measured too where `../shared` is there.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from pydicom import dcmread

from bench.pixel_drawing import Drawn, Page, faces, head, instances, plain
from bench.pixel_peers import PEERS
from bench.pixel_scores import Score, score, truth_of, wilson
from dicomveil_engine import EngineError, Policy, load_policy
from dicomveil_engine.pixels.gate import PixelAction, PixelVerdict
from dicomveil_engine.pixels.header import PixelHeader
from dicomveil_engine.pixels.looker import Looker
from dicomveil_engine.pixels.release import released_instance

pytestmark = pytest.mark.bench

SHARED = Path(__file__).parents[3] / "shared"
KEY = b"k" * 32
COUNT = 140
PEERS_COUNT = 40
Clean = Callable[[bytes], bytes]


@pytest.fixture(scope="module")
def looker() -> Looker:
    return Looker()


def policy(text: str) -> Policy:
    return load_policy({"profile": "basic", "pixels": {"text": text, "gate": "look"}}, KEY)


def measured(drawn: Iterable[Drawn], clean: Clean) -> list[Score]:
    scores = []
    for one in drawn:
        begun = time.process_time()
        try:
            out = clean(one.data)
        except EngineError as error:
            scores.append(Score(one.name, refused=str(error), is_control=not one.lines))
            continue
        except Exception as error:  # noqa: BLE001 - a peer may raise anything
            failed = Score(one.name, faults=[type(error).__name__], is_control=not one.lines)
            failed.missed += [line for line in one.lines if line.identifies]
            scores.append(failed)
            continue
        seconds = time.process_time() - begun
        result = score(one.name, one.data, out, one.lines)
        result.seconds = seconds
        scores.append(result)
    return scores


def table(name: str, scores: list[Score]) -> str:
    covered = sum(len(result.covered) for result in scores)
    lines = covered + sum(len(result.missed) for result in scores)
    low, high = wilson(covered, lines)
    texts = [result.needless for result in scores if not result.is_control and not result.refused]
    controls = [result.needless for result in scores if result.is_control and not result.refused]
    kept, technique = (sum(getattr(result, what) for result in scores) for what in ("kept_technique", "technique"))
    return (
        f"{name:28} {len(scores):4} instances  {covered}/{lines} lines {covered / max(lines, 1):.4f} "
        f"({low:.3f}-{high:.3f})  needless {np.mean(texts or [0]):.5f}  controls {np.mean(controls or [0]):.5f} "
        f"of {len(controls)}  changed elsewhere {sum(result.changed_elsewhere for result in scores)}  "
        f"refused {sum(bool(result.refused) for result in scores)}  invalid {sum(bool(r.faults) for r in scores)}  "
        f"false claims {sum(r.false_claim for r in scores)}  "
        f"technique kept {kept}/{technique}  CPU {sum(result.seconds for result in scores) / max(len(scores), 1):.2f} s"
    )


def details(scores: list[Score]) -> str:
    """What was missed, refused or invalid, and where most is covered needlessly."""
    lines = [f"  missed in {each.name}: {line.kind} {line.conditions}" for each in scores for line in each.missed]
    lines += [f"  refused {each.name}: {each.refused}" for each in scores if each.refused]
    lines += [f"  {each.name}: {', '.join(each.faults)}" for each in scores if each.faults]
    worst = sorted(scores, key=lambda each: -each.needless)[:8]
    lines += [f"  needless {each.needless:.4f} in {each.name}" for each in worst if each.needless > 0.002]
    return "\n".join(lines)


_OURS: dict[str, list[Score]] = {}
"""What was measured in this run, for the table beside others."""


def shown(name: str, scores: list[Score]) -> None:
    print("\n" + table(name, scores))
    print(details(scores), flush=True)


@pytest.mark.parametrize("text", ["allText", "sensitiveText"])
def test_drawn(looker: Looker, text: str) -> None:
    """The set of the generator: every encoding, faces, faint, huge, turned, upside down; controls."""
    scores = measured(instances(COUNT, 77), lambda data: released_instance(data, policy(text), looker))
    _OURS[f"drawn {text}"] = scores
    shown(f"drawn, {text}", scores)


def test_over_real_anatomy(looker: Looker) -> None:
    """Lines drawn over slices of real patients that were published."""
    grounds = list(real_grounds())
    if not grounds:
        pytest.skip("needs ../shared/corpus")
    drawn = instances(60, 9, grounds=grounds)
    shown("real anatomy", measured(drawn, lambda data: released_instance(data, policy("allText"), looker)))


@pytest.mark.parametrize("text", ["allText", "sensitiveText"])
def test_shared(looker: Looker, text: str) -> None:
    """The development set."""
    drawn = development_set()
    if not drawn:
        pytest.skip("needs ../shared/pixelbench")
    _OURS[f"shared {text}"] = scores = measured(drawn, lambda data: released_instance(data, policy(text), looker))
    shown(f"development set, {text}", scores)


def development_set() -> list[Drawn]:
    folder = SHARED / "pixelbench"
    if not folder.is_dir():
        return []
    truth = json.loads((folder / "truth.json").read_text())
    return [
        Drawn(entry["file"], (folder / "in" / entry["file"]).read_bytes(), truth_of(entry["lines"])) for entry in truth
    ]


@pytest.mark.parametrize("peer", PEERS)
@pytest.mark.filterwarnings("ignore")
def test_peers(peer: str) -> None:
    """The first 40 of the same set, and the development set, through others that are installed (`make bench`)."""
    clean = PEERS[peer]()
    if clean is None:
        pytest.skip(f"{peer} is not installed")
    for kind, drawn in (("drawn", list(instances(PEERS_COUNT, 77))), ("shared", development_set())):
        ours = _OURS.get(f"{kind} allText", [])[: len(drawn)]
        print("\n" + table(f"dicomveil, {kind}", ours) if ours else "")
        shown(f"{peer}, {kind}", measured(drawn, clean))


SCRIPTS = {
    "Latin": "Morkovin Theodora 1950",
    "Cyrillic": "\u041c\u043e\u0440\u043a\u043e\u0432\u0438\u043d \u0424\u0435\u043e\u0434\u043e\u0440\u0430",
    "Greek": "\u039c\u03bf\u03c1\u03ba\u03bf\u03b2\u03b9\u03bd \u0398\u03b5\u03bf\u03b4\u03c9\u03c1\u03b1",
    "Arabic": "\u0645\u0648\u0631\u0643\u0648\u0641\u064a\u0646 \u062b\u064a\u0648\u062f\u0648\u0631\u0627",
    "Hebrew": "\u05de\u05d5\u05e8\u05e7\u05d5\u05d1\u05d9\u05df \u05ea\u05d9\u05d0\u05d5\u05d3\u05d5\u05e8\u05d4",
}
DEJAVU = "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"


def test_what_is_not_found(looker: Looker) -> None:
    """Single lines: by height, by contrast, by script, and written as by hand."""
    outlines = [face for face in faces() if face.endswith(".ttf")]
    rows: dict[str, list[bool]] = {}
    for number in range(24):
        face = outlines[number * 7 % len(outlines)]
        for size in (5, 6, 7, 8, 10, 14):
            rows.setdefault(f"{size} px, dark ground", []).append(found(looker, number, face, size, 1.0, over=False))
            rows.setdefault(f"{size} px, anatomy", []).append(found(looker, number, face, size, 1.0, over=True))
        for contrast in (0.02, 0.04, 0.07, 0.15):
            rows.setdefault(f"14 px, contrast {contrast:.0%}", []).append(
                found(looker, number, face, 14, contrast, over=True)
            )
        for script, text in SCRIPTS.items():
            rows.setdefault(script, []).append(found(looker, number, DEJAVU, 12, 1.0, over=True, text=text))
        rows.setdefault("handwriting (script strokes)", []).append(handwritten(looker, number))
    for name, hits in rows.items():
        low, high = wilson(sum(hits), len(hits))
        print(f"{name:32} {sum(hits)}/{len(hits)} ({low:.2f}-{high:.2f})")


def found(
    looker: Looker, number: int, face: str, height: int, contrast: float, *, over: bool, text: str = "Morkovin 5817828"
) -> bool:
    random = np.random.default_rng((5, number))
    page = Page((head if over else plain)(random, (384, 384)), random)
    ground = float(page.values[190:200, 130:250].mean())
    page.write(text, "header", (130, 190), face, height, value=min(ground + contrast, 1.0))
    return _is_covered(looker, page.values, page.lines[0].boxes[0])


def handwritten(looker: Looker, number: int) -> bool:
    random = np.random.default_rng((6, number))
    values = plain(random, (384, 384))
    mask = np.zeros(values.shape, np.uint8)
    cv2.putText(mask, "Theodora Morkovin", (30, 200), cv2.FONT_HERSHEY_SCRIPT_COMPLEX, 1.0, 255, 1, cv2.LINE_AA)
    turn = cv2.getRotationMatrix2D((190, 190), float(random.uniform(-8, 8)), 1)
    wave = cv2.warpAffine(mask, turn, mask.shape[::-1])
    rows, columns = np.nonzero(wave > 60)
    box = (int(columns.min()), int(rows.min()), int(np.ptp(columns)) + 1, int(np.ptp(rows)) + 1)
    return _is_covered(looker, np.maximum(values, wave / 255), box)


def _is_covered(looker: Looker, values: npt.NDArray[np.float64], box: tuple[int, int, int, int]) -> bool:
    """Whether 95 % of a line's box is found in a picture."""
    from dicomveil_engine.configuration.pixels import PixelSettings
    from dicomveil_engine.pixels.looker import _covered, _Look

    verdict = PixelVerdict(PixelAction.LOOK, "bench", rotated=False)
    look = _Look(looker._finder, PixelHeader(), verdict, PixelSettings(), None)
    try:
        lines, _ = look.lines((values * 255).astype(np.uint8))
    except EngineError:
        return True  # withheld
    inside = np.zeros(values.shape, bool)
    for part in _covered(lines, values.shape[1], values.shape[0]):
        inside[part.y : part.bottom, part.x : part.right] = True
    x, y, width, height = box
    return bool(inside[y : y + height, x : x + width].mean() >= 0.95)


def real_grounds() -> Iterable[npt.NDArray[np.float64]]:
    """CT and MR slices of the corpus, stretched to grey values from 0 to 1."""
    folder = SHARED / "corpus"
    for path in sorted(folder.glob("*.dcm")) if folder.is_dir() else ():
        try:
            dataset = dcmread(path)
            if dataset.get("Modality") not in {"CT", "MR"} or dataset.get("SamplesPerPixel") != 1:
                continue
            pixels = dataset.pixel_array.astype(float)
        except Exception:  # noqa: BLE001 - odd instances are not what this is about
            continue
        if pixels.ndim != 2 or min(pixels.shape) < 128:
            continue
        low, high = np.percentile(pixels, (0.5, 99.9))
        values = np.clip((pixels - low) / (high - low + 1e-9), 0, 1)
        if values.std() < 0.08:
            continue
        # In anatomy, neighbouring pixels are alike; in test patterns and noise they are not.
        alike = np.corrcoef(values[:, 1:].ravel(), values[:, :-1].ravel())[0, 1]
        if alike > 0.8:
            yield np.clip(cv2.resize(values, (512, 512), interpolation=cv2.INTER_CUBIC), 0, 1)
