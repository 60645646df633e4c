"""What DeidentifyConfig says of text: within values (TextConfig) and burnt into pixels (ImageConfig).

Both are read and checked here. An ImageConfig means our own key "pixels". A TextConfig that asks for something that has
to be done is refused, because redaction that is not done would be a leak.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from dicomveil_engine.configuration.google.message import Message
from dicomveil_engine.errors import ConfigurationError

IMAGE_NAMES = ("textRedactionMode", "customRegexes", "additionalInfoTypes", "excludeInfoTypes")
TEXT_NAMES = ("profileType", "additionalTransformations", "excludeInfoTypes", "transformations")
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
    """What an ImageConfig means as our key "pixels"; None without one.

    Raises ConfigurationError where it is wrong: infotypes belong to the modes that judge what text says.
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
        raise ConfigurationError(f"{message.location}: additionalInfoTypes go with {_names(_SENSITIVE)} only")
    if excluded and mode not in _SENSITIVE:
        raise ConfigurationError(f"{message.location}: excludeInfoTypes go with {_names(_SENSITIVE)} only")
    if regexes and mode == "REDACT_NO_TEXT":
        raise ConfigurationError(f"{message.location}: customRegexes say what to redact, and REDACT_NO_TEXT nothing")
    if mode == UNSPECIFIED and (additional or regexes):
        mode = "REDACT_SENSITIVE_TEXT"  # Google covers these only; here all that is not technique goes
    pixels: dict[str, object] = {"text": _TEXT_OF_MODE[mode]}
    if mode in _SENSITIVE:
        written = {"additionalInfoTypes": additional, "excludeInfoTypes": excluded, "customRegexes": regexes}
        pixels |= {name: value for name, value in written.items() if value}
    return pixels


def _names(modes: Iterable[str]) -> str:
    return " and ".join(sorted(modes))


def parse_text(message: Message | None) -> Mapping[str, object]:
    """A checked TextConfig; ConfigurationError where it is wrong, or asks for other than the default."""
    if message is None:
        return {}
    profile = message.choice("profileType", TEXT_PROFILES)
    asks = [
        transformation
        for name in ("additionalTransformations", "transformations")
        for transformation in message.messages(name, ("infoTypes", *PRIMITIVES))
    ]
    for transformation in asks:
        _check_transformation(transformation)
    if asks or profile == "EMPTY" or message.strings("excludeInfoTypes"):
        raise ConfigurationError(
            f"{message.location}: transformations by infoType are not available yet; leave them out: where text is "
            "cleaned, all that identifies goes"
        )
    return dict(message.fields)


def _check_pattern(regex: Message) -> None:
    pattern = regex.string("pattern")
    if not pattern:
        raise ConfigurationError(f"{regex.location}.pattern is missing")
    try:
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError):
        raise ConfigurationError(f"{regex.location}.pattern is no regular expression") from None


def _check_transformation(transformation: Message) -> None:
    transformation.strings("infoTypes")
    given = [name for name in PRIMITIVES if name in transformation]
    if len(given) != 1:
        raise ConfigurationError(f"{transformation.location} must have one of {', '.join(PRIMITIVES)}")
    primitive = transformation.message(given[0], PRIMITIVES[given[0]])
    assert primitive is not None
    for name in ("maskingCharacter", "cryptoKey"):
        if name in PRIMITIVES[given[0]]:
            primitive.string(name)
    wrapped = primitive.message("kmsWrapped", ("cryptoKey", "wrappedKey"))
    if wrapped is not None and "cryptoKey" in primitive:
        raise ConfigurationError(f"{primitive.location} must have only one of cryptoKey and kmsWrapped")
