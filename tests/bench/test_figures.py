"""The table and the file of the benches: literal in, literal out."""

from __future__ import annotations

import json
from pathlib import Path

from bench.figures import Figure, Figures, Measure


def test_line_has_the_ratio() -> None:
    """Ours over theirs, and what it may be."""
    figures = Figures()
    figures.compare("retrieve", Measure.WALL, 0.03, {"nginx": 0.02, "Orthanc": 0.015}, at_most={"nginx": 1.6})

    assert figures.table().splitlines()[2:] == [
        "| retrieve: wall | nginx | 30 ms | 20 ms | 1.5 | 1.6 |",
        "| retrieve: wall | Orthanc | 30 ms | 15 ms | 2 |  |",
    ]


def test_what_is_over_its_bound_is_bold() -> None:
    """Its ratio, or, where there is no peer, its value."""
    ratio = Figure("store", Measure.CPU_PER_BYTE, 3e-9, "nginx", 1e-9, at_most=2)
    value = Figure("read slowly", Measure.MEMORY_ABOVE_IDLE, 65 << 20, at_most=64 << 20)

    assert ratio.cells() == ("store: CPU per byte", "nginx", "3 ns/B", "1 ns/B", "**3**", "2")
    assert value.cells() == ("read slowly: memory above idle", "", "**65.0 MiB**", "", "", "64.0 MiB")


def test_notes_stand_below_the_table_once() -> None:
    """However many benches have them."""
    figures = Figures()
    figures.note("a peer is not installed")
    figures.note("a peer is not installed")

    assert figures.table().splitlines()[2:] == ["", "a peer is not installed"]


def test_file_has_the_figures_and_the_machine(tmp_path: Path) -> None:
    """Values in their units, ratios, and where they were measured."""
    figures = Figures()
    figures.add(Figure("store", Measure.THROUGHPUT, 3e6, "--workers 1", 2e6))
    figures.write(tmp_path / "dist" / "bench.json")

    run = json.loads((tmp_path / "dist" / "bench.json").read_text())
    assert run["figures"][0]["ratio"] == 1.5
    assert run["machine"]["cores"] >= 1
