"""What the walker does with an element: the kinds of a decision table's entries.

Plain numbers: an enumeration's comparison costs more than the work. Their order has a meaning, too.
"""

from __future__ import annotations

from typing import Final

KEPT: Final = 0
NOTED: Final = 1
REMOVED: Final = 2
EMPTIED: Final = 3
CONSTANT: Final = 4
UID: Final = 5
CHANGED: Final = 6
CHECKED: Final = 7
"""Kept, if the value is legal and names nobody."""
SEQUENCE: Final = 8
SEARCHED: Final = 9
"""A sequence that is removed; names and numbers in it must not survive in free text."""
OPAQUE: Final = 10
CHOSEN: Final = 11
"""A sequence that is removed like a SEARCHED one; its replacement is chosen when the SOP Class is known."""
PLAIN: Final = 11
"""What is done with kinds up to this one depends on their bytes alone, but for what is pending."""
MARK_TEXT: Final = 12
MARK_CODES: Final = 13
DECLARED: Final = 14
"""The sequence in which the instance says which of its private attributes are safe."""
CONTENT: Final = 15
"""A sequence of content items, each of which is judged before it is walked (PS3.15 E.3.4)."""
COMPOUND: Final = 8
"""Kinds below it concern one element and its value alone; from it on, other elements stand in it or beside it."""
FIRST_CHANGING: Final = 2
"""Kinds from this one on do not come out as they came; below it, the element is passed over."""
LAST_CACHED: Final = 9
"""From COMPOUND up to this one, what became of a short sequence is cached; above it, `handlers` has what is done."""
VALUE_UNSEEN: Final = frozenset((KEPT, REMOVED))
"""The value need not be there to continue, if it is not noted."""
VALUE_DROPPED: Final = frozenset((REMOVED, EMPTIED, CONSTANT, SEARCHED, CHOSEN))
"""Nothing of the value comes out."""
# What concerns the elements after it, or the place where it stands:
SPECIAL: Final = 16
STREAMED: Final = 16
LEFT_OUT: Final = 17
CHARACTER_SET: Final = 18
PRIVATE: Final = 19
DELIMITER: Final = 20
BOUNDARY: Final = 21
STRAY: Final = 22
"""An element of an unknown VR, or of none, which is dropped."""
# What no table has:
REFERENCE: Final = 23
"""A content item that is nothing but a reference to another; held until it is known where that one stands."""
FRAGMENT: Final = 24
"""A sequence that was walked before, elsewhere."""
