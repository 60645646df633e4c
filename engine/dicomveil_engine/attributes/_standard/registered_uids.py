"""The UIDs that the standard registers (PS3.6 Annex A)."""

from __future__ import annotations

from importlib.resources import files

ROOT = "1.2.840.10008"
"""PS3.5 Section 9.1: "the DICOM UID root"."""

_CONTEXT_GROUPS = (6, 1)
"""PS3.16 registers them by the number of the group, and the table has none of them."""
_HIGHEST_CONTEXT_GROUP = 19_999
_GROWTH = 2
_FIRST_OF_BRANCH = 10
"""How many UIDs a new branch may begin with."""

_LEAVES = frozenset(files(__package__).joinpath("registered_uids.txt").read_text(encoding="ascii").split())


def _highest_below() -> dict[tuple[int, ...], int]:
    highest: dict[tuple[int, ...], int] = {
        _CONTEXT_GROUPS[:1]: _CONTEXT_GROUPS[1],
        _CONTEXT_GROUPS: _HIGHEST_CONTEXT_GROUP,
    }
    for leaf in _LEAVES:
        parts = tuple(map(int, leaf.split(".")))
        for length, part in enumerate(parts):
            highest[parts[:length]] = max(highest.get(parts[:length], 0), part)
    return highest


_HIGHEST = _highest_below()
"""A branch, as the numbers behind the root → the highest number below it."""


def is_registered(uid: str) -> bool:
    """Whether a legal UID is registered by the standard, or could be by a later edition of it.

    A later edition adds numbers beside those that are there, and no number that is much higher: what is written behind
    a registered UID, such as a date, is not a registered UID.
    """
    root, _, rest = uid.partition(f"{ROOT}.")
    if root or not rest:
        return False
    if rest in _LEAVES:
        return True
    parts = tuple(int(part) if part.isascii() and part.isdecimal() else -1 for part in rest.split("."))
    for length, part in enumerate(parts):
        if part < 0:
            return False
        highest = _HIGHEST.get(parts[:length])
        if highest is None:
            return length == len(parts) - 1 and part <= _FIRST_OF_BRANCH
        if part > (highest if parts[:length] == _CONTEXT_GROUPS else _GROWTH * highest + _FIRST_OF_BRANCH):
            return False
    return True
