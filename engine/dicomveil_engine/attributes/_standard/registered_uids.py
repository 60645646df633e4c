"""The UIDs that the standard registers (PS3.6 Annex A)."""

from __future__ import annotations

from importlib.resources import files

ROOT = "1.2.840.10008"
"""PS3.5 Section 9.1: "the DICOM UID root"."""

_LEAVES = frozenset(files(__package__).joinpath("registered_uids.txt").read_text(encoding="ascii").split())

_CLASS_BRANCHES = ("1.2.4", "5.1")
"""Transfer syntaxes and SOP Classes."""
_STORAGE = "5.1.4.1.1"
"""Behind it are the storage classes, with one number or two."""
_CONTEXT_GROUPS = "6.1"
"""PS3.6 Table A-3 numbers them from 1 on; the table here has none of them."""
_HIGHEST_CONTEXT_GROUP = 1_999
_HIGHEST_NUMBER = 999


def _branches() -> frozenset[str]:
    """What stands before the last number, or the last two, of a transfer syntax or SOP Class."""
    return frozenset(
        branch
        for leaf in _LEAVES
        if leaf.startswith(tuple(f"{each}." for each in _CLASS_BRANCHES))
        for branch in (leaf, leaf.rpartition(".")[0])
        if branch.count(".") > 1
    )


_BRANCHES = _branches()


def is_registered(uid: str) -> bool:
    """Whether a UID is registered by the standard, with nothing behind it."""
    root, _, rest = uid.partition(f"{ROOT}.")
    return not root and rest in _LEAVES


def may_be_registered_later(uid: str) -> bool:
    """Whether a legal UID can be that of a class, syntax or context group of another edition of the standard.

    For attributes that can hold nothing else: to replace their value would make the instance unusable. Numbers of up
    to three digits beside or behind those that are there identify nobody; a date or an identifier is longer.
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
