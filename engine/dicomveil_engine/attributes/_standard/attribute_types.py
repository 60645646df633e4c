"""Which type an attribute has in a SOP Class's IOD (PS3.3, PS3.5 Section 7.4), for the compound codes of Table E.1-1.

The table is generated (README.md beside this file), and speaks of the top level of the data set alone. What follows
from a type is the profile's business.
"""

from __future__ import annotations

import json
from enum import Enum
from importlib.resources import files


class AttributeType(Enum):
    """An attribute's type in an IOD; conditional types count as unconditional, their conditions are not evaluated."""

    REQUIRED = "1"
    """1 and 1C: a value must be there."""
    REQUIRED_EMPTY_IF_UNKNOWN = "2"
    """2 and 2C: the element must be there, the value need not."""
    OPTIONAL = "3"
    """The element need not be there."""
    UNDEFINED = "-"
    """The IOD does not have the attribute; only a Standard Extended SOP Class does (PS3.2)."""


class AttributeTypes:
    """SOP Class and attribute → type."""

    def __init__(self, text: str) -> None:
        table = json.loads(text)
        self._columns = {int(tag, 16): column for column, (tag, _) in enumerate(table["attributes"])}
        self.required_text = frozenset(int(tag, 16) for tag in table["required_text"])
        """Attributes of free text that have Type 1 or 1C somewhere, at whatever level: they may not be emptied."""
        self._rows: dict[str, str] = {uid: table["iods"][iod] for uid, iod in table["sop_classes"].items()}

    @property
    def tags(self) -> frozenset[int]:
        """The attributes that the table knows."""
        return frozenset(self._columns)

    def type_of(self, tag: int, sop_class_uid: str) -> AttributeType | None:
        """The type at the top level of the data set; None where the SOP Class or the attribute is not known."""
        row, column = self._rows.get(sop_class_uid), self._columns.get(tag)
        return None if row is None or column is None else AttributeType(row[column])


ATTRIBUTE_TYPES = AttributeTypes(files(__package__).joinpath("attribute_types.json").read_text(encoding="utf-8"))
