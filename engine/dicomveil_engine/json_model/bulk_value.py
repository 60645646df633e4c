"""Values that are not in the metadata but elsewhere (BulkDataURI), checked as in their data set when retrieved."""

from __future__ import annotations

from typing import NamedTuple

from dicomveil_engine.attributes import characters, dictionary
from dicomveil_engine.errors import DeidentificationError
from dicomveil_engine.methods.base import BYTES_VRS, Context, Element
from dicomveil_engine.part10.encoding import IMPLICIT_LITTLE
from dicomveil_engine.part10.top_level import LONG_VALUE
from dicomveil_engine.rewriting.checking import checked
from dicomveil_engine.rewriting.passing import Bytes, PassingValue


class FoundValue(NamedTuple):
    """A value that the policy releases."""

    uri: str
    """The origin server's URI."""
    tag: int
    vr: str
    """The effective VR."""
    context: Context
    """The context of its data set."""
    is_checked: bool
    """Whether the policy keeps it only if it is legal and does not identify the patient."""

    def check(self) -> BulkValue:
        """The check of the value."""
        return BulkValue(self)


class BulkValue:
    """The bytes of a value, in chunks of any size. Short values are held and checked as a whole."""

    def __init__(self, found: FoundValue) -> None:
        self._found = found
        self._held: bytes | None = b""
        self._passing = PassingValue(found.tag, found.vr, found.context.own)

    def feed(self, data: Bytes) -> list[Bytes]:
        """The bytes that have been checked. Raises DeidentificationError, as does `close`."""
        if self._held is None:
            return self._passing.feed(data)
        self._held += bytes(data)
        if len(self._held) <= LONG_VALUE:
            return []
        held, self._held = self._held, None
        return self._passing.feed(held)

    def close(self) -> list[Bytes]:
        """The rest, at the end of the value."""
        if self._held is None:
            return self._passing.close()
        found, held, self._held = self._found, self._held, b""
        try:
            values = held if found.vr in BYTES_VRS else IMPLICIT_LITTLE.decode(found.vr, held, characters.DEFAULT)
            is_kept = checked(Element(found.tag, found.vr, values), found.context) == values
        except ValueError:
            is_kept = False
        if not is_kept:
            raise DeidentificationError(
                f"{dictionary.described(found.tag, found.vr)} is illegal or holds an identifying word of the instance, "
                "where it is empty"
            )
        return [held]
