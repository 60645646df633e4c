"""Reading the entries of "transformations" in "text": how findings are changed.

The methods have the same names, settings and classes as in rules for attributes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from dicomveil_engine.attributes import dictionary
from dicomveil_engine.attributes.suggestions import did_you_mean
from dicomveil_engine.attributes.tags import parse_pattern
from dicomveil_engine.configuration.entries import known_keys, strings
from dicomveil_engine.errors import ConfigurationError
from dicomveil_engine.methods.base import Context, Element, Method, Scope
from dicomveil_engine.methods.coarsening import coarse_age
from dicomveil_engine.methods.date_shift import ShiftDates
from dicomveil_engine.methods.encrypt import Encrypt
from dicomveil_engine.methods.generalize import Generalize
from dicomveil_engine.methods.perturb import Perturb
from dicomveil_engine.methods.substitute import Substitute
from dicomveil_engine.pseudonyms.dates import Period, start_of
from dicomveil_engine.pseudonyms.keys import Keys
from dicomveil_engine.text.changes import Change, Choice, Made, Way
from dicomveil_engine.text.finding import Infotype
from dicomveil_engine.text.written_dates import read

WAYS = (*(way.value for way in Way), "redact")
"""`redact`, the name in rules for attributes, is the same as `remove`."""
_SETTINGS_OF = {
    "maskWith": Way.MASK,
    "cryptoHashKey": Way.HASH,
    "dateShiftKey": Way.SHIFT,
    "dateShiftScope": Way.SHIFT,
    "dateShiftRange": Way.SHIFT,
    "encryptKey": Way.ENCRYPT,
    "span": Way.PERTURB,
    "roundTo": Way.PERTURB,
    "rangeType": Way.PERTURB,
    "replaceWith": Way.SUBSTITUTE,
    "dateTo": Way.GENERALIZE,
    "ageBin": Way.GENERALIZE,
    "ageCap": Way.GENERALIZE,
}
METHOD_SETTINGS = tuple(name for name in _SETTINGS_OF if name != "maskWith")
"""Settings that rules for attributes have too."""
CHOICE_NAMES = ("infoTypes", "tags", "method", *_SETTINGS_OF)
ONLY_FOR: Mapping[Way, tuple[Infotype, ...]] = {
    Way.SHIFT: (Infotype.DATE,),
    Way.PERTURB: (Infotype.AGE,),
    Way.GENERALIZE: (Infotype.DATE, Infotype.AGE),
}
"""Ways that can be applied to these infotypes only."""
_AGE_STRING = re.compile(r"\d{3}[DWMY]", re.ASCII)
_LONGEST_SUBSTITUTE = 64
_US_ORDER = "US"


def read_choice(
    entry: Mapping[str, object],
    number: int,
    infotypes: set[str],
    keys: Keys,
    dates: Mapping[str, object],
    regions: tuple[str, ...],
) -> Choice:
    """Read an entry. Raises ConfigurationError, which names the setting.

    `dates` is the default settings of dateShift; `regions` decide how 3/4/2020 is read.
    """
    where = f'entry {number} of "transformations" in "text"'
    known = known_keys(entry, CHOICE_NAMES, where)
    way = _way(known.get("method"), where)
    for name, of in _SETTINGS_OF.items():
        if name in known and way is not of:
            raise ConfigurationError(f'"{name}" of {where} is a setting of "{of.value}"')
    named = strings(known["infoTypes"], f'"infoTypes" of {where}') if "infoTypes" in known else []
    for name in named:
        if name not in infotypes:
            raise ConfigurationError(f'"infoTypes" of {where}: nothing finds "{name}"{did_you_mean(name, infotypes)}')
    only = ONLY_FOR.get(way)
    if only and not (named and set(named) <= set(only)):
        names = " and ".join(f'"{name}"' for name in only)
        raise ConfigurationError(
            f'{where}: "{way.value}" is for {names} alone; name them in "infoTypes", and give others another method'
        )
    tags, vrs = _attributes(known["tags"], where) if "tags" in known else (frozenset(), frozenset())
    return Choice(_change(way, known, where, keys, dates, regions), frozenset(named), tags, vrs)


def _way(written: object, where: str) -> Way:
    ways = {way.value.casefold(): way for way in Way} | {"redact": Way.REMOVE}
    if not isinstance(written, str) or written.casefold() not in ways:
        names = ", ".join(f'"{way}"' for way in WAYS)
        raise ConfigurationError(f'"method" of {where} must be one of {names}')
    return ways[written.casefold()]


def _change(
    way: Way,
    known: Mapping[str, object],
    where: str,
    keys: Keys,
    dates: Mapping[str, object],
    regions: tuple[str, ...],
) -> Change:
    if way is Way.MASK:
        mask = known.get("maskWith", "*")
        if not isinstance(mask, str) or len(mask) != 1 or not "!" <= mask <= "~" or mask in "\\^=" or mask.isalnum():
            raise ConfigurationError(f'"maskWith" of {where} must be one ASCII sign, not a letter, digit or \\ ^ =')
        return Change(way, mask=mask)
    if way is Way.HASH:
        return Change(way, key=keys.derive("text/hashes", _text(known, "cryptoHashKey", where)))
    written = {name: known[name] for name in METHOD_SETTINGS if name in known}
    if way is Way.SHIFT:
        shift = ShiftDates.from_settings({**dates, **written}, keys)
        scope = Scope.PATIENT if shift.scope is Scope.PATIENT else Scope.STUDY
        return Change(way, shift=shift.shift, scope=scope.value)
    try:
        return _made(way, written, keys, regions)
    except ConfigurationError as error:
        raise ConfigurationError(f"{where}: {error}") from None


def _made(way: Way, written: Mapping[str, object], keys: Keys, regions: tuple[str, ...]) -> Change:
    """The change by a method for attributes."""
    if way is Way.SUBSTITUTE:
        text = Substitute.from_settings(written, keys).replace_with
        if not text or len(text) > _LONGEST_SUBSTITUTE or "\\" in text or not text.isprintable():
            raise ConfigurationError(
                f'substitute: "replaceWith" must have 1 to {_LONGEST_SUBSTITUTE} characters without a backslash'
            )
        return Change(way, made=lambda _infotype, _text, _study: text, source=text)
    if way is Way.ENCRYPT:
        encrypt = Encrypt.from_settings(written, keys)
        return Change(way, key=encrypt.key, made=_applied(encrypt, "UT"), undone=encrypt, is_stable=False)
    if way is Way.PERTURB:
        perturb = Perturb.from_settings(written, keys)
        return Change(way, key=perturb.key, made=_applied(perturb, "IS"), source=repr(written), is_stable=False)
    if way is Way.GENERALIZE:
        generalize = Generalize.from_settings(written, keys)
        return Change(way, made=_coarse(generalize, month_first=regions[0] == _US_ORDER), source=repr(written))
    return Change(way)


def _applied(method: Method, vr: str) -> Made:
    """A function that applies a method to a finding's text, as to a value of a VR."""

    def made(_infotype: str, text: str, study: str) -> str:
        is_age = method.supports("AS") and _AGE_STRING.fullmatch(text)
        context = Context(study_instance_uid=study)
        values = method.apply(Element(0, "AS" if is_age else vr, [text]), context)
        return str(values[0]) if values else ""

    return made


