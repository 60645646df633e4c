"""DATE: days, months with a year, and partial dates after a cue, in digits and with names of months.

A year alone is not a date (the HIPAA safe harbor method allows years). A day and month without a year is a date only
after a cue, since 3/4 may be a fraction.
"""

from __future__ import annotations

from collections.abc import Iterator

from dicomveil_engine.text import roles
from dicomveil_engine.text.analysed_text import AnalysedText
from dicomveil_engine.text.detectors.months import DAY_FIRST_ONLY, MONTHS, NEEDS_YEAR, SHORT
from dicomveil_engine.text.finding import Finding, Infotype, Likelihood
from dicomveil_engine.text.lists import word_lists
from dicomveil_engine.text.patterns import late_pattern

_LISTS = word_lists("dates")
_CUES = _LISTS["cues"]
_DOT_CUES = _LISTS["cues of days with full stops"]
_BIRTH_CUES = _LISTS["birth"]

_YEAR = r"(?:1[89]|20|21)\d\d"
_DAY = r"(?:3[01]|[12]\d|0?[1-9])"
_TWO_DIGIT_DAY = r"(?:3[01]|[12]\d|0[1-9])"
_MONTH = r"(?:1[0-2]|0?[1-9])"
_TWO_DIGIT_MONTH = r"(?:1[0-2]|0[1-9])"
_CLOCK = r"\d{1,2}:\d\d(?::\d\d(?:[.,]\d{1,6})?)?(?:[ ]?[ap]\.?m\b\.?|z\b|[+-]\d\d:?\d\d)?"
_TIME = rf"(?:(?:t|[ ,_]{{1,2}}){_CLOCK})?"
_DIGITS_OF_TIME = r"(?:[ _t]?(?:[01]\d|2[0-3])[0-5]\d(?:[0-5]\d(?:\.\d{1,6})?)?)?"
_START = r"(?<!\d)(?<!\d[.,/:])"
_END = r"(?!\d)(?![.,/:\-]\d)"
_ROMAN = r"(?:xi{0,2}|ix|iv|vi{0,3}|i{1,3})"


def _day_and_month(mark: str, marks: str) -> str:
    """A day and a month in either order, with the same separator between and after them."""
    return (
        rf"(?:{_DAY}(?P<{mark}>[{marks}])[ ]?{_MONTH}(?P={mark})[ ]?"
        rf"|{_MONTH}(?P<{mark}2>[{marks}]){_DAY}(?P={mark}2))"
    )


_NUMERIC = late_pattern(
    r"(?=\d)(?:"
    + "|".join(
        (
            # 2020-03-12, 2020.03.12 10:15, 2020_3_12
            rf"{_START}{_YEAR}(?P<a>[\-./_])[ ]?{_MONTH}(?P=a)[ ]?{_DAY}(?!\d){_TIME}",
            rf"{_START}{_YEAR} {_TWO_DIGIT_MONTH} {_TWO_DIGIT_DAY}(?! ?\d)",
            # 12.03.2020, 12. 3. 2020, 3/12/2020, 03-12-2020, 12_03_2020
            rf"{_START}{_day_and_month('b', '-./_')}{_YEAR}(?!\d){_TIME}",
            (
                rf"{_START}(?<!\d )(?:{_TWO_DIGIT_DAY} {_TWO_DIGIT_MONTH}|{_TWO_DIGIT_MONTH} {_TWO_DIGIT_DAY})"
                rf" {_YEAR}(?! ?\d)"
            ),
            # 12.03.20, 3/12/20, 12-03-'20; a letter right before it makes it a level or a version
            rf"(?<![^\W_]){_START}{_day_and_month('c', '-./')}'?\d\d(?![^\W\d_](?![^\W\d_])){_END}{_TIME}",
            # 20200312, 20200312101522.000
            rf"(?<!\d)(?<!\d\.)(?:19|20)\d\d{_TWO_DIGIT_MONTH}{_TWO_DIGIT_DAY}{_DIGITS_OF_TIME}(?!\d)",
            # 2020-03, 03/2020, 3/2020, 03.2020
            rf"{_START}{_YEAR}[\-/]{_TWO_DIGIT_MONTH}(?![\d/])(?!-\d)",
            rf"{_START}(?:{_MONTH}[/\-]|{_TWO_DIGIT_MONTH}\.){_YEAR}{_END}",
            # 12.III.2020
            rf"{_START}{_DAY}[. ]{{1,2}}{_ROMAN}[. ]{{1,2}}{_YEAR}(?!\d)",
        )
    )
    + ")"
)
_WORTH_A_LOOK = late_pattern(r"\d[\-./_ ]{1,2}'?\d|\d{8}|\d[. ]{1,2}[ivx]")

