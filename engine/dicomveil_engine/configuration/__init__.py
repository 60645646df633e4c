"""A configuration: what to do with which attributes, as somebody wrote it down.

    jsonc      the file → values          settings   what methods are built from
    presets    the files that ship        rules      tag and method → Rule

`read_configuration` joins them. Reading the file is the engine's only I/O, and happens before any data set is
seen. What the profile means is not known here; what a rule meets is the policy's business.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from dicomveil_engine._standard import Option
from dicomveil_engine.configuration import jsonc
from dicomveil_engine.configuration.presets import LATER_PRESETS, PRESETS, load_preset
from dicomveil_engine.configuration.rules import Rule, RuleReader
from dicomveil_engine.configuration.settings import Settings, read_settings, unknown_names
from dicomveil_engine.errors import ConfigurationError
from dicomveil_engine.keys import Keys
from dicomveil_engine.methods import METHODS
from dicomveil_engine.suggestions import did_you_mean

__all__ = ["Configuration", "ProfileName", "Rule", "read_configuration"]


class ProfileName(Enum):
    """What holds for the attributes that no rule names."""

    PS315 = "PS3.15"
    """The Basic Profile of PS3.15 Table E.1-1, with the options."""
    NONE = "none"
    """They are kept, as in the Microsoft tool."""


@dataclass(frozen=True)
class Configuration:
    """What `read_configuration` read: rules over a profile."""

    profile: ProfileName
    options: frozenset[Option]
    protect_unlisted: bool
    """Whether the layer by VR lies beneath Table E.1-1; if not, what the table does not list is kept."""
    rules: tuple[Rule, ...]
    """Those of the file, then those of its preset."""
    warnings: tuple[str, ...]
    """What is odd but no error, for whoever wrote the configuration."""
    name: str
    """The file's name without its ending, or the preset's."""
    default_settings: Mapping[str, Mapping[str, object]] = field(default_factory=dict, repr=False)
    """What methods are built from where no rule says more, by method in lower case; may hold keys."""


_NAMES = ("rules", "defaultSettings", "customSettings", "profile", "options", "unlistedAttributes")
_UNLISTED = {"byvr": True, "keep": False}
_PROFILES = {name.casefold(): name for name in (*PRESETS, *LATER_PRESETS, *(p.value for p in ProfileName))}
_AVAILABLE_OPTIONS = frozenset({Option.RETAIN_LONG_MODIFIED_DATES})

_LATER_NAMES = {
    **dict.fromkeys(("compatibility", "pixels", "text"), "this setting"),
    **dict.fromkeys(("dicomtagrules", "dicomvrrules", "tagprofile"), "the dialect of DicomTagRules"),
    **dict.fromkeys(
        ("dicom", "dicomtagconfig", "deidentifyconfig", "image", "fhir", "useregionaldataprocessing"),
        "the dialect of DeidentifyConfig",
    ),
}
"""Keys, in lower case, that will mean something: to ignore them would protect less than was asked for."""

_IMPLICIT_BASIC = (
    'no "profile" is given, so what no rule names is de-identified as "profile": "basic" says; '
    'write "profile": "none" to keep it, as the Microsoft tool does'
)


def read_configuration(config: Mapping[str, object] | str | Path, keys: Keys) -> Configuration:
    """Read a configuration, given itself or as the path of its file, with the project's keys.

    Raises ConfigurationError, which says where it is wrong and how to mend it, and holds no setting's value.
    """
    if isinstance(config, Mapping):
        document, name = dict(config), ""
    else:
        path = _existing_file(config)
        document, name = _read_file(path), path.stem
    return _Reader(keys).read(document, name)


def _existing_file(config: str | Path) -> Path:
    try:
        path = Path(config)
        if path.is_file():
            return path
    except (OSError, ValueError):
        pass  # no legal path: it may be anything, a configuration's text too
    text = str(config)
    # Only a known name is repeated: the text may be a whole configuration, keys and all.
    known = text.casefold() in _PROFILES
    suggestion = "" if known else did_you_mean(text, PRESETS)
    raise ConfigurationError(
        "the configuration is no existing file; give a file's path, or name a preset as "
        f'{{"profile": "{text if known else PRESETS[0]}"}} (presets: {", ".join(PRESETS)}){suggestion}'
    )


def _read_file(path: Path) -> dict[str, object]:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise ConfigurationError(f"{path.name} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path.name} is not UTF-8 (byte {error.start})") from None
    try:
        document = jsonc.parse(text)
    except ConfigurationError as error:
        raise ConfigurationError(f"{path.name}, {error}") from None
    if not isinstance(document, dict):
        raise ConfigurationError(f"{path.name} must hold an object, {{...}}")
    return document


@dataclass(frozen=True)
class _Layer:
    """One file, with its keys in their known spelling; a preset is a layer beneath the file that names it."""

    document: Mapping[str, object]
    settings: Settings
    profile: str


class _Reader:
    """Joins a configuration with the preset that it names."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        self._warnings: list[str] = []

    def read(self, document: Mapping[str, object], name: str) -> Configuration:
        top = self._layer(document)
        name = name or top.profile
        layers = [("", top)]
        while layers[-1][1].profile in PRESETS:
            preset = layers[-1][1].profile
            layers.append((f'preset "{preset}" ', self._layer(load_preset(preset))))
        settings = Settings()
        for _, layer in reversed(layers):
            settings = layer.settings.over(settings)
        self._check_defaults(settings)
        reader = RuleReader(settings, self._keys)
        rules: list[Rule] = []
        for source, layer in layers:
            rules += reader.read(layer.document.get("rules", ()), first=len(rules) + 1, source=source)
        options = frozenset(option for _, layer in layers for option in _options(layer.document))
        profile = ProfileName(layers[-1][1].profile)
        if profile is ProfileName.NONE:
            self._check_bare(top, options)
        return Configuration(
            profile,
            options,
            all(_protects_unlisted(layer.document) for _, layer in layers),
            tuple(rules),
            (*self._warnings, *reader.warnings),
            name,
            settings.defaults,
        )

    def _layer(self, document: Mapping[str, object]) -> _Layer:
        known = self._known(document)
        profile = known.get("profile")
        if profile is None:
            profile = PRESETS[0]
            if known.get("rules"):
                self._warnings.append(_IMPLICIT_BASIC)
        settings = read_settings(known.get("defaultSettings"), known.get("customSettings"))
        return _Layer(known, settings, _profile(profile))

    def _known(self, document: Mapping[str, object]) -> dict[str, object]:
        """The document by the spelling of its keys that we know; null is as good as absent."""
        spellings = {name.casefold(): name for name in _NAMES}
        known: dict[str, object] = {}
        for written, value in document.items():
            folded = str(written).casefold()
            if folded in _LATER_NAMES:
                raise ConfigurationError(f'"{written}": {_LATER_NAMES[folded]} is not available yet')
            if folded not in spellings:
                self._warnings.append(f'"{written}" has no effect{did_you_mean(str(written), _NAMES)}')
            elif spellings[folded] in known:
                raise ConfigurationError(f'"{spellings[folded]}" is given twice, in two spellings')
            elif value is not None:
                known[spellings[folded]] = value
        return known

    def _check_defaults(self, settings: Settings) -> None:
        """Refuse a wrong default although no rule may need it: the profile itself may."""
        for name, block in settings.defaults.items():
            method = METHODS.get(name)
            if method is None:
                self._warnings.append(f'defaultSettings: there is no method "{name}"{did_you_mean(name, METHODS)}')
                continue
            self._warnings += (f"defaultSettings: {problem}" for problem in unknown_names(method.name, block))
            try:
                method.from_settings(block, self._keys)
            except ConfigurationError as error:
                raise ConfigurationError(f"defaultSettings: {error}") from None

    def _check_bare(self, top: _Layer, options: frozenset[Option]) -> None:
        """Rules alone protect only what they name: refuse what can only be an oversight."""
        if options:
            raise ConfigurationError('"options" belong to a profile, and "profile" is "none"')
        if "rules" not in top.document:
            raise ConfigurationError('"profile" is "none" and there are no "rules": everything would be kept')


