"""Detectors: recognising identifying text by its form, one module for each infotype or family of infotypes.

A detector is a pure function from an `AnalysedText` to `Finding`s. It does not depend on the data set of the text; the
instance's own values are found by `known`. The patterns take linear time, and are tried only on texts that have what
all matches need.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

from dicomveil_engine.text.analysed_text import AnalysedText
from dicomveil_engine.text.detectors import (
    ages,
    archive_names,
    bank_accounts,
    dates,
    east_asian_dates,
    east_asian_names,
    emails,
    initials,
    national_ids,
    net_addresses,
    numbers,
    organizations,
    persons,
    phones,
    places,
    record_numbers,
    uids,
    urls,
    usernames,
)
from dicomveil_engine.text.finding import Finding

Detector = Callable[[AnalysedText], Iterable[Finding]]

DETECTORS: Mapping[str, Detector] = MappingProxyType(
    {
        "ages": ages.find,
        "archive_names": archive_names.find,
        "bank_accounts": bank_accounts.find,
        "dates": dates.find,
        "east_asian_dates": east_asian_dates.find,
        "east_asian_names": east_asian_names.find,
        "emails": emails.find,
        "initials": initials.find,
        "national_ids": national_ids.find,
        "net_addresses": net_addresses.find,
        "numbers": numbers.find,
        "organizations": organizations.find,
        "persons": persons.find,
        "phones": phones.find,
        "places": places.find,
        "record_numbers": record_numbers.find,
        "uids": uids.find,
        "urls": urls.find,
        "usernames": usernames.find,
    }
)
"""Name → detector; the order does not matter."""

_FEWEST_DIGITS = {
    "ages": 2, "dates": 1, "national_ids": 5, "net_addresses": 1, "numbers": 5, "phones": 3, "record_numbers": 3,
    "uids": 3,
}  # fmt: skip
"""The fewest digits of a text in which a detector can find something."""
_CHARACTERS = {"emails": "@"}
"""A character that a text needs for a detector to find something."""


def _by_digits() -> list[list[Detector]]:
    """The detectors by the number of digits in a text; the last ones are for that many or more."""
    most = max(_FEWEST_DIGITS.values())
    without = [name for name in DETECTORS if name not in _CHARACTERS]
    return [
        [DETECTORS[name] for name in without if _FEWEST_DIGITS.get(name, 0) <= digits] for digits in range(most + 1)
    ]


_BY_DIGITS = _by_digits()


def detect(reading: AnalysedText) -> list[Finding]:
    """The findings of all detectors in a text, including those that the policy adds; they may overlap.

    Raises DeidentificationError if a plug-in fails.
    """
    found: list[Finding] = []
    for find in _BY_DIGITS[min(reading.digits, len(_BY_DIGITS) - 1)]:
        found += find(reading)
    for name, character in _CHARACTERS.items():
        if character in reading.plain:
            found += DETECTORS[name](reading)
    for added in reading.settings.added:
        found += added.find(reading.text, is_prose=reading.is_prose)
    return found
