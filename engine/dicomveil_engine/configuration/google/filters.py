"""DicomConfig of Google's v1: a list of tags to keep, a list of tags to remove, or a profile."""

from __future__ import annotations

from dicomveil_engine.attributes import dictionary
from dicomveil_engine.configuration.google.inspection import dates_of
from dicomveil_engine.configuration.google.message import Message
from dicomveil_engine.configuration.google.profiles import (
    EMPTIED,
    FILE_META,
    KEEP_ALL,
    PROFILES,
    REQUIRED,
    add_keep_list,
    add_new_uids,
    add_profile,
    kept_as,
)
from dicomveil_engine.configuration.google.tags import parse_query
from dicomveil_engine.configuration.translation import Translation
from dicomveil_engine.errors import ConfigurationError

NAMES = ("keepList", "removeList", "filterProfile", "skipIdRedaction")
UNSPECIFIED = "TAG_FILTER_PROFILE_UNSPECIFIED"
_FILTERS = ("keepList", "removeList", "filterProfile")

_UNREMOVABLE = frozenset(dictionary.tag_of(keyword) for keyword in (*REQUIRED, *FILE_META))


def add_filter(translation: Translation, dicom: Message) -> None:
    """Add the rules of a DicomConfig. Raises ConfigurationError, also if it has no filter."""
    replaces_uids = not dicom.boolean("skipIdRedaction")
    given = [name for name in _FILTERS if name in dicom]
    if len(given) != 1:
        what = f"has {' and '.join(given)}" if given else "has no filter, so that Google would keep every tag"
        raise ConfigurationError(f"{dicom.location} {what}; give one of {', '.join(_FILTERS)}")
    if given == ["keepList"]:
        _add_keep_list(translation, dicom, replaces_uids=replaces_uids)
    elif given == ["removeList"]:
        _add_remove_list(translation, dicom, replaces_uids=replaces_uids)
    else:
        profile = dicom.choice("filterProfile", (UNSPECIFIED, *PROFILES))
        if profile == UNSPECIFIED:
            dicom.findings.warn(
                dicom.path("filterProfile"),
                f"{UNSPECIFIED} keeps every tag",
                f'write "{KEEP_ALL}" if all are to be kept',
            )
            profile = KEEP_ALL
        if profile == KEEP_ALL and not replaces_uids:
            raise ConfigurationError(f"{dicom.location} keeps every tag and every UID: nothing would be de-identified")
        # Without a TextConfig, Google's v1 replaces each finding by a token such as [DATE], so dates are emptied.
        place = f"filterProfile {profile}"
        dates = dates_of(translation.cleaning, EMPTIED)
        add_profile(translation, profile, place, replaces_uids=replaces_uids, dates=dates)


def _tags(dicom: Message, name: str) -> list[tuple[str, str, int | None]]:
    """(place, notation, tag) of each entry of a list."""
    listed = dicom.message(name, ("tags",))
    assert listed is not None
    entries = []
    for number, text in enumerate(listed.strings("tags"), 1):
        place = f"{name} {number}"
        try:
            pattern = parse_query(text)
        except ConfigurationError as error:
            dicom.findings.refuse(place, str(error))
            continue
        entries.append((place, pattern.text, pattern.tag))
    return entries


def _add_keep_list(translation: Translation, dicom: Message, *, replaces_uids: bool) -> None:
    file_meta = {dictionary.tag_of(keyword) for keyword in FILE_META}
    for place, notation, tag in _tags(dicom, "keepList"):
        if tag in file_meta:
            continue  # Google's own samples list them
        keyword = dictionary.keyword_of(tag) if tag is not None else ""
        translation.add(place, notation, kept_as(keyword, replaces_uids=replaces_uids))
    add_keep_list(translation, "keepList", replaces_uids=replaces_uids)


def _add_remove_list(translation: Translation, dicom: Message, *, replaces_uids: bool) -> None:
    entries = _tags(dicom, "removeList")
    if not entries:
        raise ConfigurationError(f"{dicom.path('removeList')} has no tags: everything would be kept")
    for place, notation, tag in entries:
        if tag in _UNREMOVABLE:
            dicom.findings.refuse(place, f"{notation} cannot be removed: without it there is no valid instance")
            continue
        translation.add(place, notation, "remove")
    # Google adds OverlayData, which may show text; without it the rest of an overlay plane is useless.
    translation.add("removeList", "(60xx,xxxx)", "remove", is_generated=True)
    if replaces_uids:
        add_new_uids(translation, "removeList")
