"""Reading the key "text": how free text is cleaned.

{"text": {"regions": ["DE", "AT"], "ages": "all", "vocabulary": "archive.vocabulary",
          "transformations": [{"infoTypes": ["DATE"], "method": "dateShift"}, {"method": "infoType"}]}}
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from dicomveil_engine.attributes.suggestions import did_you_mean
from dicomveil_engine.configuration.entries import entries, known_keys, strings
from dicomveil_engine.configuration.transformations import CHOICE_NAMES, METHOD_SETTINGS, WAYS, read_choice
from dicomveil_engine.errors import ConfigurationError
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
from dicomveil_engine.text.changes import OWN_VALUE, Changes
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
__all__ = ["AGES", "CHOICE_NAMES", "CUSTOM_NAMES", "METHOD_SETTINGS", "NAMES", "WAYS", "read_cleaning"]

AGES = {"over89": False, "all": True}
CUSTOM_NAMES = ("name", "words", "regex", "groups", "list")
"""Keys of an entry of "customInfoTypes", with one of "words", "regex" and "list" (a file with a phrase per line)."""
_MOST_PATIENTS = 1_000_000
_LARGEST_FILE = 256 << 20


def read_cleaning(
    value: object, beneath: TextSettings, keys: Keys, dates: Mapping[str, object] | None = None
) -> TextSettings:
    """The settings from "text", over those of a preset. Raises ConfigurationError, which names the setting.

    `dates` is the default settings of dateShift, since dates in texts and attributes are shifted by the same days.
    """
    if not isinstance(value, Mapping):
        raise ConfigurationError('"text" must be an object')
    folded = {name.casefold(): name for name in NAMES}
    settings = beneath
    given = {folded.get(str(written).casefold(), str(written)): one for written, one in value.items()}
    for written in given:
        if written not in NAMES:
            suggestion = did_you_mean(written, NAMES) or f" (known: {', '.join(NAMES)})"
            raise ConfigurationError(f'"text" has no setting "{written}"{suggestion}')
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
            added += [_custom(entry, number) for number, entry in enumerate(entries(name, one), 1)]
        elif name in {"detectors", "ner"}:
            added += _plug_ins(name, one)
    if added:
        settings = replace(settings, added=(*settings.added, *added))
    if settings.strict_patients and settings.vocabulary is None:
        raise ConfigurationError('"strictPatients" in "text" counts in a vocabulary; name its file in "vocabulary"')
    if "transformations" in given:
        known = {*Infotype.__members__, OWN_VALUE, *(one.name for one in settings.added)}
        choices = [
            read_choice(entry, number, known, keys, dates or {}, settings.regions)
            for number, entry in enumerate(entries("transformations", given["transformations"]), 1)
        ]
        settings = replace(settings, changes=Changes(tuple(choices)))
    return settings


def _regions(value: object) -> tuple[str, ...]:
    from phonenumbers import SUPPORTED_REGIONS  # noqa: PLC0415 - it is large, and few configurations need it

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
    """The content of a file, which is read with the configuration."""
    if not isinstance(value, str) or not value:
        raise ConfigurationError(f"{where} must be the path of a file")
    try:
        path = Path(value)
        if path.stat().st_size > _LARGEST_FILE:
            raise ConfigurationError(f"{where} is larger than {_LARGEST_FILE >> 20} MiB")
        return path.read_bytes()
    except (OSError, ValueError):
        raise ConfigurationError(f"{where} is a file that cannot be read; give its path") from None


def _custom(entry: Mapping[str, object], number: int) -> Added:
    where = f'entry {number} of "customInfoTypes" in "text"'
    known = known_keys(entry, CUSTOM_NAMES, where)
    name = checked_name(known.get("name"), f'"name" of {where}')
    given = [one for one in ("words", "regex", "list") if one in known]
    if len(given) != 1:
        raise ConfigurationError(f'{where} must have one of "words", "regex" and "list"')
    if given == ["words"]:
        return of_words(name, strings(known["words"], f'"words" of {where}'), f'"words" of {where}')
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
    return [plug_in(group, one) for one in strings(names, f'"{name}" in "text"')]
