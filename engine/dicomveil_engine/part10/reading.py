"""Values of an instance on which other elements depend: noted by the walker, decoded when needed.

The instances of a series have nearly all of them in common, so what follows from them is cached.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache, partial
from itertools import chain
from typing import Final, NamedTuple

from dicomveil_engine.attributes import dictionary
from dicomveil_engine.attributes.well_known import PIXEL_REPRESENTATION
from dicomveil_engine.errors import InvalidDataSetError
from dicomveil_engine.methods.base import Values
from dicomveil_engine.part10 import kinds
from dicomveil_engine.part10.table import Entry
from dicomveil_engine.pseudonyms.identity import InstanceIdentity
from dicomveil_engine.rewriting.context import (
    CONTRIBUTION_VR,
    UNREADABLE,
    Named,
    Subject,
    identifying_texts,
    is_contribution,
    words_of,
)
from dicomveil_engine.rewriting.decisions import Decisions
from dicomveil_engine.structured_content.references import ContentTree, Position
from dicomveil_engine.text.own_words import OwnWords
from dicomveil_engine.text.words import IdentifyingWords

_SUBJECTS_CACHED = 256
_WORDS_CACHED = 256
_MOST_CACHED = 1 << 16
"""Bytes of noted values; for an instance with more, nothing is cached."""

Noted = tuple[Entry, bytes, tuple[str, ...]]
"""An element's entry, its value and its character set."""


UNREAD: Final[Noted] = (Entry(kinds.REMOVED, 0, "", b"", 8, None), b"", ())
"""Noted where a dropped sequence is damaged: bytes that were not read and may hold a name."""
UNREAD_TEXT: Final = tuple(Entry(kinds.REMOVED, 0, vr, b"", 8, None) for vr in ("PN", "LO"))
"""The entries of a text in the place of items, which is taken for a name and an identifier."""


class NotedRun:
    """The identifying values in a run of elements; one object for each run."""

    __slots__ = ("noted", "size")

    def __init__(self, noted: tuple[Noted, ...]) -> None:
        self.noted = noted
        self.size = sum(len(value) for _, value, _ in noted)
        """Bytes of the values."""


Identifying = Noted | NotedRun


class Known(NamedTuple):
    """All that methods may depend on; equal for most instances of a series."""

    subject: Subject
    sop_instance_uid: str
    """Empty if no method depends on it."""
    words: tuple[IdentifyingWords, OwnWords]
    content_removed: frozenset[Position]
    """The positions of removed content items."""
    has_signed_pixels: bool = False
    """Whether Pixel Representation is 1, so that US or SS is SS in implicit VR."""


class Originals(NamedTuple):
    """The identifying values of an instance, to be searched for in the output.

    They are those of the attributes in SUBJECT_TAGS and `text.identifying`, without those that the policy keeps.
    """

    shared: tuple[tuple[Noted, ...], tuple[Identifying, ...]]
    """The values that the instances of a series mostly have in common; hashable."""
    instance: Noted | None
    """The SOP Instance UID."""
    is_long: bool
    """Whether the values are too long to be cached."""

    def values(self) -> Iterator[tuple[int, str, bytes]]:
        """(tag, VR, encoded value) of each."""
        context, identifying = self.shared
        for one in chain(context, identifying):
            for entry, value, _ in one.noted if isinstance(one, NotedRun) else (one,):
                yield entry.tag, entry.vr, value


