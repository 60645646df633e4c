"""The methods: one module for each way to change an element, and the table of their names.

`base` says what a method is; a method sees decoded values and the context of its data set, and nothing else.
"""

from __future__ import annotations

from dicomveil_engine.methods.base import Method
from dicomveil_engine.methods.clean import Clean
from dicomveil_engine.methods.crypto_hash import CryptoHash
from dicomveil_engine.methods.date_shift import ShiftDates
from dicomveil_engine.methods.dummy import Dummy
from dicomveil_engine.methods.encrypt import Encrypt
from dicomveil_engine.methods.generalize import Generalize
from dicomveil_engine.methods.keep import Keep
from dicomveil_engine.methods.perturb import Perturb
from dicomveil_engine.methods.pseudonym import Pseudonym
from dicomveil_engine.methods.redact import Redact
from dicomveil_engine.methods.refresh_uid import RefreshUID
from dicomveil_engine.methods.remove import Remove
from dicomveil_engine.methods.substitute import Substitute

_ALL: tuple[type[Method], ...] = (
    Keep,
    Remove,
    Redact,
    Perturb,
    ShiftDates,
    CryptoHash,
    Encrypt,
    Substitute,
    RefreshUID,
    Generalize,
    Clean,
    Dummy,
    Pseudonym,
)

METHODS: dict[str, type[Method]] = {method.name.lower(): method for method in _ALL}
"""Lower-case name → method: the rule language does not look at the case of a method's name."""
