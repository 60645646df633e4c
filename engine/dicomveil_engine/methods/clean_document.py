"""cleanDocument: identifying words are removed from an encapsulated document that is text, the rest is kept.

For (0042,0011) Encapsulated Document. The Basic Profile has D for it, and no option of PS3.15 has another code, so that
a rule has to name this method. A document that cannot be read is replaced by a dummy, as with D.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from dicomveil_engine.methods.base import Context, Element, Method, MethodBuilder, Values
from dicomveil_engine.methods.dummy import constant
from dicomveil_engine.methods.effect import Effect
from dicomveil_engine.methods.settings import MethodSettings
from dicomveil_engine.pseudonyms.keys import Keys
from dicomveil_engine.text.documents import clean_document

_MAX_BYTES = "maxBytes"
_DEFAULT_BYTES = 1 << 20
MOST_BYTES = 16 << 20


@dataclass(frozen=True)
class CleanDocument(Method):
    """Clean HL7 CDA and HL7 version 2 documents; replace all others by a dummy."""

    name: ClassVar[str] = "cleanDocument"
    action: ClassVar[str] = "C *document*"
    cleans_by_words: ClassVar[bool] = True

    most_bytes: int = _DEFAULT_BYTES
    """A longer document is replaced by a dummy."""

    def effect(self, vr: str) -> Effect:  # noqa: ARG002
        """The rest of the document is kept."""
        return Effect.CHANGE

    def supports(self, vr: str) -> bool:
        """OB, the VR of Encapsulated Document, and UN."""
        return vr in {"OB", "UN"}

    def apply(self, element: Element, context: Context) -> Values | None:
        """The clean document, of even length, or two zero bytes; an empty value stays empty."""
        document = element.values
        if not document or not isinstance(document, bytes):
            return b""
        left = None
        if len(document) <= self.most_bytes and context.identifying.is_complete:
            left = clean_document(document, context.identifying, context.own)
        return left or constant(element.vr)


def _build(values: Mapping[str, object], _keys: Keys) -> Method:
    settings = MethodSettings(CleanDocument.name, values)
    return CleanDocument(settings.integer(_MAX_BYTES, default=_DEFAULT_BYTES, minimum=1, maximum=MOST_BYTES))


BUILDER = MethodBuilder(CleanDocument.name, _build, (_MAX_BYTES,))
