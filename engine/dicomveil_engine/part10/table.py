"""Decision tables: the policy's decision on an element, looked up by the element's first bytes.

A table is filled on demand from the policy, so that the hot path is one look-up in a dict. Values and positions have no
place here.
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
from dicomveil_engine.rewriting.checking import PIXELS
from dicomveil_engine.rewriting.context import SUBJECT_TAGS
from dicomveil_engine.rewriting.decisions import Decision, Decisions
from dicomveil_engine.rewriting.deidentification_attributes import DEIDENTIFICATION_TAGS
from dicomveil_engine.rewriting.dummies import dummy_items
from dicomveil_engine.rewriting.treatment import Treatment, constant_of, treatment_of, treatment_of_claim
from dicomveil_engine.structured_content.content_items import ContentPlan
from dicomveil_engine.text.identifying import is_identifying

CONTEXT_TAGS = frozenset((*SUBJECT_TAGS, SOP_INSTANCE_UID))
"""The attributes that identify instance, series, study and patient; read at the top level only."""

FIRST_STREAMED = 0x7FE00008
LAST_STREAMED = 0x7FE00010
"""Float, Double Float and integer Pixel Data (PS3.3 Sections C.7.6.24 and C.7.6.3) pass through in chunks."""

_SEARCHED_VRS = frozenset((b"PN", b"SQ"))
"""VRs of private elements whose words must not be left in free text, although the elements are removed."""

PASSED_KEY = 64
"""Bytes by which runs of kept elements are looked up; in contours, they include the first coordinates."""
LONGEST_PASSED = 1 << 14
SHORTEST_PASSED = 64
"""Bytes of a plain number or time from which it is cached; shorter ones are checked each time."""
_BYTES_PASSED = 1 << 22
"""Bytes of values that are known to pass, cached for one kind of element; most need a few hundred."""
_BYTES_BESIDE = 64
"""The overhead of a cached value."""
_ENTRIES_CACHED = 4_096
"""A full table begins anew: untrusted input may have any tag with any VR, and must not fill one for good."""

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
    Treatment.ADD_TEXT: kinds.ADD_TEXT,
    Treatment.ADD_CODES: kinds.ADD_CODES,
}
"""Treatment → kind."""
_SEQUENCE_KINDS = _KINDS | {Treatment.CHOOSE: kinds.CHOSEN}


class Entry:
    """The decision on elements with one key, prepared for the walker."""

    __slots__ = (
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
        "plain",
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
        """The effective VR: that of the dictionary if the encoding has no VR or UN."""
        self.key = key
        self.head = head
        """Bytes before the value: 8, or 12 for the long form of explicit VR."""
        # `is not None`, since a table is a dict, which is empty and so false at its first entry.
        self.encoding = table.encoding if table is not None else IMPLICIT_LITTLE
        self.values = IMPLICIT_LITTLE if key[4:] == b"UN" else self.encoding
        """The encoding of the value; for UN, implicit VR little endian (PS3.5 Section 6.2.2)."""
        self.is_top = table.is_top if table is not None else False
        self.method: Method | None = None
        self.signs: tuple[Entry, Entry] | None = None
        """In implicit VR, for an attribute that is US or SS: the entries for unsigned and signed values."""
        self.rule = "the policy"
        """The rule that made the decision, for messages."""
        self.identifies = False
        """Whether the value must not be left in free text."""
        self.is_context = False
        """Whether the attribute is in CONTEXT_TAGS."""
        self.is_image = False
        """Whether the attribute is in IMAGE_TAGS."""
        self.noted = False
        """Whether the walker notes the value, since other elements depend on it."""
        self.passed: set[bytes] = set()
        """For CHECKED: values that are known to pass and are not noted."""
        self.is_looked_at = False
        """Whether it is CHECKED, not noted, and has a head of 8 bytes with a length of 16 bits."""
        self.is_over: bool = False
        """Whether a search passes over it: not noted, and with a head of 8 bytes with a length of 16 bits."""
        self._room = _BYTES_PASSED
        self.plain = legality.plain(vr)
        """Matches harmless values of the VR, which need no other check if they are short."""
        self.constant = b""
        """The replacement, if it is the same in every data set."""
        self.usual_uid_head = b""
        """For UID: the head for a pseudonym of the usual length."""

    def passes(self, value: bytes) -> bool:
        """Whether a CHECKED value can be kept in any data set (`rewriting.checking`)."""
        is_short = len(value) <= SHORTEST_PASSED
        if is_short and self.plain is not None and self.plain(value):
            return True  # a look-up would take as long
        if value in self.passed:
            return True
        if is_short or self.plain is None or not self.plain(value):
            try:
                values = self.values.decode(self.vr, value, DEFAULT)
            except ValueError:
                return False
            if not checking.passes(self.tag, self.vr, values):
                return False
        # A noted value is not cached, since the walker passes over cached ones without noting them.
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
        """The element with the method's constant value."""
        if self.vr == "SQ":
            value = self.values.encode_items(dummy_items(self.tag))
        else:
            value = self.values.encode(self.vr, constant_of(method, self.tag, self.vr), ("iso8859",))
        return self.encoding.element_head(self.key, len(value)) + value


