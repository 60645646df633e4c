"""Reading dates as people write them, and shifting them in the same notation: "12 Mar 2020" → "27 Jan 2020".

Ambiguous dates are not shifted; the caller removes them. Times of day are unchanged.
"""

from __future__ import annotations

import re
from datetime import date, timedelta

from dicomveil_engine.text.plain import plain

_YEAR = r"(?:1[89]|20|21)\d\d"
_NUMERIC = (
    re.compile(rf"(?P<y>{_YEAR})(?P<s1>[\-./_ ][ ]?|)(?P<m>\d{{1,2}})(?P<s2>(?P=s1))(?P<d>\d{{1,2}})"),
    re.compile(r"(?P<a>\d{1,2})(?P<s1>[\-./_ ][ ]?)(?P<b>\d{1,2})(?P<s2>(?P=s1))(?P<y>(?:1[89]|20|21)\d\d|'?\d\d)"),
)
_YEAR_AND_MONTH = re.compile(rf"(?P<y>{_YEAR})(?P<s>[\-/])(?P<m>\d\d)")
_MONTH_AND_YEAR = re.compile(rf"(?P<m>\d{{1,2}})(?P<s>[\-/.])(?P<y>{_YEAR})")
_EAST_ASIAN = re.compile(
    rf"(?P<y>{_YEAR})(?P<s1>[ ]?[年년][ ]?)(?P<m>\d{{1,2}})(?P<s2>[ ]?[月월][ ]?)(?P<d>\d{{1,2}})(?P<s3>[ ]?[日일])"
)
_NAMED = re.compile(
    rf"(?P<d>\d{{1,2}})(?P<s1>(?:st|nd|rd|th|\.)?[ .,/_\-]{{0,3}}(?:(?:of|de)[ ])?)(?P<m>[^\W\d_]+)"
    rf"(?P<s2>\.?[ .,/_\-]{{0,3}}(?:(?:de|del)[ ])?)(?P<y>{_YEAR}|'?\d\d)"
)
_NAMED_FIRST = re.compile(
    rf"(?P<m>[^\W\d_]{{1,24}})(?P<s1>\.?[ .,/_\-]{{1,2}})(?P<d>\d{{1,2}})(?P<o>st|nd|rd|th|)"
    rf"(?P<s2>[ ]?,?[ ./_\-]{{1,2}})(?P<y>{_YEAR}|'?\d\d)"
)
_NAME_AND_YEAR = re.compile(rf"(?P<m>[^\W\d_]{{1,24}})(?P<s1>\.?[ .,/_\-]{{0,3}}(?:(?:de|del)[ ])?)(?P<y>{_YEAR})")
_CLOCK = re.compile(r"(?:[ t,_]{1,2}\d{1,2}:\d\d.{0,20}|[ _t]?(?:[01]\d|2[0-3])[0-5]\d(?:[0-5]\d(?:\.\d{1,6})?)?)?")
_DIGITS_ALONE = re.compile(rf"(?P<y>{_YEAR})(?P<m>\d\d)(?P<d>\d\d)")

_MONTHS = (
    "january february march april may june july august september october november december",
    "jan feb mar apr may jun jul aug sep oct nov dec",
    "januar februar märz april mai juni juli august september oktober november dezember",
    "jan feb mrz apr mai jun jul aug sep okt nov dez",
    "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
    "januari februari maart april mei juni juli augustus september oktober november december",
    "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
)
"""Names of months by language; dates with other names of months are removed."""
_LISTS = tuple(tuple(line.split()) for line in _MONTHS)
_CENTURY = 100
_PIVOT = 50
"""'49 is 2049, and '50 is 1950: texts about examinations are about the past, or plans for the next decades."""


def moved(text: str, days: int, *, month_first: bool) -> str | None:
    """The date shifted by a number of days; None if the notation is unknown or the result is not a date.

    `month_first` decides how 3/4/2020 is read.
    """
    match, is_whole = _matched(plain(text))
    if match is None:
        return None
    if not is_whole:
        return _of_month(text, match, days)
    new = _whole(text, match, days, month_first=month_first)
    return None if new is None else new + text[match.end() :]


