"""Draw the packages from the code's own imports: `docs/pictures/architecture.svg`.

A room is a folder or a module in the root of the engine or the proxy. Each stands a floor above all that it imports, so
that arrows lead down; an arrow that must lead up, because rooms need each other, is red. Only arrows that do not follow
from others are drawn.

    python scripts/draw_architecture.py          write the picture
    python scripts/draw_architecture.py --list   say what ties the rooms of the red arrows
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path

ROOT = Path(__file__).parents[1]
PICTURE = ROOT / "docs" / "pictures" / "architecture.svg"
PACKAGES = {
    "dicomveil_proxy": ROOT / "proxy" / "dicomveil_proxy",
    "dicomveil_engine": ROOT / "engine" / "dicomveil_engine",
}

_WIDTH, _MARGIN = 900, 20
_BOX, _HEIGHT, _FLOOR = 150, 30, 62

Arrow = tuple[str, str]


@dataclass(frozen=True)
class Import:
    """One module's import of a module in another room."""

    room: str
    of_room: str
    module: str
    of_module: str


def modules(package: Path) -> Iterator[Path]:
    """The modules of a package, but for its face and its entry."""
    for path in sorted(package.rglob("*.py")):
        if path.parent == package and path.stem in {"__init__", "__main__"}:
            continue
        yield path


def room_of(package: Path, path: Path) -> str:
    """The folder or module in the root that holds a module."""
    first = path.relative_to(package).parts[0]
    return first.removesuffix(".py")


def imported(tree: ast.AST) -> Iterator[str]:
    """What a module imports when it runs, by dotted names; what only type checkers see is left out."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            continue
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        else:
            yield from imported(node)


def imports_of(name: str, package: Path) -> list[Import]:
    """All imports from one room of a package to another, each pair of modules once."""
    known = {
        path.relative_to(package).as_posix().removesuffix("/__init__.py").removesuffix(".py")
        for path in modules(package)
    }
    found: dict[Import, None] = {}
    for path in modules(package):
        for dotted in imported(ast.parse(path.read_text("utf-8"))):
            target = dotted.removeprefix(f"{name}.").replace(".", "/")
            if not dotted.startswith(f"{name}.") or target not in known:
                continue
            here, there = room_of(package, path), target.split("/")[0]
            if here != there:
                module = path.relative_to(package).as_posix().removesuffix(".py")
                found[Import(here, there, module, target)] = None
    return list(found)


def reachable(start: str, arrows: set[Arrow]) -> set[str]:
    """The rooms to which arrows lead from a room, by any way."""
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        room = waiting.pop()
        for one, other in arrows:
            if one == room and other not in seen:
                seen.add(other)
                waiting.append(other)
    return seen


def looped(arrows: set[Arrow]) -> set[Arrow]:
    """The arrows from whose end there is a way back to their beginning."""
    ways = {room: reachable(room, arrows) for room, _ in arrows}
    return {arrow for arrow in arrows if arrow[0] in ways.get(arrow[1], ())}


def upward(weights: dict[Arrow, int]) -> set[Arrow]:
    """The arrows that have to lead up: those that undo most loops for the fewest imports, until there is no loop."""
    arrows, up = set(weights), set[Arrow]()
    while loops := looped(arrows):
        undone = {arrow: len(loops) - len(looped(arrows - {arrow})) for arrow in loops}
        best = max(sorted(loops), key=lambda arrow: undone[arrow] / weights[arrow])
        arrows.remove(best)
        up.add(best)
    return up


def floors(rooms: list[str], arrows: set[Arrow]) -> dict[str, int]:
    """Each room's floor: one above the highest that it needs."""
    known: dict[str, int] = {}

    def floor(room: str) -> int:
        if room not in known:
            known[room] = 1 + max((floor(other) for one, other in arrows if one == room), default=0)
        return known[room]

    return {room: floor(room) for room in rooms}


