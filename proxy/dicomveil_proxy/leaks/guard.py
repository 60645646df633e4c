"""The leak guard: searches the output for identifying values of the original.

It is not part of de-identification: it compares whole values of the original with the bytes of the output, and so finds
mistakes of policies and methods. Nothing here changes an instance. Whether a value that was found is an original in
that place is decided in `place.py`.

Pixels are not searched, nor are parts of values: "Doe" in a description is left to the methods.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

from dicomveil_engine import JSONDataSet, Policy
from dicomveil_engine.attributes.dictionary import describe
from dicomveil_engine.attributes.well_known import SERIES_INSTANCE_UID, SOP_INSTANCE_UID, STUDY_INSTANCE_UID
from dicomveil_engine.json_model.alike import differing, pattern_of
from dicomveil_engine.part10.reading import Originals
from dicomveil_engine.rewriting.context import CONTRIBUTION_VR, SUBJECT_TAGS, is_contribution
from dicomveil_proxy.errors import NotReleasable
from dicomveil_proxy.leaks.json_values import (
    CONTRIBUTING,
    SHORTEST,
    TAGS,
    contributing,
    holds_some_of,
    searchable,
    split,
    values_of,
)
from dicomveil_proxy.leaks.place import Place, places_in_json, places_in_part10

_MOST = 256
"""Values of one instance that are searched for, those of patient and study first."""
_STUDIES_CACHED = 256
_REGISTERED = "1.2.840.10008."
_OWN = "2.25."
_DUMMIES = frozenset(
    (
        *("anonymous", "anonymized", "anonymised", "anonymize", "deidentified", "de-identified", "removed"),
        *("unknown", "none given", "not available", "patient", "redacted", "study", "series"),
    )
)
"""Common placeholders for a name or number, in lower case."""
_UIDS = frozenset((STUDY_INSTANCE_UID, SERIES_INSTANCE_UID, SOP_INSTANCE_UID))
_INSTANCE = f"{SOP_INSTANCE_UID:08X}"
_FREE_TEXTS = frozenset(("LO", "LT", "SH", "ST", "UC", "UT"))
_CONTRIBUTED = frozenset(("UI", CONTRIBUTION_VR))
_DIGITS = 16


class Needle(NamedTuple):
    """A value of the original that must not occur in the output."""

    value: bytes
    tag: int
    vr: str


class Needles(NamedTuple):
    """The values that the instances of a study have in common."""

    needles: tuple[Needle, ...]
    sought: tuple[bytes, ...]
    """The values that contain no other one: searching for these suffices."""
    has_guesses: bool = False
    """Whether the instance was made in pseudonymised space. The author of its free text does not know the originals, so
    that one in it is a guess. Refusing correct guesses would confirm them."""

    @classmethod
    def of(cls, needles: tuple[Needle, ...], *, has_guesses: bool = False) -> Needles:
        """Prepare the search."""
        values = sorted({needle.value for needle in needles}, key=len)
        sought: list[bytes] = []
        for value in values:
            if not any_in(sought, value):
                sought.append(value)
        return cls(needles, tuple(sought), has_guesses)


NOTHING = Needles((), ())


class Leak(NamedTuple):
    """An original value in the output."""

    digest: str
    """Keyed digest of the project, the place and the value."""
    tag: int
    """The attribute's tag in the original."""
    place: int
    """The attribute of the output in which it was found; 0 if that is not known."""
    rule: str
    """The rule by which that attribute was released."""

    def __str__(self) -> str:
        """The message, without value and UID."""
        where = describe(self.place) if self.place else "the answer"
        return f"{where} holds the original value of {describe(self.tag)}"


Alarm = Callable[[Leak, str], bool]
"""(finding, mode of the guard) → whether an operator has released this finding, so that it may be sent."""


