"""perturb with the Microsoft tool's rounding: the sum is rounded, then truncated as the VR requires.

The tool's noise is random; here it is the keyed noise of `methods.perturb`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_EVEN, Decimal
from typing import ClassVar, Self

from dicomveil_engine.methods.base import Context, Element
from dicomveil_engine.methods.microsoft.ages import read_as, write_as
from dicomveil_engine.methods.perturb import BUILDER as PLAIN
from dicomveil_engine.methods.perturb import RANGES, Perturb
from dicomveil_engine.methods.settings import MethodSettings
from dicomveil_engine.methods.values import nearest_single
from dicomveil_engine.pseudonyms.keys import Keys

_SINGLES = frozenset(("FL", "OF"))
_MOST_PLACES = 15
"""The limit of Math.Round for a double; for a decimal it is 28."""
_MOST_PLACES_OF_DECIMALS = 28
_LONGEST_DS = 16


@dataclass(frozen=True)
class MicrosoftPerturb(Perturb):
    """Add keyed noise to every number; integers are truncated towards zero, and unsigned ones are at least zero."""

    name: ClassVar[str] = "perturb"

    @classmethod
    def from_settings(cls, settings: Mapping[str, object], keys: Keys) -> Self:
        """Read span (1), roundTo (2; up to 28 for DS) and rangeType (Proportional)."""
        read = MethodSettings(cls.name, settings)
        places = read.integer("roundTo", default=2, minimum=0, maximum=_MOST_PLACES_OF_DECIMALS)
        others = {name: value for name, value in settings.items() if name.casefold() != "roundto"}
        plain = Perturb.with_any_span(others, keys)
        return cls(plain.key, plain.span, places, plain.proportional)

    def _age(self, text: str, element: Element, context: Context) -> str:
        age = read_as(text)
        if age is None:
            raise ValueError("no age")
        number, unit = age
        return write_as(self._integer(number, "UL", element, context), unit)

    def _decimal(self, text: str, element: Element, context: Context) -> str:
        number = self._number(text)
        # Through the text of the double, so that both encodings start from the same digits.
        noisy = Decimal(repr(number)) + Decimal(repr(self._noise(number, element, context)))
        return _decimal_string(noisy.quantize(Decimal(1).scaleb(-self.round_to), ROUND_HALF_EVEN))

    def _integer(self, number: int, vr: str, element: Element, context: Context) -> int:
        low, high = RANGES[vr]
        rounded = self._rounded(number + self._noise(number, element, context))
        # Deviates when a number exceeds the range of its VR: the tool wraps around.
        return min(max(math.trunc(rounded), low), high)

    def _float(self, number: float, vr: str, element: Element, context: Context) -> float:
        if not math.isfinite(number):
            return number
        single = vr in _SINGLES
        if single:
            number = nearest_single(number)
        rounded = self._rounded(number + self._noise(number, element, context))
        return nearest_single(rounded) if single else rounded

    def _rounded(self, number: float) -> float:
        """Round as Math.Round does: half to even, by multiplication, not to the nearest decimal."""
        if self.round_to > _MOST_PLACES:
            raise ValueError("more places than a double has")
        power = 10.0**self.round_to
        return round(number * power) / power


def _decimal_string(number: Decimal) -> str:
    """A DS value without trailing zeros, with ten significant digits if it would be too long."""
    text = f"{number:f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    if text in {"-0", ""}:
        return "0"
    return text if len(text) <= _LONGEST_DS else f"{number:.10G}"


BUILDER = replace(PLAIN, build=MicrosoftPerturb.from_settings)
