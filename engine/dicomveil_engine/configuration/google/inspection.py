"""What DeidentifyConfig says of text: within values (TextConfig) and burnt into pixels (ImageConfig).

Both are read and checked here. Whoever asks for something that has to be done is refused, because redaction that is
not done would be a leak; what asks for nothing is kept in the Configuration.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

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

NO_TEXT = {"TEXT_REDACTION_MODE_UNSPECIFIED", "REDACT_NO_TEXT"}


def parse_image(message: Message | None) -> Mapping[str, object]:
    """A checked ImageConfig; ConfigurationError where it is wrong, or asks for pixels to be changed."""
    if message is None:
        return {}
    mode = message.choice("textRedactionMode", REDACTION_MODES)
    for regex in message.messages("customRegexes", ("pattern", "groupIndexes")):
        _check_pattern(regex)
        regex.integers("groupIndexes")
    kinds = [*message.strings("additionalInfoTypes"), *message.strings("excludeInfoTypes")]
    if mode not in NO_TEXT or message.fields.get("customRegexes") or kinds:
        raise ConfigurationError(
            f"{message.location}: redaction of text in pixels is not available yet; leave it out, or write "
            '{"textRedactionMode": "REDACT_NO_TEXT"} if nothing is burnt into these pixels'
        )
    return dict(message.fields)


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
