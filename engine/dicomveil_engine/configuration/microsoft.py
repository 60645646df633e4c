"""`"compatibility": "microsoft"`: methods and settings as in the Microsoft tool.

The methods are in `methods.microsoft`; this module resolves their settings as the tool does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Self

from dicomveil_engine.attributes.suggestions import did_you_mean
from dicomveil_engine.configuration.findings import Findings
from dicomveil_engine.configuration.settings import Block, SettingsBlocks
from dicomveil_engine.errors import ConfigurationError
from dicomveil_engine.methods import METHODS
from dicomveil_engine.methods.microsoft import MICROSOFT_METHODS
from dicomveil_engine.methods.microsoft.reference import REFERENCE_DATE
from dicomveil_engine.methods.plug_ins import WithPlugIns

COMPATIBILITIES = ("none", "microsoft")
"""The values of "compatibility"."""

_PUBLIC_KEYS = {
    "dateshift": ("dateShiftKey", frozenset(("", "123"))),
    "cryptohash": ("cryptoHashKey", frozenset(("", "123"))),
    "encrypt": ("encryptKey", frozenset(("123456781234567812345678",))),
}
"""Keys that are public, since they are in the tool's default configuration."""

_EXACT_FIRST = {"substitute": "replaceWith", "dateshift": "DateShiftScope"}
"""Settings that are looked up in this spelling first; for others the last spelling is used."""


def is_microsoft(compatibility: object) -> bool:
    """Whether the value of "compatibility" is "microsoft". Raises ConfigurationError for an unknown value."""
    name = compatibility.casefold() if isinstance(compatibility, str) else None
    if name not in COMPATIBILITIES:
        known = " or ".join(f'"{known}"' for known in COMPATIBILITIES)
        suggestion = did_you_mean(compatibility, COMPATIBILITIES) if isinstance(compatibility, str) else ""
        raise ConfigurationError(f'"compatibility" must be {known}{suggestion}')
    return name == "microsoft"


@dataclass(frozen=True)
class Compatibility:
    """What is read differently for compatibility; by default nothing."""

    is_microsoft: bool = False

    @cached_property
    def methods(self) -> WithPlugIns:
        """Lower-case name → method."""
        return WithPlugIns(MICROSOFT_METHODS if self.is_microsoft else METHODS)

    def settings(self, settings: SettingsBlocks, findings: Findings) -> SettingsBlocks:
        """The settings for the rules of one file."""
        if not self.is_microsoft:
            return settings
        return MicrosoftSettings.of(settings, findings)

    def warn_of_settings(self, settings: SettingsBlocks, findings: Findings) -> None:
        """Warn about public keys, and about settings that have an effect only with this compatibility."""
        blocks = [(f"defaultSettings.{name}", name, block) for name, block in settings.defaults.items()]
        blocks += [(f"customSettings.{name}", "", block) for name, block in settings.custom.items()]
        for location, method, block in blocks:
            written = {name.casefold(): value for name, value in block.items()}
            if not self.is_microsoft:
                if REFERENCE_DATE.casefold() in written:
                    findings.warn(location, f'"{REFERENCE_DATE}" has no effect without "compatibility": "microsoft"')
                continue
            for owner, (name, public) in _PUBLIC_KEYS.items():
                if method in {owner, ""} and written.get(name.casefold()) in public:
                    findings.warn(
                        f"{location}.{name}",
                        "this key is not secret: the Microsoft tool ships with it, or it is empty",
                        "give one of your own, or none, so that it is derived from the project key",
                    )


@dataclass(frozen=True)
class MicrosoftSettings(SettingsBlocks):
    """Settings that the params of a rule change for all later rules of the method, as in the tool."""

    written: SettingsBlocks = field(default_factory=SettingsBlocks, repr=False)
    """The settings before the first rule."""
    findings: Findings = field(default_factory=Findings, repr=False)

    @classmethod
    def of(cls, settings: SettingsBlocks, findings: Findings) -> Self:
        """The settings before the first rule of a file."""
        return cls(_copied(settings.defaults), _copied(settings.custom), settings, findings)

    def resolve(self, method: str, setting: str | None = None, params: Block | None = None) -> Block:
        """The settings of a method: `params` merged *into* the block named by `setting`, or into its default block.

        Names are case-sensitive; of several spellings the last one is used, except for two settings.
        """
        expected = self.written.resolve(method, setting, params)
        name = method.casefold()
        base = self.defaults.get(name) if setting is None else self.custom[setting]
        if base is None:
            return _one_spelling(name, params or {})
        _merge_into(base, params or {})
        resolved = _one_spelling(name, base)
        if _folded(resolved) != _folded(expected):
            self._warn(f"defaultSettings.{method}" if setting is None else f"customSettings.{setting}")
        return resolved

    def _warn(self, location: str) -> None:
        what = "the params of a rule apply to later rules too, as in the Microsoft tool"
        if not any(finding.location == location and finding.what == what for finding in self.findings.all):
            self.findings.warn(location, what, "write params for those too, where they are to differ")


def _copied(blocks: Mapping[str, Block]) -> dict[str, Block]:
    return {name: dict(block) for name, block in blocks.items()}


def _merge_into(base: Block, params: Block) -> None:
    """Merge as Newtonsoft's JObject.Merge by default: arrays are joined, and null is ignored."""
    assert isinstance(base, dict)
    for name, value in params.items():
        previous = base.get(name)
        if isinstance(previous, list) and isinstance(value, list):
            base[name] = [*previous, *value]
        elif isinstance(previous, dict) and isinstance(value, dict):
            base[name] = dict(previous)
            _merge_into(base[name], value)
        elif value is not None:
            base[name] = value


def _one_spelling(method: str, block: Block) -> dict[str, object]:
    exact = _EXACT_FIRST.get(method, "")
    spellings = [name for name in block if name.casefold() == exact.casefold()]
    chosen = exact if exact in spellings else next(iter(spellings), exact)
    return {name: value for name, value in block.items() if name not in spellings or name == chosen}


def _folded(block: Block) -> dict[str, object]:
    return {name.casefold(): value for name, value in block.items() if value is not None}
