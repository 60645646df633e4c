"""The Basic Application Level Confidentiality Profile (PS3.15 Annex E) as decisions.

Table E.1-1 says what happens to the attributes that it lists; beneath it lies a layer by VR for the attributes
that it does not list, about 200 of which carry names, dates, UIDs or free text. Nothing here knows of rules,
of values or of encodings.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dicomveil_engine import dictionary
from dicomveil_engine._standard import TABLE_E1, Option
from dicomveil_engine.keys import Keys
from dicomveil_engine.methods.base import Method
from dicomveil_engine.methods.clean import Clean
from dicomveil_engine.methods.date_shift import ShiftDates
from dicomveil_engine.methods.dummy import Dummy
from dicomveil_engine.methods.keep import Keep
from dicomveil_engine.methods.redact import Redact
from dicomveil_engine.methods.refresh_uid import RefreshUID
from dicomveil_engine.methods.remove import Remove

COMPOUND = {"Z/D": "D", "X/Z": "Z", "X/D": "D", "X/Z/D": "D", "X/Z/U*": "K"}
"""Without knowledge of the IOD, the choice that is conformant whatever the attribute's type: an empty or dummy
value where the attribute may be absent harms nobody, an absent Type 1 or 2 attribute breaks the instance."""

STRUCTURAL_UIDS = frozenset(
    tag
    for keyword in [
        "SOPClassUID",
        "RelatedGeneralSOPClassUID",
        "OriginalSpecializedSOPClassUID",
        "ReferencedSOPClassUID",
        "ReferencedRelatedGeneralSOPClassUIDInFile",
        "ReferencedSOPClassUIDInFile",
        "SOPClassesInStudy",
        "SOPClassesSupported",
        "AvailableTransferSyntaxUID",
        "EncryptedContentTransferSyntaxUID",
        "TransferSyntaxUID",
        "CodingSchemeUID",
        "ContextUID",
        "MappingResourceUID",
        "ContextGroupExtensionCreatorUID",
        "MACCalculationTransferSyntaxUID",
        "ReferencedTransferSyntaxUIDInFile",
        "MediaStorageSOPClassUID",
        "CreatorVersionUID",
        "PrivateInformationCreatorUID",
        "ImplementationClassUID",
        "RequestedSOPClassUID",
        "AffectedSOPClassUID",
    ]
    if (tag := dictionary.tag_of(keyword)) is not None
)
"""UI attributes that name a class, a syntax or a coding scheme, never somebody's instance."""

CODE_TEXT = frozenset(
    tag
    for keyword in ["CodeValue", "LongCodeValue", "CodingSchemeDesignator", "CodingSchemeVersion"]
    if (tag := dictionary.tag_of(keyword)) is not None
)
"""Text that a program reads (PS3.3 Section 8): SNOMED CT codes look like identifiers and must survive. The codes
that do identify (persons, institutions) stand in sequences that Table E.1-1 lists as a whole."""

FREE_TEXT_VRS = frozenset(("LO", "LT", "SH", "ST", "UC", "UT"))
DATE_VRS = frozenset(("DA", "DT"))


@dataclass(frozen=True)
class Verdict:
    """What the profile says of an attribute, and the words for a message."""

    method: Method
    because: str


class ConfidentialityProfile:
    """The profile with its options; total over all attributes."""

    def __init__(
        self,
        options: frozenset[Option],
        *,
        protect_unlisted: bool,
        date_shift: Mapping[str, object],
        keys: Keys,
    ) -> None:
        self.options = options
        self._protect_unlisted = protect_unlisted
        self._keep = Keep()
        self._remove = Remove()
        self._redact = Redact()
        self._clean = Clean.from_settings({}, keys)
        self._dummy = Dummy.from_settings({}, keys)
        self._refresh = RefreshUID.from_settings({}, keys)
        self.shift = ShiftDates.from_settings(date_shift, keys)

    @property
    def moves_dates(self) -> bool:
        """Whether dates come out moved, rather than not at all."""
        return Option.RETAIN_LONG_MODIFIED_DATES in self.options

    def decide(self, tag: int, vr: str) -> Verdict:
        """The verdict on a public attribute whose (effective) VR is `vr`; private ones are removed."""
        if tag >> 16 & 1:
            return Verdict(self._remove, "PS3.15 Table E.1-1, private attributes: X")
        row = TABLE_E1.row(tag)
        if row is not None:
            return self._listed(tag, vr, row.basic, row.options)
        if not self._protect_unlisted:
            return Verdict(self._keep, "not listed in PS3.15 Table E.1-1")
        return self._unlisted(tag, vr)

    def _listed(self, tag: int, vr: str, basic: str, options: Mapping[Option, str]) -> Verdict:
        chosen = {options[option]: option for option in self.options if option in options}
        because = f"PS3.15 Table E.1-1: {basic}"
        if "C" in chosen and chosen["C"] is Option.RETAIN_LONG_MODIFIED_DATES:
            modified = self._modified_date(vr)
            if modified is not None:
                return Verdict(modified, f"PS3.15 Table E.1-1, {chosen['C'].value}: C")
        return Verdict(self._act(tag, COMPOUND.get(basic, basic), vr), because)

    def _modified_date(self, vr: str) -> Method | None:
        """Dates move; times of day stay, since date and time are moved together by whole days."""
        if vr in DATE_VRS:
            return self.shift
        if vr == "SH":
            return self._clean  # (0008,0201) Timezone Offset From UTC, whatever else somebody wrote there
        return self._keep if vr == "TM" else None

    def _act(self, tag: int, code: str, vr: str) -> Method:
        match code:
            case "X":
                return self._remove
            case "Z":
                return self._redact
            case "D":
                return self._dummy
            case "U":
                return self._refresh if vr == "UI" else self._remove
            case "K":
                return self._keep if vr == "SQ" else self._remove
            case _:
                raise AssertionError(f"Table E.1-1 has an unknown action code {code} for {dictionary.describe(tag)}")

    def _unlisted(self, tag: int, vr: str) -> Verdict:
        expected = dictionary.vr_of(tag)
        if expected is None:
            return Verdict(self._remove, "the layer by VR: unknown attributes are removed")
        method = self._by_vr(tag, vr)
        if vr != expected and type(self._by_vr(tag, expected)) is not type(method):
            # Free text in an element that claims to be binary, say: what the dictionary protects is not let
            # through because the instance gives it another VR, nor the other way round.
            return Verdict(self._remove, f"the layer by VR: {vr} where PS3.6 has {expected}")
        return Verdict(method, f"the layer by VR: {vr}")

    def _by_vr(self, tag: int, vr: str) -> Method:
        if vr in DATE_VRS:
            return self.shift if self.moves_dates else self._redact
        if vr == "TM":
            return self._keep if self.moves_dates else self._redact
        if vr == "UI":
            return self._keep if tag in STRUCTURAL_UIDS else self._refresh
        if vr in FREE_TEXT_VRS:
            return self._keep if tag in CODE_TEXT else self._clean
        if vr in {"PN", "AE"}:
            return self._redact
        if vr in {"UR", "UN"}:
            return self._remove
        return self._keep
