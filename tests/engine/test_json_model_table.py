"""The decisions of DICOM JSON: what is cached of them has a bound in entries."""

from __future__ import annotations

import pytest

from dicomveil_engine import load_policy
from dicomveil_engine.json_model.table import DecisionTable

KEY = bytes(range(32))
MOST = 4_096


def test_unknown_tags_fill_a_bounded_table() -> None:
    """Many times as many tags as there are leave some thousand entries, of a few MB, in the table and in the policy."""
    policy = load_policy({"profile": "default"}, KEY)
    table = DecisionTable(policy)
    for tag in range(0x00190000, 0x00190000 + 3 * MOST):
        table.entry(f"{tag:08X}", "LO", declared=False)

    assert len(table._entries) <= MOST
    cached = policy.decide.cache_info()
    assert cached.maxsize is not None
    assert cached.currsize <= cached.maxsize <= MOST


@pytest.mark.parametrize("key", ["00191010", "00100010"])
def test_a_full_table_begins_anew(key: str) -> None:
    """No sender fills it for good: it decides as an empty one does, and caches as well."""
    policy = load_policy({"profile": "default"}, KEY)
    full = DecisionTable(policy)
    for tag in range(0x00210000, 0x00210000 + MOST):
        full.entry(f"{tag:08X}", "LO", declared=False)
    once, again = (full.entry(key, "PN", declared=False) for _ in range(2))

    assert once == DecisionTable(policy).entry(key, "PN", declared=False)
    assert once is again
