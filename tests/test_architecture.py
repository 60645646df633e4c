"""The picture of the architecture is that of the code, and no module stands in a loop of imports."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
_SPEC = importlib.util.spec_from_file_location("draw_architecture", ROOT / "scripts" / "draw_architecture.py")
assert _SPEC is not None
assert _SPEC.loader is not None
drawing = importlib.util.module_from_spec(_SPEC)
sys.modules["draw_architecture"] = drawing
_SPEC.loader.exec_module(drawing)

PLANS = {name: drawing.plan_of(name, package) for name, package in drawing.PACKAGES.items()}
MOST_UPWARD = {"dicomveil_engine": 0, "dicomveil_proxy": 0}
"""Arrows between rooms that lead up: no more than there are, and fewer where it can be."""


def test_the_picture_is_current() -> None:
    """If this fails: run `python scripts/draw_architecture.py`, and look at what has changed."""
    assert drawing.PICTURE.read_text("utf-8") == drawing.picture()


@pytest.mark.parametrize("name", sorted(MOST_UPWARD))
def test_arrows_lead_down(name: str) -> None:
    """A room stands above all that it imports."""
    plan = PLANS[name]

    assert len(plan.up) <= MOST_UPWARD[name], sorted(plan.up)
    assert all(plan.floors[one] > plan.floors[other] for one, other in plan.down)


def test_what_must_lead_up() -> None:
    """Of a loop, the arrow with the fewest imports; without a loop, none."""
    assert drawing.upward({("a", "b"): 3, ("b", "a"): 1, ("b", "c"): 1}) == {("b", "a")}
    assert drawing.upward({("a", "b"): 1, ("b", "c"): 1, ("a", "c"): 1}) == set()


def test_floors_and_arrows_that_follow() -> None:
    """An arrow that other arrows imply is not drawn."""
    arrows = {("a", "b"), ("b", "c"), ("a", "c")}

    assert drawing.floors(["a", "b", "c"], arrows) == {"a": 3, "b": 2, "c": 1}
    assert drawing.needed(arrows) == {("a", "b"), ("b", "c")}


def test_the_page_names_what_there_is() -> None:
    """Every room of both packages has a row, and every module that the page names is there."""
    page = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    rooms = {f"{room}/" for plan in PLANS.values() for room in plan.floors if "." not in room}
    modules = {path.name for package in drawing.PACKAGES.values() for path in package.rglob("*.py")}
    folders = {room for room in rooms if any((package / room).is_dir() for package in drawing.PACKAGES.values())}

    assert {room for room in folders if f"`{room}`" not in page} == set()
    assert {name for name in re.findall(r"`(?:\w+/)*(\w+\.py)`", page) if name not in modules} <= {
        "draw_architecture.py"
    }
