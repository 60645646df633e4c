"""STREET_ADDRESS and LOCATION: streets with their numbers, and towns after a word for a place."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from dicomveil_engine.text import roles
from dicomveil_engine.text.analysed_text import AnalysedText
from dicomveil_engine.text.finding import Finding, Infotype, Likelihood
from dicomveil_engine.text.gazetteer import CITY, ENGLISH, EVERYDAY, TECHNIQUE
from dicomveil_engine.text.lists import word_lists
from dicomveil_engine.text.patterns import late_pattern
from dicomveil_engine.text.words_of_text import Case, Word, ends_like_medicine

_WORD = r"[^\W\d_](?:[^\W_]|['.\-](?=[^\W_])){0,24}\.?"
_UNIT = (
    r"(?:,?[ ]{1,2}(?:apt|apartment|unit|suite|ste|no|nr|app|appt|bis|ter|m|lok|д|кв|корп|kat|daire|d)"
    r"(?:\.[ ]?|[ ]|[ ]?[:#][ ]?)(?:[\w/\-]{0,3}\d[\w/\-]{0,4}|[a-z](?![^\W_]))){0,3}"
    r"(?:,[ ]?\d{1,2}[oa°](?:[ ]?(?:[a-z]|izda?|dcha?)\.?(?![^\W_])|(?![^\W_])))?"
)
_POST_CODE = (
    r"(?:[a-z]{1,2}[\- ])?(?:\d{5}(?:-\d{3,4})?|\d{4}[ ]?[a-z]{2}(?![^\W_])|\d{2}-\d{3}|\d{4}-\d{3}|\d{3}[ ]\d{2}|\d{6}"
    r"|\d{4}|[a-z]{1,2}\d[a-z\d]?[ ]\d[a-z]{2})"
)
_TOWN = r"(?:[^\W\d_][^\W\d_.'\-]{1,24}(?:[ \-][^\W\d_][^\W\d_]{1,20}){0,2})"
_TAIL = late_pattern(
    rf"(?:,?[ ]{{1,2}}{_POST_CODE}(?!\d)(?:[ ,]{{1,2}}(?P<behind_code>{_TOWN}))?"
    rf"|,[ ]?(?P<town>{_TOWN})(?:,?[ ][a-z]{{2}}(?![^\W_]))?(?:,?[ ]{_POST_CODE}(?!\d))?)"
)
"""Post code and town after a street and its number."""
_NUMBER_FIRST = late_pattern(
    r"(?<![^\W_])(?<![.,/])(?P<number>\d{1,5}[a-z]?,?)[ ](?:(?:n|s|e|w|north|south|east|west|old|new)\.?[ ])?"
    rf"(?:{_WORD}[ ]){{1,4}}?(?P<kind>[^\W\d_]{{2,10}})(?![^\W_])\.?{_UNIT}"
)
"""12 Old Doe Street, Apt 3."""
_PARTICLES = rf"(?:(?:d'|(?:{'|'.join(sorted(word_lists('places')['particles']))})\.?[ ]){{1,3}})?"
_NUMBER_KIND = late_pattern(
    r"(?<![^\W_])(?<![.,/])\d{1,5}[ ]?(?:bis|ter|[a-c])?,?[ ](?P<kind>[^\W\d_]{2,9})\.?[ ]"
    rf"{_PARTICLES}(?P<name>{_WORD})"
)
"""12 rue Doe; further words of the name are capitalised."""
_KIND_NUMBER = late_pattern(
    rf"(?<![^\W_])(?P<kind>c/|v\.le|p\.za|[^\W\d_]{{2,9}})\.?[ ]{_PARTICLES}(?P<name>{_WORD})(?:[ ]{_WORD}){{0,4}}?"
    r",?[ ](?:n\.?[ º°]{0,2}|nº[ ]?|д\.[ ]?|дом[ ]|no[ .:]{0,2})?\d{1,5}[ ]?(?:bis|ter|[a-c](?![^\W_]))?(?:/\d{1,4})?"
    rf"(?![^\W_])(?![.,]\d){_UNIT}"
)
"""via Doe 12, ul. Doe 12/3, Calle de la Doe, 12."""
_ABBREVIATED = late_pattern(r"(?<![^\W_])(?:c/|v\.le|p\.za)")
_CAPITAL_BEHIND = late_pattern(r"[ \-](?:(?:d[eu]s?|di|la|del)[ ])?(?=(?P<letter>[^\W\d_]))[^\W\d_]+")
_ENDINGS = tuple(sorted(word_lists("places")["street endings"]))
_ENDING = "|".join(_ENDINGS)
_COMPOUND = late_pattern(
    rf"(?<![^\W\d_])(?:{_WORD}[ \-]){{0,2}}?[^\W\d_\-]{{2,24}}[ \-]?(?:{_ENDING})\.?[ ]\d{{1,4}}[ ]?[a-h]?"
    rf"(?![^\W_]){_UNIT}"
)
"""Doestraße 12, Jane-Doe-Weg 3."""
_TURKISH = late_pattern(
    rf"(?:{_WORD}[ ]){{1,3}}(?:mah|mahallesi|sok|sokak|sokagi|cad|caddesi|bulvari|blv)(?![^\W\d_])\.?,?"
    r"(?:[ ]no[ :.]{0,2}\d{1,4}(?:/\d{1,3})?)?"
)
_PO_BOX = late_pattern(
    r"(?<![^\W_])(?:p\.?[ ]?o\.?[ ]?box|postfach|apartado|casella postale|boite postale|postbus|skr\. poczt\.)"
    r"[ ]\d{1,6}"
)
_BEHIND_CUE = late_pattern(
    rf"[ :,]{{1,3}}(?P<name>(?:{_WORD}[ ]){{1,4}})\d{{1,4}}[ ]?[a-h]?(?![^\W_])(?![.,]\d){_UNIT}"
)
"""Any street after a cue: wohnhaft Am Markt 3."""
_TOWN_BEHIND_CODE = late_pattern(rf"(?<![^\W_])(?<![.,/\-])(?:d-|ch-|a-)?\d{{5}}[ ](?P<town>{_TOWN})")
_MOST_WORDS_OF_TOWN = 4
_FROM = frozenset(("from", "aus", "uit"))
_HAN = r"\u3400-\u9fff\u3040-\u30ff"
_HANGUL = r"\uac00-\ud7a3"
_EAST_ASIAN = late_pattern(
    rf"(?:[{_HAN}]{{1,8}}[都道府県市区郡町村省县縣州]){{1,4}}[{_HAN}]{{0,14}}?"
    r"(?:\d{1,5}(?:丁目|番地?|号|號|室|楼|路|街|栋|单元|[の\-]){0,2}){1,5}"
    r"|[\u3400-\u9fff]{1,12}(?:路|街|大道|巷|弄|村)\d{1,5}号?(?:\d{1,4}[室楼栋单元]{0,2}){0,3}"
    rf"|(?:[{_HANGUL}]{{1,6}}(?:특별시|광역시|시|도|군|구|읍|면|동|리)[ ]?){{1,4}}"
    rf"[{_HANGUL}\d]{{1,10}}(?:로|길)[ ]?\d{{1,4}}(?:-\d{{1,4}})?(?:번길[ ]?\d{{1,4}})?"
    rf"|[{_HANGUL}]{{1,8}}(?:로|길)[ ]\d{{1,4}}(?:-\d{{1,4}})?"
)
_LABELLED = late_pattern(r"(?:住所|住址|地址|주소|現住所|家庭住址)[ :：]{0,2}(?P<value>[^\s,;。、，；]{2,40})")


@cache
def _street_words() -> tuple[frozenset[str], frozenset[str]]:
    lists = word_lists("places")
    return lists["streets behind a name"], lists["streets before a name"]


def find(reading: AnalysedText) -> Iterator[Finding]:
    """The addresses and towns in a text."""
    text = reading.plain
    if reading.digits:
        for start, street_end in _streets(reading):
            tail = _TAIL.match(text, street_end)
            end = _town_end(reading, tail) if tail else street_end
            yield Finding(start, end, Infotype.STREET_ADDRESS, Likelihood.LIKELY, "a street with its number")
        for match in _PO_BOX.finditer(text) if reading.roles & roles.BOX else ():
            tail = _TAIL.match(text, match.end())
            end = _town_end(reading, tail) if tail else match.end()
            yield Finding(match.start(), end, Infotype.STREET_ADDRESS, Likelihood.VERY_LIKELY, "a post-office box")
        for match in _TOWN_BEHIND_CODE.finditer(text) if reading.digits >= 5 else ():
            if _is_town(reading, *match.span("town")):
                yield Finding(*match.span(), Infotype.LOCATION, Likelihood.LIKELY, "a town after its post code")
    if not text.isascii():
        for match in _LABELLED.finditer(text):
            yield Finding(
                *match.span("value"), Infotype.STREET_ADDRESS, Likelihood.LIKELY, "after a word for addresses"
            )
        if reading.digits:
            for match in _EAST_ASIAN.finditer(text):
                yield Finding(*match.span(), Infotype.STREET_ADDRESS, Likelihood.LIKELY, "an East Asian address")
    if reading.roles & (roles.PLACE | roles.ADDRESS):
        yield from _towns(reading)


def _streets(reading: AnalysedText) -> Iterator[tuple[int, int]]:
    text, written = reading.plain, reading.text
    behind, before = _street_words()
    for match in _NUMBER_FIRST.finditer(text) if reading.roles & roles.STREET else ():
        at = match.start("kind")
        is_kind = match["kind"] in behind and (written[at].isupper() or written[at : match.end("kind")].islower())
        if is_kind and any(map(str.isupper, written[match.end("number") : at])):
            yield match.span()
    if reading.roles & roles.STREET_BEFORE or "c/" in text:
        for match in _NUMBER_KIND.finditer(text):
            if match["kind"] in before and written[match.start("name")].isupper():
                yield match.start(), _with_capitals(reading, match.end())
        for start in _starts_of_kinds(reading, before):
            street = _KIND_NUMBER.match(text, start)
            if street and written[street.start("name")].isupper():
                yield street.span()
    for match in _COMPOUND.finditer(text) if reading.roles & roles.STREET_ENDING else ():
        # Words in lower case before the street are not part of the name.
        capital = next((at for at in range(_behind_cues(reading, match), match.end()) if written[at].isupper()), None)
        if capital is not None:
            yield capital, match.end()
    addresses = word_lists("places")["addresses"]
    for word in reading.words if reading.roles & roles.ADDRESS else ():
        street = _BEHIND_CUE.match(text, word.end) if word.folded in addresses else None
        if street and written[street.start("name")].isupper():
            yield street.start("name"), street.end()
    if reading.roles & roles.TURKISH_STREET:
        for match in _TURKISH.finditer(text):
            if written[match.start()].isupper():
                yield match.span()


def _behind_cues(reading: AnalysedText, match: re.Match[str]) -> int:
    """The beginning of a street, after a word for addresses, which the pattern includes in the name."""
    addresses = word_lists("places")["addresses"]
    ends = [
        word.end for word in reading.words if match.start() <= word.start < match.end() and word.folded in addresses
    ]
    return max(ends, default=match.start())


def _starts_of_kinds(reading: AnalysedText, kinds: frozenset[str]) -> Iterator[int]:
    """The positions of words for a street."""
    yield from (word.start for word in reading.words if word.folded in kinds)
    yield from (match.start() for match in _ABBREVIATED.finditer(reading.plain))


def _with_capitals(reading: AnalysedText, end: int) -> int:
    """The end of a street's name, including capitalised words after it."""
    while (match := _CAPITAL_BEHIND.match(reading.plain, end)) and reading.text[match.start("letter")].isupper():
        end = match.end()
    return end


