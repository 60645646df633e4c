"""Numbers after a word that says what they are: MEDICAL_RECORD_NUMBER, DEVICE_ID, PASSPORT, …"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from dicomveil_engine.text import roles
from dicomveil_engine.text.analysed_text import AnalysedText
from dicomveil_engine.text.detectors import checksums
from dicomveil_engine.text.finding import Finding, Infotype, Likelihood
from dicomveil_engine.text.lists import word_lists
from dicomveil_engine.text.patterns import late_pattern

_BETWEEN = (
    r"(?:[ ]?(?:(?:no|nr|num|number|nummer|numero|n°|nº)\.?(?![^\W\d_])|(?:id|is|was|код)\.?(?![^\W_]))){0,2}"
    r"[ ]?[.:=#(\[\-]{0,3}[ ]?"
)
_VALUE = r"(?P<value>(?=[a-z0-9./\-]{0,12}\d)[a-z0-9](?:[a-z0-9]|[./\-](?=[a-z0-9])){2,39})(?![^\W_])"
_CUED = late_pattern(rf"(?<![^\W\d_])(?P<cue>[^\W\d_](?:[^\W\d_]|[/\-](?=[^\W\d_])){{0,23}})#?\.?{_BETWEEN}{_VALUE}")
_HASH = late_pattern(rf"(?:(?<=[ (:])|\A)#[ ]?{_VALUE}")
_PLATE = late_pattern(
    r"(?:[ ]?(?:no|nr|number|numero)\.?)?[ ]?[.:=#]{0,2}[ ]?"
    r"(?P<value>[a-z0-9а-я]{1,4}(?:[ \-·][a-z0-9а-я]{1,5}){1,3}|[a-z0-9а-я]{4,9})(?![^\W_])"
)
_VIN = late_pattern(r"(?<![^\W_])[a-hj-npr-z0-9]{17}(?![^\W_])")
_VIN_CUE = late_pattern(r"(?:vin|chassis|fahrgestell|telaio|bastidor)\W{0,3}(?:no|nr|number)?\W{0,3}\Z")
_MAY_BE_VIN = late_pattern(r"[a-hj-npr-z0-9]{17}")
_REACH = 24
_DIGIT = late_pattern(r"\d")
_SCALES = late_pattern(r"\d{1,3}(?:[./\-]\d{1,3})*[a-z]{0,3}|\d+(?:\.\d+)?(?:mm|cm|ml|mg|kg|s|hz|kv|ma|t|gy|x|%)")
"""Sizes, times and parts, which may follow such words too."""


@cache
def _cues() -> dict[str, tuple[Infotype, int]]:
    """Word → (infotype of the number after it, its fewest digits)."""
    lists = word_lists("numbers")
    cues = dict.fromkeys(lists["records"], (Infotype.MEDICAL_RECORD_NUMBER, 3))
    cues |= dict.fromkeys(lists["weak records"], (Infotype.MEDICAL_RECORD_NUMBER, 4))
    cues |= dict.fromkeys(lists["devices"], (Infotype.DEVICE_ID, 3))
    cues |= dict.fromkeys(lists["passports"], (Infotype.PASSPORT, 4))
    return cues | dict.fromkeys(lists["licenses"], (Infotype.DRIVERS_LICENSE_NUMBER, 4))


def find(reading: AnalysedText) -> Iterator[Finding]:
    """The numbers in a text that follow such a word."""
    text = reading.plain
    cues, weak = _cues(), word_lists("numbers")["weak records"]
    for match in _CUED.finditer(text) if reading.roles & roles.NUMBER else ():
        for cue in (match["cue"], match["cue"].rpartition("-")[2]):
            if cue in cues:
                infotype, least = cues[cue]
                if _is_number(match["value"], least, weak=cue in weak):
                    yield Finding(*match.span("value"), infotype, Likelihood.LIKELY, "after a word for such numbers")
                break
    for match in _HASH.finditer(text) if "#" in text else ():
        if _is_number(match["value"], 4, weak=True):
            yield Finding(*match.span("value"), Infotype.MEDICAL_RECORD_NUMBER, Likelihood.POSSIBLE, "a number after #")
    plates = word_lists("numbers")["plates"]
    for word in reading.words if reading.roles & roles.PLATE else ():
        plate = _PLATE.match(text, word.end) if word.folded in plates else None
        if plate and _DIGIT.search(plate["value"]):
            yield Finding(*plate.span("value"), Infotype.LICENSE_PLATE, Likelihood.LIKELY, "after a word for plates")
    for match in _VIN.finditer(text) if _MAY_BE_VIN.search(text) else ():
        if _is_vin(text, match):
            yield Finding(
                *match.span(), Infotype.VEHICLE_IDENTIFICATION_NUMBER, Likelihood.VERY_LIKELY, "written like a VIN"
            )


def _is_vin(text: str, match: re.Match[str]) -> bool:
    number = match[0]
    if not _DIGIT.search(number) or number.isdigit():
        return False
    cued = _VIN_CUE.search(text, max(0, match.start() - _REACH), match.start())
    return cued is not None or checksums.vin(number)


def _is_number(value: str, least: int, *, weak: bool) -> bool:
    digits = len(_DIGIT.findall(value))
    letters = any("a" <= character <= "z" for character in value)
    if weak:
        return digits >= (4 if letters or "-" in value else 5) and not _SCALES.fullmatch(value)
    return digits >= least and not (digits < 4 and _SCALES.fullmatch(value))
