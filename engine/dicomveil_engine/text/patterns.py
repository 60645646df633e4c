"""What is written like an identifier, whoever's it is: dates, telephone numbers, net addresses, long numbers,
and names behind a title.

The patterns read folded text (lower case, without accents: `spelling.fold`).

Every pattern is anchored at the start of what it matches, so that no text takes more than linear time.
"""

from __future__ import annotations

import re
import unicodedata

Span = tuple[int, int]

_STEM = (
    "(?:jan|gen|ene|feb|fev|mar|mrt|maa|apr|avr|abr|may|mai|mei|mag|jun|jui|giu|jul|lug|aug|aou|ago|sep|set"
    "|oct|okt|ott|out|nov|dec|dez|dic)"
)
_MONTH = (
    "(?:jan(?:uary|uar|uari|vier|eiro)?|gen(?:naio)?|ene(?:ro)?|feb(?:ruary|ruar|ruari|braio|rero)?"
    "|fev(?:rier|ereiro)?|mar(?:ch|s|z|zo|co)?|mrt|maart|apr(?:il|ile)?|avr(?:il)?|abr(?:il)?|may(?:o)?"
    "|mai(?:o)?|mei|mag(?:gio)?|jun(?:e|i|io|ho)?|juin|giu(?:gno)?|jul(?:y|i|io|ho)?|juil(?:let)?"
    "|lug(?:lio)?|aug(?:ust|ustus)?|aout|ago(?:sto)?|sep(?:tember|tembre|tiembre)?|sept|set(?:tembre|embro)?"
    "|oct(?:ober|obre|ubre)?|okt(?:ober)?|ott(?:obre)?|out(?:ubro)?|nov(?:ember|embre|iembre|embro)?"
    "|dec(?:ember|embre)?|dez(?:ember|embro)?|dic(?:embre|iembre)?)"
)
"""English, German, French, Spanish, Italian, Portuguese, Dutch."""

_LETTER = r"[^\W\d_]"
_START = r"(?<!\d)(?<!\d\.)"
_YEAR = r"(?:1[89]|20|21)\d\d"
_DAY = r"(?:3[01]|[12]\d|0?[1-9])"
_MONTH_NUMBER = r"(?:1[0-2]|0?[1-9])"
_TIME = r"(?:[t ,]{1,2}\d{1,2}:\d\d(?::\d\d(?:[.,]\d+)?)?(?:z|[ ]?[ap]m\b|[+-]\d\d:?\d\d)?)?"
_SHORT_YEAR = rf"(?:{_YEAR}|\d\d)(?!\d|\.\d)"
_DOMAINS = "(?:com|org|net|edu|gov|mil|int|info)"
_GAP = r"[ .,'/_\-]{1,3}"
_BETWEEN = r"(?:[ .,'/_\-]|of|de){0,4}"

_DIGIT_GAP = r"[ _/()\-\u2010-\u2015]{0,3}"

