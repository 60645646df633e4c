"""How much of what identifies in texts is found, beside presidio with the header's values as a deny-list: `make bench`.

Rates, and CPU for a text that is seen first, over the generated set of `engine.text_cases` in one run for both.
Presidio gets no model: what it is measured with is its recognisers and the header, as its image redactor makes them.
"""

from __future__ import annotations

import re
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import pytest

from dicomveil_engine.text.analysed_text import AnalysedText
from dicomveil_engine.text.known import Known, Offer
from dicomveil_engine.text.seeds import seeds_of
from dicomveil_engine.text.words import IdentifyingWords
from engine.text_cases import Case, cases, wilson

pytestmark = pytest.mark.bench

Spans = list[tuple[int, int]]
_NAMES = 4_000


def ours(case: Case) -> Spans:
    """The spans that dicomveil finds."""
    words = IdentifyingWords()
    for value, vr in case.values:
        words.add(value, vr)
    return [(one.start, one.end) for one in words.findings(case.text)]


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


def measured(find: Callable[[Case], Spans]) -> tuple[dict[str, tuple[int, int]], float]:
    """Infotype → found and planted, with `header`, `other` and `words kept`; and the CPU seconds of a case."""
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    start = time.process_time()
    results = [(case, find(case)) for case in cases()]
    seconds = (time.process_time() - start) / len(results)
    for case, spans in results:
        gone = {index for first, last in spans for index in range(first, last)}
        for one in case.planted:
            letters = {index for index in range(one.start, one.end) if case.text[index].isalnum()}
            for name in (one.infotype, "header" if one.is_own else "other"):
                counts[name][0] += letters <= gone
                counts[name][1] += 1
        for match in re.finditer(r"[^\W_]+", case.text):
            if not any(one.start < match.end() and match.start() < one.end for one in case.planted):
                counts["words kept"][0] += gone.isdisjoint(range(*match.span()))
                counts["words kept"][1] += 1
    return {name: (hits, of) for name, (hits, of) in sorted(counts.items())}, seconds


def test_rates() -> None:
    """Both on the same texts; a table, and no bound."""
    theirs, their_seconds = measured(presidio())
    mine, seconds = measured(ours)

    print(f"\n{'':24} {'dicomveil':>24} {'presidio':>24}")
    for name, (hits, of) in mine.items():
        their_hits = theirs[name][0]
        shown = [f"{k / of:.3f} [{wilson(k, of)[0]:.2f}-{wilson(k, of)[1]:.2f}]" for k in (hits, their_hits)]
        print(f"{name:24} {shown[0]:>24} {shown[1]:>24}")
    print(f"{'CPU ms a text':24} {1000 * seconds:24.3f} {1000 * their_seconds:24.3f}")


def test_speed() -> None:
    """A text seen first, and thousands of names against thousands of texts; a table, and no bound."""
    texts = [f"{case.text[:56]} {number}" for number, case in enumerate(cases() * 2)][:_NAMES]
    start = time.process_time()
    offers = [Offer(AnalysedText(text)) for text in texts]
    names = [
        f"{'bcdfgklm'[n % 8]}ar{n:04d}".translate(str.maketrans("0123456789", "abcdefghij")) for n in range(_NAMES)
    ]
    known = Known(seeds_of(f"{name}mann^Jane", "PN") for name in names)
    prepared = time.process_time()
    rounds = []
    for _ in range(2):
        began = time.process_time()
        for offer in offers:
            known.find(offer)
        rounds.append(time.process_time() - began)
    print(f"\nprepared {_NAMES} names and texts: {prepared - start:.3f} s CPU")
    print(f"{_NAMES} names x {_NAMES} texts: first {rounds[0]:.3f} s, again {rounds[1]:.3f} s CPU")
