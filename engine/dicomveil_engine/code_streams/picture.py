"""The properties of a picture from the header of its code stream."""

from __future__ import annotations

from typing import NamedTuple


class Picture(NamedTuple):
    """The properties of a picture in the header of its code stream."""

    rows: int
    columns: int
    samples: int
    precision: int
    """Bits of a sample."""
    is_signed: bool = False
    colours: str | None = None
    """RGB or YBR; None if the code stream does not say."""
    is_lossless: bool = False
    """Whether the coding process is lossless."""
