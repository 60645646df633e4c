"""The same policy, done the plain way: pydicom reads the whole instance, a recursion changes it.

An independent check of the walker: it shares the policy and the methods with it, and none of the reading,
walking, charset handling or writing. Also what the benchmark calls "pydicom read + rules + save".
"""

from __future__ import annotations

import io
import logging
import warnings
from typing import Any

import numpy as np
import pydicom
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence

from dicomveil_engine import Policy
from dicomveil_engine.attributes import characters, dictionary, legality
from dicomveil_engine.code_streams.whole import clean_fragments
from dicomveil_engine.methods.base import BYTES_VRS, SINGLE_TEXT_VRS, Context, Element, Values
from dicomveil_engine.methods.by_type import ByType
from dicomveil_engine.methods.dummy import Dummy
from dicomveil_engine.methods.keep import Keep
from dicomveil_engine.methods.redact import Redact
from dicomveil_engine.methods.remove import Remove
from dicomveil_engine.part10.file_meta import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from dicomveil_engine.rewriting.checking import checked
from dicomveil_engine.rewriting.deidentification_attributes import METHOD_CODES, METHOD_TEXT
from dicomveil_engine.rewriting.dummies import dummy_items
from dicomveil_engine.rewriting.fields import Field, Item
from dicomveil_engine.text.identifying import is_identifying

logging.getLogger("pydicom").setLevel(logging.CRITICAL)

_AMBIGUOUS = {"US or SS": "US", "OB or OW": "OW", "US or OW": "OW", "US or SS or OW": "OW"}
_PIXELS = 0x7FE00008
_PIXEL_TAGS = (0x7FE00008, 0x7FE00009, 0x7FE00010)


def deidentify_with_pydicom(data: bytes, policy: Policy) -> bytes:
    """Read, change, save."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = pydicom.dcmread(io.BytesIO(data), force=True)
        meta = dataset.file_meta
        deidentify_dataset(dataset, policy)
        dataset.preamble = bytes(128)
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = meta.TransferSyntaxUID
        dataset.file_meta.MediaStorageSOPClassUID = dataset.get("SOPClassUID", meta.get("MediaStorageSOPClassUID"))
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.get("SOPInstanceUID")
        dataset.file_meta.ImplementationClassUID = IMPLEMENTATION_CLASS_UID
        dataset.file_meta.ImplementationVersionName = IMPLEMENTATION_VERSION_NAME
        output = io.BytesIO()
        dataset.save_as(output)
    return output.getvalue()


def deidentify_dataset(dataset: Dataset, policy: Policy) -> None:
    """Change the data set in place."""
    context = Context(
        sop_class_uid=_text(dataset, "SOPClassUID"),
        study_instance_uid=_text(dataset, "StudyInstanceUID"),
        series_instance_uid=_text(dataset, "SeriesInstanceUID"),
        sop_instance_uid=_text(dataset, "SOPInstanceUID"),
        patient_id=_text(dataset, "PatientID"),
        patient_name=_text(dataset, "PatientName"),
        study_date=_text(dataset, "StudyDate"),
    )
    context.was_deidentified = policy.is_pseudonym_uid(context.study_instance_uid)
    _read_identifying(dataset, policy, context, 0)
    earlier = _read(dataset[METHOD_TEXT]) if METHOD_TEXT in dataset and dataset[METHOD_TEXT].VR == "LO" else None
    codes = dataset.get(METHOD_CODES)
    pixels = {tag: element_value(dataset, tag, policy) for tag in _PIXEL_TAGS if tag in dataset}
    _change(dataset, policy, context, 0)
    for tag, (original, cleaned) in pixels.items():
        if tag in dataset and dataset[tag].value == original:
            dataset[tag].value = cleaned
    if policy.claims is None:
        return
    for mark in policy.claims.fields():
        if mark.tag == METHOD_TEXT and earlier is not None:
            texts = policy.add_method_text.apply(Element(mark.tag, "LO", earlier), context)
            dataset[mark.tag] = DataElement(mark.tag, "LO", texts)
        elif mark.tag == METHOD_CODES and codes is not None and codes.VR == "SQ":
            known = {item.get("CodeValue") for item in codes.value}
            items = list(dataset[mark.tag].value) if mark.tag in dataset else []
            items += [_item(item) for item in mark.items if item[0].values[0] not in known]
            dataset[mark.tag] = DataElement(mark.tag, "SQ", Sequence(items))
        else:
            dataset[mark.tag] = _element(mark)


def element_value(dataset: Dataset, tag: int, policy: Policy) -> tuple[bytes, bytes]:
    """Pixel Data as it is, and without what stands beside the pixels; of code streams by the engine's own means."""
    element = dataset[tag]
    value, syntax = bytes(element.value or b""), dataset.file_meta.get("TransferSyntaxUID", "")
    if element.is_undefined_length:
        return value, clean_fragments(value, syntax, _frames(dataset))[:-8]
    try:
        return value, _native(dataset, tag, value, policy)
    except (AttributeError, TypeError, ValueError):  # the attributes do not say how long it is
        return value, value