def _coarse(method: Generalize, *, month_first: bool) -> Made:
    """A function that gives a date's period and an age's bin; "" for what is ambiguous."""
    formats: dict[Period, str] = {Period.YEAR: "%Y", Period.WEEK: "%Y-%m-%d"}

    def made(infotype: str, text: str, _study: str) -> str:
        if infotype == Infotype.DATE:
            day = read(text, month_first=month_first)
            return start_of(day, method.period).strftime(formats.get(method.period, "%Y-%m")) if day else ""
        if _AGE_STRING.fullmatch(text):
            return coarse_age(text, method.age_bin, method.age_cap)
        years = coarse_age(f"{int(text):03}Y", method.age_bin, method.age_cap) if text.isdecimal() else ""
        return str(int(years[:3])) if years else ""

    return made


def _text(known: Mapping[str, object], name: str, where: str) -> str:
    value = known.get(name, "")
    if not isinstance(value, str):
        raise ConfigurationError(f'"{name}" of {where} must be a text')
    return value


def _attributes(value: object, where: str) -> tuple[frozenset[int], frozenset[str]]:
    """The tags and VRs in a list."""
    tags, vrs = set(), set()
    for written in strings(value, f'"tags" of {where}'):
        try:
            pattern = parse_pattern(written)
        except ConfigurationError as error:
            raise ConfigurationError(f'"tags" of {where}: {error}') from None
        if pattern.vr:
            vrs.add(pattern.vr)
        elif pattern.tag is not None:
            tags.add(pattern.tag)
        else:
            keyword = dictionary.keyword_of(0x00081030)
            raise ConfigurationError(f'"tags" of {where} must name attributes or VRs, such as "{keyword}"')
    return frozenset(tags), frozenset(vrs)