def _town_end(reading: AnalysedText, tail: re.Match[str]) -> int:
    """The end of an address, whose town is capitalised words."""
    for group in ("behind_code", "town"):
        start, end = tail.span(group)
        if start < 0:
            continue
        if not reading.text[start].isupper():
            # The words after the comma are not a town; a post code belongs to the street.
            return start - 1 if group == "behind_code" else tail.start()
        words = list(re.finditer(r"[^\W\d_]+", reading.text[start:end]))
        last = words[0].end()
        for word in words[1:]:
            if not word[0][0].isupper():
                return start + last
            last = word.end()
    return tail.end()


def _is_town(reading: AnalysedText, start: int, end: int) -> bool:
    written = reading.text[start:end].split(" ")[0]
    return written[0].isupper() and not written.isupper() and len(written) > 2


def _is_unknown_town(words: list[Word], index: int) -> bool:
    """Whether it is a capitalised word in no list, after "in", "at" or "near" in English prose."""
    word = words[index]
    if word.kind or len(word.folded) < 4 or ends_like_medicine(word.folded):
        return False
    if words[index - 1].folded not in {"in", "at", "near"}:
        return False
    eponyms = word_lists("eponyms")
    if word.folded in eponyms["eponyms"]:
        return False
    return index + 1 == len(words) or words[index + 1].folded not in eponyms["behind"]