Pending = tuple[Entry, bytes, tuple[str, ...]]
"""An element to be resolved when the header is known: its entry, its bytes, and the codecs of its text. Equal ones have
equal results in equal contexts."""

KEEP = Entry(kinds.KEPT, 0, "", b"", 8, None)
"""The most frequent entry: kept, with a head of 8 bytes. Compared by identity."""
KEEP.is_over = True


DROP = Entry(kinds.REMOVED, 0, "", b"", 8, None)
"""The next most frequent: removed unread, with a head of 8 bytes. Compared by identity."""
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
        """The plan of the content item, in a table for its elements; else None."""
        self.encoding = encoding
        self.until = until
        """Tags above this one are a BOUNDARY, before which de-identification attributes are written."""
        self._policy = policy
        self.is_top = top
        self.passed: dict[bytes, bytes] = {}
        """Beginning of a run of elements that are kept in any data set and not noted → the run. Comparing it as a whole
        is faster than hashing the values in it."""
        self._room = _BYTES_PASSED
        self._by_creator: dict[tuple[bytes, str | None, bool], Entry] = {}

    def __missing__(self, key: bytes) -> Entry:
        entry = self._make(key)
        if len(self) >= _ENTRIES_CACHED:
            self.clear()
        self[key] = entry
        return entry

    def learn(self, elements: bytes) -> None:
        """Cache consecutive elements that are kept and not noted."""
        self._room -= len(elements) + _BYTES_BESIDE
        if self._room < 0:
            self.passed.clear()
            self._room = _BYTES_PASSED
        self.passed[elements[:PASSED_KEY]] = elements

    def private(self, entry: Entry, creator: str | None, *, declared: bool = False) -> Entry:
        """The entry of a private element by its creator, and whether it is declared safe."""
        found = self._by_creator.get((entry.key, creator, declared))
        if found is None:
            found = self._decided(entry.tag, entry.key, entry.head, creator, declared=declared)
            if len(self._by_creator) >= _ENTRIES_CACHED:
                self._by_creator.clear()
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
            # Zeros that fill the last block of a medium look like elements of zero length.
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
                if head == 8 and not encoding.implicit:  # others may have an undefined length
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
        """The entry of an attribute that is US or SS, depending on Pixel Representation, which may come later."""
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
        """Classify Pixel Data, which is passed or dropped in chunks and never held."""
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
            # Pixels of the top level are checked while they pass.
            is_nested = tag in PIXELS and not self.is_top and self._policy.claims is not None
            treatment = treatment_of(method, vr, is_checked=decision.is_checked or is_nested)
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
