"""The elements of a data set by VR. Only these are decoded; other values are written unchanged."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from dicomveil_engine.attributes.dictionary import vr_of

if TYPE_CHECKING:
    from pydicom import DataElement, Dataset


def elements(dataset: Dataset, vrs: frozenset[str]) -> Iterator[DataElement]:
    """The elements of a data set or item with one of these VRs, in the order of their tags."""
    for tag in sorted(dataset.keys()):
        # In implicit VR, or with UN, the dictionary has the VR; private elements are not needed here.
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
