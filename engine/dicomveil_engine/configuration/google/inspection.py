"""Translating a TextConfig (text within values) to the key "text", and an ImageConfig (text in pixels) to "pixels"."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from dicomveil_engine.configuration.findings import shortened
from dicomveil_engine.configuration.google.message import Message
from dicomveil_engine.configuration.google.profiles import EMPTIED, MethodAndSettings
from dicomveil_engine.errors import ConfigurationError
from dicomveil_engine.text.finding import Infotype

IMAGE_NAMES = ("textRedactionMode", "customRegexes", "additionalInfoTypes", "excludeInfoTypes")
TEXT_NAMES = ("profileType", "additionalTransformations", "excludeInfoTypes", "transformations", "customInfoTypes")
CUSTOM_NAMES = ("infoType", "dictionary", "regex", "storedType", "likelihood")
"""The supported fields of a CustomInfoType of Google's Sensitive Data Protection."""
ALIASES = {
    "FIRST_NAME": "PERSON_NAME",
    "LAST_NAME": "PERSON_NAME",
    "DATE_OF_BIRTH": "DATE",
    "US_DRIVERS_LICENSE_NUMBER": "DRIVERS_LICENSE_NUMBER",
    "US_VEHICLE_IDENTIFICATION_NUMBER": "VEHICLE_IDENTIFICATION_NUMBER",
    "US_PASSPORT": "PASSPORT",
    "MAC_ADDRESS_LOCAL": "MAC_ADDRESS",
}
"""Google's infotype → dicomveil's, if the names differ."""
REDACTION_MODES = (
    "TEXT_REDACTION_MODE_UNSPECIFIED",
    "REDACT_ALL_TEXT",
    "REDACT_SENSITIVE_TEXT",
    "REDACT_NO_TEXT",
    "REDACT_SENSITIVE_TEXT_CLEAN_DESCRIPTORS",
)
TEXT_PROFILES = ("PROFILE_TYPE_UNSPECIFIED", "EMPTY", "BASIC")

PRIMITIVES: Mapping[str, tuple[str, ...]] = {
    "redactConfig": (),
    "characterMaskConfig": ("maskingCharacter",),
    "dateShiftConfig": ("cryptoKey", "kmsWrapped"),
    "cryptoHashConfig": ("cryptoKey", "kmsWrapped"),
    "replaceWithInfoTypeConfig": (),
}
"""The transformations of an InfoTypeTransformation and their fields."""

UNSPECIFIED = REDACTION_MODES[0]
_SENSITIVE = frozenset(("REDACT_SENSITIVE_TEXT", "REDACT_SENSITIVE_TEXT_CLEAN_DESCRIPTORS"))
_TEXT_OF_MODE = {
    UNSPECIFIED: "keep",
    "REDACT_NO_TEXT": "keep",
    "REDACT_ALL_TEXT": "allText",
    "REDACT_SENSITIVE_TEXT": "sensitiveText",
    "REDACT_SENSITIVE_TEXT_CLEAN_DESCRIPTORS": "sensitiveTextCleanDescriptors",
}


def parse_image(message: Message | None) -> Mapping[str, object] | None:
    """An ImageConfig as the key "pixels"; None without one.

    Raises ConfigurationError, for example for infotypes with a mode in which the content of text does not matter.
    """
    if message is None:
        return None
    mode = message.choice("textRedactionMode", REDACTION_MODES) or UNSPECIFIED
    regexes = []
    for regex in message.messages("customRegexes", ("pattern", "groupIndexes")):
        _check_pattern(regex)
        regexes.append({"pattern": regex.string("pattern"), "groupIndexes": regex.integers("groupIndexes")})
    additional, excluded = message.strings("additionalInfoTypes"), message.strings("excludeInfoTypes")
    if additional and mode not in {UNSPECIFIED, *_SENSITIVE}:
        raise ConfigurationError(f"{message.location}: additionalInfoTypes are only for {_names(_SENSITIVE)}")
    if excluded and mode not in _SENSITIVE:
        raise ConfigurationError(f"{message.location}: excludeInfoTypes are only for {_names(_SENSITIVE)}")
    if regexes and mode == "REDACT_NO_TEXT":
        raise ConfigurationError(f"{message.location}: customRegexes have no effect with REDACT_NO_TEXT")
    if mode == UNSPECIFIED and (additional or regexes):
        mode = "REDACT_SENSITIVE_TEXT"  # Google covers only these; here all text that is not technical is covered
    pixels: dict[str, object] = {"text": _TEXT_OF_MODE[mode]}
    if mode in _SENSITIVE:
        written = {"additionalInfoTypes": additional, "excludeInfoTypes": excluded, "customRegexes": regexes}
        pixels |= {name: value for name, value in written.items() if value}
    return pixels