class LeakGuard:
    """The guard of one project."""

    def __init__(
        self, policy: Policy, key: bytes, *, mode: str = "refuse", alarm: Alarm | None = None, project: str = ""
    ) -> None:
        """`key` is the key of the digests; `alarm` records findings."""
        self._policy = policy
        self._key = key
        self._project = project
        self.mode = mode
        self._alarm = alarm
        self.count: Callable[[str], None] = lambda _outcome: None
        """Called with the outcome of each finding: refused, reported or released."""
        self._replaces_instances = policy.decide(SOP_INSTANCE_UID, "UI").method.name != "keep"
        self._studies: dict[object, Needles] = {}

    def watch(self) -> Watch:
        """A watch over one response."""
        return Watch(self)

    def needles_of(self, originals: Originals) -> tuple[Needles, Needle | None]:
        """The values that must not occur in the output of a Part 10 instance."""
        shared = None if originals.is_long else self._studies.get(originals.shared)
        if shared is None:
            values = tuple(originals.values())
            shared = Needles.of(self._needles_of(values), has_guesses=self._has_guesses(values))
            if not originals.is_long:
                self._remember(originals.shared, shared)
        return shared, self.instance_needle(shared, originals.instance[1] if originals.instance else b"")

    def needles_of_json(self, dataset: JSONDataSet) -> tuple[Needles, Needle | None]:
        """The values that must not occur in the output of a data set in DICOM JSON, collected independently."""
        instance, found = split(dataset)
        values = (*found, *contributing(dataset))
        shared = self._studies.get(values)
        if shared is None:
            needles = self._needles_of(sorted(values, key=_is_not_first))
            shared = Needles.of(needles, has_guesses=self._has_guesses(values))
            if len(values) <= _MOST:
                self._remember(values, shared)
        return shared, self.instance_needle(shared, instance)

    def _remember(self, key: object, needles: Needles) -> None:
        self._studies[key] = needles
        if len(self._studies) > _STUDIES_CACHED:
            self._studies.pop(next(iter(self._studies)), None)

    def instance_needle(self, shared: Needles, uid: bytes) -> Needle | None:
        """The SOP Instance UID, which differs between instances, if it is to be searched for."""
        value = uid.strip(b" \0")
        if not shared.needles or not self._replaces_instances or len(value) < SHORTEST:
            return None
        text = value.decode("latin-1")
        if text.startswith((_REGISTERED, _OWN)) and not self._counts(SOP_INSTANCE_UID, "UI", text):
            return None
        return Needle(value, SOP_INSTANCE_UID, "UI")

    def _needles_of(self, values: Iterable[tuple[int, str, bytes]]) -> tuple[Needle, ...]:
        """The values to search for; none for a data set that the project has de-identified before."""
        found: dict[bytes, Needle] = {}
        for tag, vr, whole in values:
            if vr == "SQ":
                continue
            for each in values_of(vr, whole):
                text = each.decode("latin-1")
                if tag == STUDY_INSTANCE_UID and self._policy.is_pseudonym_uid(text):
                    return ()
                value = each.rstrip(b"^") if vr == "PN" else each
                if len(value) >= SHORTEST and len(found) < _MOST and self._counts(tag, vr, text):
                    found.setdefault(value, Needle(value, tag, vr))
        return tuple(found.values())

    def _has_guesses(self, values: Iterable[tuple[int, str, bytes]]) -> bool:
        """Whether the instance has the keyed sign that it was made in pseudonymised space (`Policy.contributions`)."""
        study: str | None = None
        texts: list[str] = []
        for tag, vr, value in values:
            if vr in _CONTRIBUTED:
                texts.append(value.strip(b" \0").decode("latin-1"))
                if tag == STUDY_INSTANCE_UID and study is None:
                    study = texts[-1]
        return is_contribution(texts, self._policy.contributions(study or ""))

    def _counts(self, tag: int, vr: str, text: str) -> bool:
        """Whether to search for a value."""
        if tag not in TAGS and vr != "PN":
            return False
        if text.lower().strip("^ ") in _DUMMIES or (vr == "DA" and text.endswith("0101")):
            return False  # 1 January is what a date reduced to its year becomes
        if text.startswith(_REGISTERED) or self._policy.is_pseudonym_patient_id(text):
            return False
        if vr == "UI" and (tag not in _UIDS or self._policy.is_pseudonym_uid(text)):
            return False
        return self._policy.decide(tag, vr).method.name != "keep"

    def finding(self, needle: Needle, place: Place | None) -> Leak:
        """The finding for an original value in a place."""
        tag = place.tag if place else 0
        message = b"\0".join((self._project.encode(), f"{tag:08X}".encode(), needle.value))
        digest = hmac.new(self._key, message, hashlib.sha256).hexdigest()[:_DIGITS]
        return Leak(digest, needle.tag, tag, place.rule if place else "")

    def settle(self, findings: Iterable[Leak]) -> None:
        """Record findings. Raises NotReleasable for the first that is not released, and AuditUnavailable."""
        refused: Leak | None = None
        for finding in findings:
            released = self._alarm(finding, self.mode) if self._alarm else False
            self.count("released" if released else "refused" if self.mode == "refuse" else "reported")
            if not released and refused is None:
                refused = finding
        if refused is not None and self.mode == "refuse":
            raise NotReleasable(f"{refused}; the leak guard holds it back (entry {refused.digest} of the quarantine)")

    def judged_part10(
        self, data: bytes, hits: list[Needle], transfer_syntax: str, *, has_guesses: bool = False
    ) -> list[Leak]:
        """The leaks among values that were found in elements of a Part 10 instance."""
        places = places_in_part10(data, transfer_syntax)
        return self._judged(hits, places, has_guesses)

    def judged_json(self, dataset: JSONDataSet, hits: list[Needle], *, has_guesses: bool = False) -> list[Leak]:
        """The leaks among values that were found in a data set in DICOM JSON."""
        return self._judged(hits, places_in_json(dataset), has_guesses)

    def _judged(self, hits: list[Needle], places: Iterable[Place] | None, has_guesses: bool) -> list[Leak]:
        if places is None:  # the output cannot be read: each hit counts as a leak
            return [self.finding(needle, None) for needle in hits]
        every = [place for place in places if not (has_guesses and place.vr in _FREE_TEXTS and place.tag not in TAGS)]
        found: dict[str, Leak] = {}
        for needle in hits:
            for place in every:
                if place.leaks(needle.value, needle.tag, needle.vr, self._policy):
                    finding = self.finding(needle, place.ruled(self._policy))
                    found.setdefault(finding.digest, finding)
        return list(found.values())


