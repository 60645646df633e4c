"""A configuration, independent of the dialect: rules and a profile."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from dicomveil_engine.attributes._standard import Option
from dicomveil_engine.configuration.findings import Finding
from dicomveil_engine.configuration.pixels import PixelSettings
from dicomveil_engine.configuration.rules import Rule
from dicomveil_engine.text.settings import TextSettings


class ProfileName(Enum):
    """The profile for attributes that no rule matches."""

    PS315 = "PS3.15"
    """The Basic Profile of PS3.15 Table E.1-1, with the options."""
    NONE = "none"
    """They are kept, as in the Microsoft tool."""


@dataclass(frozen=True)
class Configuration:
    """A configuration that was read: rules and a profile."""

    profile: ProfileName
    options: frozenset[Option]
    protect_unlisted: bool
    """Whether attributes that Table E.1-1 does not list are decided on by VR; if not, they are kept."""
    rules: tuple[Rule, ...]
    """The rules of the file, then those of its preset."""
    findings: tuple[Finding, ...]
    """Warnings for the author of the configuration."""
    name: str
    """The file's name without its suffix, or the preset's name."""
    default_settings: Mapping[str, Mapping[str, object]] = field(default_factory=dict, repr=False)
    """Method in lower case → its default settings; may hold keys."""
    text: Mapping[str, object] = field(default_factory=dict, repr=False)
    """The TextConfig of a DeidentifyConfig; `cleaning` has its meaning."""
    pixels: PixelSettings = field(default_factory=PixelSettings)
    """What is done about text burnt into pixels."""
    cleaning: TextSettings = field(default_factory=TextSettings)
    """How free text is cleaned."""
    recipients: tuple[str, ...] = ()
    """Certificate files of the recipients for whom jobs encrypt originals into the output."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """The findings as sentences."""
        return tuple(map(str, self.findings))
