"""substitute as the Microsoft tool does it: the configured text is not checked against the VR."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Self

from dicomveil_engine.attributes import dictionary
from dicomveil_engine.errors import ConfigurationError
from dicomveil_engine.methods.base import SINGLE_TEXT_VRS, TEXT_VRS, Context, Element, Values
from dicomveil_engine.methods.settings import MethodSettings
from dicomveil_engine.methods.substitute import BUILDER as PLAIN
from dicomveil_engine.methods.substitute import Substitute, values_of
from dicomveil_engine.methods.values import inapplicable
from dicomveil_engine.pseudonyms.keys import Keys

_FORMATS = {"OW": ("<H", "US"), "OL": ("<I", "UL"), "OD": ("<d", "FD"), "OF": ("<f", "FL")}
"""Binary VRs for which the tool writes one number → its format, and the VR that defines its range."""


@dataclass(frozen=True)
class MicrosoftSubstitute(Substitute):
    """Replace the values by `replaceWith`; texts are not checked, numbers are."""

    name: ClassVar[str] = "substitute"

    replace_with: str = "Anonymous"

    @classmethod
    def from_settings(cls, settings: Mapping[str, object], keys: Keys) -> Self:  # noqa: ARG003
        """Read replaceWith (Anonymous)."""
        return cls(MethodSettings(cls.name, settings).scalar_text("replaceWith", default="Anonymous"))

    def supports(self, vr: str) -> bool:
        """The VRs of substitute, and OW, OL, OD and OF with one number."""
        return vr in _FORMATS or super().supports(vr)

    def check(self, vr: str) -> None:
        """Raise ConfigurationError if `replaceWith` is not a number, for a VR of numbers."""
        try:
            self._values(vr)
        except ValueError:
            raise ConfigurationError(
                f'{self.name}: the setting "replaceWith" is not a legal value for the VR {vr}; give a number'
            ) from None

    def apply(self, element: Element, context: Context) -> Values | None:  # noqa: ARG002
        """The configured values; several numbers only if the attribute's VM allows them (PS3.6)."""
        several = "\\" in self.replace_with and element.vr not in TEXT_VRS
        if several and dictionary.vm_of(element.tag) == "1":
            raise inapplicable(self.name, element, '"replaceWith" has several values, but the attribute has VM 1')
        try:
            return self._values(element.vr)
        except ValueError:
            raise inapplicable(self.name, element, '"replaceWith" is not legal for this VR') from None

    def _values(self, vr: str) -> Values:
        text = self.replace_with
        if vr in TEXT_VRS:
            return [] if not text else [text] if vr in SINGLE_TEXT_VRS else text.split("\\")
        if vr in _FORMATS:
            layout, number_vr = _FORMATS[vr]
            return struct.pack(layout, *values_of(text, number_vr)[:1])
        return values_of(text, vr)


BUILDER = replace(PLAIN, build=MicrosoftSubstitute.from_settings)
