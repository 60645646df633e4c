"""Rows of the identity map whose pseudonyms were made with another key than the project's.

A pseudonym shows whether a key made it, so that rows need not record their key.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from dicomveil_engine import Policy
from dicomveil_proxy.translation.identity import Identity, IdentityMap, Kind

OTHER_KEY = (
    "state: it contains pseudonyms of a key that is not in the settings; links and derived objects that were made with "
    'that key are not recognised. To keep them valid, add the old key: keys = ["new.key", "old.key"]; otherwise remove '
    "its pseudonyms with `dicomveil state purge`"
)

_SAMPLE = 64
"""Rows of each kind. The order of pseudonyms does not depend on their key, so that the first rows are a sample."""
_BATCH = 1_000


def has_foreign_rows(identities: IdentityMap, policy: Policy) -> bool:
    """Whether a sample has rows of another key; a few among many may be missed. Raises StateUnavailable."""
    return any(is_foreign(row, policy) for kind in Kind for row in identities.page(kind, "", _SAMPLE))


def foreign_rows(identities: IdentityMap, policy: Policy) -> Iterator[list[Identity]]:
    """All rows of other keys, in batches. Raises StateUnavailable."""
    for kind in Kind:
        last = ""
        while rows := identities.page(kind, last, _BATCH):
            last = rows[-1][1]
            if found := [row for row in rows if is_foreign(row, policy)]:
                yield found


def count(identities: IdentityMap, policy: Policy) -> Counter[Kind]:
    """The number of rows of other keys, by kind. Raises StateUnavailable."""
    return Counter(kind for rows in foreign_rows(identities, policy) for kind, _, _ in rows)


def purge(identities: IdentityMap, policy: Policy) -> Counter[Kind]:
    """Delete the rows of other keys, and return their number. Raises StateUnavailable; some may be deleted then."""
    forgotten: Counter[Kind] = Counter()
    for rows in foreign_rows(identities, policy):
        identities.forget(rows)
        forgotten.update(kind for kind, _, _ in rows)
    identities.compact()
    return forgotten


def is_foreign(row: Identity, policy: Policy) -> bool:
    """Whether no version of the project's key made a row's pseudonym."""
    kind, pseudonym, _ = row
    known = policy.is_pseudonym_patient_id if kind is Kind.PATIENT else policy.is_pseudonym_uid
    return not known(pseudonym)
