"""The methods as the Microsoft tool computes them, for `"compatibility": "microsoft"`.

Tools for Health Data Anonymization, DICOM, commit a2d90ba (2025-09): the same input, settings and keys give
bit-identical values, wherever that tool's result is deterministic. Its random results (UIDs, noise, IVs) are keyed here
as in all methods. Where that tool stops with an error, the method without compatibility is applied, or the value is
removed.

Each module extends the method of the same name in `methods`; `dates` and `ages` read and write dates and ages as that
tool does.
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
"""Lower-case name → builder; includes the unchanged methods, and those that the tool does not have."""
