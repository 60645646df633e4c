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


def detect(reading: AnalysedText) -> list[Finding]:
    """What every detector finds in a text, with those that the policy adds; findings may overlap.

    Raises DeidentificationError where one of a plug-in fails.
    """
    found = [finding for find in DETECTORS.values() for finding in find(reading)]
    for added in reading.settings.added:
        found += added.find(reading.text, is_prose=reading.is_prose)
    return found
