"""(0008,1197) FailureReason: why an instance was not stored (PS3.18 Table I.2-2, PS3.4 Table B.2-1).

Those of the standard, and five of our own in the range C000 to CFFF, "cannot understand". Of any reason, what the log
says.
"""

from __future__ import annotations

PROCESSING_FAILURE = 0x0110
OUT_OF_RESOURCES = 0xA700
CANNOT_UNDERSTAND = 0xC000
STUDY_MISMATCH = 0x0110
NOT_DEIDENTIFIED = 0xC409
"""The policy has no safe output."""
DUPLICATE = 0xC410
"""The origin server holds the original of what would be stored."""
UNKNOWN_STUDY = 0xC411
"""The study is none of the project's pseudonyms, or of a study that the origin server no longer has."""
UNRESOLVED = 0xC412
"""A reference is to a study, series or instance that the origin server does not have."""
PATIENT_MISMATCH = 0xC413
"""The PatientID is the pseudonym of another patient than the study's: a mistake that must not reach an archive."""


class NotStored(Exception):
    """An instance is not sent to the origin server."""

    def __init__(self, reason: int, message: str) -> None:
        super().__init__(message)
        self.reason = reason
