"""The kinds of entries of a decision table: what the walker does with an element.

They are plain numbers, since comparing members of an Enum would cost more than the work itself. Their order matters.
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
"""Kept if the value is legal and does not identify the patient."""
SEQUENCE: Final = 8
SEARCHED: Final = 9
"""A sequence that is removed, and searched for names and numbers that must not be left in free text elsewhere."""
OPAQUE: Final = 10
"""A value of VR UN, which may be an encoded sequence."""
CHOSEN: Final = 11
"""A sequence that is searched like a SEARCHED one, and removed or replaced once the SOP Class is known."""
PLAIN: Final = 11
"""The last of the kinds whose treatment depends on the element's bytes alone, apart from pending elements."""
ADD_TEXT: Final = 12
ADD_CODES: Final = 13
DECLARED: Final = 14
"""The Private Data Element Characteristics Sequence."""
CONTENT: Final = 15
"""A sequence of content items, each of which is decided on before it is walked (PS3.15 Section E.3.4)."""
COMPOUND: Final = 8
"""The first of the kinds that concern other elements too; kinds below it concern one element and its value."""
FIRST_CHANGING: Final = 2
"""The first of the kinds that change the element; those below it are passed over."""
LAST_CACHED: Final = 9
"""From COMPOUND to this kind, results of short sequences are cached; higher kinds are in `handlers`."""
VALUE_UNSEEN: Final = frozenset((KEPT, REMOVED))
"""The kinds for which the buffer need not hold the value, unless it is noted."""
VALUE_DROPPED: Final = frozenset((REMOVED, EMPTIED, CONSTANT, SEARCHED, CHOSEN))
"""The kinds for which nothing of the value is kept."""
# Kinds that concern later elements or the structure:
SPECIAL: Final = 16
STREAMED: Final = 16
LEFT_OUT: Final = 17
CHARACTER_SET: Final = 18
PRIVATE: Final = 19
DELIMITER: Final = 20
BOUNDARY: Final = 21
STRAY: Final = 22
"""An element of an unknown VR, or of none, which is dropped."""
# Kinds of pending elements that are in no table:
REFERENCE: Final = 23
"""A by-reference content item, held until its target's new position is known."""
FRAGMENT: Final = 24
"""Elements that were walked before (`fragment.Fragment`)."""
