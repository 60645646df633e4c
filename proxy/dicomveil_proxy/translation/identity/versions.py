"""Rows of the identity map that no key of the project made: found, counted, and forgotten.

A pseudonym says by itself whether a key made it, so that no row has to say by which key it was written.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from dicomveil_engine import Policy
from dicomveil_proxy.translation.identity import Identity, IdentityMap, Kind

OTHER_KEY = (
    "state: it holds pseudonyms of a key that the settings do not name; links and derived objects that were made with "
    'it are unknown now. If they shall stay valid, name the old key beside the new one, keys = ["new.key", "old.key"]; '
    "if not, `dicomveil state purge` forgets them"
)

_SAMPLE = 64
"""Rows of each kind. Pseudonyms are in no order that depends on their key, so that the first are as good as any."""
_BATCH = 1_000


def has_foreign_rows(identities: IdentityMap, policy: Policy) -> bool:
    """Whether rows of another key are among the first; few among very many may be missed. Raises StateUnavailable."""
    return any(is_foreign(row, policy) for kind in Kind for row in identities.page(kind, "", _SAMPLE))


def foreign_rows(identities: IdentityMap, policy: Policy) -> Iterator[list[Identity]]:
    """All rows of other keys, some at a time. Raises StateUnavailable."""
    for kind in Kind:
        last = ""
        while rows := identities.page(kind, last, _BATCH):
            last = rows[-1][1]
            if found := [row for row in rows if is_foreign(row, policy)]:
                yield found


def count(identities: IdentityMap, policy: Policy) -> Counter[Kind]:
    """How many rows of other keys there are, by kind. Raises StateUnavailable."""
    return Counter(kind for rows in foreign_rows(identities, policy) for kind, _, _ in rows)


def purge(identities: IdentityMap, policy: Policy) -> Counter[Kind]:
    """Forget the rows of other keys, and say how many. Raises StateUnavailable, after some of them."""
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
