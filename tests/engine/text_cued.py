"""A third set of texts, whose values stand beside cues that say little: towns that are words, initials, short labels.

`PYTHONPATH=tests python tests/engine/text_cued.py` prints the rates, and what was missed or lost.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from engine import text_cases
from engine.text_cases import Case, Planted, Result, evaluate

FOLDER = Path(__file__).parent / "text_set"
_VALUE = re.compile(r"\{\{(.+?)\}\}")


@cache
def cases(name: str = "cued") -> tuple[Case, ...]:
    """All cases of a file, in its order: `cued` was written before the rules, `cued_later` after them."""
    return tuple(_cases(FOLDER / f"{name}.txt"))


def _cases(path: Path) -> Iterator[Case]:
    infotype = ""
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            infotype = line.strip("[]")
        elif line and not line.startswith("#"):
            language, _, written = line.partition(": ")
            text, planted = "", []
            for index, piece in enumerate(_VALUE.split(written)):
                if index % 2:
                    planted.append(Planted(len(text), len(text) + len(piece), infotype, False))
                text += piece
            yield Case(language, text, tuple(planted), (("Doe^Jane", "PN"),))


@cache
def result(name: str = "cued") -> Result:
    """What cleaning does to them."""
    return evaluate(cases(name))


if __name__ == "__main__":
    for file in ("cued", "cued_later"):
        print(file)
        text_cases.report(result(file), cases(file))