def _towns(reading: AnalysedText) -> Iterator[Finding]:
    lists = word_lists("places")
    words = reading.words
    # Only in English prose; elsewhere any word may be capitalised, or in no list.
    known = sum(bool(word.kind & ENGLISH) for word in words)
    lower = sum(word.case is Case.LOWER for word in words)
    is_prose = 2 * known >= len(words) and 2 * lower >= len(words)
    for index, word in enumerate(words[:-1]):
        if word.folded not in lists["cues"] and word.folded not in lists["addresses"]:
            continue
        following = words[index + 1]
        if reading.plain[word.end : following.start] not in {" ", ": ", " (", "/"}:
            continue
        kind = following.kind
        is_town = bool(kind & CITY) and not kind & (ENGLISH | TECHNIQUE)
        if following.case is Case.TITLE and not is_town:
            is_listed = (is_prose or word.folded in _FROM) and _is_listed_town(reading, index + 1)
            is_town = is_listed or (is_prose and _is_unknown_town(words, index + 1))
        if following.case is Case.TITLE and is_town:
            yield _town(following, following, "a town after a word for a place")
    for index in range(len(words) - 2):
        last = _behind_two(reading, index)
        if last is not None:
            yield _town(words[index + 2], words[last], "a town after words for where somebody lives or comes from")


