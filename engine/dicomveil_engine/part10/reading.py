"""What an instance says of itself, noted by the walker and decoded when it is asked for.

The instances of a series say the same of everything but themselves: what follows from it is made once for all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache, partial
from itertools import chain
from typing import NamedTuple

from dicomveil_engine.attributes import dictionary
from dicomveil_engine.attributes.well_known import PIXEL_REPRESENTATION
from dicomveil_engine.errors import InvalidDataSetError
from dicomveil_engine.methods.base import Values
from dicomveil_engine.part10.table import Entry
from dicomveil_engine.pseudonyms.identity import InstanceIdentity
from dicomveil_engine.rewriting.context import (
    CONTRIBUTION_VR,
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
"""Bytes of values; an instance with more is not cached."""

Noted = tuple[Entry, bytes, tuple[str, ...]]
"""An element's entry, its value and its character set."""


class NotedRun:
    """What identifies in a run of elements; the same run has the same one."""

    __slots__ = ("noted", "size")

    def __init__(self, noted: tuple[Noted, ...]) -> None:
        self.noted = noted
        self.size = sum(len(value) for _, value, _ in noted)
        """Bytes of the values."""


Identifying = Noted | NotedRun


class Known(NamedTuple):
    """All that methods may know of the whole; equal for most instances of a series."""

    subject: Subject
    sop_instance_uid: str
    """Empty where no method asks for it."""
    words: tuple[IdentifyingWords, OwnWords]
    gone: frozenset[Position]
    """Where content items stood that are left out."""
    has_signed_pixels: bool = False
    """What Pixel Representation says, by which implicit VRs are US or SS."""


class Originals(NamedTuple):
    """What identifies in one instance, as it was read, to be looked for in the output.

    It rests on the lists of attributes alone (SUBJECT_TAGS, `text.identifying`) but for what the policy keeps.
    """

    shared: tuple[tuple[Noted, ...], tuple[Identifying, ...]]
    """What the instances of a series mostly have in common; it can be a key of a dictionary."""
    instance: Noted | None
    """The SOP Instance UID."""
    is_long: bool
    """Whether there is too much of it to be cached."""

    def values(self) -> Iterator[tuple[int, str, bytes]]:
        """Tag, VR and encoded value of each."""
        context, identifying = self.shared
        for one in chain(context, identifying):
            for entry, value, _ in one.noted if isinstance(one, NotedRun) else (one,):
                yield entry.tag, entry.vr, value


class Reading:
    """The notes on one instance."""

    __slots__ = ("_cache", "_policy", "_subject", "content", "context", "identifying", "image", "instance", "is_long")

    def __init__(self, policy: Decisions, cache: ReadingCache) -> None:
        self._policy = policy
        self._cache = cache
        self._subject: tuple[int, Subject] | None = None
        """The subject, and of how many notes."""
        self.context: list[Noted] = []
        """What it is about, in its order."""
        self.instance: Noted | None = None
        """Its SOP Instance UID; of several the first counts."""
        self.image: list[Noted] = []
        """What it says of its pixels, in its order."""
        self.identifying: list[Identifying] = []
        self.content = ContentTree()
        self.is_long = False
        """Whether it says too much of itself for anything of that to be cached."""

    def measure(self, header: int) -> None:
        """See whether it says too much, now that the header is complete, which has so many bytes."""
        if header > _MOST_CACHED:
            every = chain(self.context, self.image, self.identifying)
            size = sum(one.size if isinstance(one, NotedRun) else len(one[1]) for one in every)
            self.is_long = size > _MOST_CACHED

    def subject(self) -> Subject:
        """What the instance is about; to be asked for when the header is complete."""
        if self._subject is None or self._subject[0] != len(self.context):
            subject = self._cache.new_subject if self.is_long else self._cache.subject
            self._subject = len(self.context), subject(tuple(self.context))
        return self._subject[1]

    def originals(self) -> Originals:
        """What identifies in it; to be asked for when the header is complete."""
        return Originals((tuple(self.context), tuple(self.identifying)), self.instance, self.is_long)

    def identity(self) -> InstanceIdentity:
        """Its own UIDs, as they came; to be asked for when the header is complete."""
        subject = self.subject()
        return InstanceIdentity(
            subject.sop_class_uid,
            subject.study_instance_uid,
            subject.series_instance_uid,
            self.sop_instance_uid(),
        )

    def sop_instance_uid(self) -> str:
        """Its SOP Instance UID; empty where it has none."""
        return "" if self.instance is None else _single_text(self.instance)

    def known(self) -> Known:
        """What is known by now: elements behind Pixel Data may add words."""
        subject, policy = self.subject(), self._policy
        words = self._cache.new_words if self.is_long else self._cache.words
        return Known(
            subject,
            self.sop_instance_uid() if policy.depends_on_instance else "",
            words(tuple(self.identifying), subject.was_deidentified, subject.study_instance_uid),
            self.content.all_removed(),
            self._has_signed_pixels(),
        )

    def _has_signed_pixels(self) -> bool:
        for entry, value, _ in self.image:
            if entry.tag == PIXEL_REPRESENTATION and value == entry.values.u16.pack(1):
                return True
        return False


class ReadingCache:
    """What follows from the notes of earlier instances of one policy and encoding; it hangs on the policy's tables."""

    def __init__(self, policy: Decisions) -> None:
        self._policy = policy
        self.subject = lru_cache(_SUBJECTS_CACHED)(self.new_subject)
        self.words = lru_cache(_WORDS_CACHED)(self.new_words)

    def new_subject(self, noted: tuple[Noted, ...]) -> Subject:
        """`noted` are the elements of the context in their order; of several with one tag the first counts."""
        return Subject({one[0].tag: _single_text(one) for one in reversed(noted)}, self._policy)

    def new_words(
        self, identifying: tuple[Identifying, ...], was_deidentified: bool, study_instance_uid: str
    ) -> tuple[IdentifyingWords, OwnWords]:
        """The words of identifying values; none of an instance that was made in pseudonymised space.

        Raises InvalidDataSetError when there are too many of them.
        """
        every = chain.from_iterable(one.noted if isinstance(one, NotedRun) else (one,) for one in identifying)
        named = list(self._named(every, was_deidentified))
        contributions = self._policy.contributions(study_instance_uid)
        if is_contribution((one.text for one in named if one.vr == CONTRIBUTION_VR), contributions):
            return IdentifyingWords(self._policy.cleaning), OwnWords()
        return words_of(named, self._policy.limits.names, self._policy.cleaning)

    def _named(self, every: Iterable[Noted], was_deidentified: bool) -> Iterator[Named]:
        for one in every:
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
    """An element's one value; a multi-valued UID or ID is none: it cannot say which study this is."""
    entry, value, codecs = noted
    try:
        values = entry.values.decode(entry.vr, value, codecs)
    except ValueError:
        return ""
    if not isinstance(values, list) or len(values) != 1 or not isinstance(values[0], str):
        return ""
    return values[0].strip(" \0")
