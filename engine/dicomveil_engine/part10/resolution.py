"""What had to wait for the whole header: reading what the instance says of itself, and the methods' turn.

The only place of this package where values are decoded.
"""

from __future__ import annotations

from dataclasses import dataclass

from dicomveil_engine import dictionary
from dicomveil_engine.errors import DeidentificationError, EngineError, InvalidDataSetError
from dicomveil_engine.identity import InstanceIdentity
from dicomveil_engine.methods.base import Context, Element, Method, Values
from dicomveil_engine.part10.encoding import Encoding
from dicomveil_engine.part10.table import CONTEXT_TAGS, Entry
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


@dataclass(slots=True)
class Pending:
    """An element whose method needs values, and perhaps the rest of the header."""

    place: int
    """Where in the section's output its replacement goes."""
    entry: Entry
    method: Method
    encoding: Encoding
    """Of the element's head; the value's is the entry's."""
    raw: bytes
    """The element as it came."""
    codecs: tuple[str, ...]
    depth: int

    def resolve(self, context: Context) -> bytes:
        """The element after its method; empty when it is removed."""
        entry = self.entry
        try:
            values = entry.values.decode(entry.vr, self.raw[entry.head :], self.codecs)
        except ValueError:
            raise InvalidDataSetError(
                f"{dictionary.describe(entry.tag, entry.vr)} has a length that does not fit its VR"
            ) from None
        try:
            changed = self.method.apply(Element(entry.tag, entry.vr, values, self.depth), context)
            if changed is None:
                return b""
            if changed == values:
                return self.raw
            value = entry.values.encode(entry.vr, changed, self.codecs)
            return self.encoding.element_head(entry.key, len(value)) + value
        except EngineError as error:
            rule = entry.decision.rule if entry.decision else "the mark of de-identification"
            raise DeidentificationError(
                f"{rule} on {dictionary.describe(entry.tag, entry.vr)} failed: {error}"
            ) from None
        except (ValueError, TypeError, ArithmeticError):
            rule = entry.decision.rule if entry.decision else "the mark of de-identification"
            raise DeidentificationError(
                f"{rule} on {dictionary.describe(entry.tag, entry.vr)} failed: no value of that VR comes of it"
            ) from None


class Reading:
    """What the instance says of itself, noted on the way and decoded once when it is asked for."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._top: dict[int, tuple[Entry, bytes, tuple[str, ...]]] = {}
        self._identifying: list[tuple[Entry, bytes, tuple[str, ...]]] = []

    def note(self, entry: Entry, value: bytes, depth: int, codecs: tuple[str, ...]) -> None:
        """Remember a value that decisions about other elements rest on."""
        if depth == 0 and entry.tag in CONTEXT_TAGS and entry.tag not in self._top:
            self._top[entry.tag] = (entry, value, codecs)
        if entry.identifies:
            self._identifying.append((entry, value, codecs))

    def marker(self) -> int:
        """How many identifying values there are, for `forget`."""
        return len(self._identifying)

    def forget(self, marker: int) -> None:
        """Forget the identifying values noted since `marker`: the walk starts again from there."""
        del self._identifying[marker:]

    def _text(self, tag: int) -> str:
        noted = self._top.get(tag)
        if noted is None:
            return ""
        entry, value, codecs = noted
        try:
            values = entry.values.decode(entry.vr, value, codecs)
        except ValueError:
            return ""
        # A multi-valued UID or ID is none: it cannot say which study this is.
        return values[0].strip() if isinstance(values, list) and len(values) == 1 and isinstance(values[0], str) else ""

    def identity(self) -> InstanceIdentity:
        """The instance's own UIDs, as they came."""
        return InstanceIdentity(
            sop_class_uid=self._text(SOP_CLASS_UID),
            study_instance_uid=self._text(STUDY_INSTANCE_UID),
            series_instance_uid=self._text(SERIES_INSTANCE_UID),
            sop_instance_uid=self._text(SOP_INSTANCE_UID),
        )

    def context(self) -> Context:
        """What the methods may know of the whole."""
        identity = self.identity()
        context = Context(
            study_instance_uid=identity.study_instance_uid,
            series_instance_uid=identity.series_instance_uid,
            sop_instance_uid=identity.sop_instance_uid,
            patient_id=self._text(PATIENT_ID),
            patient_name=self._text(PATIENT_NAME),
            study_date=self._text(STUDY_DATE),
            was_deidentified=self._policy.is_pseudonym_uid(identity.study_instance_uid),
        )
        for entry, value, codecs in self._identifying:
            values: Values = entry.values.decode(entry.vr, value, codecs)
            if isinstance(values, list):
                for text in values:
                    context.identifying.add(str(text), entry.vr)
        return context
