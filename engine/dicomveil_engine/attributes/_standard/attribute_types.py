"""The type of an attribute in a SOP Class's IOD (PS3.3, PS3.5 Section 7.4), for the compound codes of Table E.1-1.

The table is generated (see README.md in this folder) and covers the top level of the data set only. The profile
decides what follows from a type.
"""

from __future__ import annotations

import json
from enum import Enum
from importlib.resources import files


class AttributeType(Enum):
    """An attribute's type in an IOD. Conditions are not evaluated: conditional types count as unconditional."""

    REQUIRED = "1"
    """1 and 1C: present, with a value."""
    REQUIRED_EMPTY_IF_UNKNOWN = "2"
    """2 and 2C: present, but may be empty."""
    OPTIONAL = "3"
    """May be absent."""
    UNDEFINED = "-"
    """Not in the IOD; allowed in a Standard Extended SOP Class only (PS3.2)."""


class AttributeTypes:
    """SOP Class and attribute → type."""

    def __init__(self, text: str) -> None:
        table = json.loads(text)
        self._columns = {int(tag, 16): column for column, (tag, _) in enumerate(table["attributes"])}
        self.required_text = frozenset(int(tag, 16) for tag in table["required_text"])
        """Free-text attributes that are Type 1 or 1C in some IOD, at any level: they must not be emptied."""
        self._rows: dict[str, str] = {uid: table["iods"][iod] for uid, iod in table["sop_classes"].items()}

    @property
    def tags(self) -> frozenset[int]:
        """The attributes in the table."""
        return frozenset(self._columns)

    def type_of(self, tag: int, sop_class_uid: str) -> AttributeType | None:
        """The type at the top level of the data set; None when the table lacks the SOP Class or the attribute."""
        row, column = self._rows.get(sop_class_uid), self._columns.get(tag)
        return None if row is None or column is None else AttributeType(row[column])


ATTRIBUTE_TYPES = AttributeTypes(files(__package__).joinpath("attribute_types.json").read_text(encoding="utf-8"))
