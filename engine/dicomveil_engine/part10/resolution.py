"""What had to wait for the whole header: reading what the instance says of itself, and the methods' turn.

The only place of this package where values are decoded.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from functools import cached_property, lru_cache
from itertools import chain

from dicomveil_engine import dictionary
from dicomveil_engine.errors import DeidentificationError, EngineError, InvalidDataSetError
from dicomveil_engine.identity import InstanceIdentity
from dicomveil_engine.methods.base import Context, Element
from dicomveil_engine.methods.by_type import ByType
from dicomveil_engine.methods.redact import Redact
from dicomveil_engine.methods.remove import Remove
from dicomveil_engine.part10.content_item import renumbered
from dicomveil_engine.part10.fragment import Fragment
from dicomveil_engine.part10.table import REFERENCE, Entry, Pending
from dicomveil_engine.policy import (
    PATIENT_ID,
    PATIENT_NAME,
    SERIES_INSTANCE_UID,
    SOP_CLASS_UID,
    SOP_INSTANCE_UID,
    STUDY_DATE,
    STUDY_INSTANCE_UID,
    Policy,
)
from dicomveil_engine.structured_content.references import ContentTree, Position, Renumbering
from dicomveil_engine.words import IdentifyingWords


def resolve(pending: Pending, context: Context) -> bytes:
    """The element after its method; empty when it is removed.

    Raises InvalidDataSetError when the value does not fit its VR, DeidentificationError when no safe one exists.
    """
    entry, raw, codecs = pending
    if entry.kind == REFERENCE:
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


Known = tuple[str, str, str, str, str, str, str, bool, IdentifyingWords, frozenset[Position]]
"""The fields of a Context; a resolver serves all data sets that have them in common."""


class Resolver(dict[Pending, bytes]):
    """What becomes of pending elements in one context, remembered: the instances of a series share most of it."""

    def __init__(self, known: Known) -> None:
        super().__init__()
        self._context = Context(*known)
        self._room = _BYTES_REMEMBERED

    def __missing__(self, pending: Pending) -> bytes:
        entry = pending[0]
        new = entry.resolved(self) if isinstance(entry, Fragment) else resolve(pending, self._context)
        size = _BYTES_BESIDE + len(pending[1]) + len(new)
        if size <= self._room:
            self[pending] = new
            self._room -= size
        return new


Noted = tuple[Entry, bytes, tuple[str, ...]]
"""An element's entry, its value and its character set."""


class NotedRun:
    """What identifies in a run of elements; the same run has the same one."""

    __slots__ = ("noted",)

    def __init__(self, noted: tuple[Noted, ...]) -> None:
        self.noted = noted


Identifying = Noted | NotedRun

_WORDS_REMEMBERED = 256
_TEXTS_REMEMBERED = 4_096
_BYTES_REMEMBERED = 1 << 20
"""For each context, of which there are some tens."""
_BYTES_BESIDE = 256
"""What it takes to remember anything."""


_renumbering = lru_cache(_WORDS_REMEMBERED)(Renumbering)


@lru_cache(_WORDS_REMEMBERED)
def _words_of(
    identifying: tuple[Identifying, ...], is_pseudonym: Callable[[str], bool], was_deidentified: bool
) -> IdentifyingWords:
    """The words of identifying values; the same for most instances of a series.

    The project's own pseudonyms are left out, and dates that were moved: their letters and digits are chance
    ("PS", "CT"), and stand nowhere else.
    """
    words = IdentifyingWords()
    every = chain.from_iterable(one.noted if isinstance(one, NotedRun) else (one,) for one in identifying)
    for entry, value, codecs in every:
        if was_deidentified and entry.vr == "DA":
            continue
        try:
            values = entry.values.decode(entry.vr, value, codecs)
        except ValueError:
            raise InvalidDataSetError(
                f"{dictionary.describe(entry.tag, entry.vr)} has a length that does not fit its VR"
            ) from None
        if isinstance(values, list):
            for text in map(str, values):
                if not is_pseudonym(text):
                    words.add(text, entry.vr)
    return words


@lru_cache(_TEXTS_REMEMBERED)
def _single_text(noted: Noted) -> str:
    """An element's one value; a multi-valued UID or ID is none: it cannot say which study this is."""
    entry, value, codecs = noted
    try:
        values = entry.values.decode(entry.vr, value, codecs)
    except ValueError:
        return ""
    if not isinstance(values, list) or len(values) != 1 or not isinstance(values[0], str):
        return ""
    return values[0].strip(" \0")


class Reading:
    """What the instance says of itself, noted by the walker and decoded once when it is asked for."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self.context: list[Noted] = []
        """What is in the context, in its order; of several elements with one tag the first counts."""
        self.identifying: list[Identifying] = []
        self.content = ContentTree()

    def _texts(self, *tags: int) -> list[str]:
        """The values of elements of the context; "" for one that is not there."""
        by_tag = {noted[0].tag: noted for noted in reversed(self.context)}
        return [_single_text(by_tag[tag]) if tag in by_tag else "" for tag in tags]

    @cached_property
    def identity(self) -> InstanceIdentity:
        """The instance's own UIDs, as they came; to be asked for when the header is complete."""
        return InstanceIdentity(*self._texts(SOP_CLASS_UID, STUDY_INSTANCE_UID, SERIES_INSTANCE_UID, SOP_INSTANCE_UID))

    def known(self) -> Known:
        """All that methods may know of the whole."""
        identity = self.identity
        patient_id, patient_name, study_date = self._texts(PATIENT_ID, PATIENT_NAME, STUDY_DATE)
        was_deidentified = self._policy.is_pseudonym_uid(identity.study_instance_uid)
        return (
            identity.sop_class_uid,
            identity.study_instance_uid,
            identity.series_instance_uid,
            identity.sop_instance_uid if self._policy.depends_on_instance else "",
            patient_id,
            patient_name,
            study_date,
            was_deidentified,
            _words_of(tuple(self.identifying), self._policy.is_pseudonym_patient_id, was_deidentified),
            self.content.gone(),
        )
