"""DicomTagConfig of Google's v1beta1: actions, options and a profile, in this order of precedence."""

from __future__ import annotations

from collections.abc import Iterator

from dicomveil_engine.attributes import dictionary
from dicomveil_engine.attributes._standard import TABLE_E1, Option, Row
from dicomveil_engine.attributes.tags import TagPattern
from dicomveil_engine.configuration.google.inspection import IMAGE_NAMES, dates_of, parse_image
from dicomveil_engine.configuration.google.message import Message
from dicomveil_engine.configuration.google.profiles import (
    BASIC,
    KEEP_ALL,
    MOVED,
    PROFILES,
    TEXT_VRS,
    MethodAndSettings,
    add_kept_ids,
    add_profile,
    cleaned,
)
from dicomveil_engine.configuration.google.tags import parse_query
from dicomveil_engine.configuration.translation import Translation
from dicomveil_engine.errors import ConfigurationError
from dicomveil_engine.text.changes import OWN_VALUE

NAMES = ("profileType", "options", "actions")
UNSPECIFIED = "PROFILE_TYPE_UNSPECIFIED"
OPTION_NAMES = ("primaryIds", "cleanImage", "cleanDescriptors")
PRIMARY_IDS = ("PRIMARY_IDS_OPTION_UNSPECIFIED", "KEEP", "REGEN")

METHODS = {
    "deleteTag": "remove",
    "removeTag": "redact",
    "resetTag": "dummy",
    "regenUidTag": "refreshUID",
    "cleanTextTag": "clean",
    "cleanImageTag": "keep",
    "recurseTag": "keep",
    "keepTag": "keep",
}
"""Action → method, in order of strength.

"Conflicting actions are applied in the order given", each to the result of the one before: nothing undoes a deletion,
and keeping an emptied value does not restore it. So the strongest action decides, whatever the order.
"""

_STRENGTH = {action: rank for rank, action in enumerate(METHODS)}


def add_tag_config(translation: Translation, config: Message) -> None:
    """Add the rules of a DicomTagConfig. Raises ConfigurationError."""
    written = config.choice("profileType", (UNSPECIFIED, *PROFILES))
    profile = BASIC if written == UNSPECIFIED else written
    dates = dates_of(translation.cleaning, MOVED)
    marked = _add_actions(translation, config, dates)
    options = config.message("options", OPTION_NAMES)
    replaces_uids = True
    if options is not None:
        replaces_uids = options.choice("primaryIds", PRIMARY_IDS) != "KEEP"
        translation.pixels = parse_image(options.message("cleanImage", IMAGE_NAMES)) or translation.pixels
        if not replaces_uids:
            add_kept_ids(translation, "primaryIds KEEP")
        if options.message("cleanDescriptors", ()) is not None:
            _add_clean_descriptors(translation, profile, dates)
            choices = translation.cleaning.get("transformations", [])
            assert isinstance(choices, list)
            tags = [row.keyword for _, row in _descriptors()]
            context = {"infoTypes": [OWN_VALUE], "tags": [*tags, *marked], "method": "infoType"}
            translation.cleaning["transformations"] = [context, *choices]
    place = f"profileType {profile}"
    add_profile(translation, profile, place, replaces_uids=replaces_uids, dates=dates)


def _add_actions(translation: Translation, config: Message, dates: MethodAndSettings) -> list[str]:
    """Add the rules of the actions; return the queries of cleanTextTag."""
    marked: dict[str, None] = {}
    rules: list[tuple[int, str, TagPattern, str, dict[str, object]]] = []
    for number, action in enumerate(config.messages("actions", ("queries", *METHODS)), 1):
        place = f"action {number}"
        try:
            name = _name(action, translation)
            for query in _queries(action):
                pattern = parse_query(query, allows_vr=True)
                method, params = _method(name, pattern, dates)
                if name == "cleanTextTag":
                    marked[pattern.text] = None
                rules.append((_STRENGTH[name], place, pattern, method, params))
        except ConfigurationError as error:
            config.findings.refuse(place, str(error))
    for _, place, pattern, method, params in sorted(rules, key=lambda rule: rule[0]):
        translation.add(place, pattern.text, method, params)
    return list(marked)


def _queries(action: Message) -> list[str]:
    queries = action.strings("queries")
    if not queries:
        raise ConfigurationError("it has no queries; name the attributes to which it applies")
    return queries


def _name(action: Message, translation: Translation) -> str:
    given = [name for name in METHODS if name in action]
    if len(given) != 1:
        raise ConfigurationError(f"it must have one of {', '.join(METHODS)}")
    names = IMAGE_NAMES if given == ["cleanImageTag"] else ()
    message = action.message(given[0], names)
    if given == ["cleanImageTag"]:
        translation.pixels = parse_image(message) or translation.pixels
    return given[0]


def _method(action: str, pattern: TagPattern, dates: MethodAndSettings) -> MethodAndSettings:
    """The method of an action for one query, with its settings."""
    vrs = (pattern.vr,) if pattern.vr else dictionary.vrs_of(pattern.tag) if pattern.tag is not None else ()
    if action == "recurseTag" and vrs != ("SQ",):
        raise ConfigurationError(f"recurseTag is for sequences (SQ), and {pattern.text} is not one")
    if action == "cleanImageTag" and pattern.tag != dictionary.tag_of("PixelData"):
        raise ConfigurationError(f"cleanImageTag is for PixelData, and {pattern.text} is something else")
    if action == "cleanTextTag":
        if len(vrs) != 1 or vrs[0] not in TEXT_VRS:
            raise ConfigurationError(
                f"cleanTextTag is for the VRs {' '.join(TEXT_VRS)}, and {pattern.text} has another VR"
            )
        return cleaned(vrs[0], dates)
    if action == "resetTag" and "SQ" in vrs:
        return "redact", {}
    return METHODS[action], {}


def _add_clean_descriptors(translation: Translation, profile: str, dates: MethodAndSettings) -> None:
    """Clean the attributes of the Clean Descriptors Option (PS3.15 Section E.3.5), if the profile would keep them."""
    if profile == BASIC:
        translation.options.append(Option.CLEAN_DESCRIPTORS.value)
    elif profile == KEEP_ALL:
        for vr, row in _descriptors():
            method, params = cleaned(vr, dates)
            translation.add("cleanDescriptors", row.keyword, method, params, is_generated=True)


def _descriptors() -> Iterator[tuple[str, Row]]:
    """(VR, row) of the option's attributes whose text Google inspects."""
    for tag, row in TABLE_E1.rows.items():
        vrs = dictionary.vrs_of(tag)
        if Option.CLEAN_DESCRIPTORS in row.options and vrs and vrs[0] in TEXT_VRS:
            yield vrs[0], row
