"""The plan of an export: the cohort's series, written to the ledger as they are found.

Only one page of a search is in memory: a plan of ten million instances takes as much memory as one of ten.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import aclosing

from dicomveil_engine import Policy
from dicomveil_proxy.jobs.cohort import ACCESSION, PATIENT, TAGS, Chosen, Cohort, text_in
from dicomveil_proxy.jobs.ledger import Ledger
from dicomveil_proxy.origin import Origin

_ROWS_AT_A_TIME = 500

Paced = Callable[[], Awaitable[None]]
"""Waits until the next request is allowed."""


class Plan:
    """Fills a ledger."""

    def __init__(self, ledger: Ledger, policy: Policy, cohort: Cohort, seen: Callable[[int, int], None]) -> None:
        """`seen` is called with the numbers of studies and series found so far."""
        self._ledger = ledger
        self._policy = policy
        self._cohort = cohort
        self._seen = seen
        self._unit, self._study = ledger.next_numbers()
        self._studies: list[dict[str, object]] = []
        self._units: list[dict[str, object]] = []
        self._selection: list[tuple[int, int, str]] = []
        self._names: dict[str, str] = {}
        """Pseudonym of a study → the study."""
        self._position = 0
        self._study_count = self._series_count = 0

    async def make(self, origin: Origin, known: dict[str, str]) -> None:
        """Find the cohort's series. Raises OriginError."""
        self._ledger.clear_selection()
        whole: set[str] = set()
        async with aclosing(self._cohort.studies(origin, self._policy, known)) as studies:
            async for chosen in studies:
                self._select(chosen)
                if chosen.study and chosen.study not in whole:
                    is_twin = self._is_twin(chosen.study)
                    self._add_study(chosen, is_twin=is_twin)
                    if is_twin:
                        continue
                    if chosen.series is None:
                        whole.add(chosen.study)
                    async with aclosing(self._cohort.series(origin, chosen)) as series:
                        async for uid, listed in series:
                            self._add_unit(chosen.study, uid, listed)
                self._seen(self._study_count, self._series_count)
        self._flush(0)

    def _select(self, chosen: Chosen) -> None:
        self._position += 1
        self._selection.append((self._position, chosen.row, chosen.study))
        self._flush()

    def _is_twin(self, study: str) -> bool:
        """Whether an earlier study of the plan has the same pseudonym: it would be overwritten in the output.

        One of the two is the project's de-identified copy of the other. The later one is left out, and reported.
        """
        pseudonym = self._policy.pseudonym_uid(study)
        return self._names.setdefault(pseudonym, study) != study

    def _add_study(self, chosen: Chosen, *, is_twin: bool) -> None:
        self._study_count += 1
        self._studies.append(
            {
                "study": chosen.study,
                "number": self._study,
                "pseudonym": "" if is_twin else self._policy.pseudonym_uid(chosen.study),
                "patient": text_in(chosen.match, TAGS[PATIENT]),
                "accession": text_in(chosen.match, TAGS[ACCESSION]),
                "study_date": text_in(chosen.match, "00080020"),
            }
        )
        self._study += 1

    def _add_unit(self, study: str, series: str, listed: int) -> None:
        self._series_count += 1
        self._units.append({"number": self._unit, "study": study, "series": series, "listed": listed})
        self._unit += 1
        self._flush()

    def _flush(self, most: int = _ROWS_AT_A_TIME) -> None:
        if max(len(self._studies), len(self._units), len(self._selection)) > most:
            self._ledger.add_studies(self._studies)
            self._ledger.add_units(self._units)
            self._ledger.add_selection(self._selection)
            self._studies, self._units, self._selection = [], [], []


def known_studies(ledger: Ledger, pseudonyms: set[str]) -> dict[str, str]:
    """The originals behind pseudonyms of studies that the ledger has planned before."""
    found = ((each, ledger.original_study(each)) for each in pseudonyms)
    return {pseudonym: original for pseudonym, original in found if original}