def _profile(name: object) -> str:
    if not isinstance(name, str) or name.casefold() not in _PROFILES:
        suggestion = did_you_mean(name, _PROFILES.values()) if isinstance(name, str) else ""
        known = ", ".join(f'"{known}"' for known in (*PRESETS, *(p.value for p in ProfileName)))
        raise ConfigurationError(f'"profile" must be one of {known}{suggestion}')
    known_name = _PROFILES[name.casefold()]
    if known_name in LATER_PRESETS:
        raise ConfigurationError(f'the profile "{known_name}" is not available yet')
    return known_name


def _options(document: Mapping[str, object]) -> list[Option]:
    names = document.get("options", ())
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        raise ConfigurationError('"options" must be an array of names')
    by_name = {option.value.casefold(): option for option in Option}
    options = []
    for name in names:
        option = by_name.get(name.casefold())
        if option is None:
            known = [option.value for option in Option]
            raise ConfigurationError(
                f'there is no option "{name}"{did_you_mean(name, known)} (PS3.15 has {", ".join(known)})'
            )
        if option not in _AVAILABLE_OPTIONS:
            raise ConfigurationError(f'the option "{option.value}" is not available yet')
        options.append(option)
    return options


def _protects_unlisted(document: Mapping[str, object]) -> bool:
    written = document.get("unlistedAttributes", "byVR")
    protects = _UNLISTED.get(written.casefold()) if isinstance(written, str) else None
    if protects is None:
        raise ConfigurationError('"unlistedAttributes" must be "byVR" (protected by their VR, the default) or "keep"')
    return protects
