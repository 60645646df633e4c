"""Names of files and folders in the output.

A name may be a patient's, and can therefore be replaced: each component by eight letters and digits, derived with the
key from the name and its folder. They are valid components of a File ID (PS3.10 Section 8.5), as a DICOMDIR requires.
"""

from __future__ import annotations

import base64
import os
import re
import unicodedata
from collections.abc import Callable
from typing import Literal

from dicomveil_engine.attributes._standard import DESCRIPTIVE_WORDS
from dicomveil_engine.pseudonyms.keys import keyed_digest
from dicomveil_proxy.jobs.job import Job

Naming = Literal["keep", "pseudonymous"]

Rename = Callable[[str, str], str]
"""(the source's folder relative to the input, a name in it) → the name in the output."""

_NO_LETTERS = re.compile(r"[\W\d_]+")
_DIGEST_BYTES = 5
"""40 bits, eight characters in Base32: 1,000 names collide with a probability of one in two million."""
_ENDING = ".dcm"


def rename_by(naming: Naming, job: Job) -> Rename:
    """The function that gives the names of output files."""
    return (lambda _, name: printable(name)) if naming == "keep" else _pseudonymous(job)


def _pseudonymous(job: Job) -> Rename:
    key = job.key_for("names")

    def rename(folder: str, name: str) -> str:
        # With the folder: otherwise the most frequent name would be recognised as, say, IM000001.
        digest = keyed_digest(key, os.fsencode(folder) + b"\0" + os.fsencode(name))
        ending = _ENDING if name.lower().endswith(_ENDING) else ""
        return base64.b32encode(digest[:_DIGEST_BYTES]).decode("ascii") + ending

    return rename


def looks_like_a_person(name: str) -> bool:
    """Whether a file's or folder's name looks like a person's: two capitalised words that are not descriptive."""
    words = [word for word in _NO_LETTERS.split(name.rpartition(".")[0] or name) if len(word) > 1]
    capitalised = [word for word in words if word[0].isupper() and word.casefold() not in DESCRIPTIVE_WORDS]
    return "^" in name or (len(capitalised) > 1 and any(not word.isupper() for word in capitalised))


def printable(name: str) -> str:
    """The name with unprintable characters replaced, except for spaces of any kind.

    Outputs have it even if names are kept: a line break in a name would forge a row of SHA256SUMS, and the manifest
    names outputs as they are.
    """
    text = os.fsencode(name).decode("utf-8", "backslashreplace")
    if text.isprintable():
        return text
    return "".join(c if _is_shown(c) else c.encode("unicode_escape").decode("ascii") for c in text)


def _is_shown(character: str) -> bool:
    return character.isprintable() or unicodedata.category(character) == "Zs"
