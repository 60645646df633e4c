"""The policy's decisions as the walker meets them: one look-up per element, by its first bytes.

A table is filled on demand from the policy, so that the hot path is a dict and nothing else. It knows no
values and no positions.
"""

from __future__ import annotations

from dicomveil_engine.attributes import dictionary, legality
from dicomveil_engine.attributes.characters import DEFAULT
from dicomveil_engine.attributes.well_known import SOP_INSTANCE_UID, SPECIFIC_CHARACTER_SET
from dicomveil_engine.code_streams.native import IMAGE_TAGS
from dicomveil_engine.errors import InvalidDataSetError
from dicomveil_engine.methods.base import Method
from dicomveil_engine.methods.effect import Effect
from dicomveil_engine.part10 import kinds
from dicomveil_engine.part10.encoding import DELIMITER_GROUP, IMPLICIT_LITTLE, LONG_VRS, Encoding
from dicomveil_engine.part10.new_uids import USUAL_BYTES
from dicomveil_engine.profile.private import CHARACTERISTICS
from dicomveil_engine.rewriting import checking
from dicomveil_engine.rewriting.context import SUBJECT_TAGS
from dicomveil_engine.rewriting.decisions import Decision, Decisions
from dicomveil_engine.rewriting.deidentification_attributes import DEIDENTIFICATION_TAGS
from dicomveil_engine.rewriting.dummies import dummy_items
from dicomveil_engine.rewriting.treatment import Treatment, constant_of, treatment_of, treatment_of_claim
from dicomveil_engine.structured_content.content_items import ContentPlan
from dicomveil_engine.text.identifying import is_identifying

CONTEXT_TAGS = frozenset((*SUBJECT_TAGS, SOP_INSTANCE_UID))
"""What says which instance, study or patient this is; read at the top level only."""

FIRST_STREAMED = 0x7FE00008
LAST_STREAMED = 0x7FE00010
"""Float, double float and integer Pixel Data (PS3.3 C.7.6.24, C.7.6.3) pass through in chunks."""

_SEARCHED_VRS = frozenset((b"PN", b"SQ"))
"""Private elements whose words must not survive in free text, although they are removed."""

PASSED_KEY = 64
"""Bytes by which elements that are kept are looked for: the coordinates of contours begin within so many."""
LONGEST_PASSED = 1 << 14
_SHORTEST_PASSED = 64
"""Bytes of a plain number or time that is longer than those which are looked at each time."""
_BYTES_PASSED = 1 << 22
_BYTES_BESIDE = 64
"""Bytes of values that are known to pass, for one kind of element; few kinds have more than some hundreds."""
_ENTRIES_CACHED = 4_096
"""Untrusted input may have any tag with any VR; beyond this many a table looks each one up anew."""

NO_BOUNDARY = 0xFFFFFFFF


_KINDS = {
    Treatment.KEEP: kinds.KEPT,
    Treatment.KEEP_UNREAD: kinds.OPAQUE,
    Treatment.CHECKED_KEEP: kinds.CHECKED,
    Treatment.DROP: kinds.REMOVED,
    Treatment.EMPTY: kinds.EMPTIED,
    Treatment.CONSTANT: kinds.CONSTANT,
    Treatment.REPLACE_UIDS: kinds.UID,
    Treatment.APPLY: kinds.CHANGED,
    Treatment.CHOOSE: kinds.CHANGED,
    Treatment.RECURSE: kinds.SEQUENCE,
    Treatment.JUDGE_ITEMS: kinds.CONTENT,
    Treatment.ADD_TEXT: kinds.MARK_TEXT,
    Treatment.ADD_CODES: kinds.MARK_CODES,
}
"""Treatment → what the walker does."""
_SEQUENCE_KINDS = _KINDS | {Treatment.CHOOSE: kinds.CHOSEN}


