"""What a configuration is, in whichever dialect it was written: rules over a profile."""

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
    findings: tuple[Finding, ...]
    """What is odd but no error, for the author of the configuration."""
    name: str
    """The file's name without its ending, or the preset's."""
    default_settings: Mapping[str, Mapping[str, object]] = field(default_factory=dict, repr=False)
    """What methods are built from where no rule says more, by method in lower case; may hold keys."""
    text: Mapping[str, object] = field(default_factory=dict, repr=False)
    """What DeidentifyConfig says of text within values; nothing that would have to be done, for now."""
    pixels: PixelSettings = field(default_factory=PixelSettings)
    """What is done about text burnt into pixels."""
    cleaning: TextSettings = field(default_factory=TextSettings)
    """How texts are looked at that are cleaned."""
    recipients: tuple[str, ...] = ()
    """Files of certificates for which jobs encrypt originals into the output; none for nobody."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """The findings as sentences."""
        return tuple(map(str, self.findings))
