"""The state of the walk through one data set, and functions that all parts of the walk need.

The walks themselves are in `top_level`, `recursion` and `search`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from dicomveil_engine.attributes import characters, dictionary, legality
from dicomveil_engine.attributes.well_known import PIXEL_DATA
from dicomveil_engine.bounded_cache import cached
from dicomveil_engine.errors import DeidentificationError, InvalidDataSetError
from dicomveil_engine.part10 import kinds
from dicomveil_engine.part10.creators import Creators
from dicomveil_engine.part10.encoding import DELIMITER_GROUP, UNDEFINED, Encoding
from dicomveil_engine.part10.reading import UNREAD, Reading
from dicomveil_engine.part10.repeats import Place
from dicomveil_engine.part10.section import DueAttributes, Section
from dicomveil_engine.part10.skip import end_of_sequence
from dicomveil_engine.part10.table import DecisionTable, Entry
from dicomveil_engine.part10.tables import Tables
from dicomveil_engine.profile.private import LONGEST_CREATOR, PrivateBlock, is_declared_safe
from dicomveil_engine.rewriting.decisions import Decisions

_SHARE_UNQUESTIONED = 12
_BYTES_FOR_EACH = 96
"""An element that changes takes up to 900 bytes of memory, however short it is. Beyond a twelfth of the limit of
changed elements, each must have so many bytes that memory stays within ten times the data set's size."""


class NeedMoreError(Exception):
    """The buffer ends within an element; walk again when it reaches `until`."""

    def __init__(self, until: int) -> None:
        self.until = until


class ItemWalk:
    """What the elements of an item have in common while it is walked; the data set itself is at depth 0.

    It is reused for the next item of a sequence with the same character set, which is faster than a new one.
    """

    __slots__ = ("codecs", "creators", "depth", "end", "is_open", "place")

    def __init__(
        self,
        end: int,
        is_open: bool,
        depth: int,
        codecs: tuple[str, ...],
        place: Place,
        creators: Creators | None = None,
    ) -> None:
        self.end = end
        """The end of the item; if it is open, the latest possible one."""
        self.is_open = is_open
        """Whether its length is undefined, so that more bytes may belong to it."""
        self.depth = depth
        self.codecs = codecs
        self.place = place
        """The cache for elements of this item."""
        self.creators = creators
        """None before the first private element."""


Handler = Callable[["State", Entry, int, int, ItemWalk], int]
"""(state, entry of an element, its position, its length, the item that holds it) → its end."""


class State:
    """The state of one walk."""

    def __init__(self, policy: Decisions, tables: Tables, handlers: Mapping[int, Handler]) -> None:
        self.reading = Reading(policy, tables.readings)
        self.policy = policy
        self.depth_limit = policy.limits.depth
        self.element_limit = policy.limits.elements
        self.unquestioned = self.element_limit // _SHARE_UNQUESTIONED
        """The number of changed elements up to which their length does not matter."""
        self.tables = tables
        self.handlers = handlers
        """Kind → handler of an element that contains others."""
        self.encoding = tables.encoding
        self.stage = 0
        """The index of the current table of the top level."""
        self.claims = DueAttributes(tables.claims)
        self.section = Section()
        self.codecs = characters.DEFAULT
        self.creators = Creators()
        """The private creators of the top level."""
        self.declared: tuple[PrivateBlock, ...] = ()
        """The private blocks that the instance describes; private elements before that sequence are not safe."""
        self.buffer = b""
        self.is_complete = False
        """Whether the buffer holds the rest of the instance."""
        self.position = 0
        """The position of the next element of the top level in the buffer."""
        self.streamed: tuple[Entry, int] | None = None
        """The element at the position, and its length, if it is passed through in chunks."""

    def place(self, depth: int, name: str, codecs: tuple[str, ...]) -> Place:
        """The cache for this depth, encoding and character set."""
        return self.tables.repeats[depth, name, codecs, self.declared]

    def tables_of(self, encoding: Encoding) -> Tables:
        """The policy's tables for items in this encoding, which for UN differs from that of the data set."""
        return self.tables if encoding is self.encoding else Tables.of(self.policy, encoding)


def refuse_short(until: int, is_open: bool) -> None:
    """Raise the error for an element that exceeds its item: wait for more bytes if the item is open, else refuse."""
    if is_open:
        raise NeedMoreError(until)
    raise InvalidDataSetError("an element reaches beyond the item that holds it")


def refuse_many(state: State, position: int) -> None:
    """Refuse too many changed elements, absolutely or for the bytes up to this position."""
    limit, number = state.element_limit, len(state.section.starts)
    if number > limit:
        what = f"more than {limit} elements change"
    elif number > state.unquestioned + position // _BYTES_FOR_EACH:
        what = f"more than {state.unquestioned} elements change, which have fewer than {_BYTES_FOR_EACH} bytes each"
    else:
        return
    raise InvalidDataSetError(f"{what}; raise the limit elements if such instances are to pass")


_DELIMITER_BYTES = 8


