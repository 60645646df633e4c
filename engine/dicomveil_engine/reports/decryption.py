"""Decrypting what `encrypt` has encrypted, whole values and findings in texts, by a policy that does nothing else.

The rewriters apply it at every depth and in every encoding; other elements are unchanged. The effects of other methods
cannot be undone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from dicomveil_engine.attributes import dictionary
from dicomveil_engine.configuration import read_configuration
from dicomveil_engine.errors import InvalidDataSetError
from dicomveil_engine.methods.base import Context, Element, Method, Reversal, Values
from dicomveil_engine.methods.effect import Effect
from dicomveil_engine.methods.remove import Remove
from dicomveil_engine.methods.substitute import Substitute
from dicomveil_engine.methods.values import texts
from dicomveil_engine.part10.rewriter import InstanceRewriter
from dicomveil_engine.policy import Policy
from dicomveil_engine.pseudonyms.keys import Keys
from dicomveil_engine.rewriting.decisions import Decision
from dicomveil_engine.rewriting.deidentification_attributes import DEIDENTIFIED, METHOD_CODES, METHOD_TEXT
from dicomveil_engine.structured_content.content_items import ContentPlan
from dicomveil_engine.text.changes import Undone
from dicomveil_engine.text.changing import restored

_TEXTS = frozenset(("LO", "LT", "PN", "SH", "ST", "UC", "UT"))
_KEEP_ALL = {"profile": "none", "rules": [{"tag": "(xxxx,xxxx)", "method": "keep"}]}
_NO_KEY = bytes(32)
"""A policy that keeps everything makes no pseudonyms, so that nothing is derived from this key."""


@dataclass(frozen=True)
class Decrypt(Method):
    """Decrypt values, and record which attributes were restored."""

    name: ClassVar[str] = "decrypt"

    encrypted_by: Reversal
    restored: set[int] = field(repr=False, hash=False)

    def effect(self, vr: str) -> Effect:  # noqa: ARG002
        """Replaced by the original values."""
        return Effect.REPLACE

    def supports(self, vr: str) -> bool:  # noqa: ARG002
        """Every VR."""
        return True

    def apply(self, element: Element, context: Context) -> Values | None:  # noqa: ARG002
        """The original values; empty ones were never encrypted."""
        if not element.values:
            return element.values
        values = self.encrypted_by.decrypted(element)
        self.restored.add(element.tag)
        return values


@dataclass(frozen=True)
class DecryptWithin(Method):
    """Decrypt findings in a text, and record in which attributes there were some."""

    name: ClassVar[str] = "decryptWithin"

    ways_back: tuple[Undone, ...]
    restored: set[int] = field(repr=False, hash=False)

    def effect(self, vr: str) -> Effect:  # noqa: ARG002
        """The rest of the text is kept."""
        return Effect.CHANGE

    def supports(self, vr: str) -> bool:
        """The VRs of texts and names, which hold what was encrypted in them."""
        return vr in _TEXTS

    def apply(self, element: Element, context: Context) -> Values | None:  # noqa: ARG002
        """The texts with their findings."""
        values = texts(element)
        originals = [restored(text, self.ways_back) for text in values]
        if originals == values:
            return element.values
        self.restored.add(element.tag)
        return originals


class _Inverse:
    """The inverse of a policy: decrypts, withdraws the claim of de-identification, and keeps everything else."""

    claims = None
    structured_content = None
    depends_on_instance = False

    def __init__(self, policy: Policy, restored: set[int]) -> None:
        keys = Keys(_NO_KEY)
        self._policy = policy
        self._restored = restored
        self._identity = Policy(read_configuration(_KEEP_ALL, keys), keys, policy.limits)
        # A re-identified instance must not claim to be de-identified (PS3.15 Section E.1.2).
        self._withdrawn: dict[int, Method] = {
            DEIDENTIFIED: Substitute("NO"),
            METHOD_TEXT: Remove(),
            METHOD_CODES: Remove(),
        }
        ways_back = policy.cleaning.changes.undone
        self._within = DecryptWithin(ways_back, restored) if ways_back else None
        identity = self._identity
        self.limits = policy.limits
        self.cleaning = identity.cleaning
        self.add_method_text = identity.add_method_text
        self.compiled: dict[str, object] = {}
        self.uids = identity.uids
        self.passes_references = identity.passes_references
        self.removes_overlays = identity.removes_overlays
        self.removes_private = identity.removes_private
        self.retains_safe_private = identity.retains_safe_private
        self.keeps = identity.keeps
        self.pseudonym_uid = identity.pseudonym_uid
        self.is_pseudonym_uid = identity.is_pseudonym_uid
        self.is_pseudonym_patient_id = identity.is_pseudonym_patient_id
        self.contributions = identity.contributions

    def decide(self, tag: int, vr: str, creator: str | None = None, declared: bool = False) -> Decision:
        """Decrypt what the policy encrypts, withdraw the de-identification attributes, keep the rest."""
        decision = self._policy.decide(tag, vr, creator, declared)
        if decision.method.reversal is not None:
            return Decision(Decrypt(decision.method.reversal, self._restored), decision.rule)
        if self._within is not None and self._within.supports(vr) and tag not in self._withdrawn:
            return Decision(self._within, "findings in texts")
        if tag in self._withdrawn:
            return Decision(self._withdrawn[tag], f"re-identification of {dictionary.describe(tag)}")
        return self._identity.decide(tag, vr, creator, declared)

    def decide_in_content(self, plan: ContentPlan, tag: int, vr: str, creator: str | None = None) -> Decision:  # noqa: ARG002
        """As `decide`; the plan of a content item does not matter."""
        return self.decide(tag, vr, creator)


@dataclass(frozen=True)
class Decryption:
    """An instance with its encrypted attributes restored."""

    instance: bytes = field(repr=False)
    restored: tuple[int, ...]
    """The tags of the attributes, in order."""


def decrypt_instance(data: bytes, policy: Policy) -> Decryption:
    """Decrypt what the policy has encrypted in a Part 10 instance: values by rules, and findings in texts.

    The instance no longer claims that the patient's identity is removed (PS3.15 Section E.1.2).

    Raises InvalidDataSetError if nothing is encrypted or the instance cannot be read, DeidentificationError, which
    names the attribute, if a value was not encrypted with this key.
    """
    tags: set[int] = set()
    rewriter = InstanceRewriter(_Inverse(policy, tags))
    instance = b"".join([*rewriter.feed(data), *rewriter.close()])
    if not tags:
        raise InvalidDataSetError("nothing in the instance is encrypted by a rule of this configuration")
    return Decryption(instance, tuple(sorted(tags)))
