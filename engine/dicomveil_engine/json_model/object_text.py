"""JSON objects that stay text: their members are read when they are asked for, and are not kept.

As Python objects, a JSON text takes ten to twenty times its length. Much of that memory is not returned to the system
afterwards, since the interpreter returns 1 MB only when no object is left in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from dicomveil_engine.json_model import large


class _Long(NamedTuple):
    """A long member."""

    name: str | None
    """None in an array."""
    value: Any


@dataclass
class _Text:
    text: bytes = field(repr=False)
    parts: list[range | _Long] = field(repr=False)
    """Where the text of some short members is, or a long member."""


class ObjectText(_Text):
    """The text of a JSON object. Its values are plain, but for long objects and arrays, which stay text as well."""

    @classmethod
    def of(cls, members: Mapping[str, Any]) -> ObjectText:
        """The text of this object."""
        text = b"".join(large.written(members))
        return cls(text, [range(1, len(text) - 1)])

    def items(self) -> Iterator[tuple[str, Any]]:
        """Names and values in the order of the text. A name that occurs twice may be given twice."""
        for part in self.parts:
            if isinstance(part, _Long):
                yield str(part.name), part.value
            else:
                yield from large.loaded(b"{%b}" % self.text[part.start : part.stop]).items()


class ArrayText(_Text):
    """The text of a long JSON array. Its values are plain, but for long objects and arrays."""

    def __iter__(self) -> Iterator[Any]:
        for part in self.parts:
            if isinstance(part, _Long):
                yield part.value
            else:
                yield from large.loaded(b"[%b]" % self.text[part.start : part.stop])


def read(text: bytes, start: int = 0) -> tuple[Any, int]:
    """As `large.read`, which checks the whole text, but long objects become ObjectText, and long arrays ArrayText."""
    return large.read(text, start, _TextContainer)


class _TextContainer(large.Container):
    def add_short(self, begin: int, end: int, members: Any) -> None:  # noqa: ARG002 - they were read to be checked
        self._add(range(begin, end))

    def add_long(self, value: Any, name: str | None) -> None:
        self._add(_Long(name, value))

    def _add(self, part: range | _Long) -> None:
        if self.found is None:
            self.found = ObjectText(self.text, []) if self.is_object else ArrayText(self.text, [])
        self.found.parts.append(part)
