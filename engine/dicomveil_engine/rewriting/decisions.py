"""The interface between the rewriters and a policy.

It is implemented by `policy.Policy`, and for decryption by `reports/decryption.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from dicomveil_engine.methods.base import Method
from dicomveil_engine.pseudonyms.sides import PseudonymousUID
from dicomveil_engine.pseudonyms.uids import UIDPseudonyms
from dicomveil_engine.rewriting.deidentification_attributes import AddMethodText, DeidentificationAttributes
from dicomveil_engine.structured_content.content_items import ContentPlan, StructuredContent
from dicomveil_engine.text.settings import TextSettings


@dataclass(frozen=True)
class Decision:
    """The method for an element, and the rule that chose it."""

    method: Method
    rule: str
    is_checked: bool = False
    """Whether a kept value is checked, and emptied if it is illegal or identifies the patient (`rewriting.checking`).

    With a profile, kept values are checked, also those that a rule keeps. The exception is free text of an attribute
    that a rule names: the rule asks for that text. Without a profile nothing is checked.
    """


@dataclass(frozen=True)
class Limits:
    """Bounds on the resources that untrusted input can use; an instance that exceeds one is refused."""

    header_bytes: int = 64 << 20
    """Bytes of an instance held in memory: everything except Pixel Data and other long kept values."""
    depth: int = 32
    """Nesting of sequences; standard IODs stay below 12."""
    elements: int = 250_000
    """Elements that change, which take about 600 bytes each however short; an instance of 10,000 frames has 20,000."""
    names: int = 4_096
    """Different values of identifying attributes, whose words are searched for in every text."""


class Decisions(Protocol):
    """A policy as the rewriters see it."""

    @property
    def limits(self) -> Limits:
        """Bounds on what an instance may hold."""
        ...

    @property
    def cleaning(self) -> TextSettings:
        """How free text is cleaned."""
        ...

    @property
    def claims(self) -> DeidentificationAttributes | None:
        """The de-identification attributes of the output; None without a profile, when nothing is claimed."""
        ...

    @property
    def add_method_text(self) -> AddMethodText:
        """What happens to the texts of earlier de-identifications."""
        ...

    @property
    def structured_content(self) -> StructuredContent | None:
        """Decides on content items; None without the option."""
        ...

    @property
    def compiled(self) -> dict[str, object]:
        """What the rewriters compile from the policy once, by name."""
        ...

    @property
    def uids(self) -> UIDPseudonyms:
        """How pseudonyms of UIDs are made."""
        ...

    @property
    def depends_on_instance(self) -> bool:
        """Whether a method depends on the SOP Instance UID, so that equal elements of a series may differ."""
        ...

    @property
    def passes_references(self) -> bool:
        """Whether by-reference content items are kept, renumbered."""
        ...

    @property
    def removes_overlays(self) -> bool:
        """Whether overlays are removed."""
        ...

    @property
    def removes_private(self) -> bool:
        """Whether all private attributes are removed, whatever their creator."""
        ...

    @property
    def retains_safe_private(self) -> bool:
        """Whether what an instance declares of its private attributes counts (PS3.15 Section E.3.10)."""
        ...

    def decide(self, tag: int, vr: str, creator: str | None = None, declared: bool = False) -> Decision:
        """The decision on an attribute; `declared` says that the instance declares a private element safe."""
        ...

    def decide_in_content(self, plan: ContentPlan, tag: int, vr: str, creator: str | None = None) -> Decision:
        """The decision on an element of a content item with this plan."""
        ...

    def keeps(self, tag: int, vr: str, creator: str | None = None) -> bool:
        """Whether the attribute is kept as it is."""
        ...

    def pseudonym_uid(self, original: str) -> PseudonymousUID:
        """What replaces a UID."""
        ...

    def is_pseudonym_uid(self, uid: str) -> bool:
        """Whether a UID is one of the project's pseudonyms."""
        ...

    def is_pseudonym_patient_id(self, text: str) -> bool:
        """Whether a PatientID is one of the project's pseudonyms."""
        ...

    def contributions(self, study_instance_uid: str) -> tuple[str, ...]:
        """The texts that identify an instance of this study as made from pseudonymised data, one per key version."""
        ...
