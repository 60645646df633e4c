"""Coarser ages, numbers and ZIP codes: pure functions of one value, for `generalize`.

A value that is not legal becomes the empty string or None. Applying a function twice changes nothing more. Dates are in
`pseudonyms.dates`.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Context, Decimal, DecimalException

LOW_POPULATION_ZIP_CODES = (
    *("036", "059", "063", "102", "203", "556", "692", "790", "821"),
    *("823", "830", "831", "878", "879", "884", "890", "893"),
)
"""The three-digit ZIP code areas with 20,000 or fewer people by the census of 2000, from the guidance of the U.S.
Department of Health and Human Services on 45 CFR 164.514(b)(2)(i)(B)."""

HIGHEST_AGE = 89
"""Years; 45 CFR 164.514(b)(2)(i)(C): "all ages over 89" are identifiers."""

_AGE = re.compile(r"(\d{3})([DWMY])", re.ASCII)
_PER_YEAR = {"Y": 1, "M": 12, "W": 52, "D": 365}

_DECIMAL = re.compile(r" *([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?) *", re.ASCII)
_EXACT = Context(prec=60)
"""More digits than any DS or 64-bit number has."""

_ZIP = re.compile(r"(\d{3})(?:\d\d(?:-?\d{4})?)?", re.ASCII)
_ADDRESS_END = re.compile(r"(?:^|[ ,])[A-Za-z]{2}[ ,]+(\d{5}(?:-?\d{4})?)", re.ASCII)
"""The state's two letters and the ZIP code at the end of an address in the United States."""


def years_of(age: str) -> int | None:
    """The whole years of an AS value; None if it is not legal."""
    match = _AGE.fullmatch(age)
    return int(match[1]) // _PER_YEAR[match[2]] if match else None


def coarse_age(text: str, width: int, cap: int) -> str:
    """The lower end of an AS value's bin, in years; `cap` for that age and all higher ones.

    Without a width, ages below the cap are unchanged, including days and months.
    """
    years = years_of(text)
    if years is None:
        return ""
    if years >= cap:
        return f"{cap:03}Y"
    return f"{years // width * width:03}Y" if width else text


def coarse_zip_code(text: str, restricted: tuple[str, ...]) -> str:
    """The first three digits of a ZIP code, or of the one that ends an address; 000 for a restricted area."""
    text = text.strip()
    address = _ADDRESS_END.search(text)
    match = _ZIP.fullmatch(address[1] if address and address.end() == len(text) else text)
    if not match:
        return ""
    return "000" if match[1] in restricted else match[1]


def read_decimal(text: str) -> Decimal | None:
    """The number of a DS or IS value; None if it is not legal."""
    match = _DECIMAL.fullmatch(text)
    return Decimal(match[1]) if match else None


@dataclass(frozen=True)
class Scale:
    """The possible results: multiples of a step, or the lower ends of bins."""

    step: Decimal | None = None
    bins: tuple[Decimal, ...] = ()
    """Lower ends, ascending. Numbers below the first belong to the first bin."""

    @property
    def is_whole(self) -> bool:
        """Whether whole numbers become whole numbers."""
        numbers = self.bins if self.step is None else (self.step,)
        return all(number == number.to_integral_value() for number in numbers)

    def reduce(self, number: Decimal, low: int | None = None, high: int | None = None) -> Decimal | None:
        """The nearest multiple, or the lower end of the number's bin; None if there is none within the limits."""
        if self.step is None:
            reduced = self.bins[max(bisect_right(self.bins, number) - 1, 0)]
        else:
            reduced = self._multiple(number, self.step, low, high)
        return None if (low is not None and reduced < low) or (high is not None and reduced > high) else reduced

    @staticmethod
    def _multiple(number: Decimal, step: Decimal, low: int | None, high: int | None) -> Decimal:
        try:
            steps = _EXACT.divide(number, step)
            reduced = _EXACT.multiply(steps.to_integral_value(ROUND_HALF_EVEN), step)
            if high is not None and reduced > high:
                reduced = _EXACT.multiply(steps.to_integral_value(ROUND_FLOOR), step)
            elif low is not None and reduced < low:
                reduced = _EXACT.multiply(steps.to_integral_value(ROUND_CEILING), step)
        except DecimalException:
            raise ValueError from None  # the message may quote the number
        return reduced
