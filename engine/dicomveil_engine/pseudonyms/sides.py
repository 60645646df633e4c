"""Originals and pseudonyms as distinct types.

Both are `str` at run time; passing one where the other is expected is an error that mypy finds. An empty string is the
UID or identifier of a data set that has none.
"""

from __future__ import annotations

from typing import NewType

OriginalUID = NewType("OriginalUID", str)
"""The UID of a study, series or instance at the origin server."""

PseudonymousUID = NewType("PseudonymousUID", str)
"""The UID of a study, series or instance as user agents give it; the policy checks that it is a pseudonym."""

OriginalPatientID = NewType("OriginalPatientID", str)
PseudonymousPatientID = NewType("PseudonymousPatientID", str)
