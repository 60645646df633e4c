"""What is wrong with an element, in words that hold no value."""

from __future__ import annotations

from dataclasses import dataclass

from dicomveil_engine.attributes import dictionary


@dataclass(frozen=True)
class Problem:
    """One way in which an element is not what PS3.5 and PS3.6 ask for."""

    tag: int
    """0xGGGGEEEE."""
    keyword: str
    """As PS3.6 has it; empty for private and unknown attributes."""
    vr: str
    what: str
    """A standing phrase, the same for every element with the same fault."""
    path: str = ""
    """The items around it, e.g. `ReferencedSeriesSequence[1]/ReferencedInstanceSequence[2]`; empty at the top level."""
    rule: str = ""
    """The rule that let it out or made it so; empty where no policy was asked."""

    def __str__(self) -> str:
        """E.g. `(0010,0030) PatientBirthDate DA: no legal value`, with path and rule where there are any."""
        place = f" in {self.path}" if self.path else ""
        made_by = f" (by {self.rule})" if self.rule else ""
        return f"{dictionary.describe(self.tag, self.vr)}{place}: {self.what}{made_by}"
