"""How much of what identifies in texts is found, beside presidio with the header's values as a deny-list: `make bench`.

Rates, and CPU for a text that is seen first, over the generated sets of `engine.text_cases` and `engine.text_wordings`
and the benchmark beside the project: dicomveil, the same with a vocabulary of a synthetic archive, presidio.
Presidio gets no model: what it is measured with is its recognisers and the header, as its image redactor makes them.
"""

from __future__ import annotations

import json
import re
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from bench import text_archive
from dicomveil_engine import bounded_cache
from dicomveil_engine.attributes import dictionary
from dicomveil_engine.pseudonyms.keys import Keys
from dicomveil_engine.text.analysed_text import AnalysedText
from dicomveil_engine.text.detectors import detect
from dicomveil_engine.text.identifying import is_identifying
from dicomveil_engine.text.known import Known
from dicomveil_engine.text.offer import Offer
from dicomveil_engine.text.seeds import seeds_of
from dicomveil_engine.text.settings import DEFAULT, TextSettings
from dicomveil_engine.text.vocabulary import Vocabulary
from dicomveil_engine.text.words import IdentifyingWords
from engine import text_wordings
from engine.text_cases import Case, Planted, cases, wilson

pytestmark = pytest.mark.bench

Spans = list[tuple[int, int]]
_NAMES = 4_000
_PATIENTS = 30_000
"""Of the synthetic archive of which the vocabulary is counted."""


def ours(settings: TextSettings = DEFAULT) -> Callable[[Case], Spans]:
    """The spans that dicomveil finds."""

    def find(case: Case) -> Spans:
        words = IdentifyingWords(settings)
        for value, vr in case.values:
            words.add(value, vr)
        return [(one.start, one.end) for one in words.findings(case.text)]

    return find


def presidio() -> Callable[[Case], Spans]:
    """Presidio's analyzer without a model; skips where it is not installed (`uv sync --group bench`)."""
    analyzer: Any = pytest.importorskip("presidio_analyzer")
    spacy: Any = pytest.importorskip("spacy")
    engines: Any = pytest.importorskip("presidio_analyzer.nlp_engine")

    class Blank(engines.SpacyNlpEngine):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.nlp = {"en": spacy.blank("en")}

    registry = analyzer.RecognizerRegistry()
    registry.load_predefined_recognizers(languages=["en"])
    registry.remove_recognizer("SpacyRecognizer")
    engine = analyzer.AnalyzerEngine(nlp_engine=Blank(), registry=registry, supported_languages=["en"])

    def find(case: Case) -> Spans:
        parts = {part for value, _ in case.values for part in (value, *re.split(r"[\^ ]+", value)) if len(part) > 1}
        deny = sorted({written for part in parts for written in (part, part.upper(), part.lower())})
        header = analyzer.PatternRecognizer(supported_entity="HEADER", deny_list=deny)
        found = engine.analyze(case.text, language="en", ad_hoc_recognizers=[header], score_threshold=0.35)
        return [(one.start, one.end) for one in found]

    return find


def measured(find: Callable[[Case], Spans], texts: Sequence[Case]) -> tuple[dict[str, tuple[int, int]], float]:
    """Infotype → found and planted, with `header`, `other` and `words kept`; and the CPU seconds of a case.

    `clean kept` are texts with nothing to find that were not touched.
    """
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    start = time.process_time()
    results = [(case, find(case)) for case in texts]
    seconds = (time.process_time() - start) / len(results)
    for case, spans in results:
        gone = {index for first, last in spans for index in range(first, last)}
        for one in case.planted:
            letters = {index for index in range(one.start, one.end) if case.text[index].isalnum()}
            for name in (one.infotype, "header" if one.is_own else "other"):
                counts[name][0] += letters <= gone
                counts[name][1] += 1
        lost = 0
        for match in re.finditer(r"[^\W_]+", case.text):
            if not any(one.start < match.end() and match.start() < one.end for one in case.planted):
                is_kept = gone.isdisjoint(range(*match.span()))
                lost += not is_kept
                counts["words kept"][0] += is_kept
                counts["words kept"][1] += 1
        if not case.planted:
            counts["clean kept"][0] += not lost
            counts["clean kept"][1] += 1
    return {name: (hits, of) for name, (hits, of) in sorted(counts.items())}, seconds


