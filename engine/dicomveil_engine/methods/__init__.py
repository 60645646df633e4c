"""The methods: one module for each way to change an element, and the table of their names.

`base` says what a method is; a method sees decoded values and the context of its data set, and nothing else. A new
one is a module with a `BUILDER`, and a row here; or a package of somebody else's with an entry point (`plug_ins`).
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
"""Lower-case name → how it is built: the rule language does not look at the case of a method's name."""
