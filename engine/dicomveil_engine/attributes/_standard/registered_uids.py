"""The UIDs that the standard registers (PS3.6 Annex A)."""

from __future__ import annotations

from importlib.resources import files

ROOT = "1.2.840.10008"
"""PS3.5 Section 9.1: "the DICOM UID root"."""

_LEAVES = frozenset(files(__package__).joinpath("registered_uids.txt").read_text(encoding="ascii").split())

_CLASS_BRANCHES = ("1.2.4", "5.1")
"""Transfer syntaxes and SOP Classes."""
_STORAGE = "5.1.4.1.1"
"""The branch of the storage SOP Classes, which add one or two components."""
_CONTEXT_GROUPS = "6.1"
"""PS3.6 Table A-3 numbers them from 1; they are not in `registered_uids.txt`."""
_HIGHEST_CONTEXT_GROUP = 1_999
_HIGHEST_NUMBER = 999


def _branches() -> frozenset[str]:
    """The UIDs of transfer syntaxes and SOP Classes, and the same without their last component."""
    return frozenset(
        branch
        for leaf in _LEAVES
        if leaf.startswith(tuple(f"{each}." for each in _CLASS_BRANCHES))
        for branch in (leaf, leaf.rpartition(".")[0])
        if branch.count(".") > 1
    )


_BRANCHES = _branches()


def is_registered(uid: str) -> bool:
    """Whether a UID is exactly one that the standard registers."""
    root, _, rest = uid.partition(f"{ROOT}.")
    return not root and rest in _LEAVES


def may_be_registered_later(uid: str) -> bool:
    """Whether a legal UID may be that of a class, transfer syntax or context group in another edition of the standard.

    For attributes that can hold nothing else, since replacing their value would make the instance unusable. A new last
    component of up to three digits (four for context groups) identifies nobody; dates and identifiers are longer.
    """
    root, _, rest = uid.partition(f"{ROOT}.")
    if root:
        return False
    *branch, number = rest.split(".")
    if not _is_number(number, _HIGHEST_CONTEXT_GROUP):
        return False
    if ".".join(branch) == _CONTEXT_GROUPS:
        return True
    if ".".join(branch[:-1]) == _STORAGE and not _is_number(branch[-1], _HIGHEST_NUMBER):
        return False
    is_known = ".".join(branch) in _BRANCHES or ".".join(branch[:-1]) == _STORAGE
    return is_known and _is_number(number, _HIGHEST_NUMBER)


def _is_number(text: str, highest: int) -> bool:
    return text.isascii() and text.isdecimal() and int(text) <= highest
