"""Compound action codes: which of its codes holds for an attribute (PS3.15 Table E.1-1, "X unless Z ... (Type 2)")."""

from __future__ import annotations

from dicomveil_engine.methods.base import Method
from dicomveil_engine.methods.by_type import CHOICES, ByType
from dicomveil_engine.profile.actions import Actions
from dicomveil_engine.pseudonyms.keys import Keys

COMPOUND = {**{code: by_type[None] for code, by_type in CHOICES.items()}, "X/Z/U*": "K"}
"""Without knowledge of the IOD, the choice that is conformant whatever the attribute's type: an empty or dummy
value where the attribute may be absent harms nobody, an absent Type 1 or 2 attribute breaks the instance. Of X/Z/U*
it is the choice always: references to other instances, whose UIDs are replaced, are of use and betray nobody."""


class BasicCodes:
    """The Basic Profile's codes, simple and compound, as methods."""

    def __init__(self, actions: Actions, keys: Keys) -> None:
        self._actions = actions
        self._by_type = {code: ByType.of(code, keys) for code in CHOICES}

    def method(self, tag: int, code: str, vr: str) -> Method:
        """What the code asks for, for this attribute."""
        return self._by_type.get(code) or self._actions.of(tag, COMPOUND.get(code, code), vr)
