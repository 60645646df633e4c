"""Google's tag profiles as rules over a profile of dicomveil.

The schema of Google's API documents them (`DicomConfig.filterProfile`, `DicomTagConfig.profileType`). Where that is
incomplete, the choice here is the one that removes more; docs/dialects/google.md lists these choices.
"""

from __future__ import annotations

from dicomveil_engine.attributes import dictionary
from dicomveil_engine.attributes.legality import CODE_ATTRIBUTES, STRUCTURAL_UIDS
from dicomveil_engine.configuration.translation import Translation

BASIC = "ATTRIBUTE_CONFIDENTIALITY_BASIC_PROFILE"
MINIMAL = "MINIMAL_KEEP_LIST_PROFILE"
KEEP_ALL = "KEEP_ALL_PROFILE"
CONTENTS = "DEIDENTIFY_TAG_CONTENTS"
PROFILES = (BASIC, MINIMAL, KEEP_ALL, CONTENTS)

PRIMARY_IDS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
"""The UIDs that Google regenerates. The fourth, MediaStorageSOPInstanceUID, always equals SOPInstanceUID here."""

REQUIRED = (
    "SOPInstanceUID",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "NumberOfFrames",
    "Rows",
    "Columns",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
    "PixelData",
)
"""The attributes that Google keeps under any keep list and that cannot be removed, without file meta information."""

FILE_META = ("MediaStorageSOPClassUID", "MediaStorageSOPInstanceUID", "TransferSyntaxUID")
"""The same for group 0002, which is always rewritten here."""

_DISPLAY = (
    "SOPClassUID",
    "PlanarConfiguration",
    "PixelAspectRatio",
    "SmallestImagePixelValue",
    "LargestImagePixelValue",
    "RedPaletteColorLookupTableDescriptor",
    "GreenPaletteColorLookupTableDescriptor",
    "BluePaletteColorLookupTableDescriptor",
    "RedPaletteColorLookupTableData",
    "GreenPaletteColorLookupTableData",
    "BluePaletteColorLookupTableData",
    "ICCProfile",
    "ColorSpace",
    "WindowCenter",
    "WindowWidth",
    "VOILUTFunction",
)
"""Further attributes that viewers need, and SOPClassUID, without which an instance cannot be stored."""

_NOT_IN_DATA_SETS = frozenset((0x0000, 0x0002, 0x0004))
_EVERYTHING = "(xxxx,xxxx)"

DATES = ("DA", "DT")
TEXT_VRS = ("LO", "LT", "SH", "ST", "UC", "UT", "PN", "AE", *DATES, "AS")
"""The VRs whose text Google inspects."""

MethodAndSettings = tuple[str, dict[str, object]]
MOVED: MethodAndSettings = ("dateShift", {"dateShiftScope": "Patient"})
"""Dates are shifted "by an amount derived from the key and the patient ID" (DateShiftConfig)."""
EMPTIED: MethodAndSettings = ("redact", {})


def add_profile(
    translation: Translation, profile: str, place: str, *, replaces_uids: bool, dates: MethodAndSettings
) -> None:
    """Add the rules of a profile, after those of the document.

    `replaces_uids` says whether study, series and instance get new UIDs; `dates` is the method for DA and DT whose
    values Google would inspect.
    """
    if profile == BASIC:
        translation.profile = "basic"
        if not replaces_uids:
            add_kept_ids(translation, place)
    elif profile == MINIMAL:
        add_keep_list(translation, place, replaces_uids=replaces_uids)
    else:
        if profile == CONTENTS:
            add_cleaned_contents(translation, place, dates)
        if replaces_uids:
            add_new_uids(translation, place)


def add_kept_ids(translation: Translation, place: str) -> None:
    """Keep the UIDs of study, series and instance."""
    for keyword in PRIMARY_IDS:
        translation.add(place, keyword, "keep", is_generated=True)


def add_new_uids(translation: Translation, place: str) -> None:
    """Replace all UIDs except structural ones, such as those of classes and coding schemes.

    Google replaces four attributes only. References to them would be broken, and would still hold the originals.
    """
    for keyword in _structural():
        translation.add(place, keyword, "keep", is_generated=True)
    translation.add(place, "UI", "refreshUID", is_generated=True)


def add_keep_list(translation: Translation, place: str, *, replaces_uids: bool) -> None:
    """Keep the attributes that an image needs, and remove everything else."""
    for keyword in (*REQUIRED, *_DISPLAY):
        translation.add(place, keyword, kept_as(keyword, replaces_uids=replaces_uids), is_generated=True)
    translation.add(place, _EVERYTHING, "remove", is_generated=True)


def kept_as(query: str, *, replaces_uids: bool) -> str:
    """The method for a kept attribute; a UID is replaced by its pseudonym if `replaces_uids`."""
    tag = dictionary.tag_of(query)
    is_uid = tag is not None and dictionary.vr_of(tag) == "UI" and tag not in STRUCTURAL_UIDS
    return "refreshUID" if is_uid and replaces_uids else "keep"


def add_cleaned_contents(translation: Translation, place: str, dates: MethodAndSettings) -> None:
    """Clean the values of the VRs that Google inspects."""
    for tag in sorted(CODE_ATTRIBUTES):
        translation.add(place, dictionary.keyword_of(tag), "keep", is_generated=True)
    for vr in TEXT_VRS:
        method, params = cleaned(vr, dates)
        translation.add(place, vr, method, params, is_generated=True)


def cleaned(vr: str, dates: MethodAndSettings) -> MethodAndSettings:
    """The method and settings for a VR whose values Google would inspect."""
    return dates if vr in DATES else ("clean", {})


def _structural() -> list[str]:
    return [dictionary.keyword_of(tag) for tag in sorted(STRUCTURAL_UIDS) if tag >> 16 not in _NOT_IN_DATA_SETS]
