"""substitute: a configured text or number replaces all values of the element."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import ClassVar, Self

from dicomveil_engine.errors import ConfigurationError
from dicomveil_engine.methods.base import (
    FLOAT_VRS,
    INTEGER_VRS,
    SINGLE_TEXT_VRS,
    TEXT_VRS,
    Context,
    Element,
    Method,
    MethodBuilder,
    Values,
)
from dicomveil_engine.methods.effect import Effect
from dicomveil_engine.methods.legal import GREATEST_SINGLE, INTEGER_RANGES, is_legal
from dicomveil_engine.methods.settings import MethodSettings
from dicomveil_engine.methods.values import inapplicable
from dicomveil_engine.pseudonyms.keys import Keys

_WHOLE = re.compile(r" *[+-]?\d{1,20} *", re.ASCII)
_NUMBER = re.compile(r" *[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)? *", re.ASCII)
_TAG = re.compile(r" *\(?([0-9A-Fa-f]{4}) *,? *([0-9A-Fa-f]{4})\)? *")


@dataclass(frozen=True)
class Substitute(Method):
    """Replace the values by `replaceWith`, in which a backslash separates values if the VR allows several."""

    name: ClassVar[str] = "substitute"
    action: ClassVar[str] = "D *constant*"

    replace_with: str = "ANONYMOUS"

    @classmethod
    def from_settings(cls, settings: Mapping[str, object], keys: Keys) -> Self:  # noqa: ARG003
        """Read replaceWith (ANONYMOUS); `check` tests whether it is legal for a VR."""
        return cls(MethodSettings(cls.name, settings).scalar_text("replaceWith", default="ANONYMOUS"))

    def effect(self, vr: str) -> Effect:  # noqa: ARG002
        """Replaced by the configured text."""
        return Effect.REPLACE

    def supports(self, vr: str) -> bool:
        """Texts, numbers and AT; binary VRs have no text form."""
        return vr in TEXT_VRS or vr in INTEGER_VRS or vr in FLOAT_VRS

    def check(self, vr: str) -> None:
        """Raise ConfigurationError if `replaceWith` is not legal for a VR that the rule names."""
        try:
            values_of(self.replace_with, vr)
        except ValueError:
            raise ConfigurationError(
                f'{self.name}: the setting "replaceWith" is not a legal value for the VR {vr}; '
                "give one that PS3.5 Table 6.2-1 allows"
            ) from None

    def apply(self, element: Element, context: Context) -> Values | None:  # noqa: ARG002
        """The configured values; zero length if the text is empty."""
        try:
            return values_of(self.replace_with, element.vr)
        except ValueError:
            raise inapplicable(self.name, element, '"replaceWith" is not legal for this VR') from None


@cache
def values_of(text: str, vr: str) -> Values:
    """The configured text as values of a VR. Raises ValueError if it is not legal."""
    if not text:
        return []
    if vr in SINGLE_TEXT_VRS:
        return _legal_texts(vr, [text])
    parts = text.split("\\")
    if vr in TEXT_VRS:
        return _legal_texts(vr, parts)
    if vr == "AT":
        return [_tag(part) for part in parts]
    if vr in INTEGER_RANGES:
        return [_integer(part, *INTEGER_RANGES[vr]) for part in parts]
    return [_float(part, vr) for part in parts]


def _legal_texts(vr: str, parts: list[str]) -> list[str]:
    if not all(is_legal(vr, part) for part in parts if part):
        raise ValueError
    return parts


def _tag(text: str) -> int:
    match = _TAG.fullmatch(text)
    if not match:
        raise ValueError
    return int(match[1] + match[2], 16)


def _integer(text: str, low: int, high: int) -> int:
    if not _WHOLE.fullmatch(text) or not low <= int(text) <= high:
        raise ValueError
    return int(text)


def _float(text: str, vr: str) -> float:
    if not _NUMBER.fullmatch(text):
        raise ValueError
    number = float(text)
    if not math.isfinite(number) or (vr == "FL" and abs(number) > GREATEST_SINGLE):
        raise ValueError
    return number


BUILDER = MethodBuilder(Substitute.name, Substitute.from_settings, ("replaceWith",))