_REACH = 12
"""Characters before the name of a month that may have its day or year."""
_ORDINAL = r"(?:st|nd|rd|th|er|e|o|a|[.])?"
_UNIT = r"(?![ ]?(?:mm|cm|ml|mg|kg|gy|hz|s|x|min|wk|weeks?|days?|years?|yrs?|mo|months?)(?![^\W\d_]))"
_DAY_BEFORE = late_pattern(rf"(?<![\d.,])(?<!\d/)({_DAY}){_ORDINAL}[ .,'/_\-]{{0,3}}(?:(?:of|de|di)[ ])?\Z")
_YEAR_BEFORE = late_pattern(rf"(?<!\d){_YEAR}[ .,/_\-]{{1,3}}\Z")
_YEAR_AFTER = late_pattern(
    rf"\.?(?:[ ,/_\-]|[.](?=\d)){{0,3}}(?:(?:of|de|del|di|roku|r)[ ])?{_YEAR}(?!\d)"
    rf"(?:[ ]?(?:r|г|год\w?)(?![^\W\d_])\.?)?{_TIME}"
)
_SHORT_YEAR_AFTER = late_pattern(
    rf"\.?(?:[ ,]{{0,2}}'|[ .,/_\-]{{0,2}})\d\d(?![\d%])(?![.,/:\-]\d)(?![^\W\d_]){_UNIT}{_TIME}"
)
_YEAR_MARKS = frozenset("'-/0123456789")
_DAY_AFTER = late_pattern(
    rf"\.?[ .,'/_\-]{{1,2}}(?P<day>{_DAY}(?:st|nd|rd|th)?)(?![\d%])(?![.:]\d)(?![^\W\d_]){_UNIT}"
    rf"(?P<year>(?:[ ]*,[ ]*|[ ./_\-]{{1,2}})(?:{_YEAR}|'?\d\d(?![^\W_])(?![ ]?[.:%]\d))(?!\d){_TIME})?"
)

_PARTIAL = late_pattern(
    rf"(?<![^\W\d_])(?P<cue>[^\W\d_]{{2,14}})[.:]?[ ]?(?:(?:the|il|el|le|um|ca)[ ])?(?:"
    rf"(?P<slashed>(?:{_DAY}[/\-]{_MONTH}|{_MONTH}[/\-]{_DAY}|{_MONTH}/'?\d\d)(?![\d%/])(?![.\-]\d)(?![^\W_]))"
    rf"|(?P<dotted>{_DAY}\.[ ]?{_MONTH}\.(?!\d)))"
)
_BEHIND_BIRTH = late_pattern(
    r"(?<![^\W\d_])(?P<cue>[^\W\d_](?:[^\W_]{1,13}))[ .:=*#_\-]{0,3}"
    r"(?P<date>\d{6,8}|\d{1,2}[ ./\-]\d{1,2}[ ./\-]\d{2,4})(?!\d)"
)


def find(reading: AnalysedText) -> Iterator[Finding]:
    """The dates in a text, except those in East Asian notations (`east_asian_dates`)."""
    text = reading.plain
    if reading.digits > 1 and _WORTH_A_LOOK.search(text):
        yield from _in_digits(reading)
    is_birth = reading.digits > 3 and (reading.roles & roles.BIRTH or "d0b" in text)
    for match in _BEHIND_BIRTH.finditer(text) if is_birth else ():
        if match["cue"] in _BIRTH_CUES:
            span = match.span("date")
            yield Finding(*span, Infotype.DATE, Likelihood.VERY_LIKELY, "digits after a word for a date of birth")
    for word in reading.words if reading.roles & roles.MONTH else ():
        if word.folded in MONTHS and (named := _named(reading, word.start, word.end)):
            yield Finding(*named, Infotype.DATE, Likelihood.VERY_LIKELY, "a date with a month's name")


def _in_digits(reading: AnalysedText) -> Iterator[Finding]:
    text = reading.plain
    for match in _NUMERIC.finditer(text):
        yield Finding(*match.span(), Infotype.DATE, Likelihood.VERY_LIKELY, "a date in digits")
    for match in _PARTIAL.finditer(text):
        group, cues = ("slashed", _CUES) if match["slashed"] else ("dotted", _DOT_CUES)
        if match["cue"] in cues:
            span = match.span(group)
            yield Finding(*span, Infotype.DATE, Likelihood.LIKELY, "a day or month after a word for a date")


def _named(reading: AnalysedText, start: int, end: int) -> tuple[int, int] | None:
    """The date around the name of a month, with a day, a year or both; None if it is another word."""
    text, word = reading.plain, reading.plain[start:end]
    short = word in SHORT
    is_capital = reading.text[start].isupper()
    is_name = is_capital or not short
    """A short form in lower case is a month only between a day and a year."""
    year = _YEAR_AFTER.match(text, end)
    short_year = _SHORT_YEAR_AFTER.match(text, end)
    before = _DAY_BEFORE.search(text, max(0, start - _REACH), start)
    if before:
        if year or (short_year and (is_name or text[start - 1] != " ")):
            return before.start(), (year or short_year).end()  # type: ignore[union-attr]
        is_title = is_capital and reading.text[start + 1 : end].islower()
        alone = word not in NEEDS_YEAR or (is_title and word not in DAY_FIRST_ONLY)
        # A number directly after a letter is not a day: T2 Mar.
        return (before.start(), end) if alone and not text[before.start() - 1 : before.start()].isalnum() else None
    behind = _DAY_AFTER.match(text, end)
    if behind and behind["year"] and word not in DAY_FIRST_ONLY:
        return start, behind.end()
    if behind and is_name and (not short or word not in NEEDS_YEAR):
        return start, behind.end("day")
    if year:
        return start, year.end()
    earlier = _YEAR_BEFORE.search(text, max(0, start - _REACH), start)
    if earlier and is_name:
        return earlier.start(), end
    if short_year and text[end : end + 1] in _YEAR_MARKS and is_name and word not in DAY_FIRST_ONLY:
        return start, short_year.end()
    return None
