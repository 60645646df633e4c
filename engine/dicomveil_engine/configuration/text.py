"""What a configuration says about the cleaning of texts: the key "text".

{"text": {"regions": ["DE", "AT"], "ages": "all", "vocabulary": "archive.vocabulary",
          "transformations": [{"infoTypes": ["DATE"], "method": "dateShift"}, {"method": "infoType"}]}}
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from dicomveil_engine.attributes import dictionary
from dicomveil_engine.attributes.suggestions import did_you_mean
from dicomveil_engine.attributes.tags import parse_pattern
from dicomveil_engine.errors import ConfigurationError
from dicomveil_engine.methods.base import Scope
from dicomveil_engine.methods.date_shift import ShiftDates
from dicomveil_engine.pseudonyms.keys import Keys
from dicomveil_engine.text.added import (
    DETECTORS_GROUP,
    NER_GROUP,
    Added,
    checked_name,
    of_pattern,
    of_words,
    plug_in,
)
from dicomveil_engine.text.changes import OWN_VALUE, Change, Changes, Choice, Way
from dicomveil_engine.text.finding import Infotype
from dicomveil_engine.text.settings import TextSettings
from dicomveil_engine.text.vocabulary import Vocabulary

NAMES = (
    "regions",
    "ages",
    "vocabulary",
    "strictPatients",
    "transformations",
    "customInfoTypes",
    "detectors",
    "ner",
)
AGES = {"over89": False, "all": True}
WAYS = tuple(way.value for way in Way)
CHOICE_NAMES = (
    "infoTypes",
    "tags",
    "method",
    "maskWith",
    "cryptoHashKey",
    "dateShiftKey",
    "dateShiftScope",
    "dateShiftRange",
)
_SETTINGS_OF = {
    "maskWith": Way.MASK,
    "cryptoHashKey": Way.HASH,
    "dateShiftKey": Way.SHIFT,
    "dateShiftScope": Way.SHIFT,
    "dateShiftRange": Way.SHIFT,
}
CUSTOM_NAMES = ("name", "words", "regex", "groups", "list")
"""Keys of an entry of "customInfoTypes"; one of "words", "regex" and "list" (a file, a word or phrase a line)."""
_MOST_PATIENTS = 1_000_000
_LARGEST_FILE = 256 << 20


def read_cleaning(
    value: object, beneath: TextSettings, keys: Keys, dates: Mapping[str, object] | None = None
) -> TextSettings:
    """The settings that "text" writes, over those of a preset. Raises ConfigurationError naming the setting.

    `dates` are the default settings of dateShift: texts move by the same days as the attributes beside them.
    """
    if not isinstance(value, Mapping):
        raise ConfigurationError('"text" must be an object')
    folded = {name.casefold(): name for name in NAMES}
    settings = beneath
    given = {folded.get(str(written).casefold(), str(written)): one for written, one in value.items()}
    for written in given:
        if written not in NAMES:
            raise ConfigurationError(f'"text" has no setting "{written}"{did_you_mean(written, NAMES)}')
    added: list[Added] = []
    for name, one in given.items():
        if name == "regions":
            settings = replace(settings, regions=_regions(one))
        elif name == "ages":
            if not isinstance(one, str) or one not in AGES:
                raise ConfigurationError('"ages" in "text" must be one of "over89", "all"')
            settings = replace(settings, all_ages=AGES[one])
        elif name == "vocabulary":
            settings = replace(settings, vocabulary=_vocabulary(one, keys))
        elif name == "strictPatients":
            if type(one) is not int or not 0 <= one <= _MOST_PATIENTS:
                raise ConfigurationError(f'"strictPatients" in "text" must be a whole number up to {_MOST_PATIENTS}')
            settings = replace(settings, strict_patients=one)
        elif name == "customInfoTypes":
            added += [_custom(entry, number) for number, entry in enumerate(_array(name, one), 1)]
        elif name in {"detectors", "ner"}:
            added += _plug_ins(name, one)
    if added:
        settings = replace(settings, added=(*settings.added, *added))
    if settings.strict_patients and settings.vocabulary is None:
        raise ConfigurationError('"strictPatients" in "text" counts in a vocabulary; name its file in "vocabulary"')
    if "transformations" in given:
        known = {*Infotype.__members__, OWN_VALUE, *(one.name for one in settings.added)}
        choices = [
            _choice(entry, number, known, keys, dates or {})
            for number, entry in enumerate(_array("transformations", given["transformations"]), 1)
        ]
        settings = replace(settings, changes=Changes(tuple(choices)))
    return settings


def _regions(value: object) -> tuple[str, ...]:
    from phonenumbers import SUPPORTED_REGIONS  # noqa: PLC0415 - few configurations ask for it, and it is large

    if not isinstance(value, list | tuple) or not value or not all(isinstance(one, str) for one in value):
        raise ConfigurationError('"regions" in "text" must be an array of countries, such as ["US", "CA"]')
    regions = tuple(one.upper() for one in value)
    for region in regions:
        if region not in SUPPORTED_REGIONS:
            raise ConfigurationError(
                f'"regions" in "text" has "{region}", which is not a country of ISO 3166-1 in two letters'
            )
    return regions


def _vocabulary(value: object, keys: Keys) -> Vocabulary:
    data = _file(value, '"vocabulary" in "text"')
    try:
        return Vocabulary(data, keys)
    except ConfigurationError as error:
        raise ConfigurationError(f'"vocabulary" in "text": {error}') from None


def _file(value: object, where: str) -> bytes:
    """The content of a file. Read with the configuration, before any data set is seen."""
    if not isinstance(value, str) or not value:
        raise ConfigurationError(f"{where} must be the path of a file")
    try:
        path = Path(value)
        if path.stat().st_size > _LARGEST_FILE:
            raise ConfigurationError(f"{where} is larger than {_LARGEST_FILE >> 20} MiB")
        return path.read_bytes()
    except (OSError, ValueError):
        raise ConfigurationError(f"{where} is a file that cannot be read; give its path") from None


def _array(name: str, value: object) -> list[Mapping[str, object]]:
    if not isinstance(value, list | tuple) or not all(isinstance(one, Mapping) for one in value):
        raise ConfigurationError(f'"{name}" in "text" must be an array of objects')
    return list(value)


def _known(entry: Mapping[str, object], names: tuple[str, ...], where: str) -> dict[str, object]:
    folded = {name.casefold(): name for name in names}
    known = {}
    for written, value in entry.items():
        name = folded.get(str(written).casefold())
        if name is None:
            raise ConfigurationError(f'{where} has no "{written}"{did_you_mean(str(written), names)}')
        known[name] = value
    return known


def _strings(value: object, where: str) -> list[str]:
    if not isinstance(value, list | tuple) or not value or not all(isinstance(one, str) and one for one in value):
        raise ConfigurationError(f"{where} must be an array of texts")
    return list(value)


def _custom(entry: Mapping[str, object], number: int) -> Added:
    where = f'entry {number} of "customInfoTypes" in "text"'
    known = _known(entry, CUSTOM_NAMES, where)
    name = checked_name(known.get("name"), f'"name" of {where}')
    given = [one for one in ("words", "regex", "list") if one in known]
    if len(given) != 1:
        raise ConfigurationError(f'{where} must have one of "words", "regex" and "list"')
    if given == ["words"]:
        return of_words(name, _strings(known["words"], f'"words" of {where}'), f'"words" of {where}')
    if given == ["list"]:
        data = _file(known["list"], f'"list" of {where}')
        try:
            lines = data.decode("utf-8-sig").splitlines()
        except UnicodeDecodeError:
            raise ConfigurationError(f'"list" of {where} must be in UTF-8') from None
        return of_words(name, [line for line in lines if line.strip()], f'"list" of {where}')
    pattern, groups = known["regex"], known.get("groups", [])
    if not isinstance(groups, list | tuple) or not all(type(group) is int for group in groups):
        raise ConfigurationError(f'"groups" of {where} must be an array of whole numbers')
    return of_pattern(name, pattern if isinstance(pattern, str) else "", list(groups), f'"regex" of {where}')


def _plug_ins(name: str, value: object) -> list[Added]:
    names = [value] if name == "ner" and isinstance(value, str) else value
    group = NER_GROUP if name == "ner" else DETECTORS_GROUP
    return [plug_in(group, one) for one in _strings(names, f'"{name}" in "text"')]


def _choice(
    entry: Mapping[str, object], number: int, infotypes: set[str], keys: Keys, dates: Mapping[str, object]
) -> Choice:
    where = f'entry {number} of "transformations" in "text"'
    known = _known(entry, CHOICE_NAMES, where)
    ways = {way.value.casefold(): way for way in Way}
    written = known.get("method")
    if not isinstance(written, str) or written.casefold() not in ways:
        names = ", ".join(f'"{way}"' for way in WAYS)
        raise ConfigurationError(f'"method" of {where} must be one of {names}')
    way = ways[written.casefold()]
    for name, of in _SETTINGS_OF.items():
        if name in known and way is not of:
            raise ConfigurationError(f'"{name}" of {where} is a setting of "{of.value}"')
    named = _strings(known["infoTypes"], f'"infoTypes" of {where}') if "infoTypes" in known else []
    for name in named:
        if name not in infotypes:
            raise ConfigurationError(f'"infoTypes" of {where}: nothing finds "{name}"{did_you_mean(name, infotypes)}')
    if way is Way.SHIFT and named != [Infotype.DATE]:
        raise ConfigurationError(f'{where}: "dateShift" is for ["DATE"] alone; give other infotypes another method')
    tags = _tags(known["tags"], where) if "tags" in known else frozenset()
    return Choice(_change(way, known, where, keys, dates), frozenset(named), tags)


def _change(way: Way, known: Mapping[str, object], where: str, keys: Keys, dates: Mapping[str, object]) -> Change:
    if way is Way.MASK:
        mask = known.get("maskWith", "*")
        if not isinstance(mask, str) or len(mask) != 1 or not "!" <= mask <= "~" or mask in "\\^=" or mask.isalnum():
            raise ConfigurationError(f'"maskWith" of {where} must be one sign of ASCII, and no letter, digit or \\ ^ =')
        return Change(way, mask=mask)
    if way is Way.HASH:
        return Change(way, key=keys.derive("text/hashes", _text(known, "cryptoHashKey", where)))
    if way is Way.SHIFT:
        written = {name: known[name] for name in ("dateShiftKey", "dateShiftScope", "dateShiftRange") if name in known}
        shift = ShiftDates.from_settings({**dates, **written}, keys)
        scope = Scope.PATIENT if shift.scope is Scope.PATIENT else Scope.STUDY
        return Change(way, shift=shift.shift, scope=scope.value)
    return Change(way)


def _text(known: Mapping[str, object], name: str, where: str) -> str:
    value = known.get(name, "")
    if not isinstance(value, str):
        raise ConfigurationError(f'"{name}" of {where} must be a text')
    return value


def _tags(value: object, where: str) -> frozenset[int]:
    tags = set()
    for written in _strings(value, f'"tags" of {where}'):
        try:
            tag = parse_pattern(written).tag
        except ConfigurationError as error:
            raise ConfigurationError(f'"tags" of {where}: {error}') from None
        if tag is None:
            raise ConfigurationError(
                f'"tags" of {where} must name attributes, such as "{dictionary.keyword_of(0x00081030)}"'
            )
        tags.add(tag)
    return frozenset(tags)
