"""The marks of de-identification that a data set still lacks, written in their places in the order of tags."""

from __future__ import annotations

from dicomveil_engine.part10.section import Section
from dicomveil_engine.part10.table import NO_BOUNDARY


class DueMarks:
    """The marks of one data set, encoded, that are not written yet."""

    __slots__ = ("due",)

    def __init__(self, marks: list[tuple[int, bytes]]) -> None:
        self.due = marks
        """Tag and element, in the order of tags; replaced, never changed, so that it can be put back."""

    def write(self, section: Section, buffer: bytes, position: int, *, before: int = NO_BOUNDARY) -> None:
        """Write those whose tags are below `before`."""
        marks = [mark for tag, mark in self.due if tag < before]
        if marks:
            section.replace(buffer, position, position, b"".join(marks))
            self.due = self.due[len(marks) :]

    def write_beside(self, section: Section, buffer: bytes, position: int, mark: int) -> None:
        """Write what is due before a mark that stands there already, and is added to."""
        self.write(section, buffer, position, before=mark)
        self.due = [due for due in self.due if due[0] != mark]
