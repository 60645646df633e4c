"""generalize: a coarser value (a year for a date, a bin for an age or a number).

The computations are in `pseudonyms.dates` and `coarsening`; this module has the settings and which of them apply to
which VR. A value that is not legal is emptied.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from itertools import pairwise
from typing import ClassVar, Self, cast

from dicomveil_engine.attributes.legality import Legality, legality_of
from dicomveil_engine.errors import ConfigurationError
from dicomveil_engine.methods.base import SINGLE_TEXT_VRS, Context, Element, Method, MethodBuilder, Values
from dicomveil_engine.methods.coarsening import (
    LOW_POPULATION_ZIP_CODES,
    Scale,
    coarse_age,
    coarse_zip_code,
    read_decimal,
)
from dicomveil_engine.methods.effect import Effect
from dicomveil_engine.methods.legal import INTEGER_RANGES, is_legal
from dicomveil_engine.methods.perturb import decimal_string
from dicomveil_engine.methods.settings import MethodSettings
from dicomveil_engine.methods.values import inapplicable, nearest_single, positions_kept, texts
from dicomveil_engine.pseudonyms.dates import Period, coarse_da, coarse_dt, read_da, read_dt
from dicomveil_engine.pseudonyms.keys import Keys

NO_CAP = 999
"""The highest age in AS: with this ageCap there is no cap."""

_NUMBERS = frozenset((*INTEGER_RANGES, "DS", "FD", "FL"))
_DATES = frozenset(("DA", "DT"))
_TEXTS = frozenset(("CS", "LO", "LT", "SH", "ST", "UC", "UT"))
_MAPPED = _TEXTS | {"AS", "DA", "DS", "DT", "IS"}
"""VRs to which the setting `values` applies."""
_LONGEST_DS = 16
_REST = "*"


@dataclass(frozen=True)
class Generalize(Method):
    """Reduce dates to a period, ages and numbers to bins or steps, ZIP codes to three digits, values by a mapping."""

    name: ClassVar[str] = "generalize"
    action: ClassVar[str] = "C *generalized*"

    period: Period = Period.YEAR
    age_bin: int = 5
    age_cap: int = 90
    scale: Scale | None = None
    zip_codes: bool = False
    restricted: tuple[str, ...] = LOW_POPULATION_ZIP_CODES
    values: tuple[tuple[str, str], ...] = ()
    """Pairs of a value, in any case, and its replacement."""
    keeps_others: bool = False
    """Whether values that are not in the mapping are kept, unless they are illegal or identify, instead of emptied."""

    @classmethod
    def from_settings(cls, settings: Mapping[str, object], keys: Keys) -> Self:  # noqa: ARG003
        """Read dateTo (Year), ageBin (5), ageCap (90), step, bins, zipCodes, its list, values and otherValues."""
        read = MethodSettings(cls.name, settings)
        made = cls(
            period=read.choice("dateTo", {period.value: period for period in Period}, default="Year"),
            age_bin=read.integer("ageBin", default=5, minimum=0, maximum=NO_CAP),
            age_cap=read.integer("ageCap", default=90, minimum=1, maximum=NO_CAP),
            scale=_scale(read),
            zip_codes=read.boolean("zipCodes", default=False),
            restricted=read.texts("restrictedZipCodeTabulationAreas", default=LOW_POPULATION_ZIP_CODES),
            values=tuple((written, target.strip()) for written, target in read.mapping("values")),
            keeps_others=read.choice("otherValues", {"redact": False, "keep": True}, default="redact"),
        )
        made._check_settings(has_values=read.has("values"))
        return made

    def _check_settings(self, *, has_values: bool) -> None:
        if self.age_bin > self.age_cap:
            raise _wrong('"ageBin" is wider than "ageCap" is high, so that every age would be one; make it smaller')
        if any(len(area) != 3 or not area.isascii() or not area.isdigit() for area in self.restricted):
            raise _wrong('"restrictedZipCodeTabulationAreas" must hold codes of three digits, such as "036"')
        if has_values and not self.values:
            raise _wrong('"values" is empty; give what becomes what, such as {"CT": "RADIOLOGY"}, or use redact')
        if len(self._targets) != len(self.values):
            raise _wrong('"values" has the same value twice, in two spellings')
        if self.values and self.zip_codes:
            raise _wrong('"values" and "zipCodes" are given both; write two rules, or turn "zipCodes" off in this one')
        if self.keeps_others and _REST in self._targets:
            raise _wrong('"values" replaces all other values by "*", and "otherValues" keeps them; give one')

    def effect(self, vr: str) -> Effect:  # noqa: ARG002
        """A coarser value."""
        return Effect.CHANGE

    def supports(self, vr: str) -> bool:
        """Dates, ages, numbers and texts; names, UIDs, times of day and bytes have no coarser form."""
        return vr in _MAPPED or vr in _NUMBERS

    def check(self, vr: str) -> None:
        """Raise ConfigurationError if the settings do not apply to a VR that the rule names, or give illegal values."""
        if problem := self._problems.get(vr):
            raise _wrong(problem)

    @cached_property
    def _problems(self) -> dict[str, str]:
        """VR → why it cannot be generalized, and a suggested fix; empty if it can."""
        return {vr: self._problem(vr) for vr in _MAPPED | _NUMBERS}

    def _problem(self, vr: str) -> str:
        if self.values and vr in _MAPPED:
            are_legal = all(_is_one_value(vr, target) for _, target in self.values)
            return "" if are_legal else f'"values" has one that is not legal for the VR {vr}'
        if vr in _TEXTS:
            return "" if self.zip_codes else f'VR {vr} needs the setting "values", or "zipCodes": true'
        if vr in _NUMBERS:
            if self.scale is None:
                return f'VR {vr} needs the setting "step" or "bins"'
            if vr in INTEGER_RANGES and not self.scale.is_whole:
                return f'VR {vr} has whole numbers, so "step" and "bins" must be whole too'
        return ""

    def apply(self, element: Element, context: Context) -> Values | None:
        """The coarser values; those that cannot be generalized are emptied."""
        vr = element.vr
        if problem := self._problems.get(vr):
            raise inapplicable(self.name, element, problem)
        if self.values and vr in _MAPPED:
            return positions_kept([self._mapped(text, element, context) for text in texts(element)])
        if vr in _DATES:
            return positions_kept([self._date(text, vr, context) for text in texts(element)])
        if vr == "AS":
            return positions_kept([coarse_age(text, self.age_bin, self.age_cap) for text in texts(element)])
        if vr in _TEXTS:
            return positions_kept([coarse_zip_code(text, self.restricted) for text in texts(element)])
        scale = cast("Scale", self.scale)
        if vr in {"DS", "IS"}:
            return positions_kept([_number_text(text, vr, scale) for text in texts(element)])
        try:
            scale = cast("Scale", self._scale_of_fl) if vr == "FL" else scale
            return _numbers(cast("list[float]", element.values), vr, scale)
        except (ValueError, OverflowError, struct.error):
            # `from None`: Python's own messages quote the value.
            raise inapplicable(self.name, element, "the result is not a number of that VR") from None

    @cached_property
    def _scale_of_fl(self) -> Scale | None:
        """The scale with bins rounded to 32 bits, so that an FL of 0.7 is in the bin that begins with 0.7."""
        if self.scale is None:
            return None
        ends = [nearest_single(float(end)) for end in self.scale.bins]
        return Scale(self.scale.step, tuple(Decimal(repr(end)) for end in ends))

    @cached_property
    def _targets(self) -> dict[str, str]:
        return {written.strip().casefold(): target for written, target in self.values}

    def _mapped(self, text: str, element: Element, context: Context) -> str:
        folded = text.strip().casefold()
        if not folded:
            return ""
        is_target = text.strip() in self._targets.values()
        if is_target and context.was_deidentified:
            return text  # it was mapped before, and is not mapped again
        if folded in self._targets and folded != _REST:
            return self._targets[folded]
        if is_target:
            return text
        if self.keeps_others:
            return text if _may_be_kept(text, element, context) else ""
        return self._targets.get(_REST, "")

    def _date(self, text: str, vr: str, context: Context) -> str:
        coarse = coarse_da(text, self.period) if vr == "DA" else coarse_dt(text, self.period)
        return coarse if coarse and self._may_stay(coarse, vr, context, is_done=coarse == text) else ""

    def _may_stay(self, coarse: str, vr: str, context: Context, *, is_done: bool) -> bool:
        """Whether a date does not reveal an age above the cap, which 45 CFR 164.514(b)(2)(i)(C) calls an identifier.

        The age is computed at the StudyDate from the coarse value, so that a second pass decides in the same way.
        """
        if self.age_cap == NO_CAP or (is_done and context.was_deidentified):
            return True
        value = read_dt(coarse)
        day = read_da(coarse) if vr == "DA" else value.day if value else None
        study = read_da(context.study_date)
        if study is None or day is None:
            return False
        return (study.year, study.month, study.day) <= (day.year + self.age_cap - 1, day.month, day.day)


def _may_be_kept(text: str, element: Element, context: Context) -> bool:
    """Whether a value that is not in the mapping is legal, and holds no identifying word of its data set."""
    legality = legality_of(text.rstrip(" \0"), element.vr, element.tag)
    if legality is Legality.MAY_IDENTIFY:
        return not context.own.are_in(text, places=element.vr == "CS")
    return legality is Legality.HARMLESS


def _is_one_value(vr: str, target: str) -> bool:
    """Whether a configured text is empty or one legal value; a backslash would separate two."""
    return not target or (is_legal(vr, target) and (vr in SINGLE_TEXT_VRS or "\\" not in target))


def _wrong(problem: str) -> ConfigurationError:
    return ConfigurationError(f"{Generalize.name}: {problem}")


def _scale(read: MethodSettings) -> Scale | None:
    """The scale that "step" or "bins" defines; None without them."""
    step, bins = read.decimal("step"), read.decimals("bins")
    if step is not None and bins:
        raise _wrong('"step" and "bins" are given both; give one')
    if step is not None and step <= 0:
        raise _wrong('the setting "step" must be more than 0')
    if read.has("bins") and len(bins) < 2:
        raise _wrong('"bins" must have two numbers or more, the lower ends of the bins; for one value use substitute')
    if any(lower >= upper for lower, upper in pairwise(bins)):
        raise _wrong('the numbers in "bins" must rise')
    return Scale(step, bins) if step is not None or bins else None


def _number_text(text: str, vr: str, scale: Scale) -> str:
    number = read_decimal(text)
    if number is None or not math.isfinite(float(number)):
        return ""
    try:
        reduced = scale.reduce(number, *INTEGER_RANGES.get(vr, ()))
    except ValueError:
        return ""
    if reduced is None:
        return ""
    written = f"{reduced.normalize():f}" if reduced else "0"
    return written if len(written) <= _LONGEST_DS else decimal_string(float(reduced))


def _numbers(numbers: list[float], vr: str, scale: Scale) -> Values:
    if vr in INTEGER_RANGES:
        reduced = [scale.reduce(Decimal(number), *INTEGER_RANGES[vr]) for number in numbers]
        if None in reduced:
            raise ValueError
        return [int(number) for number in reduced if number is not None]
    return [_float(number, vr, scale) for number in numbers]


def _float(number: float, vr: str, scale: Scale) -> float:
    if not math.isfinite(number):
        return number
    if vr == "FD":
        return float(scale.reduce(Decimal(repr(number))) or 0)
    return nearest_single(float(scale.reduce(Decimal(repr(nearest_single(number)))) or 0))


BUILDER = MethodBuilder(
    Generalize.name,
    Generalize.from_settings,
    (
        "dateTo",
        "ageBin",
        "ageCap",
        "step",
        "bins",
        "zipCodes",
        "restrictedZipCodeTabulationAreas",
        "values",
        "otherValues",
    ),
)
