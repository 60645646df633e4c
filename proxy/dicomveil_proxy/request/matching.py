"""Attribute matching (PS3.4 Section C.2.2.2): whether a value matches the value of a matching key.

A `Matcher` is built once for a VR and a key's value, and is a predicate on single values in DICOM JSON. Nothing here
depends on tags or data sets. No message quotes the key's value.
"""

from __future__ import annotations

import calendar
import fnmatch
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation

from dicomveil_proxy.errors import BadRequest

Matcher = Callable[[object], bool]
"""Whether one value, which is not null, matches."""

WILDCARD_VRS = frozenset(("AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"))
"""VRs that allow wildcards (PS3.4 Section C.2.2.2.4). So does UN here: an unknown attribute is matched as text."""

_NUMBER_VRS = frozenset(("DS", "FD", "FL", "IS", "SL", "SS", "SV", "UL", "US", "UV"))
_NO_VALUE_VRS = frozenset(("OB", "OD", "OF", "OL", "OV", "OW", "SQ"))
_UIDS = re.compile(r"[0-9.]+(?:[,\\][0-9.]+)*")
_LIST_SEPARATOR = re.compile(r"[,\\]")
_DATE = re.compile(r"([0-9]{4})\.?([0-9]{2})\.?([0-9]{2})")
_TIME = re.compile(r"(?:[01][0-9]|2[0-3])(?::?[0-5][0-9](?::?(?:[0-5][0-9]|60)(?:\.[0-9]{1,6})?)?)?")
# A hyphen before four digits is an offset from UTC if they are a valid one, else it separates the ends of a range.
_OFFSET = r"(?:[+-](?:0[0-9]|1[0-4])[0-5][0-9])?"
_DATETIME = re.compile(rf"[0-9]{{4}}(?:[0-9]{{2}}){{0,5}}(?:\.[0-9]{{1,6}})?{_OFFSET}")
_DATETIME_RANGE = re.compile(rf"({_DATETIME.pattern})?-({_DATETIME.pattern})?")

_FORMS = {
    "DA": "a date as 20200131, or a range as 20200101-20200131",
    "TM": "a time as 1330 or 133000, or a range as 0800-1200",
    "UI": "UIDs, separated by commas",
}
"""How values of a VR are written, for messages."""

Span = tuple[str, str]
"""The first and the last moment of a date or time of limited precision, in a form that sorts."""


def is_universal(value: str) -> bool:
    """Whether the value matches everything, absent attributes too (PS3.4 Section C.2.2.2.3)."""
    return not value.strip(" *")


def matcher(vr: str, value: str) -> Matcher:
    """The predicate for a value that is not universal. Raises BadRequest for a value that is invalid for the VR."""
    if vr in _NO_VALUE_VRS:
        raise BadRequest(f"an attribute of VR {vr} cannot be searched by a value")
    if vr == "UI":
        return _uid_matcher(value)
    if vr in ("DA", "TM", "DT"):
        return _span_matcher(vr, value)
    if vr in _NUMBER_VRS:
        return _number_matcher(vr, value)
    if vr == "CS":
        # Neither a comma nor a backslash is legal in a code, and viewers send lists of modalities.
        choices = [_text_matcher(vr, choice) for choice in _LIST_SEPARATOR.split(value) if choice.strip()]
        return lambda found: any(choice(found) for choice in choices)
    if vr == "PN":
        return _name_matcher(value)
    return _text_matcher(vr, value)


def combined_range(dates: str, times: str) -> Callable[[object, object], bool] | None:
    """The predicate on a date and its time for two ranges that are open at the same ends; None for any others.

    PS3.4 Section C.2.2.2.5.4: such a pair is matched as a single DT attribute, so that `20060705-20060707` and
    `1000-1800` begin on the 5th at 10:00 and end on the 7th at 18:00. Raises BadRequest for invalid values.
    """
    forms = [[bool(end.strip()) for end in value.split("-")] for value in (dates, times)]
    if len(forms[0]) != 2 or forms[0] != forms[1]:
        return None
    (first_day, last_day), (first_time, last_time) = _spans("DA", dates), _spans("TM", times)
    low = first_day[0] + first_time[0] if first_day and first_time else ""
    high = last_day[1] + last_time[1] if last_day and last_time else "\uffff"

    def matches(day: object, time: object) -> bool:
        at, within = _span_of("DA", day), _span_of("TM", time)
        return at is not None and within is not None and low <= at[0] + within[0] <= high

    return matches


def widen_dates(value: str, days: int) -> str:
    """A DA value or range, extended by the given number of days at both ends.

    An end outside the calendar becomes open; a range with two open ends becomes empty. Raises BadRequest.
    """
    first, last = _spans("DA", value)
    ends = f"{_moved(first, -days)}-{_moved(last, days)}"
    return "" if ends == "-" else ends


def _moved(span: Span | None, days: int) -> str:
    try:
        day = date.fromisoformat(span[0]) + timedelta(days=days) if span else None
    except OverflowError:
        day = None
    return day.isoformat().replace("-", "") if day else ""


def _text_matcher(vr: str, value: str) -> Matcher:
    """Text matches as a whole, ignoring case and surrounding spaces, with wildcards where the VR allows them."""
    wanted = value.strip().casefold()
    if (vr in WILDCARD_VRS or vr == "UN") and ("*" in wanted or "?" in wanted):
        # fnmatch's patterns do not backtrack exponentially. Brackets have no meaning in DICOM, and are escaped.
        pattern = re.compile(fnmatch.translate(wanted.replace("[", "[[]")))
        return lambda found: isinstance(found, str) and pattern.match(found.strip().casefold()) is not None
    return lambda found: isinstance(found, str) and found.strip().casefold() == wanted


