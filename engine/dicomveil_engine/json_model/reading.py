"""What is read from a data set in DICOM JSON before it is changed: its identity, and its identifying values."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import replace
from functools import partial
from itertools import chain

from dicomveil_engine.attributes import characters, dictionary, legality
from dicomveil_engine.attributes.well_known import (
    SERIES_INSTANCE_UID,
    SOP_CLASS_UID,
    SOP_INSTANCE_UID,
    SPECIFIC_CHARACTER_SET,
    STUDY_INSTANCE_UID,
)
from dicomveil_engine.errors import InvalidDataSetError
from dicomveil_engine.json_model.elements import decoded
from dicomveil_engine.json_model.table import Entry
from dicomveil_engine.json_model.values import JSONDataSet, JSONElement, decode, encode
from dicomveil_engine.methods.base import Context, Values
from dicomveil_engine.profile.private import CHARACTERISTICS, CHARACTERISTICS_VRS, PrivateBlock
from dicomveil_engine.pseudonyms.identity import InstanceIdentity
from dicomveil_engine.rewriting.context import (
    CONTRIBUTION_VR,
    SUBJECT_TAGS,
    UNREADABLE,
    Named,
    Subject,
    identifying_texts,
    is_contribution,
    words_of,
)
from dicomveil_engine.rewriting.decisions import Decisions
from dicomveil_engine.text.own_words import OwnWords
from dicomveil_engine.text.words import IdentifyingWords

CHARACTER_SET = "00080005"
PIXELS_KEY = "7FE00008"
"""In Part 10, the header is written when Pixel Data or another long value that passes in chunks is reached: names after
it come too late for the texts before it."""
_KEYS = {tag: f"{tag:08X}" for tag in (*SUBJECT_TAGS, SOP_INSTANCE_UID)}
CHARACTERISTICS_KEY = f"{CHARACTERISTICS:08X}"
"""As in a stream, it does not apply to private elements before it."""


class Reading:
    """What is read from one data set."""

    def __init__(self, policy: Decisions, dataset: JSONDataSet, assumed: InstanceIdentity) -> None:
        self._policy = policy
        self._dataset = dataset
        self.identifying: dict[str, list[Named]] = {}
        """Key at the top level → the identifying values in that element, at any depth."""
        self.context = self._context(assumed)
        self.streamed: set[str] = set()
        """Keys at the top level of long values before which a stream of Part 10 writes what it has read."""
        self._ends = [PIXELS_KEY]
        self.contexts = [self.context]
        """The context at each of these values, and last at the end; only one if no name comes late."""
        self.declared = self._declared()
        """The private blocks that the data set describes."""

    def identify(self, key: str, entry: Entry, element: JSONElement, codecs: tuple[str, ...]) -> None:
        """Record the values of an identifying element, in the element `key` of the top level."""
        if entry.vr == "SQ" or "BulkDataURI" in element:
            return
        read = partial(decoded, element, entry.tag, entry.vr, codecs)
        texts = identifying_texts(entry.vr, read, self._policy, was_deidentified=self.context.was_deidentified)
        self.identifying.setdefault(key, []).extend(Named(text, entry.vr, entry.tag, codecs) for text in texts)

    def name(self, key: str, text: str) -> None:
        """Record a text in the place of an item, which is taken for a name and an identifier."""
        self.identifying.setdefault(key, []).extend(Named(text, vr, 0, characters.DEFAULT) for vr in ("PN", "LO"))

    def miss(self, key: str) -> None:
        """Record that the element `key` of the top level has something unread that may identify."""
        self.identifying.setdefault(key, []).append(UNREADABLE)

    def again(self) -> Reading:
        """A copy for a data set with the same identity, whose identifying values are still to be recorded."""
        new = Reading.__new__(Reading)
        vars(new).update(vars(self))  # `copy` takes longer than most of what follows
        new.identifying, new.streamed = {}, set()
        return new

    def join(self, header: Reading) -> None:
        """Add the identifying values of the whole data set of which this one is a part."""
        for key, named in header.identifying.items():
            self.identifying.setdefault(key, []).extend(named)

    def complete(self) -> None:
        """Add the identifying words to the context, once all elements have been read."""
        contributions = self._policy.contributions(self.context.study_instance_uid)
        every = list(chain.from_iterable(self.identifying.values()))
        if is_contribution((value.text for value in every if value.vr == CONTRIBUTION_VR), contributions):
            return
        limit, cleaning = self._policy.limits.names, self._policy.cleaning
        if not self.streamed and max(self.identifying, default="") < PIXELS_KEY:  # nothing comes late
            self._ends = [PIXELS_KEY]
            self.context.identifying, self.context.own = words_of(every, limit, cleaning)
            return
        self._ends = sorted({*self.streamed, PIXELS_KEY})
        named: list[list[Named]] = [[] for _ in (*self._ends, "")]
        for key, values in self.identifying.items():
            named[self._place(key)].extend(values)
        self.context.identifying, self.context.own = words_of(named[0], limit, cleaning)
        if len(named[0]) == len(every):
            return
        known = named[0]
        for more in named[1:]:
            context = self.contexts[-1]
            if more:
                known = [*known, *more]
                words, own = words_of(known, limit, cleaning)
                context = replace(context, identifying=words, own=own)
            self.contexts.append(context)

    def known_at(self, key: str) -> Context:
        """The context when a stream would write an element of the top level; `contexts[-1]` is the complete one."""
        return self.contexts[self._place(key)] if len(self.contexts) > 1 else self.context

    def known_before(self, key: str) -> Context:
        """The context when a stream would begin to pass a long value."""
        return self.contexts[bisect_left(self._ends, key)] if len(self.contexts) > 1 else self.context

    def _place(self, key: str) -> int:
        return bisect_right(self._ends, key)

    def _context(self, assumed: InstanceIdentity) -> Context:
        texts = {tag: self._text(tag) for tag in SUBJECT_TAGS}
        texts[SOP_CLASS_UID] = texts[SOP_CLASS_UID] or assumed.sop_class_uid
        texts[STUDY_INSTANCE_UID] = texts[STUDY_INSTANCE_UID] or assumed.study_instance_uid
        texts[SERIES_INSTANCE_UID] = texts[SERIES_INSTANCE_UID] or assumed.series_instance_uid
        instance = self._text(SOP_INSTANCE_UID) or assumed.sop_instance_uid
        return Subject(texts, self._policy).context(instance, IdentifyingWords(self._policy.cleaning), OwnWords())

    def _text(self, tag: int) -> str:
        element = self._dataset.get(_KEYS[tag])
        return text_of(element) if isinstance(element, dict) else ""

    def _declared(self) -> tuple[PrivateBlock, ...]:
        """The private blocks that the data set describes; none if that cannot be read or is not kept."""
        sequence = self._dataset.get(CHARACTERISTICS_KEY)
        if not self._policy.retains_safe_private or not self._policy.keeps(CHARACTERISTICS, "SQ"):
            return ()
        items = sequence.get("Value") if isinstance(sequence, dict) and sequence.get("vr") == "SQ" else None
        try:
            blocks = [PrivateBlock.of(_characteristics(item or {})) for item in items or ()]  # type: ignore[attr-defined]
        except (ValueError, TypeError, AttributeError):
            return ()
        return tuple(block for block in blocks if block)


def text_of(element: JSONElement) -> str:
    """The single value of a text; "" if there are several, since these do not identify a study."""
    vr = str(element.get("vr", "LO"))
    try:
        values = decode(element, vr if vr != "UN" else "LO", characters.DEFAULT)
    except (ValueError, TypeError):
        return ""
    return str(values[0]).strip(" \0") if isinstance(values, list) and len(values) == 1 else ""


def codecs_of(element: JSONElement) -> tuple[str, ...]:
    """The character sets that Specific Character Set names."""
    return characters.codecs_of("\\".join(_terms(element)).encode("latin-1", "replace"))


def legal_character_sets(element: JSONElement) -> JSONElement:
    """Specific Character Set, with defined terms only."""
    terms = _terms(element)
    legal = legality.legal_character_sets(terms)
    return element if legal == terms and element.keys() <= {"vr", "Value"} else encode("CS", list(legal))


def _terms(element: JSONElement) -> list[str]:
    """The terms of (0008,0005). Raises InvalidDataSetError if they cannot be read."""
    vr = str(element.get("vr", "UN"))
    if vr not in {"CS", "UN"}:
        raise InvalidDataSetError(f"{dictionary.described(SPECIFIC_CHARACTER_SET, vr)} has a VR that it cannot have")
    return [str(term).strip(" \0") for term in decoded(element, SPECIFIC_CHARACTER_SET, "CS", characters.DEFAULT)]


def _characteristics(item: JSONDataSet) -> dict[int, Values]:
    """The values of an item of the Private Data Element Characteristics Sequence, by tag."""
    elements = {tag: (item.get(f"{tag:08X}"), vr) for tag, vr in CHARACTERISTICS_VRS.items()}
    return {
        tag: decode(element, vr, characters.DEFAULT)
        for tag, (element, vr) in elements.items()
        if element is not None and element.get("vr") == vr
    }
