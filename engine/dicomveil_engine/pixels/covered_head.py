"""The header of a covered instance: everything before Pixel Data, with the claims, without icon and overlays."""

from __future__ import annotations

from collections.abc import Collection

from dicomveil_engine.attributes import dictionary
from dicomveil_engine.errors import DeidentificationError
from dicomveil_engine.pixels.claims import (
    DERIVATION_DESCRIPTION,
    METHOD_CODES,
    PixelClaims,
    with_code,
    with_derivation,
)
from dicomveil_engine.pixels.elements import InstanceElements
from dicomveil_engine.rewriting.fields import Field


def covered_head(instance: InstanceElements, claims: PixelClaims) -> bytes:
    """Preamble, file meta and all elements before Pixel Data, with the claims."""
    fields: list[Field | tuple[int, bytes]] = [
        _derivation(instance) if field.tag == DERIVATION_DESCRIPTION else field for field in claims.fields
    ]
    if claims.adds_code:
        code = with_code(instance)
        if isinstance(code, bytes):
            fields.append((METHOD_CODES, code))
        elif code is not None:
            fields.append(code)
    removed = [tag for tag in instance.elements if claims.removes(tag)]
    if claims.is_cleaned:
        _refuse_nested_pictures(instance, removed)
    meta = instance.meta._replace(transfer_syntax_uid=claims.transfer_syntax_uid or instance.meta.transfer_syntax_uid)
    if instance.encoding.implicit and meta.transfer_syntax_uid not in {"", instance.meta.transfer_syntax_uid}:
        raise AssertionError("only compressed instances change their transfer syntax, and these are explicit")
    return meta.encoded() + instance.rewritten(fields, removed)


def _refuse_nested_pictures(instance: InstanceElements, removed: Collection[int]) -> None:
    """Refuse pixels within sequences, such as the icon of a referenced instance: they are not searched for text."""
    pixels = b"\x7f\xe0\x00\x10" if instance.encoding.big else b"\xe0\x7f\x10\x00"
    for tag, element in instance.elements.items():
        if element.vr in {"SQ", "UN"} and tag not in removed and pixels in instance.value(tag):
            raise DeidentificationError(
                f"{dictionary.describe(tag)} holds a picture, in which text is not looked for; "
                "a rule that removes it lets the instance out"
            )


def _derivation(instance: InstanceElements) -> tuple[int, bytes]:
    """The encoded element. Its text may be in any character set; the appended text is ASCII."""
    existing = instance.value(DERIVATION_DESCRIPTION).strip(b" \0").decode("latin-1")
    value = with_derivation(existing).encode("latin-1")
    value += b" " * (len(value) % 2)
    encoding = instance.encoding
    head = encoding.element_head(encoding.key_of(DERIVATION_DESCRIPTION, "ST"), len(value))
    return DERIVATION_DESCRIPTION, head + value