def of_benchmark(path: Path) -> list[Case]:
    """The cases of the benchmark of header texts beside the project."""
    read = json.loads(path.read_text(encoding="utf-8"))
    made = []
    for case in read if isinstance(read, list) else read["cases"]:
        header = dict(case["header"])
        values = (
            [(str(header.pop("PersonIdentificationNested")), "PN")] if "PersonIdentificationNested" in header else []
        )
        for keyword, value in header.items():
            tag = dictionary.tag_of(keyword) or 0
            vr = dictionary.vr_of(tag) or "LO"
            if is_identifying(tag, vr):
                values += [(str(one), vr) for one in (value if isinstance(value, list) else [value])]
        planted = tuple(
            Planted(span["start"], span["end"], span["type"], span["where_known"] == "header") for span in case["spans"]
        )
        made.append(Case(case["lang"], case["text"], planted, tuple(values)))
    return made


@cache
def archive() -> TextSettings:
    """How texts are looked at with a vocabulary of the synthetic archive."""
    keys = Keys(b"k" * 32)
    return TextSettings(vocabulary=Vocabulary(text_archive.vocabulary(keys, _PATIENTS), keys))


@pytest.mark.parametrize("name", ["templates", "other wording", "benchmark"])
def test_rates(name: str, request: pytest.FixtureRequest) -> None:
    """All on the same texts; a table, and the bounds of ours."""
    if name == "benchmark":
        texts = of_benchmark(request.getfixturevalue("shared") / "textbench" / "cases.json")
    else:
        texts = list(cases() if name == "templates" else text_wordings.cases())
    systems = (ours(), ours(archive()), presidio())
    (mine, seconds), (learnt, learnt_seconds), (theirs, their_seconds) = (measured(find, texts) for find in systems)

    print(f"\n{name:24} {'dicomveil':>24} {'with vocabulary':>24} {'presidio':>24}")
    for row, (hits, of) in mine.items():
        shown = [
            f"{k / of:.3f} [{wilson(k, of)[0]:.2f}-{wilson(k, of)[1]:.2f}]"
            for k in (hits, learnt[row][0], theirs[row][0])
        ]
        print(f"{row:24} {shown[0]:>24} {shown[1]:>24} {shown[2]:>24}")
    times = [1000 * one for one in (seconds, learnt_seconds, their_seconds)]
    print(f"{'CPU ms a text':24} {times[0]:24.3f} {times[1]:24.3f} {times[2]:24.3f}")
    for rates in (mine, learnt):
        assert _share(rates["words kept"]) >= 0.98
        assert 1 - _share(rates["clean kept"]) <= 0.01
        assert _share(rates["header"]) >= 0.985
    assert _share(mine["other"]) >= 0.85
    assert _share(learnt["other"]) >= _share(mine["other"])
    assert _share(theirs["other"]) < _share(mine["other"])


def _share(counted: tuple[int, int]) -> float:
    return counted[0] / counted[1]


def test_speed() -> None:
    """Thousands of names against thousands of texts, apart from what is written like what it is; a table, no bound."""
    texts = [f"{case.text[:56]} {number}" for number, case in enumerate(cases() * 2)][:_NAMES]
    names = [
        f"{'bcdfgklm'[n % 8]}ar{n:04d}".translate(str.maketrans("0123456789", "abcdefghij")) + "mann^Jane"
        for n in range(_NAMES)
    ]
    detect(AnalysedText("Dr Roe, 12 Mar 2020"))  # the lists are read once
    known, seeding = _timed(lambda: Known(seeds_of(name, "PN") for name in names))
    readings, reading = _timed(lambda: [AnalysedText(text) for text in texts])
    offers, offering = _timed(lambda: [Offer(one) for one in readings])
    _, looking = _timed(lambda: [known.find(offer) for offer in offers])
    _, again = _timed(lambda: [known.find(offer) for offer in offers])
    _, detecting = _timed(lambda: [detect(one) for one in readings])
    print(f"\n{_NAMES} names and {_NAMES} texts of {sum(map(len, texts)) // _NAMES} characters, CPU ms")
    for what, seconds in (
        ("seeding the names", seeding),
        ("looking the texts up", looking),
        ("and once more", again),
        ("words of the texts", reading),
        ("what the texts offer", offering),
        ("detectors", detecting),
    ):
        print(f"  {what:24} {1000 * seconds:8.1f}   {1_000_000 * seconds / _NAMES:6.1f} us each")


def _timed(function: Callable[[], Any]) -> tuple[Any, float]:
    """What a function gives, and its CPU seconds: the least of three, each with empty caches."""
    least = float("inf")
    for _ in range(3):
        bounded_cache.drop_values()
        start = time.process_time()
        result = function()
        least = min(least, time.process_time() - start)
    return result, least