def _names(modes: Iterable[str]) -> str:
    return " and ".join(sorted(modes))


def parse_text(message: Message | None) -> tuple[Mapping[str, object], dict[str, object]]:
    """A TextConfig after a check, and the same as the key "text". Raises ConfigurationError.

    Without a TextConfig findings are removed. With one, the profile decides on findings that no transformation names;
    it is BASIC unless EMPTY is given.
    """
    if message is None:
        return {}, {}
    profile = message.choice("profileType", TEXT_PROFILES)
    cleaning: dict[str, object] = {}
    custom = [_custom(entry) for entry in message.messages("customInfoTypes", CUSTOM_NAMES)]
    names = {str(entry["name"]) for entry in custom}
    if custom:
        cleaning["customInfoTypes"] = custom
    choices: list[dict[str, object]] = []
    excluded = _infotypes(message, "excludeInfoTypes", names)
    if excluded:
        choices.append({"infoTypes": excluded, "method": "keep"})
    asks = [
        transformation
        for name in ("additionalTransformations", "transformations")
        for transformation in message.messages(name, ("infoTypes", *PRIMITIVES))
    ]
    for transformation in asks:
        choices += _choices(transformation, names)
    if all("infoTypes" in choice for choice in choices):
        if profile == "EMPTY":
            if not any(choice["method"] != "keep" for choice in choices):
                raise ConfigurationError(
                    f"{message.location}: nothing that is found would be changed; add a transformation"
                )
            message.findings.warn(
                message.path("profileType"), "EMPTY keeps what no transformation names", "write BASIC"
            )
            choices.append({"method": "keep"})
        else:
            choices += [
                {"infoTypes": ["DATE"], "method": "dateShift", "dateShiftScope": "Patient"},
                {"method": "infoType"},
            ]
    cleaning["transformations"] = choices
    return dict(message.fields), cleaning


def dates_of(cleaning: Mapping[str, object], unsaid: MethodAndSettings) -> MethodAndSettings:
    """The method for DA and DT, whose values are findings of DATE; `unsaid` if no transformation is given."""
    choices = cleaning.get("transformations", ())
    assert isinstance(choices, list | tuple)
    everywhere = [choice for choice in choices if "tags" not in choice]
    named = [choice for choice in everywhere if "DATE" in choice.get("infoTypes", ())]
    unnamed = [choice for choice in everywhere if "infoTypes" not in choice]
    if not everywhere:
        return unsaid
    choice = next(iter([*named, *unnamed]), {"method": "remove"})
    settings = {name: value for name, value in choice.items() if name not in {"infoTypes", "method"}}
    # A hash, a mask or a token is not a legal date.
    return (choice["method"], settings) if choice["method"] in {"dateShift", "generalize", "keep"} else EMPTIED