_URLS = (
    r"(?<![a-z0-9+.\-])[a-z0-9+.\-]*://\S+",
    r"\bwww\.\S+",
    r"(?<![\w.+%'\-])[\w.+%'\-]+@[\w.\-]+\w",
    rf"(?<![a-z0-9.\-])(?:[a-z0-9\-]+\.)+{_DOMAINS}\b(?:/\S*)?",
)
_UIDS = (
    # Four numbers are an IP address, five and more a UID.
    rf"(?:urn:oid:)?{_START}\d+(?:\.\d+){{3,}}",
    rf"(?:urn:oid:)?{_START}2\.25\.\d+",
)
_NUMERIC_DATES = (
    # 2020-03-12, 2020.03.12 10:15
    rf"(?<!\d){_YEAR}(?P<a>[\-./ _]){_MONTH_NUMBER}(?P=a){_DAY}(?!\d){_TIME}",
    # 12.03.2020, 12. 3. 2020, 3/12/20
    rf"{_START}{_DAY}(?P<b>[\-./ _])[ ]?{_MONTH_NUMBER}(?P=b)[ ]?{_SHORT_YEAR}{_TIME}",
    rf"{_START}{_MONTH_NUMBER}(?P<c>[\-./ _]){_DAY}(?P=c){_SHORT_YEAR}{_TIME}",
    # 2020-03, 03/2020
    rf"{_START}{_YEAR}[\-/](?:1[0-2]|0[1-9])(?!\d)",
    rf"{_START}(?:{_MONTH_NUMBER}[\-/]|(?:1[0-2]|0[1-9])\.){_YEAR}(?!\d)",
)
_NAMED_DATES = (
    # 12 Mar 2020, 12MAR20, 12th of March
    rf"(?<!\d){_DAY}(?:st|nd|rd|th)?{_BETWEEN}{_MONTH}(?!{_LETTER})(?:{_BETWEEN}(?:{_YEAR}|\d\d)(?!\d){_TIME})?",
    # Mar 12, 2020
    rf"(?<!{_LETTER}){_MONTH}{_GAP}{_DAY}(?:st|nd|rd|th)?(?:{_GAP}(?:{_YEAR}|\d\d))?(?!\d){_TIME}",
    # March 2020
    rf"(?<!{_LETTER}){_MONTH}{_BETWEEN}(?:{_YEAR}|'\d\d)(?!\d)",
    # 2020年3月12日, 3월 12일
    r"(?:\d{2,4}\s*(?:年|년)\s*)?\d{1,2}\s*(?:月|월)(?:\s*\d{1,2}\s*(?:日|일))?",
)
_NUMBERS = (
    # Seven or more digits with the letters that belong to them, grouped or not: +49 (0)30 123-4567;
    # not the 1 of a T1 (or L1, C1, S1, B0) before them.
    rf"(?<![a-z0-9_])(?![tlcsb]\d )(?:\d+[.,])?[a-z0-9_]*(?:\+|\(\+?)?\d(?:{_DIGIT_GAP}\d){{6,}}[a-z0-9_]*",
    rf"{_START}(?=(?:\.?\d){{7}})\d{{2,4}}(?:\.\d{{2,4}}){{2,}}(?!\d)",
)

_TITLES = r"(?:dr|dra|dott|prof|mr|mrs|ms)\."
_NAMES = (
    # Dr. Roe, Prof. Dr. J. Roe-Poe; without the full stop MR is a modality.
    rf"(?<!{_LETTER})(?:{_TITLES}[ ]*)+(?:{_LETTER}\.[ ]*)*{_LETTER}+(?:['\u2019-]{_LETTER}+)*",
)


def _compiled(*patterns: str) -> re.Pattern[str]:
    # Folded text is decomposed, and so must be the Korean letters here.
    return re.compile(unicodedata.normalize("NFKD", "|".join(patterns)))


_PATTERNS = _compiled(*_URLS, *_UIDS, *_NUMERIC_DATES, *_NAMED_DATES, *_NUMBERS, *_NAMES)
_WORTH_A_LOOK = re.compile(r"[\d@.:]")
_WORTH_READING = _compiled(
    rf"\d(?:\D{{0,3}}\d){{3}}|@|://|www\.|\.{_DOMAINS}|月|월",
    rf"\d[\W\d_a-z]{{0,6}}{_STEM}|(?<!{_LETTER}){_STEM}\D{{0,12}}\d",
    rf"(?<!{_LETTER}){_TITLES}",
)
"""What every pattern needs at the least, cheapest first; most texts hold none of it."""


def identifier_spans(folded: str) -> tuple[Span, ...]:
    """Where a folded text holds something written like a date, number, address or UID that may identify."""
    if not _WORTH_A_LOOK.search(folded) or not _WORTH_READING.search(folded):
        return ()
    return tuple(match.span() for match in _PATTERNS.finditer(folded))
