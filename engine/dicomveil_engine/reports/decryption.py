"""The way back from `encrypt`: a policy whose only deed is to decrypt what another policy has encrypted.

The rewriters do the rest: an instance is restored at every depth and in every encoding, and all that was not
encrypted leaves as it came. What other methods did stays done.
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
from dicomveil_engine.part10.rewriter import InstanceRewriter
from dicomveil_engine.policy import Policy
from dicomveil_engine.pseudonyms.keys import Keys
from dicomveil_engine.rewriting.decisions import Decision
from dicomveil_engine.rewriting.deidentification_attributes import DEIDENTIFIED, METHOD_CODES, METHOD_TEXT
from dicomveil_engine.structured_content.content_items import ContentPlan

_KEEP_ALL = {"profile": "none", "rules": [{"tag": "(xxxx,xxxx)", "method": "keep"}]}
_NO_KEY = bytes(32)
"""Nothing is derived from it: the policy that keeps all makes no pseudonyms."""


@dataclass(frozen=True)
class Decrypt(Method):
    """Undo `encrypt`, and note which attributes it was."""

    name: ClassVar[str] = "decrypt"

    encrypted_by: Reversal
    restored: set[int] = field(repr=False, hash=False)

    def effect(self, vr: str) -> Effect:  # noqa: ARG002
        """Other values."""
        return Effect.REPLACE

    def supports(self, vr: str) -> bool:  # noqa: ARG002
        """Whatever was encrypted."""
        return True

    def apply(self, element: Element, context: Context) -> Values | None:  # noqa: ARG002
        """The values before; empty ones were never encrypted."""
        if not element.values:
            return element.values
        values = self.encrypted_by.decrypted(element)
        self.restored.add(element.tag)
        return values


class _Inverse:
    """Decrypts what a policy has encrypted, says that the identity is there again, and keeps all else."""

    claims = None
    structured_content = None
    depends_on_instance = False

    def __init__(self, policy: Policy, restored: set[int]) -> None:
        keys = Keys(_NO_KEY)
        self._policy = policy
        self._restored = restored
        self._identity = Policy(read_configuration(_KEEP_ALL, keys), keys, policy.limits)
        # An instance that is re-identified says so (PS3.15 E.1.2).
        self._withdrawn: dict[int, Method] = {
            DEIDENTIFIED: Substitute("NO"),
            METHOD_TEXT: Remove(),
            METHOD_CODES: Remove(),
        }
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
        """Decrypt what the policy encrypts, withdraw what says that the instance is de-identified, keep the rest."""
        decision = self._policy.decide(tag, vr, creator, declared)
        if decision.method.reversal is not None:
            return Decision(Decrypt(decision.method.reversal, self._restored), decision.rule)
        if tag in self._withdrawn:
            return Decision(self._withdrawn[tag], f"re-identification of {dictionary.describe(tag)}")
        return self._identity.decide(tag, vr, creator, declared)

    def decide_in_content(self, plan: ContentPlan, tag: int, vr: str, creator: str | None = None) -> Decision:  # noqa: ARG002
        """The same: content items are not judged on the way back."""
        return self.decide(tag, vr, creator)


@dataclass(frozen=True)
class Decryption:
    """An instance with its encrypted attributes restored."""

    instance: bytes = field(repr=False)
    restored: tuple[int, ...]
    """The tags of the attributes, in order."""


def decrypt_instance(data: bytes, policy: Policy) -> Decryption:
    """Restore what the policy's `encrypt` rules made of a Part 10 instance.

    The instance no longer says that the patient's identity is removed (PS3.15 E.1.2).

    Raises InvalidDataSetError when there is nothing encrypted or the bytes cannot be read, DeidentificationError,
    which names the attribute, when a value was not encrypted with this key.
    """
    restored: set[int] = set()
    rewriter = InstanceRewriter(_Inverse(policy, restored))
    instance = b"".join([*rewriter.feed(data), *rewriter.close()])
    if not restored:
        raise InvalidDataSetError("nothing in the instance is encrypted by a rule of this configuration")
    return Decryption(instance, tuple(sorted(restored)))
