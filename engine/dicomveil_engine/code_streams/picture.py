"""What a code stream says of its own picture."""

from __future__ import annotations

from typing import NamedTuple


class Picture(NamedTuple):
    """The size of a picture, as the header of its code stream has it."""

    rows: int
    columns: int
    samples: int
    precision: int
    """Bits of a sample."""
    is_signed: bool = False
    colours: str | None = None
    """RGB or YBR, where the code stream says which; None where it does not."""
    is_lossless: bool = False
    """Whether its process (not each picture) is one that loses nothing."""
