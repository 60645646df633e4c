"""Keeping numbers and codes that are written as text, where they are what their VR says.

For private attributes that are said to be safe (PS3.15 Section E.3.10: DS and IS "if legal"): nobody has checked
what a vendor writes there. No rule of a configuration names this method: it is the profile's alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

from dicomveil_engine.methods.base import Context, Element, Method, Values
from dicomveil_engine.methods.effect import Effect
from dicomveil_engine.methods.values import texts

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[Ee][+-]?\d+)?", re.ASCII)
"""Of any length: modalities write more than the 16 characters of a DS, and DICOM JSON has the number alone."""
_LEGAL = {
    "AS": re.compile(r"\d{3}[DWMY]", re.ASCII),
    "CS": re.compile(r"[A-Z0-9 _]{1,16}"),
    "DS": _NUMBER,
    "IS": _NUMBER,
}


@dataclass(frozen=True)
class KeepLegal(Method):
    """Keep the element if all its values are legal for its VR; else empty it."""

    name: ClassVar[str] = "keepLegal"
    action: ClassVar[str] = "K *if legal*"

    def effect(self, vr: str) -> Effect:  # noqa: ARG002
        """Kept, if the value is legal."""
        return Effect.CHECK

    def supports(self, vr: str) -> bool:
        """Text VRs with a strict form."""
        return vr in _LEGAL

    def apply(self, element: Element, context: Context) -> Values | None:  # noqa: ARG002
        """The values as they are, or none."""
        legal = _LEGAL[element.vr]
        return element.values if all(not text or legal.fullmatch(text.strip(" ")) for text in texts(element)) else []
