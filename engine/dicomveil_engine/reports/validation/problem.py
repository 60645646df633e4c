"""A problem of an element, without its value."""

from __future__ import annotations

from dataclasses import dataclass

from dicomveil_engine.attributes import dictionary


@dataclass(frozen=True)
class Problem:
    """A way in which an element violates PS3.5 or PS3.6."""

    tag: int
    """0xGGGGEEEE."""
    keyword: str
    """As PS3.6 has it; empty for private and unknown attributes."""
    vr: str
    what: str
    """A fixed phrase for each kind of problem."""
    path: str = ""
    """The enclosing items, e.g. `ReferencedSeriesSequence[1]/ReferencedInstanceSequence[2]`; empty at the top level."""
    rule: str = ""
    """The policy's rule for the element; empty without a policy."""

    def __str__(self) -> str:
        """E.g. `(0010,0030) PatientBirthDate DA: is not a date YYYYMMDD`, with path and rule if there are any."""
        place = f" in {self.path}" if self.path else ""
        made_by = f" (by {self.rule})" if self.rule else ""
        # In an original, after a damaged length, an unknown "tag" consists of bytes of a value.
        named = dictionary.describe if self.rule else dictionary.described
        return f"{named(self.tag, self.vr if self.vr in dictionary.VRS else None)}{place}: {self.what}{made_by}"
