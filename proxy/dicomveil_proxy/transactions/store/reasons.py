"""Values of (0008,1197) FailureReason (PS3.18 Table I.2-2, PS3.4 Table B.2-1).

The standard's, and five of our own within C000 to CFFF, "cannot understand". The log has the reason in words.
"""

from __future__ import annotations

PROCESSING_FAILURE = 0x0110
OUT_OF_RESOURCES = 0xA700
CANNOT_UNDERSTAND = 0xC000
STUDY_MISMATCH = 0x0110
NOT_DEIDENTIFIED = 0xC409
"""The instance has no safe form under the policy."""
DUPLICATE = 0xC410
"""The origin server has the original of the instance."""
UNKNOWN_STUDY = 0xC411
"""The study is not a pseudonym of the project, or the origin server no longer has its original."""
UNRESOLVED = 0xC412
"""The instance references a study, series or instance that the origin server does not have."""
PATIENT_MISMATCH = 0xC413
"""The PatientID is another patient's pseudonym than the study's: an error that must not reach an archive."""


class NotStored(Exception):
    """An instance is not sent to the origin server."""

    def __init__(self, reason: int, message: str) -> None:
        super().__init__(message)
        self.reason = reason