class Watch:
    """The findings in one response. All but `settle`, which records them, may run in any thread."""

    def __init__(self, guard: LeakGuard) -> None:
        self._guard = guard
        self._findings: list[Leak] = []
        self._hits: list[Callable[[], list[Leak]]] = []
        """Judgements of what was found in Part 10 instances: each reads the header again, with pydicom."""
        self._last: tuple[Originals | None, tuple[Needles, Needle | None]] = (None, (NOTHING, None))
        self._reference: _Reference | None = None
        self.is_on = guard.mode != "off"

    def inspect(self, data: bytes | bytearray, originals: Originals, transfer_syntax: str) -> None:
        """Search elements of a Part 10 instance."""
        if originals is not self._last[0]:
            self._last = originals, self._guard.needles_of(originals)
        shared, instance = self._last[1]
        if any_in(shared.sought, data) or (instance and instance.value in data):
            hits = _hits(shared, instance, data)
            judged = self._guard.judged_part10
            self._hits.append(partial(judged, bytes(data), hits, transfer_syntax, has_guesses=shared.has_guesses))

    def inspect_json(self, original: JSONDataSet, written: JSONDataSet, *, is_alone: bool = False) -> None:
        """Search a data set in DICOM JSON, which is sent as JSON or XML.

        One that `is_alone` has little in common with the others of the response, and is not compared with them.
        """
        if is_alone:
            document = searchable(written)
            if holds_some_of(original, document):
                self._inspect_whole(original, written, document)
        elif not (self._reference and self._reference.shows_no_leak(self._guard, original, written)):
            self._reference = self._inspect_whole(original, written, searchable(written))

    def _inspect_whole(self, original: JSONDataSet, written: JSONDataSet, document: bytes) -> _Reference | None:
        """Search all of a data set, which becomes a reference for others if nothing is found."""
        shared, instance = self._guard.needles_of_json(original)
        if not any_in(shared.sought, document) and not (instance and instance.value in document):
            return _Reference(original, written, document, shared)
        hits = _hits(shared, instance, document)
        self._findings += self._guard.judged_json(written, hits, has_guesses=shared.has_guesses)
        return None

    @property
    def is_clear(self) -> bool:
        """Whether nothing was found since the last `settle`, which then has nothing to do."""
        return not self._hits and not self._findings

    @property
    def has_hits(self) -> bool:
        """Whether something was found that `judge` has yet to look at."""
        return bool(self._hits)

    def judge(self) -> None:
        """Decide which hits in Part 10 instances are leaks. Takes milliseconds, and the first time a second."""
        hits, self._hits = self._hits, []
        for judged in hits:
            self._findings += judged()

    def settle(self) -> None:
        """Record the findings so far. Raises NotReleasable, and AuditUnavailable."""
        self.judge()
        if self._findings:
            findings, self._findings = self._findings, []
            self._guard.settle(findings)


