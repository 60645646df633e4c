"""What the rewriters ask of a policy, whatever made it: a configuration, or the inverse of one.

Only the questions are here. How they are answered is `policy.py`'s, and for the way back `reports/decryption.py`'s.
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
    """What happens to an element, and by which rule."""

    method: Method
    rule: str
    is_checked: bool = False
    """Whether what is kept is looked at, and emptied where it is illegal or names somebody (`rewriting.checking`).

    What the profile keeps always is, and what a rule beside a profile keeps. Two things are not: free text of an
    attribute that a rule names, since somebody asked for that text, and anything under rules alone, which
    promise nothing.
    """


@dataclass(frozen=True)
class Limits:
    """Bounds on what untrusted input can make large; over one of them an instance is refused."""

    header_bytes: int = 64 << 20
    """Everything of an instance that must be held at once: all but Pixel Data and other long kept values."""
    depth: int = 32
    """Nesting of sequences; the deepest in standard IODs is below 12."""
    elements: int = 250_000
    """Elements that change, which take some 600 bytes each however short they are. Ten thousand frames have 20,000."""
    names: int = 4_096
    """Different values of identifying attributes, whose words are looked for in every text."""


class Decisions(Protocol):
    """A policy as the rewriters see it."""

    @property
    def limits(self) -> Limits:
        """Bounds on what an instance may hold."""
        ...

    @property
    def cleaning(self) -> TextSettings:
        """How texts are looked at that are cleaned."""
        ...

    @property
    def claims(self) -> DeidentificationAttributes | None:
        """The de-identification attributes that instances get; None where nothing is promised."""
        ...

    @property
    def add_method_text(self) -> AddMethodText:
        """What happens to the texts of earlier de-identifications."""
        ...

    @property
    def structured_content(self) -> StructuredContent | None:
        """What judges content items; None without the option."""
        ...

    @property
    def compiled(self) -> dict[str, object]:
        """What the rewriters derive from the policy once, each under a name of its own."""
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
        """Whether content items that are nothing but a reference are kept, renumbered."""
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
        """The texts by which an instance says that it was made in pseudonymised space, and belongs to this study.

        One for each version of the project's key.
        """
        ...
