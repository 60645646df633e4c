"""refreshUID: each UID is replaced by its pseudonym (PS3.15 action code U)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar, Self

from dicomveil_engine.methods.base import Context, Element, Method, MethodBuilder, Values
from dicomveil_engine.methods.effect import Effect
from dicomveil_engine.methods.values import texts
from dicomveil_engine.pseudonyms.keys import Keys
from dicomveil_engine.pseudonyms.uids import UIDPseudonyms


def uid_pseudonyms(keys: Keys) -> UIDPseudonyms:
    """The UIDPseudonyms that all rules of a project share, with its cache."""
    return keys.shared(UIDPseudonyms)


def pseudonym_of(value: str, pseudonym: Callable[[str], str]) -> str:
    """The pseudonym of a UI value, legal or not; an empty value stays empty."""
    uid = value.strip(" \0")
    return pseudonym(uid if uid.isascii() else uid.encode("utf-8", "backslashreplace").decode())


@dataclass(frozen=True)
class RefreshUID(Method):
    """Replace each value by its pseudonym; registered UIDs and the project's own pseudonyms are kept."""

    name: ClassVar[str] = "refreshUID"
    action: ClassVar[str] = "U"

    pseudonyms: UIDPseudonyms = field(repr=False)

    @classmethod
    def of(cls, keys: Keys) -> Self:
        """The method with a project's keys."""
        return cls(uid_pseudonyms(keys))

    def effect(self, vr: str) -> Effect:  # noqa: ARG002
        """Replaced by pseudonyms."""
        return Effect.UID_PSEUDONYM

    def supports(self, vr: str) -> bool:
        """UI only."""
        return vr == "UI"

    def apply(self, element: Element, context: Context) -> Values | None:  # noqa: ARG002
        """The pseudonyms, value by value."""
        return [pseudonym_of(value, self.pseudonyms.pseudonym) for value in texts(element)]


BUILDER = MethodBuilder(RefreshUID.name, lambda _settings, keys: RefreshUID.of(keys))
