"""What had to wait for the whole header: the methods' turn.

Here and in `reading` alone are values decoded.
"""

from __future__ import annotations

import struct
from functools import lru_cache

from dicomveil_engine.attributes import dictionary
from dicomveil_engine.errors import DeidentificationError, EngineError, InvalidDataSetError
from dicomveil_engine.methods.base import Context, Element
from dicomveil_engine.methods.by_type import ByType
from dicomveil_engine.methods.redact import Redact
from dicomveil_engine.methods.remove import Remove
from dicomveil_engine.part10 import kinds
from dicomveil_engine.part10.content_item import renumbered
from dicomveil_engine.part10.fragment import Fragment
from dicomveil_engine.part10.reading import Known
from dicomveil_engine.part10.table import Pending
from dicomveil_engine.structured_content.references import Renumbering

_BYTES_REMEMBERED = 1 << 20
"""For each context, of which there are some tens."""
_BYTES_BESIDE = 256
"""What it takes to remember anything."""
_renumbering = lru_cache(256)(Renumbering)


def resolve(pending: Pending, context: Context) -> bytes:
    """The element after its method; empty when it is removed.

    Raises InvalidDataSetError when the value does not fit its VR, DeidentificationError when no safe one exists.
    """
    entry, raw, codecs = pending
    if entry.kind == kinds.REFERENCE:
        return renumbered(raw, entry.encoding, _renumbering(context.content_gone))
    method, attribute = entry.method, (entry.tag, entry.vr)
    assert method is not None
    if isinstance(method, ByType):
        chosen = method.chosen(entry.tag, context.sop_class_uid, is_top=entry.is_top)
        if isinstance(chosen, Remove):
            return b""
        if isinstance(chosen, Redact) or entry.vr != "UI":
            return entry.emptied() if isinstance(chosen, Redact) else entry.dummy()
    try:
        values = entry.values.decode(entry.vr, raw[entry.head :], codecs)
    except ValueError:
        raise InvalidDataSetError(f"{dictionary.describe(*attribute)} has a length that does not fit its VR") from None
    try:
        changed = method.apply(Element(entry.tag, entry.vr, values, 0 if entry.is_top else 1), context)
        if changed is None:
            return b""
        if changed == values:
            return raw
        value = entry.values.encode(entry.vr, changed, codecs)
        return entry.encoding.element_head(entry.key, len(value)) + value
    except EngineError as error:
        reason = str(error)
    except (ValueError, TypeError, ArithmeticError, struct.error):
        reason = "no value of that VR comes of it"
    raise DeidentificationError(f"{entry.rule} on {dictionary.describe(*attribute)} failed: {reason}")


class Resolver(dict[Pending, bytes]):
    """What becomes of pending elements in one context, remembered: the instances of a series share most of it."""

    def __init__(self, known: Known) -> None:
        super().__init__()
        subject = known.subject
        self._context = Context(
            sop_class_uid=subject.sop_class_uid,
            study_instance_uid=subject.study_instance_uid,
            series_instance_uid=subject.series_instance_uid,
            sop_instance_uid=known.sop_instance_uid,
            patient_id=subject.patient_id,
            patient_name=subject.patient_name,
            study_date=subject.study_date,
            was_deidentified=subject.was_deidentified,
            identifying=known.words,
            content_gone=known.gone,
        )
        self._room = _BYTES_REMEMBERED

    def __missing__(self, pending: Pending) -> bytes:
        entry = pending[0]
        new = entry.resolved(self) if isinstance(entry, Fragment) else resolve(pending, self._context)
        size = _BYTES_BESIDE + len(pending[1]) + len(new)
        if size <= self._room:
            self[pending] = new
            self._room -= size
        return new
