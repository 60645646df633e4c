"""Values in DICOM JSON (PS3.18 Section F.2), converted to and from the values of methods."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence

from dicomveil_engine.methods.base import BYTES_VRS, FLOAT_VRS, INTEGER_VRS, Values
from dicomveil_engine.part10.encoding import IMPLICIT_LITTLE

JSONElement = dict[str, object]
JSONDataSet = dict[str, JSONElement]

_NAME_GROUPS = ("Alphabetic", "Ideographic", "Phonetic")
_NAME_MEMBERS = frozenset(_NAME_GROUPS)
_OTHER_THAN_TEXTS = INTEGER_VRS | FLOAT_VRS | BYTES_VRS
_WRITTEN_OTHERWISE = frozenset(("AT", "DS", "IS", "PN"))
"""VRs of which DICOM JSON writes values otherwise than methods have them (`_written`)."""
_MEMBERS = frozenset(("vr", "Value", "InlineBinary"))
_SCALARS = frozenset((str, int, float, type(None)))
_NUMBERS = frozenset((int, float, type(None)))


def decode(element: Mapping[str, object], vr: str, codecs: tuple[str, ...]) -> Values:
    """The values of an element with this effective VR. Raises ValueError if they are not of that VR.

    `codecs` decode text that a server sends in Base64, because it could not decode it itself.
    """
    written, inline = element.get("Value", ()), element.get("InlineBinary")
    if inline is None and type(written) is list and len(written) == 1 and type(only := written[0]) is str:
        if vr not in _OTHER_THAN_TEXTS:  # one text, as nearly everywhere: the rest would give the same
            return [text] if (text := only.rstrip(" \0")) else []
    elif inline is not None:
        _refuse_two_values(element, vr)
        try:
            return IMPLICIT_LITTLE.decode(vr, base64.b64decode(str(inline), validate=True), codecs)
        except binascii.Error:
            raise ValueError("not Base64") from None
    if type(written) is not list and not isinstance(written, tuple | list):
        raise ValueError("Value is not an array")
    if vr in _OTHER_THAN_TEXTS:
        return _numbers_or_bytes(written, vr)
    if vr == "PN":
        texts = [_name(value) for value in written]
    else:
        texts = [value.rstrip(" \0") if type(value) is str else _text(value) for value in written]
    return texts if len(texts) > 1 or any(texts) else []


def _numbers_or_bytes(written: Sequence[object], vr: str) -> Values:
    if vr == "AT":
        return [int(str(value), 16) for value in written if value is not None]
    if vr in INTEGER_VRS:
        return [_integer(value) for value in written if value is not None]
    if vr in FLOAT_VRS:
        return [float(str(value)) for value in written if value is not None]
    if not all(map(_is_scalar, written)):
        raise ValueError("a binary value is not a list of objects")
    return b""  # PS3.18 Table F.2.3-1 allows no Value; Orthanc writes one for OD, which is ignored


def _refuse_two_values(element: Mapping[str, object], vr: str) -> None:
    """Raise ValueError for both InlineBinary and Value, against PS3.18 Section F.2.2: one of them would pass unread."""
    if "Value" in element and vr not in BYTES_VRS:
        raise ValueError("InlineBinary and Value")


def _integer(value: object) -> int:
    """A whole number, also written as `1.0` (RFC 8259 does not distinguish them)."""
    return int(value) if isinstance(value, float) and value.is_integer() else int(str(value))


def passed(element: JSONElement, vr: str) -> JSONElement:
    """A kept element, without members that are not in the model.

    Raises ValueError for values that are not of the VR: an object in place of a text could hide a data set.
    """
    values = element.get("Value")
    if values is not None:
        if not isinstance(values, list):
            raise ValueError("Value is not an array")
        if "InlineBinary" in element:
            _refuse_two_values(element, vr)
        types = set(map(type, values))
        # The second test is slower; names need it, and subclasses such as UID, which pydicom's to_json_dict() leaves.
        if not types <= _SCALARS and not all(map(_is_name if vr == "PN" else _is_scalar, values)):
            raise ValueError("not a value of the VR")
        if not types <= _NUMBERS and (vr in INTEGER_VRS or vr in FLOAT_VRS):
            decode(element, vr, ())
        if vr in BYTES_VRS:
            element = {name: value for name, value in element.items() if name != "Value"}
            values = ()
        if "" in values:
            element = {**element, "Value": [None if value == "" else value for value in values]}
            if len(values) == 1:
                del element["Value"]  # PS3.18 Section F.2.5: an empty attribute has no Value
    if not isinstance(element.get("InlineBinary", ""), str):
        raise ValueError("not Base64")  # noqa: TRY004
    if element.keys() <= _MEMBERS:
        return element
    return {name: value for name, value in element.items() if name in _MEMBERS}


def _is_scalar(value: object) -> bool:
    return value is None or (isinstance(value, str | int | float) and not isinstance(value, bool))


def _is_name(value: object) -> bool:
    if not isinstance(value, Mapping):
        return _is_scalar(value)
    return value.keys() <= _NAME_MEMBERS and all(group is None or isinstance(group, str) for group in value.values())


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value.rstrip(" \0")
    if isinstance(value, int | float) and not isinstance(value, bool):
        return repr(value)
    raise ValueError("not a text")


def _name(value: object) -> str:
    """A person name as in Part 10: component groups separated by equals signs (PS3.5 Section 6.2.1.2)."""
    if type(value) is dict and len(value) == 1 and type(group := value.get("Alphabetic")) is str:
        return group.rstrip(" \0").rstrip("=")  # as nearly all names; the rest of the function would give the same
    if not isinstance(value, Mapping):
        return _text(value)  # some servers send plain strings
    if not value.keys() <= _NAME_MEMBERS:
        raise ValueError("not a person name")  # texts could not be cleaned of what another member holds
    return "=".join(_text(value.get(group)) for group in _NAME_GROUPS).rstrip("=")


def encode(vr: str, values: Values) -> JSONElement:
    """An element with these values; without values, it has only its VR."""
    element: JSONElement = {"vr": vr}
    if isinstance(values, bytes):
        if values:
            element["InlineBinary"] = base64.b64encode(values).decode("ascii")
    elif values:
        if vr in _WRITTEN_OTHERWISE:
            element["Value"] = [_written(vr, value) for value in values]
        else:  # PS3.18 Section F.2.5: null is an empty value among several
            element["Value"] = [None if value == "" else value for value in values]
    return element


def _written(vr: str, value: object) -> object:
    if value == "":
        return None
    if vr == "PN":
        groups = str(value).split("=")
        return {name: group for name, group in zip(_NAME_GROUPS, groups, strict=False) if group}
    if vr == "AT":
        return f"{value:08X}"
    if vr == "IS":
        return int(str(value))
    number = float(str(value))
    return int(number) if number.is_integer() and abs(number) < 2**53 else number
