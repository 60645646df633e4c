"""PS3.15 Table E.3.4-1, typed: what Clean Structured Content does to content items, by concept name and value type.

As with Table E.1-1, action codes stay here as the table writes them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files

from dicomveil_engine.attributes._standard import Option


@dataclass(frozen=True, slots=True)
class ContentRow:
    """What Table E.3.4-1 says of the content items of one concept name and value type."""

    code_value: str
    coding_scheme: str
    srt_value: str
    """The concept's code in SRT, where its scheme is SCT; else empty."""
    value_type: str
    meaning: str
    basic: str
    """The Basic Profile's action code as the table writes it: `X`, `D` or `X/D`."""
    options: Mapping[Option, str]
    """The action codes of the options whose column is not blank."""


def _row(value: str, scheme: str, srt: str, value_type: str, meaning: str, *actions: object) -> ContentRow:
    basic, options = actions
    assert isinstance(options, dict)
    return ContentRow(
        value, scheme, srt, value_type, meaning, str(basic), {Option(name): code for name, code in options.items()}
    )


TABLE_E341: tuple[ContentRow, ...] = tuple(
    _row(*row) for row in json.loads(files(__package__).joinpath("structured_content.json").read_text("utf-8"))
)
