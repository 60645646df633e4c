"""The attributes that describe the pixels of a released instance, the same in Part 10 and in DICOM JSON.

An instance released under a policy that cleans pixels has (0028,0301) Burned In Annotation NO, and code 113101 in
(0012,0064), unless the search left a doubt that text remains. The attributes that change when frames are encoded again
are here too, so that metadata and instance agree. This module does not need numpy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from dicomveil_engine.configuration.pixels import PixelEncoding, PixelSettings
from dicomveil_engine.pixels.boxes import Boxes
from dicomveil_engine.pixels.codecs import NATIVE
from dicomveil_engine.pixels.elements import InstanceElements
from dicomveil_engine.pixels.gate import PixelVerdict
from dicomveil_engine.pixels.header import PixelHeader
from dicomveil_engine.rewriting.fields import Field, Item, code_item

BURNED_IN_ANNOTATION = 0x00280301
RECOGNIZABLE_VISUAL_FEATURES = 0x00280302
METHOD_CODES = 0x00120064
_CODE_VALUE = 0x00080100
CLEAN_PIXEL_DATA = code_item("113101", "DCM", "Clean Pixel Data Option")
"""PS3.15 Section E.3.1, in CID 7050."""
DERIVATION_DESCRIPTION = 0x00082111
_LONGEST_ST = 1024
DERIVATION = "Text in pixels was covered; frames that had been compressed were encoded again without loss"

_ICON = 0x00880200
_OFFSET_TABLES = (0x7FE00001, 0x7FE00002)
_OF_VALUES = frozenset(
    (
        *(0x00280106, 0x00280107),  # Smallest and Largest Image Pixel Value
        *(0x00280108, 0x00280109),  # the same in the series
        *(0x00280110, 0x00280111),  # the same in a plane, retired
        0x00603000,  # Histogram Sequence
    )
)
"""Optional attributes that are computed from pixel values, and wrong where these are covered."""
_LOSSY_RATIO = 0x00282112
_LOSSY_METHOD = 0x00282114
_AVAILABLE_TRANSFER_SYNTAX = 0x00083002
_LOSSY = {
    "1.2.840.10008.1.2.4.50": "ISO_10918_1",
    "1.2.840.10008.1.2.4.51": "ISO_10918_1",
    "1.2.840.10008.1.2.4.81": "ISO_14495_1",
    "1.2.840.10008.1.2.4.91": "ISO_15444_1",
    "1.2.840.10008.1.2.4.203": "ISO_15444_15",
}
"""(0028,2114) Lossy Image Compression Method, by transfer syntax.

A JPEG 2000 or HTJ2K stream in these syntaxes may be lossless; only (0028,2110) of the instance tells.
"""

SYNTAXES = {
    PixelEncoding.JPEG_LS: "1.2.840.10008.1.2.4.80",
    PixelEncoding.JPEG_2000: "1.2.840.10008.1.2.4.90",
    PixelEncoding.RLE: "1.2.840.10008.1.2.5",
    PixelEncoding.NATIVE: "1.2.840.10008.1.2.1",
}


@dataclass(frozen=True)
class PixelClaims:
    """The attributes that are set in a released instance, and those that are removed."""

    fields: tuple[Field, ...] = ()
    adds_code: bool = False
    """Whether 113101 is added to (0012,0064)."""
    transfer_syntax_uid: str = ""
    """The transfer syntax of the output: the original's, unless frames are encoded again."""
    is_encoded_again: bool = False
    is_cleaned: bool = False
    """Whether what shows pixels beside Pixel Data is removed, and bits that no pixel has are cleared."""
    removed: tuple[int, ...] = ()
    """Further top-level attributes that are removed."""

    def removes(self, tag: int) -> bool:
        """Whether a top-level element is removed because it no longer fits the pixels.

        These are the icon, overlays, what was computed from pixel values, and offset tables. What was computed is
        removed even if nothing is covered, since metadata may be released before that is known.
        """
        if self.is_cleaned and (tag == _ICON or tag in _OF_VALUES or (tag >> 24 == 0x60 and not tag >> 16 & 1)):
            return True
        return tag in self.removed or (self.is_encoded_again and tag in _OFFSET_TABLES)


def claims_of(header: PixelHeader, verdict: PixelVerdict, boxes: Boxes, settings: PixelSettings) -> PixelClaims:
    """The claims for an instance, from its de-identified header, its verdict and its boxes.

    Of the boxes it only matters whether they leave a doubt and, if the frames are compressed, whether there are any.
    """
    syntax = header.transfer_syntax_uid
    if not verdict.claims:
        return PixelClaims(_face(verdict), False, syntax)
    is_sure = not boxes.leaves_doubt
    fields = [*([Field(BURNED_IN_ANNOTATION, "CS", ["NO"])] if is_sure else []), *_face(verdict)]
    again = bool(boxes) and syntax not in NATIVE and header.has_pixel_data
    removed: tuple[int, ...] = ()
    if again:
        syntax = target_syntax(header, settings)
        fields += _of_encoding(header)
        if any(field.tag == _LOSSY_METHOD for field in fields) and header.lossy_ratios != 1:
            removed = (_LOSSY_RATIO,)  # each ratio belongs to a method: PS3.3 Section C.7.6.1.1.5.2
    return PixelClaims(tuple(fields), is_sure, syntax, again, is_cleaned=True, removed=removed)


