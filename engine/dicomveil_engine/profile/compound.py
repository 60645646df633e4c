"""Compound action codes: which of the codes applies to an attribute (PS3.15 Table E.1-1a, "X unless Z is required")."""

from __future__ import annotations

from dicomveil_engine.methods.base import Method
from dicomveil_engine.methods.by_type import CHOICES, ByType
from dicomveil_engine.profile.actions import Actions
from dicomveil_engine.pseudonyms.keys import Keys

COMPOUND = {**{code: by_type[None] for code, by_type in CHOICES.items()}, "X/Z/U*": "K"}
"""The choice when the attribute's type in the IOD is unknown, conformant for every type: an empty or dummy value is
harmless where the attribute may be absent, but an absent Type 1 or 2 attribute makes the instance invalid. X/Z/U*
always keeps the sequence: references to other instances are useful, and their UIDs are replaced."""


class BasicCodes:
    """The Basic Profile's codes, simple and compound, as methods."""

    def __init__(self, actions: Actions, keys: Keys) -> None:
        self._actions = actions
        self._by_type = {code: ByType.of(code, keys) for code in CHOICES}

    def method(self, tag: int, code: str, vr: str) -> Method:
        """The method that the code requires for this attribute."""
        return self._by_type.get(code) or self._actions.of(tag, COMPOUND.get(code, code), vr)