def _choices(transformation: Message, names: set[str]) -> list[dict[str, object]]:
    """A transformation as entries of "transformations"; a date shift removes findings that are not dates."""
    given = [name for name in PRIMITIVES if name in transformation]
    if len(given) != 1:
        raise ConfigurationError(f"{transformation.location} must have one of {', '.join(PRIMITIVES)}")
    primitive = transformation.message(given[0], PRIMITIVES[given[0]])
    assert primitive is not None
    if "kmsWrapped" in primitive:
        raise ConfigurationError(
            f"{primitive.path('kmsWrapped')} is not supported, since no key management service is used; "
            "write the key in cryptoKey, or leave it out to use the project's"
        )
    named: dict[str, object] = {}
    if "infoTypes" in transformation and (infotypes := _infotypes(transformation, "infoTypes", names)):
        named["infoTypes"] = infotypes
    elif transformation.strings("infoTypes"):
        return []
    key = primitive.string("cryptoKey") if "cryptoKey" in PRIMITIVES[given[0]] else ""
    if given == ["redactConfig"]:
        return [{**named, "method": "remove"}]
    if given == ["characterMaskConfig"]:
        mask = primitive.string("maskingCharacter")
        return [{**named, "method": "mask", **({"maskWith": mask} if mask else {})}]
    if given == ["replaceWithInfoTypeConfig"]:
        return [{**named, "method": "infoType"}]
    if given == ["cryptoHashConfig"]:
        return [{**named, "method": "cryptoHash", **({"cryptoHashKey": key} if key else {})}]
    shift: dict[str, object] = {"infoTypes": ["DATE"], "method": "dateShift", "dateShiftScope": "Patient"}
    if key:
        shift["dateShiftKey"] = key
    if not named:
        return [shift, {"method": "remove"}]
    others: list[object] = [name for name in named["infoTypes"] if name != "DATE"]  # type: ignore[attr-defined]
    shifts = [shift] if len(others) < len(named["infoTypes"]) else []  # type: ignore[arg-type]
    rest: dict[str, object] = {"infoTypes": others, "method": "remove"}
    return [*shifts, *([rest] if others else [])]


def _infotypes(message: Message, field: str, names: set[str]) -> list[str]:
    """The infotypes of a field in dicomveil's names; unknown ones are left out, with a warning."""
    known: dict[str, None] = {}
    for written in message.strings(field):
        name = ALIASES.get(written, written)
        if name in names or name in Infotype.__members__:
            known[name] = None
        else:
            message.findings.warn(message.path(field), f"nothing finds {shortened(written)} here", "leave it out")
    return list(known)


def _custom(entry: Message) -> dict[str, object]:
    """A CustomInfoType of Sensitive Data Protection as an entry of "customInfoTypes"."""
    infotype = entry.message("infoType", ("name", "version"))
    name = infotype.string("name") if infotype is not None else ""
    given = [kind for kind in ("dictionary", "regex", "storedType") if kind in entry]
    if len(given) != 1:
        raise ConfigurationError(f"{entry.location} must have one of dictionary, regex, storedType")
    entry.string("likelihood")
    if given == ["dictionary"]:
        dictionary = entry.message("dictionary", ("wordList", "cloudStoragePath"))
        if dictionary is not None and "cloudStoragePath" in dictionary:
            raise ConfigurationError(
                f"{dictionary.path('cloudStoragePath')} cannot be read from here; name a file in storedType"
            )
        words = dictionary.message("wordList", ("words",)) if dictionary is not None else None
        return {"name": name, "words": words.strings("words") if words is not None else []}
    if given == ["regex"]:
        regex = entry.message("regex", ("pattern", "groupIndexes"))
        assert regex is not None
        groups = regex.integers("groupIndexes")
        return {"name": name, "regex": regex.string("pattern"), **({"groups": groups} if groups else {})}
    stored = entry.message("storedType", ("name", "createTime"))
    assert stored is not None
    return {"name": name, "list": stored.string("name")}


def _check_pattern(regex: Message) -> None:
    pattern = regex.string("pattern")
    if not pattern:
        raise ConfigurationError(f"{regex.location}.pattern is missing")
    try:
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError):
        raise ConfigurationError(f"{regex.location}.pattern is not a regular expression") from None
