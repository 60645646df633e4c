"""The two sides of a project, as types: originals, which stay at the origin server, and pseudonyms, which leave.

Both are texts, and look alike to everything but a type checker: to give one where the other is wanted is an error that
mypy finds before a request does. Empty stands for a UID or identifier that a data set does not have.
"""

from __future__ import annotations

from typing import NewType

OriginalUID = NewType("OriginalUID", str)
"""As the origin server knows a study, series or instance."""

PseudonymousUID = NewType("PseudonymousUID", str)
"""As user agents know it, or claim to: the policy decides whether it is a pseudonym of the project."""

OriginalPatientID = NewType("OriginalPatientID", str)
PseudonymousPatientID = NewType("PseudonymousPatientID", str)
