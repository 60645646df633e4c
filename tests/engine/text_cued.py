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

TEXTS = Path(__file__).parent / "text_set" / "cued.txt"
_VALUE = re.compile(r"\{\{(.+?)\}\}")


@cache
def cases() -> tuple[Case, ...]:
    """All cases, in the order of the file."""
    return tuple(_cases())


def _cases() -> Iterator[Case]:
    infotype = ""
    for line in TEXTS.read_text(encoding="utf-8").splitlines():
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
def result() -> Result:
    """What cleaning does to them."""
    return evaluate(cases())


if __name__ == "__main__":
    text_cases.report(result(), cases())
