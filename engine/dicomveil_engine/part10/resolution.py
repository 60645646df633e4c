"""Applying methods to pending elements once the header is known.

Values are decoded here and in `reading` only.
"""

from __future__ import annotations

from functools import lru_cache

from dicomveil_engine.attributes import characters, dictionary
from dicomveil_engine.errors import InvalidDataSetError
from dicomveil_engine.methods.base import Context, Element, Values
from dicomveil_engine.part10 import kinds
from dicomveil_engine.part10.content_item import renumbered
from dicomveil_engine.part10.encoding import CHARACTER_SET_VRS
from dicomveil_engine.part10.fragment import Fragment
from dicomveil_engine.part10.reading import Known
from dicomveil_engine.part10.table import Pending
from dicomveil_engine.rewriting.checking import checked
from dicomveil_engine.rewriting.resolution import resolve
from dicomveil_engine.rewriting.treatment import Treatment, treatment_of
from dicomveil_engine.structured_content.references import Renumbering

_BYTES_CACHED = 1 << 20
"""Bytes cached per context, of which `Tables` keeps a few dozen."""
_BYTES_BESIDE = 256
"""The overhead of a cached result."""
_renumbering = lru_cache(256)(Renumbering)


def resolved(pending: Pending, context: Context) -> bytes:
    """The element after its method was applied; empty if it is removed.

    Raises InvalidDataSetError if the value does not fit its VR, DeidentificationError if there is no safe output.
    """
    entry, raw, codecs = pending
    if entry.kind == kinds.REFERENCE:
        return renumbered(raw, entry.encoding, _renumbering(context.content_removed))
    assert entry.method is not None
    method = entry.method.chosen(entry.tag, context.sop_class_uid, is_top=entry.is_top)
    if method is not entry.method:
        treatment = treatment_of(method, entry.vr)
        if treatment is Treatment.DROP:
            return b""
        if treatment is not Treatment.APPLY:
            return entry.emptied() if treatment is Treatment.EMPTY else entry.replaced(method)
    try:
        values = entry.values.decode(entry.vr, raw[entry.head :], codecs)
    except ValueError:
        if entry.kind == kinds.CHECKED:
            return entry.emptied()
        raise InvalidDataSetError(
            f"{dictionary.described(entry.tag, entry.vr)} has a length that does not fit its VR"
        ) from None

    is_whole = entry.vr not in CHARACTER_SET_VRS or characters.is_whole(raw[entry.head :], codecs)
    element = Element(entry.tag, entry.vr, values, 0 if entry.is_top else 1, codecs)

    def write(changed: Values | None) -> bytes:
        if changed is None:
            return b""
        if changed == values and is_whole:
            return raw
        value = entry.values.encode(entry.vr, changed, codecs)
        return entry.encoding.element_head(entry.key, len(value)) + value

    if entry.kind == kinds.CHECKED:
        return write(checked(element, context))
    return resolve(method, entry.rule, element, context, write)


def by_kind(pending: Pending, context: Context) -> bytes:
    """The result for an element whose VR, US or SS, had to be known first."""
    entry, raw, _ = pending
    if entry.kind in {kinds.KEPT, kinds.NOTED}:
        return raw
    if entry.kind == kinds.CHANGED:
        return resolved(pending, context)
    return entry.constant  # empty if the element is removed


class Resolver(dict[Pending, bytes]):
    """Pending element → its result in one context, cached, since the instances of a series share most of them."""

    def __init__(self, known: Known) -> None:
        super().__init__()
        self._context = known.subject.context(known.sop_instance_uid, *known.words, known.content_removed)
        self._has_signed_pixels = known.has_signed_pixels
        self._room = _BYTES_CACHED

    def __missing__(self, pending: Pending) -> bytes:
        entry = pending[0]
        if isinstance(entry, Fragment):
            new = entry.resolved(self)
        elif entry.signs is not None:
            new = by_kind((entry.signs[self._has_signed_pixels], *pending[1:]), self._context)
        else:
            new = resolved(pending, self._context)
        size = _BYTES_BESIDE + len(pending[1]) + len(new)
        if size <= self._room:
            self[pending] = new
            self._room -= size
        return new
