"""PS3.15 Table E.3.4-1, typed: what Clean Structured Content does to content items, by concept name and value type.

As in Table E.1-1, action codes are kept as the table writes them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files

from dicomveil_engine.attributes._standard import Option


@dataclass(frozen=True, slots=True)
class ContentRow:
    """A row of Table E.3.4-1: the content items of one concept name and value type."""

    code_value: str
    coding_scheme: str
    srt_value: str
    """The concept's code in SRT if its scheme is SCT, else empty."""
    value_type: str
    meaning: str
    basic: str
    """The Basic Profile's action code as the table writes it: `X`, `D` or `X/D`."""
    options: Mapping[Option, str]
    """The action codes of the options whose column is not blank."""


TABLE_E341: tuple[ContentRow, ...] = tuple(
    ContentRow(
        code, scheme, srt, value_type, meaning, basic, {Option(name): action for name, action in options.items()}
    )
    for code, scheme, srt, value_type, meaning, basic, options in json.loads(
        files(__package__).joinpath("structured_content.json").read_text("utf-8")
    )
)
