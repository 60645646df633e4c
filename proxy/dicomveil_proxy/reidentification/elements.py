"""The elements of a header at every depth, by the VR that they have.

Only what is asked for is decoded: the other values leave as the bytes that came.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydicom import DataElement, Dataset

from dicomveil_engine.attributes.dictionary import vr_of


def elements(dataset: Dataset, vrs: frozenset[str]) -> Iterator[DataElement]:
    """The elements of one level with one of these VRs, in the order of their tags."""
    for tag in sorted(dataset.keys()):
        # Implicit VR and UN say nothing; the creator of a private block does not matter here.
        vr = dataset.get_item(tag).VR
        if (vr_of(tag) if vr in {None, "UN"} else vr) in vrs:
            yield dataset[tag]


def texts(element: DataElement) -> list[str]:
    """The values of an element as text, without padding."""
    value: Any = element.value
    if value is None:
        return []
    values = value if element.VM > 1 else [value]
    return [str(one).strip(" \0") for one in values]
