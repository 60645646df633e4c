"""What a configuration says about text burnt into pixels: the key "pixels".

    {"pixels": {"text": "allText", "gate": "sample", "encode": "jpegls"}}   or   {"pixels": "refuse"}

Only what is asked for is read here; how it is done is the business of `dicomveil_engine.pixels`.
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
    """It is not looked for. Nothing is claimed."""
    REFUSE = "refuse"
    """It is not looked for, and what may hold some is refused."""
    ALL = "allText"
    """All text is covered."""
    SENSITIVE = "sensitiveText"
    """All text is covered but what is positively recognised as technique."""
    SENSITIVE_CLEAN_DESCRIPTORS = "sensitiveTextCleanDescriptors"
    """As `sensitiveText`, and technique too where the header's descriptions say it."""


class SliceGate(Enum):
    """How ORIGINAL\\PRIMARY single-frame CT, MR and PT are treated, which seldom hold text."""

    TRUST = "trust"
    """They pass without a look, and nothing is claimed for them."""
    SAMPLE = "sample"
    """The first, middle and last of a series are looked at; text in one means that all are."""
    STROKES = "strokes"
    """Those in which a fast test finds thin strokes side by side are looked at."""
    LOOK = "look"
    """All are looked at."""


class PixelEncoding(Enum):
    """The lossless encoding of frames that were compressed and had to be changed."""

    JPEG_LS = "jpegls"
    JPEG_2000 = "j2k"
    RLE = "rle"
    NATIVE = "native"


class Documents(Enum):
    """What happens to encapsulated PDF documents."""

    POLICY = "policy"
    """What the profile or a rule says about (0042,0011): they are removed by the profiles."""
    CLEAN = "clean"
    """Pages become pictures in which text is covered."""


class Faces(Enum):
    """What happens where a face could be reconstructed: CT, MR and PT of the head."""

    KEEP = "keep"
    FLAG = "flag"
    """(0028,0302) Recognizable Visual Features says YES."""
    REFUSE = "refuse"


@dataclass(frozen=True)
class CustomRegex:
    """A pattern whose matches count as sensitive."""

    pattern: str
    groups: tuple[int, ...] = ()
    """Groups that are sensitive; none means the whole match."""


@dataclass(frozen=True)
class PixelSettings:
    """What is done about text burnt into pixels."""

    text: PixelText = PixelText.KEEP
    gate: SliceGate = SliceGate.TRUST
    masks: tuple[str, ...] = ("devices",)
    """Sources of boxes that are known from the header: "devices" (the table), "ultrasoundRegions" (all outside)."""
    encode: PixelEncoding = PixelEncoding.JPEG_LS
    documents: Documents = Documents.POLICY
    faces: Faces = Faces.KEEP
    additional_infotypes: tuple[str, ...] = ()
    exclude_infotypes: tuple[str, ...] = ()
    custom_regexes: tuple[CustomRegex, ...] = ()
    device_table: str = field(default="", repr=False)
    """A device table in TOML, which comes before ours."""
    regions: tuple[str, ...] = DEFAULT.regions
    """As in `TextSettings`; a policy has them from its key "text"."""
    all_ages: bool = DEFAULT.all_ages
    """Likewise."""

    @property
    def looks(self) -> bool:
        """Whether they ask for anything but letting pixels pass."""
        return self.text is not PixelText.KEEP or self.faces is not Faces.KEEP

    @property
    def cleans(self) -> bool:
        """Whether text is covered, so that a released instance may say so."""
        return self.text not in {PixelText.KEEP, PixelText.REFUSE}

    @property
    def reads(self) -> bool:
        """Whether what text says decides whether it is covered."""
        return self.text in {PixelText.SENSITIVE, PixelText.SENSITIVE_CLEAN_DESCRIPTORS}

    def as_json(self) -> dict[str, object]:
        """The settings as a JSON object that `read_pixels` reads again."""
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
"""What the key may be instead of an object."""

_LONGEST_PATTERN = 1000


def read_pixels(value: object, beneath: PixelSettings | None = None) -> PixelSettings:
    """The settings that "pixels" writes, over those of a preset.

    Raises ConfigurationError, which names the setting and what it may be.
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
            raise ConfigurationError(f'"pixels" has no setting "{written}"{did_you_mean(str(written), NAMES)}')
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
            '"sensitiveTextCleanDescriptors"; under the other modes what text says does not matter'
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