def read(text: str, *, month_first: bool) -> date | None:
    """The day in a text, for a month its first day; None if the notation is unknown or it is not a date."""
    match, is_whole = _matched(plain(text))
    if match is None:
        return None
    day_at, month_at = _places(match, month_first=month_first) if is_whole else ("", "m")
    month = _month(match, month_at)
    return None if month is None else _date(_year(match["y"]), month[0], int(match[day_at]) if day_at else 1)


def _matched(text: str) -> tuple[re.Match[str] | None, bool]:
    """The notation of a date, and whether it has a day."""
    for pattern in (_DIGITS_ALONE, *_NUMERIC, _EAST_ASIAN, _NAMED, _NAMED_FIRST):
        match = pattern.match(text)
        if match and _CLOCK.fullmatch(text, match.end()):
            return match, True
    for pattern in (_YEAR_AND_MONTH, _MONTH_AND_YEAR, _NAME_AND_YEAR):
        match = pattern.fullmatch(text)
        if match:
            return match, False
    return None, False


def _places(match: re.Match[str], *, month_first: bool) -> tuple[str, str]:
    """The groups of the day and the month."""
    if "a" not in match.re.groupindex:
        return "d", "m"
    first, second = int(match["a"]), int(match["b"])
    is_month_first = second > 12 or (month_first and first <= 12 and match["s1"].strip() in {"/", "-"})
    return ("b", "a") if is_month_first else ("a", "b")


def _whole(text: str, match: re.Match[str], days: int, *, month_first: bool) -> str | None:
    groups = match.re.groupindex
    day_at, month_at = _places(match, month_first=month_first)
    month = _month(match, month_at)
    if month is None:
        return None
    number, names = month
    before = _date(_year(match["y"]), number, int(match[day_at]))
    after = _moved(before, days)
    if after is None:
        return None
    new = {
        "y": _as_year(after.year, match["y"]),
        day_at: _as_number(after.day, match[day_at]),
        month_at: _as_name(text[slice(*match.span(month_at))], names[after.month - 1])
        if names
        else _as_number(after.month, match[month_at]),
    }
    if "o" in groups and match["o"]:
        new["o"] = _ordinal(after.day)
    if "s1" in groups and re.match(r"st|nd|rd|th", match["s1"]):
        new["s1"] = _ordinal(after.day) + match["s1"][2:]
    return _rewritten(text, match, new)


def _of_month(text: str, match: re.Match[str], days: int) -> str | None:
    """Shift a month without a day as its first day, as for DT."""
    month = _month(match, "m")
    after = None if month is None else _moved(_date(_year(match["y"]), month[0], 1), days)
    if month is None or after is None:
        return None
    names = month[1]
    written = text[slice(*match.span("m"))]
    name = _as_name(written, names[after.month - 1]) if names else _as_number(after.month, written)
    return _rewritten(text, match, {"y": str(after.year), "m": name})


def _rewritten(text: str, match: re.Match[str], new: dict[str, str]) -> str:
    pieces: list[str] = []
    end = match.start()
    for group in sorted(new, key=match.start):
        pieces += (text[end : match.start(group)], new[group])
        end = match.end(group)
    return "".join((*pieces, text[end : match.end()]))


def _month(match: re.Match[str], group: str) -> tuple[int, tuple[str, ...]] | None:
    """The month's number, and the month names of its language if it is written as a name."""
    written = match[group]
    if written.isdigit():
        return int(written), ()
    for names in _LISTS:
        folded = [plain(name) for name in names]
        if written in folded:
            return folded.index(written) + 1, names
    return None


def _year(written: str) -> int:
    year = int(written.lstrip("'"))
    return year if year >= _CENTURY else year + (2000 if year < _PIVOT else 1900)


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _moved(day: date | None, days: int) -> date | None:
    try:
        return None if day is None else day + timedelta(days)
    except OverflowError:
        return None


def _as_number(number: int, like: str) -> str:
    """The number with a leading zero, unless the original has one digit."""
    return str(number) if len(like) == 1 else f"{number:02d}"


def _as_year(year: int, like: str) -> str:
    digits = len(like.lstrip("'"))
    return like[: len(like) - digits] + (f"{year:04d}" if digits > 2 else f"{year % _CENTURY:02d}")


def _as_name(like: str, name: str) -> str:
    if like.isupper():
        return name.upper()
    return name.title() if like[:1].isupper() else name


def _ordinal(day: int) -> str:
    return "th" if 10 < day < 14 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
