"""The pseudonymous UIDs in a header, each with its kind and study."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dicomveil_engine.pseudonyms.sides import PseudonymousUID
from dicomveil_proxy.reidentification.elements import elements, texts
from dicomveil_proxy.reidentification.encoded import readable
from dicomveil_proxy.translation.identity import Kind

if TYPE_CHECKING:
    from pydicom import Dataset

_STUDY = 0x0020000D
_KINDS = {_STUDY: Kind.STUDY, 0x0020000E: Kind.SERIES, 0x00080018: Kind.INSTANCE, 0x00081155: Kind.INSTANCE}
_UIDS = frozenset(("SQ", "UI"))


@dataclass(frozen=True)
class Reference:
    """A pseudonym in a UI element."""

    pseudonym: PseudonymousUID
    kind: Kind | None
    """The kind according to the attribute; None for frames of reference and others."""
    study: PseudonymousUID
    """The study in the nearest item around it that names one, else the instance's."""


def references(header: Dataset, is_pseudonym: Callable[[str], bool]) -> list[Reference]:
    """The references in a header without repetitions, in order; not those in private elements, which are kept.

    Raises InvalidDataSetError for an unreadable UID.
    """
    with readable("a UID cannot be read"):
        return list(dict.fromkeys(_references(header, is_pseudonym, PseudonymousUID(""))))


def _references(dataset: Dataset, is_pseudonym: Callable[[str], bool], study: PseudonymousUID) -> Iterator[Reference]:
    named = dataset.get(_STUDY)
    study = (
        next((PseudonymousUID(uid) for uid in texts(named) if is_pseudonym(uid)), study) if named is not None else study
    )
    for element in elements(dataset, _UIDS):
        if element.VR == "SQ":
            for item in element.value:
                yield from _references(item, is_pseudonym, study)
            continue
        for uid in texts(element):
            if is_pseudonym(uid) and not element.tag.is_private:
                yield Reference(PseudonymousUID(uid), _KINDS.get(element.tag), study)
