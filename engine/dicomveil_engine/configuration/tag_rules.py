"""The dialect of DicomTagRules, from the sample of a design study that preceded the Microsoft tool.

    {"DicomTagRules": [{"name": "PatientID", "method": "cryptoHash"}],
     "DicomVRRules": [{"name": "DA", "method": "dateshift"}],
     "DicomInfoTypeRules": [{"name": "PERSON_NAME", "method": "substitute", "replaceWith": "NAME"}],
     "TagProfile": "ATTRIBUTE_CONFIDENTIALITY_BASIC_PROFILE",
     "parameters": {"dateShiftScope": "study"}}

Rules for tags come before rules for VRs, and both before the profile, which is one of Google's. Rules for infotypes
apply to findings in texts that are cleaned.
All names are case-insensitive.
"""

from __future__ import annotations

from collections.abc import Mapping

from dicomveil_engine.attributes import dictionary
from dicomveil_engine.attributes.suggestions import did_you_mean
from dicomveil_engine.configuration.findings import Findings
from dicomveil_engine.configuration.google.inspection import ALIASES, dates_of
from dicomveil_engine.configuration.google.profiles import (
    BASIC,
    CONTENTS,
    KEEP_ALL,
    MINIMAL,
    MOVED,
    PROFILES,
    add_profile,
)
from dicomveil_engine.configuration.settings import SETTING_NAMES
from dicomveil_engine.configuration.transformations import METHOD_SETTINGS
from dicomveil_engine.configuration.translation import Translation
from dicomveil_engine.errors import ConfigurationError
from dicomveil_engine.methods import METHODS
from dicomveil_engine.text.finding import Infotype

NAMES = ("DicomTagRules", "DicomVRRules", "DicomInfoTypeRules", "TagProfile", "parameters")
METHOD_NAMES = ("redact", "keep", "dateshift", "cryptohash", "perturb", "encrypt", "substitute", "generalize")
RULE_NAMES = ("name", "method", "params")
_TEXT_SETTINGS = {
    method: tuple(name for name in SETTING_NAMES.get(method, ()) if name in METHOD_SETTINGS) for method in METHOD_NAMES
}
"""The settings that the methods read when they are applied to findings."""

SCOPES = {
    "resource": "SOPInstance",
    "series": "SeriesInstance",
    "study": "StudyInstance",
    "patient": "Patient",
}
"""The dialect's scopes of a date shift; dicomveil's own names are accepted too."""

_SCOPE = "dateshiftscope"
_IMPLICIT_BASIC = f"none is given, so attributes that no rule names are de-identified as with {BASIC}"


def translate(document: Mapping[str, object], findings: Findings) -> Translation:
    """Translate a document of this dialect to dicomveil's own. Raises ConfigurationError."""
    known = _known(document, findings)
    translation = Translation(default_settings=_parameters(known.get("parameters", {}), findings))
    for name in ("DicomTagRules", "DicomVRRules"):
        rules = known.get(name, ())
        if not isinstance(rules, list | tuple):
            raise ConfigurationError(f'"{name}" must be an array of objects {{"name": ..., "method": ...}}')
        for number, rule in enumerate(rules, 1):
            try:
                _add_rule(translation, f"{name} {number}", rule, is_vr=name == "DicomVRRules")
            except ConfigurationError as error:
                findings.refuse(f"{name} {number}", str(error))
    profile = _profile(known.get("TagProfile"), findings)
    _add_infotype_rules(translation, known.get("DicomInfoTypeRules", ()), findings)
    dates = dates_of(translation.cleaning, MOVED)
    add_profile(translation, profile, f"TagProfile {profile}", replaces_uids=True, dates=dates)
    if translation.cleaning and profile in {KEEP_ALL, MINIMAL}:
        findings.warn(
            '"DicomInfoTypeRules"', f"{profile} cleans no text, so it has no effect", f'write "{CONTENTS}" to clean all'
        )
    return translation


def _add_infotype_rules(translation: Translation, rules: object, findings: Findings) -> None:
    """Add the rules for findings; findings that no rule names are removed."""
    if not isinstance(rules, list | tuple):
        raise ConfigurationError('"DicomInfoTypeRules" must be an array of objects {"name": ..., "method": ...}')
    choices: list[dict[str, object]] = []
    for number, rule in enumerate(rules, 1):
        place = f"DicomInfoTypeRules {number}"
        try:
            choices.append(_infotype_rule(rule, translation.default_settings))
        except ConfigurationError as error:
            findings.refuse(place, str(error))
    if choices:
        translation.cleaning |= {"ages": "all", "transformations": choices}


def _infotype_rule(rule: object, defaults: Mapping[str, Mapping[str, object]]) -> dict[str, object]:
    """A rule as an entry of "transformations"."""
    name, method, params = _read_rule(rule, _TEXT_SETTINGS)
    infotype = ALIASES.get(name.upper(), name.upper())
    if infotype not in Infotype.__members__:
        raise ConfigurationError(f'nothing finds "{name}"{did_you_mean(infotype, Infotype.__members__)}')
    known = _TEXT_SETTINGS[method.casefold()]
    read = {setting: value for setting, value in defaults.get(method, {}).items() if setting in known}
    if method == "dateShift":
        # Dates in attributes and in texts are shifted together, with at least the scope of a study.
        read = {"dateShiftScope": "StudyInstance", **read}
    return {"infoTypes": [infotype], "method": method, **read, **params}


