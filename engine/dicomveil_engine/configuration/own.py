"""dicomveil's own dialect: that of the Microsoft tool, extended by profile, options and unlistedAttributes.

    {"profile": "default", "rules": [{"tag": "PatientAge", "method": "keep"}]}

`profile` defines what the profile means, and `policy` applies the rules.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from dicomveil_engine.attributes._standard import Option
from dicomveil_engine.attributes.suggestions import did_you_mean
from dicomveil_engine.configuration.base import Configuration, ProfileName
from dicomveil_engine.configuration.findings import Findings, shortened
from dicomveil_engine.configuration.microsoft import Compatibility, is_microsoft
from dicomveil_engine.configuration.pixels import Faces, PixelSettings, PixelText, read_pixels
from dicomveil_engine.configuration.presets import PRESETS, load_preset
from dicomveil_engine.configuration.rules import Place, Rule, RuleReader
from dicomveil_engine.configuration.settings import SettingsBlocks, read_settings, unknown_names
from dicomveil_engine.configuration.text import read_cleaning
from dicomveil_engine.errors import ConfigurationError
from dicomveil_engine.pseudonyms.keys import Keys
from dicomveil_engine.text.settings import TextSettings

NAMES = (
    "rules",
    "defaultSettings",
    "customSettings",
    "profile",
    "options",
    "unlistedAttributes",
    "compatibility",
    "pixels",
    "text",
    "encryptOriginals",
)
LATER_NAMES: tuple[str, ...] = ()
"""Keys that are reserved: ignoring them could protect less than the configuration asks for."""

PROFILES = (*PRESETS, *(profile.value for profile in ProfileName))
UNLISTED = {"byVR": True, "keep": False}
CLEAN_PIXEL_DATA, CLEAN_FACES = PIXEL_OPTIONS = ("cleanPixelData", "cleanRecognizableVisualFeatures")
"""The options of PS3.15 Annex E that have no column in Table E.1-1."""

_IMPLICIT_BASIC = 'none is given, so attributes that no rule names are de-identified as with "profile": "basic"'
_IMPLICIT_BASIC_FIX = 'write "profile": "none" to keep them, as the Microsoft tool does'


@dataclass(frozen=True)
class _Layer:
    """One file, with its keys in the documented spelling; a preset is a layer below the file that names it."""

    document: Mapping[str, object]
    settings: SettingsBlocks
    profile: str


def read_own(
    document: Mapping[str, object], name: str, keys: Keys, findings: Findings, places: Sequence[Place] = ()
) -> Configuration:
    """The configuration from a document of this dialect, joined with the preset that it names.

    Raises ConfigurationError, which says what is wrong and how to fix it, and holds no setting's value.
    """
    return _Reader(keys, findings).read(document, name, places)


def canonical(document: Mapping[str, object], findings: Findings) -> dict[str, object]:
    """The document with its keys in the documented spelling, without those that are null."""
    spellings = {name.casefold(): name for name in NAMES}
    known: dict[str, object] = {}
    for written, value in document.items():
        folded = str(written).casefold()
        if folded in LATER_NAMES:
            findings.refuse(f'"{written}"', "this setting is not available yet", "leave it out")
        elif folded not in spellings:
            findings.warn_of_unknown(str(written), NAMES)
        elif spellings[folded] in known:
            findings.refuse("", f'"{spellings[folded]}" is given twice, in two spellings')
        elif value is not None:
            known[spellings[folded]] = value
    return known


def _recipients(value: object) -> tuple[str, ...]:
    """The certificate files that "encryptOriginals" names; jobs read them."""
    if value is None:
        return ()
    named = value.get("recipients") if isinstance(value, Mapping) and value.keys() <= {"recipients"} else None
    if not isinstance(named, list) or not named or not all(isinstance(path, str) and path for path in named):
        raise ConfigurationError('"encryptOriginals" must name files with certificates: {"recipients": ["broker.pem"]}')
    return tuple(named)


class _Reader:
    """Joins a configuration with the preset that it names."""

    def __init__(self, keys: Keys, findings: Findings) -> None:
        self._keys = keys
        self._findings = findings

    def read(self, document: Mapping[str, object], name: str, places: Sequence[Place]) -> Configuration:
        top = self._layer(document)
        name = name or top.profile
        layers = [("", top)]
        while layers[-1][1].profile in PRESETS:
            preset = layers[-1][1].profile
            layers.append((f'preset "{preset}" ', self._layer(load_preset(preset))))
        settings = SettingsBlocks()
        for _, layer in reversed(layers):
            settings = layer.settings.over(settings)
        compatibility = _compatibility([layer.document for _, layer in layers])
        compatibility.warn_of_settings(settings, self._findings)
        self._check_defaults(settings, compatibility)
        reader = RuleReader(settings, self._keys, self._findings, compatibility)
        rules: list[Rule] = []
        for source, layer in layers:
            rules += reader.read(
                layer.document.get("rules", ()),
                first=len(rules) + 1,
                source=source,
                places=() if source else places,
            )
        self._warn_of_uncalled_settings(top)
        options = frozenset(option for _, layer in layers for option in self._options(layer.document))
        profile = ProfileName(layers[-1][1].profile)
        if profile is ProfileName.NONE:
            self._check_without_profile([layer.document for _, layer in layers], options)
        return Configuration(
            profile,
            options,
            all(_protects_unlisted(layer.document) for _, layer in layers),
            tuple(rules),
            tuple(self._findings.all),
            name,
            settings.defaults,
            pixels=self._pixels([layer.document for _, layer in layers]),
            cleaning=self._cleaning([layer.document for _, layer in layers], settings.defaults.get("dateshift", {})),
            recipients=_recipients(top.document.get("encryptOriginals")),
        )

    def _layer(self, document: Mapping[str, object]) -> _Layer:
        known = canonical(document, self._findings)
        profile = known.get("profile")
        if isinstance(profile, list):
            # The annotated sample of the Microsoft tool has an array, which the tool does not read.
            self._findings.warn("", '"profile" is an array, and has no effect', "name one profile")
            profile = None
        if profile is None:
            profile = PRESETS[0]
            if known.get("rules"):
                self._findings.warn('"profile"', _IMPLICIT_BASIC, _IMPLICIT_BASIC_FIX)
        settings = read_settings(known.get("defaultSettings"), known.get("customSettings"))
        return _Layer(known, settings, _profile(profile))

    def _check_defaults(self, settings: SettingsBlocks, compatibility: Compatibility) -> None:
        """Refuse wrong default settings, even if no rule uses them, since the profile may."""
        for name, block in settings.defaults.items():
            method = compatibility.methods.get(name)
            if method is None:
                suggestion = did_you_mean(name, compatibility.methods).removeprefix("; ")
                self._findings.warn("defaultSettings", f'there is no method "{shortened(name)}"', suggestion)
                continue
            for what, suggestion in unknown_names(method, block):
                self._findings.warn("defaultSettings", what, suggestion)
            try:
                method.build(block, self._keys)
            except ConfigurationError as error:
                self._findings.refuse("defaultSettings", str(error))

    def _warn_of_uncalled_settings(self, top: _Layer) -> None:
        rules = top.document.get("rules", ())
        assert isinstance(rules, list | tuple)
        settings = (rule.get("setting") for rule in rules if isinstance(rule, Mapping))
        called = {setting for setting in settings if isinstance(setting, str)}
        for name in top.settings.custom:
            if name not in called:
                self._findings.warn(f"customSettings.{name}", "no rule calls it, so it has no effect")

    def _check_without_profile(self, documents: list[Mapping[str, object]], options: frozenset[Option]) -> None:
        """Refuse mistakes in a configuration without a profile, which protects only what its rules name."""
        if options:
            self._findings.refuse("", '"options" belong to a profile, and "profile" is "none"')
        if not any(document.get("rules") for document in documents):
            self._findings.refuse("", '"profile" is "none" and there are no "rules": everything would be kept')

    def _pixels(self, documents: list[Mapping[str, object]]) -> PixelSettings:
        """The pixel settings of the file over those of its preset; options of the standard are settings too."""
        pixels = PixelSettings()
        for document in reversed(documents):
            names = document.get("options", ())
            chosen = {str(name).casefold() for name in names} if isinstance(names, list | tuple) else set()
            if CLEAN_PIXEL_DATA.casefold() in chosen and not pixels.cleans:
                pixels = replace(pixels, text=PixelText.ALL)
            if CLEAN_FACES.casefold() in chosen and pixels.faces is Faces.KEEP:
                pixels = replace(pixels, faces=Faces.FLAG)
            if "pixels" in document:
                try:
                    pixels = read_pixels(document["pixels"], pixels)
                except ConfigurationError as error:
                    self._findings.refuse("", str(error))
        return pixels

    def _cleaning(self, documents: list[Mapping[str, object]], dates: Mapping[str, object]) -> TextSettings:
        """The text settings of the file over those of its preset; `dates` is the default settings of dateShift."""
        cleaning = TextSettings()
        for document in reversed(documents):
            if "text" in document:
                try:
                    cleaning = read_cleaning(document["text"], cleaning, self._keys, dates)
                except ConfigurationError as error:
                    self._findings.refuse("", str(error))
        return cleaning

    def _options(self, document: Mapping[str, object]) -> list[Option]:
        names = document.get("options", ())
        if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
            raise ConfigurationError('"options" must be an array of names')
        by_name = {option.value.casefold(): option for option in Option}
        of_pixels = {name.casefold() for name in PIXEL_OPTIONS}
        known = [*(option.value for option in Option), *PIXEL_OPTIONS]
        options = []
        for name in names:
            folded = name.casefold()
            if folded in by_name:
                options.append(by_name[folded])
            elif folded not in of_pixels:
                suggestion = did_you_mean(name, known)
                self._findings.refuse(
                    '"options"',
                    f'there is no option "{shortened(name)}"{suggestion} (PS3.15 has {", ".join(known)})',
                )
        return options


def _profile(name: object) -> str:
    known = {known.casefold(): known for known in PROFILES}
    if not isinstance(name, str) or name.casefold() not in known:
        suggestion = did_you_mean(name, known.values()) if isinstance(name, str) else ""
        names = ", ".join(f'"{profile}"' for profile in PROFILES)
        raise ConfigurationError(f'"profile" must be one of {names}{suggestion}')
    return known[name.casefold()]


def _compatibility(documents: list[Mapping[str, object]]) -> Compatibility:
    """The compatibility of the file, or else of its preset."""
    written = [document["compatibility"] for document in documents if "compatibility" in document]
    return Compatibility(is_microsoft(written[0]) if written else False)


def _protects_unlisted(document: Mapping[str, object]) -> bool:
    written = document.get("unlistedAttributes", "byVR")
    protects = {name.casefold(): value for name, value in UNLISTED.items()}
    if not isinstance(written, str) or written.casefold() not in protects:
        raise ConfigurationError('"unlistedAttributes" must be "byVR" (protected by their VR, the default) or "keep"')
    return protects[written.casefold()]
