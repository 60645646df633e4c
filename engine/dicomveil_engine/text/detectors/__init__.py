"""What is written like what it is, one module per infotype or family of them.

A detector is a pure function: a `Reading` of one text in, `Finding`s in that text out. It knows nothing of the data
set the text stands in; what the instance itself says is found by `known`. A detector's patterns take linear time, and
look at a text only where it has what all of them need.
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
"""By the name under which a reason gives it; in no order that matters."""

_FEWEST_DIGITS = {
    "ages": 2, "dates": 1, "national_ids": 5, "net_addresses": 1, "numbers": 5, "phones": 3, "record_numbers": 3,
    "uids": 3,
}  # fmt: skip
"""Digits without which a detector finds nothing."""
_CHARACTERS = {"emails": "@"}
"""A character without which a detector finds nothing."""


def _by_digits() -> list[list[Detector]]:
    """The detectors of texts with so many digits, or more for the last."""
    most = max(_FEWEST_DIGITS.values())
    without = [name for name in DETECTORS if name not in _CHARACTERS]
    return [
        [DETECTORS[name] for name in without if _FEWEST_DIGITS.get(name, 0) <= digits] for digits in range(most + 1)
    ]


_BY_DIGITS = _by_digits()


def detect(reading: AnalysedText) -> list[Finding]:
    """What every detector finds in a text, with those that the policy adds; findings may overlap.

    Raises DeidentificationError where one of a plug-in fails.
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