def _known(document: Mapping[str, object], findings: Findings) -> dict[str, object]:
    """The document with its keys in the documented spelling, without those that are null."""
    spellings = {name.casefold(): name for name in NAMES}
    known: dict[str, object] = {}
    for written, value in document.items():
        name = spellings.get(str(written).casefold())
        if name is None:
            findings.warn_of_unknown(str(written), NAMES)
        elif name in known:
            findings.refuse(f'"{name}"', "it is given twice, in two spellings")
        elif value is not None:
            known[name] = value
    return known


def _add_rule(translation: Translation, place: str, rule: object, *, is_vr: bool) -> None:
    name, method, params = _read_rule(rule, SETTING_NAMES)
    translation.add(place, _vr(name) if is_vr else _tag(name), method, params)


def _read_rule(rule: object, setting_names: Mapping[str, tuple[str, ...]]) -> tuple[str, str, dict[str, object]]:
    """The name, the method in dicomveil's spelling, and the settings of a rule."""
    if not isinstance(rule, Mapping):
        raise ConfigurationError('it must be an object {"name": ..., "method": ...}')
    fields = {str(key).casefold(): (str(key), value) for key, value in rule.items() if value is not None}
    name, method = _text(fields, "name"), _text(fields, "method").casefold()
    if method not in METHOD_NAMES or method not in METHODS:
        suggestion = did_you_mean(method, METHOD_NAMES)
        raise ConfigurationError(
            f"there is no such method in this dialect{suggestion} (known: {', '.join(METHOD_NAMES)})"
        )
    params: dict[str, object] = {}
    settings = {setting.casefold(): setting for setting in setting_names.get(method, ())}
    for folded, (written, value) in fields.items():
        if folded in settings:
            params[settings[folded]] = _scoped(folded, value)
        elif folded == "params":
            if not isinstance(value, Mapping):
                raise ConfigurationError('"params" must be an object, such as {"span": 1}')
            params |= {str(key): _scoped(str(key).casefold(), item) for key, item in value.items()}
        elif folded not in RULE_NAMES:
            names = (*RULE_NAMES, *settings.values())
            raise ConfigurationError(f'a rule for {method} has no "{written}"{did_you_mean(written, names)}')
    return name, METHODS[method].name, params


def _text(fields: Mapping[str, tuple[str, object]], name: str) -> str:
    _, value = fields.get(name, (name, None))
    if not isinstance(value, str):
        raise ConfigurationError(f'"{name}" is missing' if value is None else f'"{name}" must be a string')
    return value.strip()


def _vr(name: str) -> str:
    if name.upper() not in dictionary.VRS:
        raise ConfigurationError(f'"name" must be a VR such as DA; rules for attributes belong in "{NAMES[0]}"')
    return name.upper()


def _tag(name: str) -> str:
    if name.upper() in dictionary.VRS:
        raise ConfigurationError(f'"{name}" is a VR; rules for VRs belong in "{NAMES[1]}"')
    if dictionary.tag_of(name) is None:
        by_folded = {keyword.casefold(): keyword for keyword in dictionary.keywords()}
        return by_folded.get(name.casefold(), name)
    return name


def _parameters(parameters: object, findings: Findings) -> dict[str, dict[str, object]]:
    """The default settings: each parameter is passed to every method of the dialect that reads it."""
    if not isinstance(parameters, Mapping):
        raise ConfigurationError('"parameters" must be an object, such as {"dateShiftScope": "study"}')
    defaults: dict[str, dict[str, object]] = {}
    known = {setting.casefold(): setting for method in METHOD_NAMES for setting in SETTING_NAMES.get(method, ())}
    for written, value in parameters.items():
        folded = str(written).casefold()
        if folded not in known:
            suggestion = did_you_mean(str(written), known.values()).removeprefix("; ")
            findings.warn("parameters", f'no method reads "{written}", so it has no effect', suggestion)
        elif value is not None:
            for method in METHOD_NAMES:
                if known[folded] in SETTING_NAMES.get(method, ()):
                    name = METHODS[method].name
                    defaults.setdefault(name, {})[known[folded]] = _scoped(folded, value)
    return defaults


def _scoped(setting: str, value: object) -> object:
    """The value of a setting, with the dialect's scopes translated to dicomveil's."""
    if setting == _SCOPE and isinstance(value, str):
        return SCOPES.get(value.strip().casefold(), value)
    return value


def _profile(written: object, findings: Findings) -> str:
    if written is None:
        findings.warn('"TagProfile"', _IMPLICIT_BASIC, 'write "KEEP_ALL_PROFILE" to keep them')
        return BASIC
    by_folded = {profile.casefold(): profile for profile in PROFILES}
    if not isinstance(written, str) or written.casefold() not in by_folded:
        suggestion = did_you_mean(written, PROFILES) if isinstance(written, str) else ""
        raise ConfigurationError(f'"TagProfile" must be one of {", ".join(PROFILES)}{suggestion}')
    return by_folded[written.casefold()]