class Reading:
    """The noted values of one instance."""

    __slots__ = ("_cache", "_policy", "_subject", "content", "context", "identifying", "image", "instance", "is_long")

    def __init__(self, policy: Decisions, cache: ReadingCache) -> None:
        self._policy = policy
        self._cache = cache
        self._subject: tuple[int, Subject] | None = None
        """The subject, and from how many values of `context` it was made."""
        self.context: list[Noted] = []
        """The values of SUBJECT_TAGS, in order."""
        self.instance: Noted | None = None
        """The SOP Instance UID; if there are several, the first."""
        self.image: list[Noted] = []
        """The values of IMAGE_TAGS, in order."""
        self.identifying: list[Identifying] = []
        self.content = ContentTree()
        self.is_long = False
        """Whether the values are too long to be cached."""

    def measure(self, header: int) -> None:
        """Set `is_long`, once the header is complete; `header` is its length in bytes."""
        if header > _MOST_CACHED:
            every = chain(self.context, self.image, self.identifying)
            size = sum(one.size if isinstance(one, NotedRun) else len(one[1]) for one in every)
            self.is_long = size > _MOST_CACHED

    def subject(self) -> Subject:
        """The subject; call it when the header is complete."""
        if self._subject is None or self._subject[0] != len(self.context):
            subject = self._cache.new_subject if self.is_long else self._cache.subject
            self._subject = len(self.context), subject(tuple(self.context))
        return self._subject[1]

    def originals(self) -> Originals:
        """The identifying values; call it when the header is complete."""
        return Originals((tuple(self.context), tuple(self.identifying)), self.instance, self.is_long)

    def identity(self) -> InstanceIdentity:
        """The original UIDs; call it when the header is complete."""
        subject = self.subject()
        return InstanceIdentity(
            subject.sop_class_uid,
            subject.study_instance_uid,
            subject.series_instance_uid,
            self.sop_instance_uid(),
        )

    def sop_instance_uid(self) -> str:
        """The SOP Instance UID; empty if there is none."""
        return "" if self.instance is None else _single_text(self.instance)

    def known(self) -> Known:
        """What is known so far; elements after Pixel Data may add words."""
        subject, policy = self.subject(), self._policy
        words = self._cache.new_words if self.is_long else self._cache.words
        return Known(
            subject,
            self.sop_instance_uid() if policy.depends_on_instance else "",
            words(tuple(self.identifying), subject.was_deidentified, subject.study_instance_uid),
            self.content.all_removed(),
            self._has_signed_pixels(),
        )

    def own_words(self) -> OwnWords:
        """The identifying words that are known so far."""
        return self.known().words[1]

    def _has_signed_pixels(self) -> bool:
        for entry, value, _ in reversed(self.image):  # it is one of the last
            if entry.tag == PIXEL_REPRESENTATION:
                return value == entry.values.u16.pack(1)
        return False


class ReadingCache:
    """Subjects and words of earlier instances, for one policy and encoding; owned by the policy's tables."""

    def __init__(self, policy: Decisions) -> None:
        self._policy = policy
        self.subject = lru_cache(_SUBJECTS_CACHED)(self.new_subject)
        self.words = lru_cache(_WORDS_CACHED)(self.new_words)

    def new_subject(self, noted: tuple[Noted, ...]) -> Subject:
        """The subject from the noted values, in order; if a tag occurs twice, the first counts."""
        return Subject({one[0].tag: _single_text(one) for one in reversed(noted)}, self._policy)

    def new_words(
        self, identifying: tuple[Identifying, ...], was_deidentified: bool, study_instance_uid: str
    ) -> tuple[IdentifyingWords, OwnWords]:
        """The words of identifying values; none for an instance made from pseudonymised data.

        Raises InvalidDataSetError if there are too many values.
        """
        every = chain.from_iterable(one.noted if isinstance(one, NotedRun) else (one,) for one in identifying)
        named = list(self._named(every, was_deidentified))
        contributions = self._policy.contributions(study_instance_uid)
        if is_contribution((one.text for one in named if one.vr == CONTRIBUTION_VR), contributions):
            return IdentifyingWords(self._policy.cleaning), OwnWords()
        return words_of(named, self._policy.limits.names, self._policy.cleaning)

    def _named(self, every: Iterable[Noted], was_deidentified: bool) -> Iterator[Named]:
        for one in every:
            if one[0] is UNREAD[0]:
                yield UNREADABLE
                continue
            (entry, _, codecs), read = one, partial(_values, one)
            for text in identifying_texts(entry.vr, read, self._policy, was_deidentified=was_deidentified):
                yield Named(text, entry.vr, entry.tag, codecs)


def _values(noted: Noted) -> Values:
    entry, value, codecs = noted
    try:
        return entry.values.decode(entry.vr, value, codecs)
    except ValueError:
        raise InvalidDataSetError(
            f"{dictionary.described(entry.tag, entry.vr)} has a length that does not fit its VR"
        ) from None


def _single_text(noted: Noted) -> str:
    """The single value of an element; "" if there are several, since these do not identify a study."""
    entry, value, codecs = noted
    try:
        values = entry.values.decode(entry.vr, value, codecs)
    except ValueError:
        return ""
    if not isinstance(values, list) or len(values) != 1 or not isinstance(values[0], str):
        return ""
    return values[0].strip(" \0")
