"""Reading the key "pixels": what is done about text burnt into pixels.

    {"pixels": {"text": "allText", "gate": "sample", "encode": "jpegls"}}   or   {"pixels": "refuse"}

`dicomveil_engine.pixels` carries out the settings.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum

from dicomveil_engine.attributes.suggestions import did_you_mean
from dicomveil_engine.configuration.device_table import read_device_table
from dicomveil_engine.errors import ConfigurationError
from dicomveil_engine.text.settings import DEFAULT


class PixelText(Enum):
    """What happens to text burnt into pixels."""

    KEEP = "keep"
    """It is not searched for, and nothing is claimed."""
    REFUSE = "refuse"
    """It is not searched for, and instances that may have some are refused."""
    ALL = "allText"
    """All text is covered."""
    SENSITIVE = "sensitiveText"
    """All text is covered, except what is recognised as technical."""
    SENSITIVE_CLEAN_DESCRIPTORS = "sensitiveTextCleanDescriptors"
    """As `sensitiveText`; technical text is covered too if it is in a description of the header."""


class SliceGate(Enum):
    """How ORIGINAL\\PRIMARY single-frame CT, MR and PT are treated, which rarely have text."""

    TRUST = "trust"
    """They are not searched, and nothing is claimed for them."""
    SAMPLE = "sample"
    """The first, middle and last of a series are searched, and all if one has text."""
    STROKES = "strokes"
    """Those in which a fast test finds thin parallel strokes are searched."""
    LOOK = "look"
    """All are searched."""


class PixelEncoding(Enum):
    """The lossless encoding of frames that were compressed and had to be changed."""

    JPEG_LS = "jpegls"
    JPEG_2000 = "j2k"
    RLE = "rle"
    NATIVE = "native"


class Documents(Enum):
    """What happens to encapsulated PDF documents."""

    POLICY = "policy"
    """The decision of the profile or a rule on (0042,0011); profiles remove it."""
    CLEAN = "clean"
    """Pages are rendered as images, in which text is covered."""


class Faces(Enum):
    """What happens to CT, MR and PT of the head, from which a face could be reconstructed."""

    KEEP = "keep"
    FLAG = "flag"
    """(0028,0302) Recognizable Visual Features is set to YES."""
    REFUSE = "refuse"


@dataclass(frozen=True)
class CustomRegex:
    """A pattern whose matches count as sensitive."""

    pattern: str
    groups: tuple[int, ...] = ()
    """Groups that are sensitive; if empty, the whole match is."""


@dataclass(frozen=True)
class PixelSettings:
    """What is done about text burnt into pixels."""

    text: PixelText = PixelText.KEEP
    gate: SliceGate = SliceGate.TRUST
    masks: tuple[str, ...] = ("devices",)
    """Sources of boxes that follow from the header: "devices" (device tables), "ultrasoundRegions" (outside them)."""
    encode: PixelEncoding = PixelEncoding.JPEG_LS
    documents: Documents = Documents.POLICY
    faces: Faces = Faces.KEEP
    additional_infotypes: tuple[str, ...] = ()
    exclude_infotypes: tuple[str, ...] = ()
    custom_regexes: tuple[CustomRegex, ...] = ()
    device_table: str = field(default="", repr=False)
    """A device table in TOML, which has precedence over the built-in one."""
    regions: tuple[str, ...] = DEFAULT.regions
    """As in `TextSettings`, from the key "text" of the policy."""
    all_ages: bool = DEFAULT.all_ages
    """As in `TextSettings`."""

    @property
    def looks(self) -> bool:
        """Whether pixels are not simply passed."""
        return self.text is not PixelText.KEEP or self.faces is not Faces.KEEP

    @property
    def cleans(self) -> bool:
        """Whether text is covered, so that a released instance may claim so."""
        return self.text not in {PixelText.KEEP, PixelText.REFUSE}

    @property
    def reads(self) -> bool:
        """Whether text is covered depending on its content."""
        return self.text in {PixelText.SENSITIVE, PixelText.SENSITIVE_CLEAN_DESCRIPTORS}

    def as_json(self) -> dict[str, object]:
        """The settings as an object for `read_pixels`."""
        document: dict[str, object] = {
            "text": self.text.value,
            "gate": self.gate.value,
            "masks": list(self.masks),
            "encode": self.encode.value,
            "documents": self.documents.value,
            "faces": self.faces.value,
        }
        if self.additional_infotypes:
            document["additionalInfoTypes"] = list(self.additional_infotypes)
        if self.exclude_infotypes:
            document["excludeInfoTypes"] = list(self.exclude_infotypes)
        if self.custom_regexes:
            document["customRegexes"] = [
                {"pattern": regex.pattern, "groupIndexes": list(regex.groups)} for regex in self.custom_regexes
            ]
        if self.device_table:
            document["deviceTable"] = self.device_table
        return document


MASKS = ("devices", "ultrasoundRegions")
ENUMS: Mapping[str, type[Enum]] = {
    "text": PixelText,
    "gate": SliceGate,
    "encode": PixelEncoding,
    "documents": Documents,
    "faces": Faces,
}
LISTS = ("masks", "additionalInfoTypes", "excludeInfoTypes")
NAMES = (*ENUMS, *LISTS, "customRegexes", "deviceTable")
SHORT = {"keep": PixelText.KEEP, "refuse": PixelText.REFUSE, "clean": PixelText.ALL}
"""Values of the key that are not objects."""

_LONGEST_PATTERN = 1000


def read_pixels(value: object, beneath: PixelSettings | None = None) -> PixelSettings:
    """The settings from "pixels", over those of a preset.

    Raises ConfigurationError, which names the setting and its possible values.
    """
    settings = beneath or PixelSettings()
    if isinstance(value, str):
        folded = {name.casefold(): text for name, text in SHORT.items()}
        if value.casefold() not in folded:
            raise ConfigurationError(f'"pixels" must be an object, or one of {_names(SHORT)}')
        return replace(settings, text=folded[value.casefold()])
    if not isinstance(value, Mapping):
        raise ConfigurationError(f'"pixels" must be an object, or one of {_names(SHORT)}')
    spellings = {name.casefold(): name for name in NAMES}
    given: dict[str, object] = {}
    for written, entry in value.items():
        name = spellings.get(str(written).casefold())
        if name is None:
            suggestion = did_you_mean(str(written), NAMES) or f" (known: {', '.join(NAMES)})"
            raise ConfigurationError(f'"pixels" has no setting "{written}"{suggestion}')
        given[name] = entry
    changes: dict[str, object] = {name: _enum(name, given[name]) for name in ENUMS if name in given}
    if "masks" in given:
        changes["masks"] = _masks(_strings("masks", given["masks"]))
    if "additionalInfoTypes" in given:
        changes["additional_infotypes"] = _strings("additionalInfoTypes", given["additionalInfoTypes"])
    if "excludeInfoTypes" in given:
        changes["exclude_infotypes"] = _strings("excludeInfoTypes", given["excludeInfoTypes"])
    if "customRegexes" in given:
        changes["custom_regexes"] = _regexes(given["customRegexes"])
    if "deviceTable" in given:
        changes["device_table"] = _table(given["deviceTable"])
    settings = replace(settings, **changes)  # type: ignore[arg-type]
    return _checked(settings, is_text_given="text" in given)


def _checked(settings: PixelSettings, *, is_text_given: bool) -> PixelSettings:
    if not is_text_given and settings.text is PixelText.KEEP:
        settings = replace(settings, text=PixelText.ALL)
    asks = settings.additional_infotypes or settings.exclude_infotypes or settings.custom_regexes
    if asks and not settings.reads:
        raise ConfigurationError(
            '"additionalInfoTypes", "excludeInfoTypes" and "customRegexes" in "pixels" need "text": "sensitiveText" or '
            '"sensitiveTextCleanDescriptors"; in other modes the content of text does not matter'
        )
    return settings


def _names(names: Mapping[str, object] | tuple[str, ...]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _enum(name: str, value: object) -> Enum:
    members = {member.value.casefold(): member for member in ENUMS[name]}
    if not isinstance(value, str) or value.casefold() not in members:
        choices = ", ".join(f'"{member.value}"' for member in members.values())
        raise ConfigurationError(f'"{name}" in "pixels" must be one of {choices}')
    return members[value.casefold()]


def _strings(name: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not all(isinstance(entry, str) and entry for entry in value):
        raise ConfigurationError(f'"{name}" in "pixels" must be an array of names')
    return tuple(value)


def _masks(names: tuple[str, ...]) -> tuple[str, ...]:
    known = {name.casefold(): name for name in MASKS}
    for name in names:
        if name.casefold() not in known:
            raise ConfigurationError(f'"masks" in "pixels" may hold {_names(MASKS)}{did_you_mean(name, MASKS)}')
    return tuple(known[name.casefold()] for name in names)


def _regexes(value: object) -> tuple[CustomRegex, ...]:
    if not isinstance(value, list | tuple):
        raise ConfigurationError('"customRegexes" in "pixels" must be an array of {"pattern": ...}')
    regexes = []
    for entry in value:
        pattern = entry.get("pattern") if isinstance(entry, Mapping) else None
        groups = entry.get("groupIndexes", ()) if isinstance(entry, Mapping) else ()
        if not isinstance(pattern, str) or not pattern or len(pattern) > _LONGEST_PATTERN:
            raise ConfigurationError('each entry of "customRegexes" in "pixels" needs a "pattern"')
        try:
            compiled = re.compile(pattern)
        except (re.error, RecursionError, OverflowError):
            raise ConfigurationError('a "pattern" in "customRegexes" of "pixels" is not a regular expression') from None
        if not isinstance(groups, list | tuple) or not all(
            type(group) is int and 0 <= group <= compiled.groups for group in groups
        ):
            raise ConfigurationError('"groupIndexes" in "customRegexes" of "pixels" must name groups of the pattern')
        regexes.append(CustomRegex(pattern, tuple(groups)))
    return tuple(regexes)


def _table(value: object) -> str:
    if not isinstance(value, str):
        raise ConfigurationError('"deviceTable" in "pixels" must be the text of a device table (TOML)')
    try:
        read_device_table(value)
    except ConfigurationError as error:
        raise ConfigurationError(f'"deviceTable" in "pixels": {error}') from None
    return value