def target_syntax(header: PixelHeader, settings: PixelSettings) -> str:
    """The transfer syntax for frames that are encoded again; native if the configured one cannot represent them."""
    fits = header.bits_allocated in {8, 16} and (header.bits_stored > 1 or settings.encode is PixelEncoding.RLE)
    return SYNTAXES[settings.encode if fits else PixelEncoding.NATIVE]


def photometric_of(header: PixelHeader) -> str:
    """The photometric interpretation of a frame after decoding."""
    interpretation = header.photometric_interpretation
    return "RGB" if interpretation in {"YBR_FULL_422", "YBR_ICT", "YBR_RCT"} else interpretation


def _face(verdict: PixelVerdict) -> tuple[Field, ...]:
    return (Field(RECOGNIZABLE_VISUAL_FEATURES, "CS", ["YES"]),) if verdict.has_face else ()


def _of_encoding(header: PixelHeader) -> list[Field]:
    fields = [Field(DERIVATION_DESCRIPTION, "ST", [DERIVATION])]
    if (photometric := photometric_of(header)) != header.photometric_interpretation:
        fields.append(Field(0x00280004, "CS", [photometric]))
    if header.samples_per_pixel > 1:
        fields.append(Field(0x00280006, "US", [0]))
    method = _LOSSY.get(header.transfer_syntax_uid)
    if method is None:
        return fields
    # The new transfer syntax no longer shows that an image was compressed with loss, and how: PS3.3 Section
    # C.7.6.1.1.5. What the instance says of it is kept.
    if header.lossy != "01" and header.transfer_syntax_uid in _ALWAYS_LOSSY:
        fields += [Field(0x00282110, "CS", ["01"]), Field(_LOSSY_METHOD, "CS", [method])]
    elif header.lossy == "01" and not header.lossy_methods:
        fields.append(Field(_LOSSY_METHOD, "CS", [method]))
    return fields


_ALWAYS_LOSSY = frozenset(("1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51"))


def with_derivation(existing: str) -> str:
    """(0008,2111) with the cleaning appended; it replaces a text too long for both (ST has 1024 characters)."""
    both = f"{existing}; {DERIVATION}" if existing else DERIVATION
    return both if len(both) <= _LONGEST_ST else DERIVATION


def with_code(instance: InstanceElements) -> Field | bytes | None:
    """(0012,0064) with an item for 113101.

    A field if there is no sequence yet, the encoded sequence if there is one, None if it has the code already.
    """
    element = instance.elements.get(METHOD_CODES)
    if element is None:
        return Field(METHOD_CODES, "SQ", [], (CLEAN_PIXEL_DATA,))
    value, encoding = instance.value(METHOD_CODES), instance.encoding
    code = encoding.encode_field(CLEAN_PIXEL_DATA[0])
    if code in value:
        return None
    end = encoding.sequence_end + bytes(4)
    value = value.removesuffix(end)
    value += encoding.encode_items((CLEAN_PIXEL_DATA,))
    return encoding.element_head(encoding.key_of(METHOD_CODES, "SQ"), len(value)) + value


def claimed_metadata(dataset: Mapping[str, object], claims: PixelClaims) -> dict[str, object]:
    """A de-identified data set in the DICOM JSON model with the claims, ordered by tag."""
    result = {key: value for key, value in dataset.items() if not _is_removed(key, claims)}
    for field in claims.fields:
        key = f"{field.tag:08X}"
        if field.tag == DERIVATION_DESCRIPTION:
            field = replace(field, values=[with_derivation(_json_text(result.get(key)))])  # noqa: PLW2901
        result[key] = _json_element(field)
    if claims.adds_code:
        codes = result.get(f"{METHOD_CODES:08X}")
        items = codes.get("Value") if isinstance(codes, Mapping) else None
        present = list(items) if isinstance(items, list) else []
        ours = _json_item(CLEAN_PIXEL_DATA)
        key = f"{_CODE_VALUE:08X}"
        if not any(isinstance(item, Mapping) and item.get(key) == ours[key] for item in present):
            present.append(ours)
        result[f"{METHOD_CODES:08X}"] = {"vr": "SQ", "Value": present}
    if claims.is_encoded_again and f"{_AVAILABLE_TRANSFER_SYNTAX:08X}" in result:
        result[f"{_AVAILABLE_TRANSFER_SYNTAX:08X}"] = {"vr": "UI", "Value": [claims.transfer_syntax_uid]}
    return dict(sorted(result.items()))


def _is_removed(key: str, claims: PixelClaims) -> bool:
    try:
        return claims.removes(int(key, 16))
    except ValueError:
        return False


def _json_text(element: object) -> str:
    values = element.get("Value") if isinstance(element, Mapping) else None
    return str(values[0]).strip() if isinstance(values, list) and values else ""


def _json_element(field: Field) -> dict[str, object]:
    if field.vr == "SQ":
        return {"vr": "SQ", "Value": [_json_item(item) for item in field.items]}
    assert not isinstance(field.values, bytes)
    return {"vr": field.vr, "Value": list(field.values)}


def _json_item(item: Item) -> dict[str, object]:
    return {f"{field.tag:08X}": _json_element(field) for field in item}