def _is_listed_town(reading: AnalysedText, index: int) -> bool:
    """A town that is a word, too, where what it says ends: from Leeds, in Leeds."""
    word = reading.words[index]
    if word.kind & TECHNIQUE or word.folded not in word_lists("places")["towns that are words"]:
        return False
    return index + 1 == len(reading.words) or (
        reading.plain[word.end] in ",.;)" or reading.words[index + 1].case is Case.UPPER
    )


def _town(first: Word, last: Word, why: str) -> Finding:
    return Finding(first.start, last.end, Infotype.LOCATION, Likelihood.LIKELY, why)


def _behind_two(reading: AnalysedText, index: int) -> int | None:
    """The last word of a town after a word and a preposition: lives in Reading, transferred from Little Rock."""
    lists, words, text = word_lists("places"), reading.words, reading.plain
    cue, preposition, town = words[index : index + 3]
    lives = cue.folded in lists["residence"]
    if not lives and cue.folded not in lists["comings"]:
        return None
    if preposition.folded not in lists["before towns"] or preposition.case is Case.UPPER:
        return None
    if text[cue.end : preposition.start] != " " or text[preposition.end : town.start] != " ":
        return None
    if town.case is not Case.TITLE or not (_may_be_home(town) if lives else _may_be_town(town)):
        return None
    last = index + 2
    while last + 1 < len(words) and last - index < _MOST_WORDS_OF_TOWN and text[words[last].end] in " -":
        behind = words[last + 1]
        is_part = (
            behind.case is Case.TITLE and _may_be_home(behind) and (lives or not behind.kind & (TECHNIQUE | EVERYDAY))
        )
        if words[last].end + 1 != behind.start or not is_part:
            break
        last += 1
    return last


def _may_be_home(word: Word) -> bool:
    """Whether a word with a capital can be where somebody lives."""
    folded = word.folded
    return not (folded in word_lists("places")["not towns"] or folded in word_lists("cues")["stop"] or len(folded) < 3)


def _may_be_town(word: Word) -> bool:
    """Whether it can be where somebody comes from: other words stand there, too."""
    kind = word.kind
    if not _may_be_home(word):
        return False
    if word.folded in word_lists("places")["towns that are words"]:
        return True
    return not kind & TECHNIQUE and (bool(kind & CITY) or (not kind and not ends_like_medicine(word.folded)))
