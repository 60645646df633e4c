"""The ten actions of the field's benchmark over a synthetic archive with an answer key: `make bench`.

pytest -m bench tests/bench/test_bench_curation.py -s
"""

from __future__ import annotations

import io

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset

from bench.curation_scores import Outcome, scored
from bench.curation_set import ACTIONS, Answer, archive
from dicomveil_engine import EngineError, Policy, deidentify_instance, load_policy

pytestmark = pytest.mark.bench

KEY = b"k" * 32
_DRAWN = 36
_BOUNDS = {
    **dict.fromkeys(("tag_retained", "text_notnull", "date_shifted", "uid_changed", "uid_consistent"), 1.0),
    **dict.fromkeys(("patid_consistent", "pixels_retained"), 1.0),
    "text_removed": 0.99,
    "text_retained": 0.97,
}


def with_policy(policy: Policy, dataset: Dataset) -> Dataset | None:
    """A data set as it comes out, read again; None where it is refused."""
    stream = io.BytesIO()
    dataset.save_as(stream, enforce_file_format=True)
    try:
        return dcmread(io.BytesIO(deidentify_instance(stream.getvalue(), policy)))
    except EngineError:
        return None


def add_pixels(outcome: Outcome) -> None:
    """Instances with text burnt in, and pictures without any, as `pixel_drawing` draws them."""
    pytest.importorskip("cv2")
    from bench.pixel_drawing import instances
    from bench.pixel_scores import score
    from dicomveil_engine.pixels.looker import Looker
    from dicomveil_engine.pixels.release import released_instance

    policy = load_policy({"profile": "research", "pixels": {"text": "allText", "gate": "look"}}, KEY)
    looker = Looker()
    for drawn in instances(_DRAWN, 31):
        try:
            result = score(drawn.name, drawn.data, released_instance(drawn.data, policy, looker), drawn.lines)
        except EngineError:
            outcome.refused += 1
            continue
        kind = drawn.name.split(" ")[1]
        for _ in result.covered:
            outcome.add(Answer("pixels_hidden", kind, "PixelData"), is_right=True)
        for line in result.missed:
            outcome.add(Answer("pixels_hidden", f"{kind}, {line.kind}", "PixelData"), is_right=False)
        if result.is_control:
            is_right = not result.changed_elsewhere and not result.needless
            outcome.add(Answer("pixels_retained", kind, "PixelData"), is_right=is_right)


@pytest.mark.parametrize("profile", ["research", "tcia"])
def test_ten_actions(profile: str) -> None:
    """A table, failures by kind, and bounds."""
    policy = load_policy({"profile": profile}, KEY)
    outcome = scored(archive(), lambda dataset: with_policy(policy, dataset))
    if profile == "research":
        add_pixels(outcome)

    print(f"\n{profile}", *outcome.table(ACTIONS), f"refused {outcome.refused}", sep="\n")
    if profile == "research":
        assert {action: outcome.share(action) for action in _BOUNDS if outcome.share(action) < _BOUNDS[action]} == {}
        assert outcome.share("pixels_hidden") >= 0.95