class Entry:
    """What to do with one kind of element."""

    __slots__ = (
        "_plain",
        "_room",
        "constant",
        "encoding",
        "head",
        "identifies",
        "is_context",
        "is_image",
        "is_looked_at",
        "is_over",
        "is_top",
        "key",
        "kind",
        "method",
        "noted",
        "passed",
        "rule",
        "signs",
        "tag",
        "usual_uid_head",
        "values",
        "vr",
    )

    def __init__(self, kind: int, tag: int, vr: str, key: bytes, head: int, table: DecisionTable | None) -> None:
        self.kind = kind
        self.tag = tag
        self.vr = vr
        """The effective VR: what the dictionary says where the encoding says nothing or UN."""
        self.key = key
        self.head = head
        """Bytes before the value: 8, or 12 for the long form of explicit VR."""
        # A table is a dict, and at its first entry an empty one: do not ask for its truth.
        self.encoding = table.encoding if table is not None else IMPLICIT_LITTLE
        self.values = IMPLICIT_LITTLE if key[4:] == b"UN" else self.encoding
        """How the value is encoded: what is UN is in implicit VR little endian (PS3.5 Section 6.2.2)."""
        self.is_top = table.is_top if table is not None else False
        self.method: Method | None = None
        self.signs: tuple[Entry, Entry] | None = None
        """For an attribute whose VR is not written, and is US or SS: what is done with unsigned and signed values."""
        self.rule = "the policy"
        """What made the decision, for messages."""
        self.identifies = False
        """Whether the value must not survive in free text."""
        self.is_context = False
        """Whether it says which instance, study or patient this is."""
        self.is_image = False
        """Whether it says how long Pixel Data is, and which of its bits are pixels."""
        self.noted = False
        """Whether the walker notes the value: decisions about other elements need it."""
        self.passed: set[bytes] = set()
        """For CHECKED: values that are legal and name nobody, and of which nothing is noted."""
        self.is_looked_at = False
        """Whether it is CHECKED, has a short head with a length of 16 bits, and is not noted."""
        self.is_over: bool = False
        """Whether it can be passed over in what is dropped: a short head with a length of 16 bits, nothing noted."""
        self._room = _BYTES_PASSED
        self._plain = legality.plain(vr)
        self.constant = b""
        """What takes its place, where that is the same in every data set."""
        self.usual_uid_head = b""
        """For UID: what comes before a pseudonym of the usual length."""

    def passes(self, value: bytes) -> bool:
        """Whether a value that is CHECKED can be kept, whatever else the instance says."""
        if self._plain is not None and self._plain(value):
            if len(value) <= _SHORTEST_PASSED:
                return True  # to recognise it again costs as much
        else:
            try:
                values = self.values.decode(self.vr, value, DEFAULT)
            except ValueError:
                return False
            if not checking.passes(self.tag, self.vr, values):
                return False
        # What is noted must be looked at each time: `passed` says that nothing else is to be done.
        if not self.noted and len(value) <= LONGEST_PASSED:
            self._room -= len(value) + _BYTES_BESIDE
            if self._room < 0:
                self.passed.clear()
                self._room = _BYTES_PASSED
            self.passed.add(value)
        return True

    def emptied(self) -> bytes:
        """The element without a value."""
        return self.encoding.element_head(self.key, 0)

    def replaced(self, method: Method) -> bytes:
        """The element with what the method puts in its place in every data set."""
        if self.vr == "SQ":
            value = self.values.encode_items(dummy_items(self.tag))
        else:
            value = self.values.encode(self.vr, constant_of(method, self.tag, self.vr), ("iso8859",))
        return self.encoding.element_head(self.key, len(value)) + value


Pending = tuple[Entry, bytes, tuple[str, ...]]
"""An element whose method needs values, and perhaps the rest of the header: its entry, the element as it came, and
its character set. Equal ones have equal results in equal contexts."""

KEEP = Entry(kinds.KEPT, 0, "", b"", 8, None)
"""The commonest entry: kept as it is, short head. Compared by identity."""
KEEP.is_over = True


