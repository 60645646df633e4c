"""dummy: a non-empty value that is legal for the VR and meaningless (PS3.15 action code D).

Not for PatientID, since one dummy would merge all patients: use `pseudonym`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Self

from dicomveil_engine.methods.base import Context, Element, Method, MethodBuilder, Values
from dicomveil_engine.methods.effect import Effect
from dicomveil_engine.methods.refresh_uid import pseudonym_of, uid_pseudonyms
from dicomveil_engine.methods.values import texts
from dicomveil_engine.pseudonyms.keys import Keys
from dicomveil_engine.pseudonyms.uids import UIDPseudonyms

_TEXT = "ANONYMOUS"
_CONSTANTS: dict[str, Values] = {
    **{vr: [_TEXT] for vr in ("AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UT")},
    **{vr: [0] for vr in ("AT", "SL", "SS", "SV", "UL", "US", "UV")},
    **{vr: [0.0] for vr in ("FD", "FL")},
    **{vr: ["0"] for vr in ("DS", "IS")},
    **{vr: bytes(2) for vr in ("OB", "OW", "UN")},
    **{vr: bytes(4) for vr in ("OF", "OL")},
    **{vr: bytes(8) for vr in ("OD", "OV")},
    "AS": ["000D"],
    "DA": ["19000101"],
    "DT": ["19000101000000"],
    "TM": ["000000"],
    "UI": ["2.25.0"],
    "UR": ["about:blank"],
}
_NO_UID = "none"
"""Used as the original of a missing UID; not a UID itself."""


def constant(vr: str) -> Values:
    """The dummy of a VR, the same for every data set; do not modify it. Raises KeyError for SQ and unknown VRs."""
    return _CONSTANTS[vr]


@dataclass(frozen=True)
class Dummy(Method):
    """Replace values by the constant of the VR, and UIDs by pseudonyms, so that they stay unique."""

    name: ClassVar[str] = "dummy"
    action: ClassVar[str] = "D"
    needs_value: ClassVar[bool] = False

    pseudonyms: UIDPseudonyms = field(repr=False)

    @classmethod
    def of(cls, keys: Keys) -> Self:
        """The method with a project's keys."""
        return cls(uid_pseudonyms(keys))

    def effect(self, vr: str) -> Effect:
        """A constant, except for UIDs; the rewriters have the constant items of sequences."""
        return Effect.REPLACE if vr == "UI" else Effect.CONSTANT

    def supports(self, vr: str) -> bool:
        """Every VR except SQ."""
        return vr in _CONSTANTS

    def apply(self, element: Element, context: Context) -> Values | None:  # noqa: ARG002
        """One constant value; for UI the pseudonym of each value, or one UID if there is no value."""
        if element.vr == "UI":
            uids = [pseudonym_of(value, self.pseudonyms.pseudonym) for value in texts(element)]
            return uids if any(uids) else [self.pseudonyms.pseudonym(_NO_UID)]
        return constant(element.vr)


BUILDER = MethodBuilder(Dummy.name, lambda _settings, keys: Dummy.of(keys))