def end_of_value(state: State, entry: Entry, value_at: int, depth: int) -> int:
    """The end of a value of undefined length that is dropped. Raises DeidentificationError if its value is needed."""
    # The Pixel Data of an icon may be encapsulated (PS3.5 Section A.4).
    is_pixels = entry.kind in {kinds.KEPT, kinds.CHECKED} and entry.vr in {"OB", "OW"} and entry.tag == PIXEL_DATA
    if entry.kind not in kinds.VALUE_DROPPED and not is_pixels:
        raise DeidentificationError(
            f"{dictionary.described(entry.tag, entry.vr)} has an undefined length; {entry.rule} needs its value"
        )
    after = end_of_sequence(state.buffer, value_at, entry.values, state.depth_limit - depth)
    if entry.identifies and after > value_at + _DELIMITER_BYTES:
        state.reading.identifying.append(UNREAD)
    return after


_LONGEST_STRAY = 1 << 20
"""Bytes of the longest element of an unknown VR that is dropped."""


def end_of_stray(state: State, tag: int, position: int, end: int, is_open: bool, encoding: Encoding) -> int:
    """The end of a dropped element with an unknown VR, or in implicit VR within explicit VR.

    Its length is confirmed by what follows: an element with a higher tag and a VR, a delimiter, or the end of the item.
    """
    buffer = state.buffer
    vr = buffer[position + 4 : position + 6]
    (unwritten,), (short,) = (
        encoding.u32.unpack_from(buffer, position + 4),
        encoding.u16.unpack_from(buffer, position + 6),
    )
    lengths = [(8, short), (8, unwritten)] if all(0x20 < byte < 0x7F for byte in vr) else [(8, unwritten), (8, short)]
    if not short:
        (long,) = encoding.u32.unpack_from(buffer, position + 8)
        lengths.insert(1, (12, long))
    for head, length in lengths:
        after: int = position + head + length
        if length > _LONGEST_STRAY or (after > end and not is_open):
            continue
        if after + 8 > len(buffer) and is_open and not state.is_complete:
            raise NeedMoreError(after + 8)
        if after in {end, len(buffer)} or _may_be_element(buffer, after, tag, encoding):
            return after
    raise InvalidDataSetError(f"{dictionary.described(tag)} has a VR that PS3.5 does not know")


def _may_be_element(buffer: bytes, position: int, before: int, encoding: Encoding) -> bool:
    """Whether an element or delimiter may begin here, after an element with the tag `before`."""
    head = buffer[position : position + 6]
    if len(head) < 6:
        return False
    group, element = encoding.tag.unpack_from(head)
    return group == DELIMITER_GROUP or (group << 16 | element > before and head[4:].decode("latin-1") in dictionary.VRS)


def read_character_set(
    state: State, entry: Entry, position: int, length: int, end: int, is_open: bool
) -> tuple[str, ...]:
    """The codecs for the elements after this one, which is reduced to defined terms."""
    value_at, after = position + entry.head, position + entry.head + length
    if entry.vr != "CS" or length == UNDEFINED:
        # As a sequence, its items would be kept.
        raise InvalidDataSetError(f"{dictionary.described(entry.tag, entry.vr)} has a VR that it cannot have")
    if after > end:
        refuse_short(after, is_open)
    value = state.buffer[value_at:after]
    legal = _legal_character_sets(value)
    if legal is not None:
        new = entry.encoding.element_head(entry.key, len(legal)) + legal
        state.section.replace(state.buffer, position, after, new)
    return characters.codecs_of(value)


_CHARACTER_SETS_CACHED = 256


@cached(_CHARACTER_SETS_CACHED)
def _legal_character_sets(value: bytes) -> bytes | None:
    """The value of (0008,0005) with defined terms only, padded; None if it has no others."""
    terms = [term.strip(" \0") for term in value.decode("latin-1").split("\\")]
    legal = legality.legal_character_sets(terms)
    if terms in (legal, [""]):
        return None
    new = "\\".join(legal).encode("ascii")
    return new + b" " if len(new) % 2 else new


def decide_private(
    state: State, table: DecisionTable, entry: Entry, position: int, length: int, item: ItemWalk
) -> Entry | None:
    """The entry of a private element by its creator; None for a private creator, which is held back."""
    creators = item.creators
    if creators is None:
        creators = item.creators = Creators()
    if 0x10 <= entry.tag & 0xFFFF <= 0xFF:
        value_at, after = position + entry.head, position + entry.head + length
        if after > item.end:
            refuse_short(after, item.is_open)
        name = characters.decode(state.buffer[value_at:after], item.codecs).strip(" \0")[:LONGEST_CREATOR]
        creators.hold(entry.tag, name, state.section, state.buffer, position, after)
        return None
    creator = creators.name_of(entry.tag)
    declared = is_declared_safe(state.declared, entry.tag, creator)
    decided = table.private(entry, creator, declared=declared)
    if decided.kind != kinds.REMOVED and (decided.kind != kinds.SEARCHED or decided.constant):
        creators.release(entry.tag, state.section, state.buffer, position)
    return decided
