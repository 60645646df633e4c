"""What is written like what it is, one module per infotype or family of them.

A detector is a pure function: a `Reading` of one text in, `Finding`s in that text out. It knows nothing of the data
set the text stands in; what the instance itself says is found by `known`. A detector's patterns take linear time, and
look at a text only where it has what all of them need.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

from dicomveil_engine.text.detectors import (
    bank_accounts,
    dates,
    east_asian_dates,
    emails,
    national_ids,
    net_addresses,
    numbers,
    phones,
    titles,
    uids,
    urls,
)
from dicomveil_engine.text.finding import Finding
from dicomveil_engine.text.reading import Reading

Detector = Callable[[Reading], Iterable[Finding]]

DETECTORS: Mapping[str, Detector] = MappingProxyType(
    {
        "uids": uids.find,
        "urls": urls.find,
        "emails": emails.find,
        "net_addresses": net_addresses.find,
        "dates": dates.find,
        "east_asian_dates": east_asian_dates.find,
        "bank_accounts": bank_accounts.find,
        "national_ids": national_ids.find,
        "phones": phones.find,
        "numbers": numbers.find,
        "titles": titles.find,
    }
)
"""By the name under which a reason gives it; in no order that matters."""


def detect(reading: Reading) -> list[Finding]:
    """What every detector finds in a text; findings may overlap."""
    return [finding for find in DETECTORS.values() for finding in find(reading)]
