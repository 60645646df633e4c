"""The table of methods."""

from __future__ import annotations

import pytest

from dicomveil_engine.methods import METHODS
from dicomveil_engine.pseudonyms.keys import Keys

KEYS = Keys(b"k" * 32)


def test_names() -> None:
    """The nine of the rule language and five of our own, in lower case."""
    assert sorted(METHODS) == sorted(
        [
            "keep",
            "redact",
            "remove",
            "perturb",
            "dateshift",
            "encrypt",
            "cryptohash",
            "substitute",
            "refreshuid",
            "clean",
            "cleandocument",
            "dummy",
            "generalize",
            "pseudonym",
        ]
    )


@pytest.mark.parametrize("name", sorted(METHODS))
def test_each_can_be_built_and_compared(name: str) -> None:
    """Without settings, and hashable, as the policy remembers decisions; no key shows."""
    method = METHODS[name].build({}, KEYS)

    assert method.name.lower() == name
    assert hash(method) == hash(method)
    assert "key" not in repr(method)