def needed(arrows: set[Arrow]) -> set[Arrow]:
    """The arrows that do not follow from others."""
    return {arrow for arrow in arrows if arrow[1] not in reachable(arrow[0], arrows - {arrow})}


@dataclass(frozen=True)
class Plan:
    """A package as it is drawn."""

    name: str
    floors: dict[str, int]
    down: set[Arrow]
    up: set[Arrow]
    imports: list[Import]


def plan_of(name: str, package: Path) -> Plan:
    """Rooms, floors and arrows of a package."""
    found = imports_of(name, package)
    weights: dict[Arrow, int] = {}
    for each in found:
        weights[each.room, each.of_room] = weights.get((each.room, each.of_room), 0) + 1
    up = upward(weights)
    rooms = sorted({room_of(package, path) for path in modules(package)})
    down = set(weights) - up
    return Plan(name, floors(rooms, down), down, up, found)


def drawn(plan: Plan, top: int) -> tuple[list[str], int]:
    """The picture's lines for a package below `top`, and where it ends."""
    highest = max(plan.floors.values())
    places: dict[str, tuple[int, int]] = {}
    for floor in range(highest, 0, -1):
        rooms = sorted(room for room, of in plan.floors.items() if of == floor)
        free = _WIDTH - 2 * _MARGIN - len(rooms) * _BOX
        gap = free / (len(rooms) + 1)
        for number, room in enumerate(rooms):
            x = round(_MARGIN + gap + number * (_BOX + gap))
            places[room] = (x, top + 34 + (highest - floor) * _FLOOR)
    bottom = top + 34 + highest * _FLOOR
    lines = [f'<text class="package" x="{_MARGIN}" y="{top + 18}">{plan.name}</text>']
    for kind, arrows in (("down", needed(plan.down)), ("up", plan.up)):
        for one, other in sorted(arrows):
            (x1, y1), (x2, y2) = places[one], places[other]
            start, end = (y1 + _HEIGHT, y2) if kind == "down" else (y1, y2 + _HEIGHT)
            lines.append(
                f'<path class="{kind}" d="M{x1 + _BOX // 2} {start} C{x1 + _BOX // 2} {(start + end) // 2} '
                f'{x2 + _BOX // 2} {(start + end) // 2} {x2 + _BOX // 2} {end}"/>'
            )
    for room, (x, y) in sorted(places.items()):
        lines.append(f'<rect x="{x}" y="{y}" width="{_BOX}" height="{_HEIGHT}" rx="4"/>')
        lines.append(f'<text x="{x + _BOX // 2}" y="{y + 20}">{escape(room)}</text>')
    return lines, bottom


def picture() -> str:
    """The whole picture."""
    lines: list[str] = []
    top = _MARGIN
    for name, package in PACKAGES.items():
        more, top = drawn(plan_of(name, package), top)
        lines += more
        top += _MARGIN
    style = (
        "text{font:13px sans-serif;fill:#111;text-anchor:middle}"
        ".package{font:bold 15px sans-serif;text-anchor:start}rect{fill:#eef3f8;stroke:#5a7fa6}"
        "path{fill:none;stroke:#9aa7b5}.up{stroke:#c0392b;stroke-width:1.5}"
    )
    title = "Rooms of the proxy and the engine; each stands above all that it imports"
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {top}" role="img" aria-label="{title}">',
            f"<title>{title}</title>",
            f"<style>{style}</style>",
            f'<rect x="0" y="0" width="{_WIDTH}" height="{top}" style="fill:#fff;stroke:none"/>',
            *lines,
            "</svg>",
            "",
        ]
    )


def main() -> None:
    """Write the picture, or say what leads up."""
    if "--list" in sys.argv:
        for name, package in PACKAGES.items():
            plan = plan_of(name, package)
            for each in plan.imports:
                if (each.room, each.of_room) in plan.up:
                    print(f"{name}: {each.module} -> {each.of_module}")
        return
    PICTURE.write_text(picture(), "utf-8")


if __name__ == "__main__":
    main()