def _frames(dataset: Dataset) -> int:
    """One where the attribute is no number: it is emptied, and more pixels than one frame has would be surplus."""
    number = str(dataset.get("NumberOfFrames") or "")
    return int(number) if number.isdecimal() else 1


def _native(dataset: Dataset, tag: int, value: bytes, policy: Policy) -> bytes:
    allocated = {0x7FE00008: 32, 0x7FE00009: 64}.get(tag) or int(dataset.BitsAllocated)
    samples = int(dataset.get("SamplesPerPixel", 1))
    stored = 2 if dataset.get("PhotometricInterpretation") == "YBR_FULL_422" else samples
    pixels = dataset.Rows * dataset.Columns * _frames(dataset)
    for count in sorted({pixels * samples, pixels * stored}, reverse=True):
        length = (count * allocated + 7) // 8
        if 0 < length <= len(value):
            value = value[:length]
            break
    bits = int(dataset.get("BitsStored") or 0)
    overlaid = any(dataset.get((group, 0x0102)) and dataset[group, 0x0102].value for group in range(0x6000, 0x6020, 2))
    if tag == 0x7FE00010 and allocated == 16 and 0 < bits < 16 and (overlaid or not policy.keeps(0x60003000, "OW")):
        order = "<" if dataset.original_encoding[1] else ">"
        values = np.frombuffer(value[: len(value) // 2 * 2], f"{order}u2")
        if dataset.get("PixelRepresentation") == 1:
            values = (values << (16 - bits)).astype("i2") >> (16 - bits)
        else:
            values = values & ((1 << bits) - 1)
        value = values.astype(f"{order}u2").tobytes() + value[len(value) // 2 * 2 :]
    return value + bytes(len(value) % 2)


def _change(dataset: Dataset, policy: Policy, context: Context, depth: int) -> None:
    creators = {element.tag: element for element in dataset if element.tag.is_private_creator and element.tag.group & 1}
    used: set[int] = set()
    for element in list(dataset):
        if element.tag in creators:
            continue
        if element.tag == 0x00080005:
            terms = [str(term).strip() for term in _read(element)]
            legal = legality.legal_character_sets(terms)
            if legal != terms:
                dataset[element.tag] = DataElement(element.tag, "CS", legal if len(legal) != 1 else legal[0])
            continue
        tag, vr = int(element.tag), _vr(element)
        creator = creators.get(pydicom.tag.Tag(element.tag.group, element.tag.element >> 8)) if tag >> 16 & 1 else None
        name = str(creator.value or "").strip() if creator is not None else None
        if vr == "UN" and tag >> 16 & 1:
            vr = dictionary.vr_of(tag, name) or "UN"
        decision = policy.decide(tag, vr, name)
        method = decision.method
        if policy.claims and depth == 0 and tag == METHOD_CODES and vr == "SQ":
            method = Keep()
        if isinstance(method, ByType):
            method = method.chosen(tag, context.sop_class_uid, is_top=not depth)
        if isinstance(method, Remove):
            del dataset[tag]
            continue
        if creator is not None:
            used.add(int(creator.tag))
        if isinstance(method, Keep):
            if vr == "SQ":
                for item in element.value:
                    _change(item, policy, context, depth + 1)
            elif decision.is_checked and vr != "SQ":
                values = _read(element)
                kept = checked(Element(tag, vr, values, depth), context)
                if kept != values:
                    dataset[tag] = DataElement(tag, element.VR, _write(vr, kept))
        elif vr == "SQ":
            items = [_item(item) for item in dummy_items(tag)] if isinstance(method, Dummy) else []
            dataset[tag] = DataElement(tag, "SQ", Sequence(items))
        elif isinstance(method, Redact) and not method.keeps_part_of(vr):
            dataset[tag] = DataElement(tag, element.VR, None)
        else:
            values = _read(element)
            changed = method.apply(Element(tag, vr, values, depth), context)
            if changed is None:
                del dataset[tag]
            elif changed != values:
                dataset[tag] = DataElement(tag, element.VR, _write(vr, changed))
    for tag in creators:
        if tag not in used:
            del dataset[tag]


def _read_identifying(dataset: Dataset, policy: Policy, context: Context, depth: int) -> None:
    for element in dataset:
        tag, vr = int(element.tag), _vr(element)
        if depth == 0 and tag >= _PIXELS:
            return
        if tag >> 16 & 1 and vr not in {"PN", "SQ"}:
            continue
        method = policy.decide(tag, vr, None).method
        if vr == "DA" and context.was_deidentified:
            continue
        if is_identifying(tag, vr) and not isinstance(method, Keep) and vr != "SQ":
            values = _read(element)
            if isinstance(values, list):
                for value in values:
                    for reading in characters.readings(str(value), characters.DEFAULT):
                        context.identifying.add(reading.text, vr)
                        context.own.add(reading.text, vr, tag)
        elif vr == "SQ":
            for item in element.value:
                _read_identifying(item, policy, context, depth + 1)


def _vr(element: DataElement) -> str:
    return _AMBIGUOUS.get(str(element.VR), str(element.VR))


def _text(dataset: Dataset, keyword: str) -> str:
    value = dataset.get(keyword)
    if value is None or isinstance(value, MultiValue | Sequence | bytes):
        return ""
    return str(value).strip(" \0")


def _read(element: DataElement) -> Values:
    vr, value = _vr(element), element.value
    if vr in BYTES_VRS:
        return bytes(value or b"")
    if value is None or (hasattr(value, "__len__") and len(value) == 0):
        return []
    several: list[Any] = list(value) if isinstance(value, MultiValue | list) else [value]
    if vr in {"FD", "FL", "SL", "SS", "SV", "UL", "US", "UV", "AT"}:
        return [int(one) if vr == "AT" else one for one in several]
    texts = ["" if one is None else str(one).rstrip(" \0") for one in several]
    return texts if len(texts) > 1 or texts[0] else []


def _write(vr: str, values: Values) -> Any:
    if isinstance(values, bytes):
        return values + b"\0" if len(values) % 2 else values
    if not values:
        return None
    return str(values[0]) if vr in SINGLE_TEXT_VRS else list(values)


def _element(field: Field) -> DataElement:
    if field.vr == "SQ":
        return DataElement(field.tag, "SQ", Sequence([_item(item) for item in field.items]))
    return DataElement(field.tag, field.vr, _write(field.vr, field.values))


def _item(item: Item) -> Dataset:
    dataset = Dataset()
    for field in item:
        dataset[field.tag] = _element(field)
    return dataset
