"""Decisions as action codes of Table E.1-1, with additions where the code alone is not precise."""

from __future__ import annotations

from dicomveil_engine.methods.base import Method
from dicomveil_engine.methods.by_type import BY_TYPE
from dicomveil_engine.methods.clean import Clean
from dicomveil_engine.methods.clean_content import CleanContent
from dicomveil_engine.methods.date_shift import ShiftDates
from dicomveil_engine.methods.encrypt import Encrypt
from dicomveil_engine.methods.redact import PARTLY_EMPTIED

__all__ = ["BY_TYPE", "CLEANED", "CONTENT_ITEMS", "ENCRYPTED", "MEANINGS", "PARTLY_EMPTIED", "SHIFTED", "action_of"]

ENCRYPTED = Encrypt.action
SHIFTED = ShiftDates.action
CLEANED = Clean.action
CONTENT_ITEMS = CleanContent.action

MEANINGS = {
    "X": "the element is removed, including a sequence with all its items",
    "Z": "the element is kept, with zero length; a sequence without items",
    PARTLY_EMPTIED: "emptied, except that ages below 90 years or the year of a date may be kept",
    "D": "a constant of the VR (below); a sequence gets the constant items below",
    "D *constant*": "the text or number that the configuration gives, whatever the value was",
    "D *pseudonym*": "16 characters, a keyed digest (HMAC-SHA-256) of the PatientID without the blanks around it. "
    "PatientName gets the pseudonym of the PatientID, or of itself if there is no PatientID, and is emptied in nested "
    "items. Of other attributes it is the digest of the value",
    "D *hashed*": "a keyed digest (HMAC) of the value, cut to the length that the VR allows",
    ENCRYPTED: "AES-CBC under a key of the project or of the configuration; its holder can read the value again",
    "U": "`2.25.` and a UUID of version 8 (RFC 9562) in decimal digits: a keyed digest of the original UID and a keyed "
    "check part. UIDs that the standard registers are kept",
    SHIFTED: "DA and DT are shifted by a whole number of days (section 4); a value that is not a legal date is emptied",
    CLEANED: "identifying words are removed from free text (section 5); an attribute that must have a value gets a "
    "constant if nothing is left",
    CONTENT_ITEMS: "the sequence is kept, and each content item is treated by its concept name (section 6)",
    "C *document*": "identifying words are removed from an HL7 document (CDA, version 2); any other becomes a dummy",
    "C *generalized*": "a date is cut to its year, quarter, month or week, an age or number to a bin, as the "
    "configuration says",
    "C *perturbed*": "noise is added to a number, the same for the same number in the same study and attribute",
    "K": "unchanged if it is legal for its VR and holds no word of the instance's own identifying attributes, else "
    "emptied (section 5); a sequence is kept, and each of its items is treated by the same rules",
}
"""Action → its meaning, in the order of the statement."""


def action_of(method: Method, vr: str) -> str:
    """The action of a method on elements of a VR, as the statement's tables write it."""
    return method.action_on(vr)