DROP = Entry(kinds.REMOVED, 0, "", b"", 8, None)
"""The next commonest: removed unread, short head."""
DROP.is_over = True


class DecisionTable(dict[bytes, Entry]):
    """Element key → entry, for one policy, encoding and place."""

    def __init__(
        self,
        policy: Decisions,
        encoding: Encoding,
        *,
        top: bool,
        until: int = NO_BOUNDARY,
        plan: ContentPlan | None = None,
    ) -> None:
        super().__init__()
        self._plan = plan
        """The plan of the content item whose elements are looked up; None elsewhere."""
        self.encoding = encoding
        self.until = until
        """Tags above this one are a boundary: something is to be written before them."""
        self._policy = policy
        self.is_top = top
        self.passed: dict[bytes, bytes] = {}
        """Elements one behind the other that are kept whatever the data set says, and of which nothing is noted, by
        how they begin. To compare long ones costs less than to slice and hash their values."""
        self._room = _BYTES_PASSED
        self._by_creator: dict[tuple[bytes, str | None, bool], Entry] = {}

    def __missing__(self, key: bytes) -> Entry:
        entry = self._make(key)
        if len(self) < _ENTRIES_CACHED:
            self[key] = entry
        return entry

    def learn(self, elements: bytes) -> None:
        """Remember elements that are kept, and of which nothing is noted."""
        self._room -= len(elements) + _BYTES_BESIDE
        if self._room < 0:
            self.passed.clear()
            self._room = _BYTES_PASSED
        self.passed[elements[:PASSED_KEY]] = elements

    def private(self, entry: Entry, creator: str | None, *, declared: bool = False) -> Entry:
        """The entry of a private element, now that its creator is known, and whether it is declared safe."""
        found = self._by_creator.get((entry.key, creator, declared))
        if found is None:
            found = self._decided(entry.tag, entry.key, entry.head, creator, declared=declared)
            if len(self._by_creator) < _ENTRIES_CACHED:
                self._by_creator[entry.key, creator, declared] = found
        return found

    def _make(self, key: bytes) -> Entry:
        encoding = self.encoding
        group, element = encoding.tag.unpack_from(key)
        tag = group << 16 | element
        if group == DELIMITER_GROUP:
            return Entry(kinds.DELIMITER, tag, "", key, 8, self)
        if tag > self.until:
            return Entry(kinds.BOUNDARY, tag, "", key, 8, self)
        if self.is_top and not any(key):
            # Writers fill the last block of a medium with zeros, eight of which read as an element of no length.
            return Entry(kinds.REMOVED, tag, "UN", key, 8, self)
        head = 8
        if not encoding.implicit:
            vr = key[4:].decode("latin-1")
            if vr not in dictionary.VRS:
                expected = dictionary.vr_of(tag) or "UN"
                if group & 1 or self._policy.decide(tag, expected).method.effect(expected) is Effect.REMOVE:
                    return Entry(kinds.STRAY, tag, "UN", key, 8, self)
                raise InvalidDataSetError(f"{dictionary.described(tag)} has a VR that PS3.5 does not know")
            head = 12 if vr in LONG_VRS else 8
        if group & 1:
            if not self._policy.removes_private:
                return Entry(kinds.PRIVATE, tag, "", key, head, self)
            if key[4:] not in _SEARCHED_VRS:
                if head == 8 and not encoding.implicit:  # which may have an undefined length
                    return DROP
                return Entry(kinds.REMOVED, tag, "UN", key, head, self)
        return self._decided(tag, key, head, None)

    def _decided(self, tag: int, key: bytes, head: int, creator: str | None, *, declared: bool = False) -> Entry:
        vr = "UN" if self.encoding.implicit else key[4:].decode("latin-1")
        if vr == "UN":
            vr = dictionary.vr_of(tag, creator) or "UN"
            if dictionary.is_signed_or_not(tag):
                return self._signed_or_not(tag, key, head)
        return self._decided_for(tag, vr, key, head, creator, declared=declared)

    def _signed_or_not(self, tag: int, key: bytes, head: int) -> Entry:
        """The entry of an attribute that is US or SS by what another one says, which need not come before it."""
        unsigned, signed = (self._decided_for(tag, vr, key, head, None) for vr in ("US", "SS"))
        if unsigned.kind == signed.kind and unsigned.kind not in {kinds.CHANGED, kinds.CONSTANT}:
            return unsigned
        entry = Entry(kinds.CHANGED, tag, "US", key, head, self)
        entry.signs = unsigned, signed
        return entry

    def _decided_for(
        self, tag: int, vr: str, key: bytes, head: int, creator: str | None, *, declared: bool = False
    ) -> Entry:
        encoding = self.encoding
        if self._plan is None or declared:
            decision = self._policy.decide(tag, vr, creator, declared)
        else:
            decision = self._policy.decide_in_content(self._plan, tag, vr, creator)
        entry = Entry(kinds.CHANGED, tag, vr, key, head, self)
        entry.method, entry.rule = decision.method, decision.rule
        self._classify(entry, decision)
        if vr == "SQ" and entry.kind in kinds.VALUE_DROPPED and entry.kind != kinds.CHOSEN:
            entry.kind = kinds.SEARCHED
        entry.identifies = is_identifying(tag, vr) and not decision.method.effect(vr).keeps
        entry.is_context = self.is_top and tag in CONTEXT_TAGS
        entry.is_image = self.is_top and tag in IMAGE_TAGS
        entry.noted = entry.identifies or entry.is_context or entry.is_image
        if self.is_top and FIRST_STREAMED <= tag <= LAST_STREAMED:
            self._classify_pixels(entry)
        elif entry.kind == kinds.KEPT:
            if entry.noted:
                entry.kind = kinds.NOTED
            elif head == 8:
                return KEEP
        elif entry.kind == kinds.REMOVED and head == 8 and not entry.noted and not encoding.implicit:
            return DROP
        entry.is_over = entry.kind < kinds.COMPOUND and head == 8 and not entry.noted and not encoding.implicit
        entry.is_looked_at = entry.is_over and entry.kind == kinds.CHECKED
        return entry

    def _classify_pixels(self, entry: Entry) -> None:
        """Pixel Data passes in chunks, or is left out in chunks; either way it is never held."""
        if entry.kind in {kinds.KEPT, kinds.CHECKED}:
            entry.kind = kinds.STREAMED
        elif entry.kind in {kinds.REMOVED, kinds.EMPTIED, kinds.CONSTANT}:
            entry.kind = kinds.LEFT_OUT

    def _classify(self, entry: Entry, decision: Decision) -> None:
        tag, vr, method = entry.tag, entry.vr, decision.method
        if self.is_top and self._policy.claims is not None and tag in DEIDENTIFICATION_TAGS:
            treatment = treatment_of_claim(tag, "UN" if entry.key[4:] == b"UN" else vr)
        elif tag == SPECIFIC_CHARACTER_SET:
            entry.kind = kinds.CHARACTER_SET
            return
        else:
            if not self.is_top:
                entry.method = method = method.chosen(tag, "", is_top=False)
            treatment = treatment_of(method, vr, is_checked=decision.is_checked)
        entry.kind = (_SEQUENCE_KINDS if vr == "SQ" else _KINDS)[treatment]
        if treatment is Treatment.EMPTY:
            entry.constant = entry.emptied()
        elif treatment is Treatment.CONSTANT:
            entry.constant = entry.replaced(method)
        elif treatment is Treatment.REPLACE_UIDS:
            entry.usual_uid_head = self.encoding.element_head(entry.key, USUAL_BYTES)
        elif treatment is Treatment.ADD_TEXT:
            entry.method, entry.rule = self._policy.add_method_text, "the de-identification attributes"
        elif treatment is Treatment.RECURSE and self.is_top and tag == CHARACTERISTICS:
            entry.kind = kinds.DECLARED if self._policy.retains_safe_private else kinds.SEQUENCE
