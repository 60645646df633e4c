"""The methods: one module for each way to change an element, and the table of their names.

`base` defines what a method is: it sees decoded values and the context of their data set only. To add a method, write a
module with a `BUILDER` and add it here, or provide it from another package by an entry point (`plug_ins`).
"""

from __future__ import annotations

from dicomveil_engine.methods import (
    clean,
    clean_document,
    crypto_hash,
    date_shift,
    dummy,
    encrypt,
    generalize,
    keep,
    perturb,
    pseudonym,
    redact,
    refresh_uid,
    remove,
    substitute,
)
from dicomveil_engine.methods.base import MethodBuilder

_ALL: tuple[MethodBuilder, ...] = (
    keep.BUILDER,
    remove.BUILDER,
    redact.BUILDER,
    perturb.BUILDER,
    date_shift.BUILDER,
    crypto_hash.BUILDER,
    encrypt.BUILDER,
    substitute.BUILDER,
    refresh_uid.BUILDER,
    generalize.BUILDER,
    clean.BUILDER,
    clean_document.BUILDER,
    dummy.BUILDER,
    pseudonym.BUILDER,
)

METHODS: dict[str, MethodBuilder] = {method.name.lower(): method for method in _ALL}
"""Lower-case name → builder; names of methods are case-insensitive in the rule language."""