def _name_matcher(value: str) -> Matcher:
    """A name matches by any of its component groups, or by all joined with `=` (PS3.5 Section 6.2.1)."""
    test = _text_matcher("PN", _without_empty_end(value))

    def matches(found: object) -> bool:
        if not isinstance(found, dict):
            return False
        groups = [str(found.get(group) or "") for group in ("Alphabetic", "Ideographic", "Phonetic")]
        forms = {_without_empty_end(form) for form in (*groups, "=".join(groups))}
        return any(test(form) for form in forms if form)

    return matches


def _without_empty_end(name: str) -> str:
    """The name without trailing empty components and groups, which have no meaning."""
    return "=".join(group.rstrip(" ^") for group in name.split("=")).rstrip("=")


def _uid_matcher(value: str) -> Matcher:
    """UIDs match exactly; a list, separated by backslashes or commas, by any of its UIDs (PS3.4 Section C.2.2.2.2)."""
    if not _UIDS.fullmatch(value.strip()):
        raise _illegal("UI")
    wanted = frozenset(_LIST_SEPARATOR.split(value.strip()))
    return lambda found: isinstance(found, str) and found.strip(" \0") in wanted


def _number_matcher(vr: str, value: str) -> Matcher:
    """Numbers match by value, not by notation."""
    wanted = _number(value)
    if wanted is None:
        raise _illegal(vr)
    return lambda found: _number(found) == wanted


def _number(value: object) -> Decimal | None:
    try:
        number = Decimal(str(value).strip())
    except (InvalidOperation, ValueError):
        return None
    return number if number.is_finite() else None


def _span_matcher(vr: str, value: str) -> Matcher:
    """Dates and times match within a range, or the precision of a single value (PS3.4 Section C.2.2.2.5)."""
    first, last = _spans(vr, value)
    low, high = first[0] if first else "", last[1] if last else "\uffff"

    def matches(found: object) -> bool:
        span = _span_of(vr, found)
        return span is not None and low <= span[0] <= high

    return matches


def _span_of(vr: str, found: object) -> Span | None:
    """The span of a value in a result.

    A date in the ACR-NEMA form, with dots, is not a valid DA value (PS3.5 Section 6.2). Origin servers do not find it
    by its date, so that it matches nothing here either.
    """
    if not isinstance(found, str) or (vr == "DA" and "." in found):
        return None
    return _SPANS[vr](found.strip())


def _spans(vr: str, value: str) -> tuple[Span | None, Span | None]:
    """Both ends of a range, None for an open end; a single value gives the same span twice."""
    whole = value.strip()
    if vr == "DT" and not _DATETIME.fullmatch(whole):
        match = _DATETIME_RANGE.fullmatch(whole)
        ends = [match[1] or "", match[2] or ""] if match else []
    elif vr == "DT" or "-" not in whole:
        ends = [whole, whole]
    else:
        ends = [end.strip() for end in whole.split("-")]
    spans = [_SPANS[vr](end) for end in ends]
    if len(ends) != 2 or not any(spans) or any(end and not span for end, span in zip(ends, spans, strict=True)):
        raise _illegal(vr)
    return spans[0], spans[1]


def _date_span(text: str) -> Span | None:
    """A DA value, also with the dots of the ACR-NEMA form."""
    match = _DATE.fullmatch(text.strip())
    if not match:
        return None
    try:
        day = date(int(match[1]), int(match[2]), int(match[3])).isoformat()
    except ValueError:
        return None
    return day, day


def _time_span(text: str) -> Span | None:
    """A TM value, also with the colons of the ACR-NEMA form."""
    if not _TIME.fullmatch(text):
        return None
    digits = text.replace(":", "").replace(".", "")
    return digits.ljust(12, "0"), digits.ljust(12, "9")


def _datetime_span(text: str) -> Span | None:
    """A DT value in UTC; a value without offset is assumed to be in UTC."""
    if not _DATETIME.fullmatch(text):
        return None
    sign = re.search("[+-]", text)
    plain, offset = (text[: sign.start()], text[sign.start() :]) if sign else (text, "+0000")
    moment, _, fraction = plain.partition(".")
    if fraction and len(moment) != 14:
        return None
    numbers = [int(moment[:4]), *(int(moment[at : at + 2]) for at in range(4, len(moment), 2))]
    if len(numbers) == 6:
        numbers[5] = min(numbers[5], 59)  # datetime has no leap seconds
    shift = timedelta(hours=int(offset[:3]), minutes=int(offset[0] + offset[3:]))
    missing = len(numbers) - 1
    try:
        low = _moment([*numbers, *[1, 1, 0, 0, 0][missing:]], fraction.ljust(6, "0")) - shift
        last = [*numbers, *[12, 31, 23, 59, 59][missing:]]
        if len(numbers) < 3:
            last[2] = calendar.monthrange(last[0], last[1])[1]
        high = _moment(last, fraction.ljust(6, "9")) - shift
    except (ValueError, OverflowError):
        return None
    return low.isoformat(timespec="microseconds"), high.isoformat(timespec="microseconds")


def _moment(numbers: list[int], microseconds: str) -> datetime:
    year, month, day, hour, minute, second = numbers
    return datetime(year, month, day, hour, minute, second, int(microseconds), tzinfo=UTC)


def _illegal(vr: str) -> BadRequest:
    form = f"; write {_FORMS[vr]}" if vr in _FORMS else ""
    return BadRequest(f"the value is not legal for VR {vr}{form}")


_SPANS: dict[str, Callable[[str], Span | None]] = {
    "DA": _date_span,
    "TM": _time_span,
    "DT": _datetime_span,
}
