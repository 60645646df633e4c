"""What methods may know of the whole data set: its subject and its identifying words.

Both encodings read the values in their own notation; what follows from the values is defined here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple, Protocol

from dicomveil_engine.attributes import characters
from dicomveil_engine.attributes.well_known import (
    PATIENT_ID,
    PATIENT_NAME,
    SERIES_INSTANCE_UID,
    SOP_CLASS_UID,
    STUDY_DATE,
    STUDY_INSTANCE_UID,
)
from dicomveil_engine.errors import InvalidDataSetError
from dicomveil_engine.methods.base import Context, Values
from dicomveil_engine.text.changing import without_put_in
from dicomveil_engine.text.own_words import OwnWords
from dicomveil_engine.text.settings import TextSettings
from dicomveil_engine.text.words import IdentifyingWords

SUBJECT_TAGS = (SOP_CLASS_UID, STUDY_INSTANCE_UID, SERIES_INSTANCE_UID, PATIENT_ID, PATIENT_NAME, STUDY_DATE)
"""The attributes, at the top level, on which methods for other elements depend. Few depend on the SOP Instance UID."""


CONTRIBUTION_VR = "LO"
"""The VR of Device Serial Number and Institution Name, which hold the text of a contribution (`is_contribution`)."""


class KnowsPseudonyms(Protocol):
    """A policy that recognises the project's own pseudonyms."""

    def is_pseudonym_uid(self, uid: str) -> bool:
        """Whether a UID is one of the project's pseudonyms."""
        ...

    def is_pseudonym_patient_id(self, text: str) -> bool:
        """Whether a PatientID is one of the project's pseudonyms."""
        ...

    @property
    def cleaning(self) -> TextSettings:
        """How free text is cleaned."""
        ...


class Subject:
    """The original values that identify a data set's patient, study and series."""

    __slots__ = (
        "patient_id",
        "patient_name",
        "series_instance_uid",
        "sop_class_uid",
        "study_date",
        "study_instance_uid",
        "was_deidentified",
    )

    def __init__(self, texts: Mapping[int, str], policy: KnowsPseudonyms) -> None:
        """`texts` holds the single values of SUBJECT_TAGS; a missing one counts as empty."""
        self.sop_class_uid = texts.get(SOP_CLASS_UID, "")
        self.study_instance_uid = texts.get(STUDY_INSTANCE_UID, "")
        self.series_instance_uid = texts.get(SERIES_INSTANCE_UID, "")
        self.patient_id = texts.get(PATIENT_ID, "")
        self.patient_name = texts.get(PATIENT_NAME, "")
        self.study_date = texts.get(STUDY_DATE, "")
        self.was_deidentified = policy.is_pseudonym_uid(self.study_instance_uid)

    def context(
        self,
        sop_instance_uid: str,
        words: IdentifyingWords,
        own: OwnWords,
        content_removed: frozenset[tuple[int, ...]] = frozenset(),
    ) -> Context:
        """The context in which methods are applied."""
        return Context(
            sop_class_uid=self.sop_class_uid,
            study_instance_uid=self.study_instance_uid,
            series_instance_uid=self.series_instance_uid,
            sop_instance_uid=sop_instance_uid,
            patient_id=self.patient_id,
            patient_name=self.patient_name,
            study_date=self.study_date,
            was_deidentified=self.was_deidentified,
            identifying=words,
            own=own,
            content_removed=content_removed,
        )


def is_contribution(texts: Iterable[str], contributions: tuple[str, ...]) -> bool:
    """Whether an instance was made from pseudonymised data, as its identifying texts show (`Policy.contributions`).

    Its author has never seen originals, so that its texts hold none. They must not be cleaned of the originals' words
    either: words missing when the instance is read again would confirm guesses of the originals.
    """
    return any(text.endswith(contributions) for text in texts)


def identifying_texts(
    vr: str, read: Callable[[], Values], policy: KnowsPseudonyms, *, was_deidentified: bool
) -> list[str]:
    """The texts of an identifying element that must not be left in free text.

    The project's own pseudonyms and shifted dates are excluded: they do not occur elsewhere, and parts of them may
    equal common words by chance ("PS", "CT").
    """
    if was_deidentified and vr == "DA":
        return []
    values = read()
    if isinstance(values, bytes):
        return []
    texts = [text for text in map(str, values) if not policy.is_pseudonym_patient_id(text)]
    if was_deidentified:
        texts = [left for text in texts if (left := without_put_in(text, policy.cleaning.changes))]
    return texts


class Named(NamedTuple):
    """A value of an identifying attribute."""

    text: str
    vr: str
    tag: int
    codecs: tuple[str, ...]


UNREADABLE = Named("", "", 0, ())
"""Stands for a name that may be in a damaged part of the data set, which could not be read."""


def words_of(named: Iterable[Named], limit: int, settings: TextSettings) -> tuple[IdentifyingWords, OwnWords]:
    """The words of identifying values, each read in every character set that its bytes allow.

    If one of them is UNREADABLE, every text counts as identifying.

    Raises InvalidDataSetError when there are more values than the limit.
    """
    values = dict.fromkeys(named)
    is_complete = UNREADABLE not in values
    words, own = IdentifyingWords(settings, is_complete=is_complete), OwnWords(is_complete=is_complete)
    for number, value in enumerate(values):
        if number >= limit:
            raise InvalidDataSetError(
                f"the data set names more than {limit} persons and identifiers; "
                "raise the limit names if such instances are to pass"
            )
        for reading in characters.readings(value.text, value.codecs):
            words.add(reading.text, value.vr)
            own.add(reading.text, value.vr, value.tag)
    return words, own
