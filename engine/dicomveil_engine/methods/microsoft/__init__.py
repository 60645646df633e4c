"""The methods as the Microsoft tool computes them, for `"compatibility": "microsoft"`.

Tools for Health Data Anonymization, DICOM, commit a2d90ba (2025-09): same input, settings and keys give the same
values, to the bit, wherever that tool gives any and chance has no part in it. What it makes by chance (UIDs, noise,
IVs) is keyed here as everywhere. Where it would stop, the method without compatibility acts, or the value is removed.

Each module is one method over its namesake in `methods`; what that tool reads and writes as dates and ages is in
`dates` and `ages`. Nothing here recurses, keeps or removes: those are the policy's.
"""

from __future__ import annotations

from collections.abc import Mapping

from dicomveil_engine.methods import METHODS
from dicomveil_engine.methods.base import MethodBuilder
from dicomveil_engine.methods.microsoft import crypto_hash, date_shift, encrypt, perturb, redact, substitute

_OWN: tuple[MethodBuilder, ...] = (
    crypto_hash.BUILDER,
    date_shift.BUILDER,
    encrypt.BUILDER,
    perturb.BUILDER,
    redact.BUILDER,
    substitute.BUILDER,
)

MICROSOFT_METHODS: Mapping[str, MethodBuilder] = {**METHODS, **{method.name.lower(): method for method in _OWN}}
"""Lower-case name → how it is built. keep, remove and refreshUID are the same, and what that tool has not is there."""