@dataclass(slots=True)
class _Reference:
    """A data set that was searched as a whole without a finding: the next ones of a series share most elements."""

    original: JSONDataSet
    written: JSONDataSet
    document: bytes
    shared: Needles
    _keys: list[str] = field(default_factory=list)
    _values: list[tuple[int, str, bytes]] = field(default_factory=list)
    """The identifying values of its elements `_keys`: those in which the last data set differed, mostly the same."""

    def shows_no_leak(self, guard: LeakGuard, original: JSONDataSet, written: JSONDataSet) -> bool:
        """Whether a data set has no original value, by its differences alone; if False, the whole must be searched.

        Equal elements of consecutive data sets are mostly the same objects, which makes them quick to compare.
        """
        before = self.original
        if pattern_of(original) is not pattern_of(before):
            return False  # so that this one becomes the reference, with which the next are compared more quickly
        others, new = differing(original, before), differing(written, self.written)
        if others is None or new is None:
            return False
        changed = {key: original[key] for key in others}
        if _INSTANCE in original:
            changed[_INSTANCE] = original[_INSTANCE]  # always searched for
        if 2 * len(changed) > len(original) or CONTRIBUTING in changed:
            return False
        if others != self._keys:
            self._keys, self._values = others, split({key: before[key] for key in others})[1]
        instance, values = split(changed)
        if values != self._values:
            return False
        document = searchable({key: written[key] for key in new})
        needle = guard.instance_needle(self.shared, instance)
        if needle and (needle.value in document or needle.value in self.document):
            return False
        return not any_in(self.shared.sought, document)


def any_in(sought: Sequence[bytes], data: bytes | bytearray) -> bool:
    """Whether one of the values occurs in the data: most of the guard's cost."""
    for value in sought:  # noqa: SIM110 - a generator would cost as much again as the search
        if value in data:
            return True
    return False


def _hits(shared: Needles, instance: Needle | None, data: bytes | bytearray) -> list[Needle]:
    every = (*shared.needles, instance) if instance else shared.needles
    return [needle for needle in every if needle.value in data]


def _is_not_first(value: tuple[int, str, bytes]) -> bool:
    return value[0] not in SUBJECT_TAGS and value[0] not in _UIDS
