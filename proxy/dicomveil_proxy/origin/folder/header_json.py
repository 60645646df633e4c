"""The header of a stored instance as DICOM JSON (PS3.18 Annex F).

pydicom converts the elements. It lacks BulkDataURIs with the path of a nested element, continuing after an element
without a JSON form, and swapping the bytes of big endian values: these are here.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

from pydicom import Dataset

from dicomveil_proxy.pixels.frames import to_little_endian

INLINE_BYTES = 1024
"""Longer binary values are referenced as bulk data."""

BINARY_VRS = frozenset(("OB", "OD", "OF", "OL", "OV", "OW", "UN"))


def header_json(dataset: Dataset, bulk_uri: Callable[[str], str]) -> dict[str, Any]:
    """Convert a data set that pydicom has read.

    `bulk_uri` gives the BulkDataURI for the path of an element, such as `00880200/1/7fe00010`.
    """
    return _object(dataset, bulk_uri, "", dataset.original_encoding[1] is not False)


def _object(dataset: Dataset, bulk_uri: Callable[[str], str], above: str, little: bool) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for tag in sorted(dataset.keys()):
        path = f"{above}{tag:08x}"
        try:
            result[f"{tag:08X}"] = _element(dataset, tag, bulk_uri, path, little)
        except Exception:  # noqa: BLE001 - a value that is invalid for its VR has no JSON form, and is left empty
            vr = getattr(dataset.get_item(tag), "VR", None)
            result[f"{tag:08X}"] = {"vr": vr if vr and vr.isalpha() else "UN"}
    return result


def _element(dataset: Dataset, tag: int, bulk_uri: Callable[[str], str], path: str, little: bool) -> dict[str, Any]:
    element = dataset[tag]
    if element.VR == "SQ":
        items = [_object(item, bulk_uri, f"{path}/{number}/", little) for number, item in enumerate(element.value, 1)]
        return {"vr": "SQ", "Value": items} if items else {"vr": "SQ"}
    if element.VR in BINARY_VRS:
        value = element.value or b""
        if len(value) > INLINE_BYTES:
            return {"vr": element.VR, "BulkDataURI": bulk_uri(path)}
        if not value:
            return {"vr": element.VR}
        value = value if little else to_little_endian(value, element.VR)
        return {"vr": element.VR, "InlineBinary": base64.b64encode(value).decode()}
    # Through JSON, since pydicom returns subclasses of str and float, and numbers that JSON does not have.
    converted: dict[str, Any] = json.loads(json.dumps(element.to_json_dict(None, 0), allow_nan=False))
    return converted
