"""perturb: numbers get noise, uniform in [-w/2, w/2).

The noise is a keyed function of study, tag and number, so that a number always gives the same result, however it is
written or encoded. Fresh noise for each request could be averaged away.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Self, cast

from dicomveil_engine.errors import ConfigurationError
from dicomveil_engine.methods.base import Context, Element, Method, MethodBuilder, Values
from dicomveil_engine.methods.effect import Effect
from dicomveil_engine.methods.legal import GREATEST_SINGLE, INTEGER_RANGES
from dicomveil_engine.methods.settings import MethodSettings
from dicomveil_engine.methods.values import inapplicable, nearest_single, texts, utf8
from dicomveil_engine.pseudonyms.keys import Keys, keyed_digest

RANGES = INTEGER_RANGES | {"OL": INTEGER_RANGES["UL"], "OV": INTEGER_RANGES["UV"], "OW": INTEGER_RANGES["US"]}
_FORMATS = {"OW": "H", "OL": "L", "OV": "Q", "OF": "f", "OD": "d"}
_FLOATS = frozenset(("DS", "FL", "OF", "FD", "OD"))
_SINGLES = frozenset(("FL", "OF"))
_GREATEST_DOUBLE = 1.797693134e308
"""A little less than the greatest 64-bit float, so that rounding to the 16 characters of DS does not give infinity."""

_DECIMAL = re.compile(r" *([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?) *", re.ASCII)
_WHOLE = re.compile(r" *([+-]?\d{1,32})(?:\.0*)? *", re.ASCII)
_AGE = re.compile(r"(\d{3})([DWMY])", re.ASCII)
_LONGEST_DS = 16


@dataclass(frozen=True)
class Perturb(Method):
    """Add keyed noise to every number; the width is `span`, or `span` times the number."""

    name: ClassVar[str] = "perturb"
    action: ClassVar[str] = "C *perturbed*"
    recognises_own_output: ClassVar[bool] = False

    key: bytes = field(repr=False)
    span: float = 1.0
    round_to: int = 2
    proportional: bool = True

    @classmethod
    def from_settings(cls, settings: Mapping[str, object], keys: Keys) -> Self:
        """Read span (1), roundTo (2, decimal places) and rangeType (Proportional).

        Raises ConfigurationError for a span of 0, with which every number would be kept.
        """
        method = cls.with_any_span(settings, keys)
        if not method.span:
            raise ConfigurationError('perturb: the setting "span" is 0, so that numbers do not change; use keep')
        return method

    @classmethod
    def with_any_span(cls, settings: Mapping[str, object], keys: Keys) -> Self:
        """Read the settings as `from_settings`, with a span that may be 0."""
        read = MethodSettings(cls.name, settings)
        return cls(
            keys.derive("noise"),
            span=read.number("span", default=1.0, minimum=0.0),
            round_to=read.integer("roundTo", default=2, minimum=0, maximum=15),
            proportional=read.choice(
                "rangeType",
                {"Fixed": False, "Proportional": True, "0": False, "1": True},
                default="Proportional",
            ),
        )

    def effect(self, vr: str) -> Effect:  # noqa: ARG002
        """A number near the original one."""
        return Effect.CHANGE

    def supports(self, vr: str) -> bool:
        """Numbers and ages."""
        return vr == "AS" or vr in _FLOATS or vr in RANGES

    def apply(self, element: Element, context: Context) -> Values | None:
        """The numbers with noise, rounded, within the range of the VR; zero length if one is not a number."""
        if context.was_deidentified:
            return element.values
        vr = element.vr
        try:
            if vr in _FORMATS:
                value = cast("bytes", element.values)
                is_whole = len(value) % struct.calcsize("<" + _FORMATS[vr]) == 0
                return self._packed(value, element, context) if is_whole else b""
            if vr in {"AS", "DS", "IS"}:
                perturbed = {"AS": self._age, "DS": self._decimal, "IS": self._whole}[vr]
                return self._texts(perturbed, element, context)
            if vr in RANGES:
                return [self._integer(n, vr, element, context) for n in cast("list[int]", element.values)]
            return [self._float(n, vr, element, context) for n in cast("list[float]", element.values)]
        except (ValueError, OverflowError, struct.error):
            # `from None`: Python's own messages quote the value.
            raise inapplicable(self.name, element, "a number with this noise is beyond the range of the VR") from None

    @staticmethod
    def _texts(perturbed: Callable[[str, Element, Context], str], element: Element, context: Context) -> list[str]:
        """The numbers of a text VR; empty if one is illegal, since the values of a list belong together."""
        try:
            return [perturbed(text, element, context) if text else "" for text in texts(element)]
        except ValueError:
            return []

    def _packed(self, value: bytes, element: Element, context: Context) -> bytes:
        code = _FORMATS[element.vr]
        layout = f"<{len(value) // struct.calcsize('<' + code)}{code}"
        numbers: tuple[float, ...] = struct.unpack(layout, value)
        perturbed: Callable[..., float] = self._integer if element.vr in RANGES else self._float
        # Samples repeat, so compute one digest for each distinct number.
        noisy = {n: perturbed(n, element.vr, element, context) for n in set(numbers)}
        return struct.pack(layout, *[noisy[n] for n in numbers])

    def _age(self, text: str, element: Element, context: Context) -> str:
        match = _AGE.fullmatch(text)
        if not match:
            raise ValueError
        number = int(match[1])
        noisy = number + round(self._noise(number, element, context))
        return f"{min(max(noisy, 0), 999):03}{match[2]}"

    def _whole(self, text: str, element: Element, context: Context) -> str:
        match = _WHOLE.fullmatch(text)
        if not match:
            raise ValueError
        return str(self._integer(int(match[1]), "IS", element, context))

    def _decimal(self, text: str, element: Element, context: Context) -> str:
        return decimal_string(self._float(self._number(text), "DS", element, context))

    @staticmethod
    def _number(text: str) -> float:
        """Parse a DS value. Raises ValueError."""
        match = _DECIMAL.fullmatch(text)
        if not match or not math.isfinite(number := float(match[1])):
            raise ValueError
        return number

    def _integer(self, number: int, vr: str, element: Element, context: Context) -> int:
        # The noise is rounded, not the sum, which keeps numbers above 2^53 exact.
        low, high = RANGES[vr]
        return min(max(number + round(self._noise(number, element, context)), low), high)

    def _float(self, number: float, vr: str, element: Element, context: Context) -> float:
        if not math.isfinite(number):
            return number
        if vr in _SINGLES:
            # JSON may give more digits than 32 bits hold; both encodings must start from the same number.
            number = _single(number, vr)
        noisy = number + self._noise(number, element, context)
        return _single(round(noisy, self.round_to), vr)

    def _noise(self, number: float, element: Element, context: Context) -> float:
        canonical = canonical_number(number)
        message = f"{context.study_instance_uid}\0{element.tag:08X}\0{canonical}"
        draw = int.from_bytes(keyed_digest(self.key, utf8(message))[:8]) >> 11
        width = abs(number * self.span) if self.proportional else self.span
        return (draw / 2**53 - 0.5) * width


def canonical_number(number: float) -> str:
    """One text for each number: `1` for 1, 1.0 and 1.00, which JSON does not distinguish."""
    return str(int(number)) if number == number // 1 else repr(number)


def decimal_string(number: float) -> str:
    """The number as a DS value of at most 16 characters (PS3.5 Table 6.2-1)."""
    text = canonical_number(number)
    digits = 15
    while len(text) > _LONGEST_DS:
        text = f"{number:.{digits}G}"
        digits -= 1
    return text


def _single(number: float, vr: str) -> float:
    """The nearest number that the VR can hold, within its range; 32 bits for FL and OF."""
    greatest = GREATEST_SINGLE if vr in _SINGLES else _GREATEST_DOUBLE
    number = min(max(number, -greatest), greatest)
    return nearest_single(number) if vr in _SINGLES else number


BUILDER = MethodBuilder(Perturb.name, Perturb.from_settings, ("span", "roundTo", "rangeType"))
