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
from dicomveil_engine.policy import Decision, Policy
from dicomveil_engine.pseudonyms.keys import Keys
from dicomveil_engine.rewriting.deidentification_attributes import DEIDENTIFIED, METHOD_CODES, METHOD_TEXT

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


class _Inverse(Policy):
    """Decrypts what a policy has encrypted, says that the identity is there again, and keeps all else."""

    def __init__(self, policy: Policy, restored: set[int]) -> None:
        keys = Keys(_NO_KEY)
        self._policy = policy
        self._restored = restored
        # PS3.15 E.1.2: who re-identifies says so.
        self._unmarked: dict[int, Method] = {
            DEIDENTIFIED: Substitute("NO"),
            METHOD_TEXT: Remove(),
            METHOD_CODES: Remove(),
        }
        super().__init__(read_configuration(_KEEP_ALL, keys), keys, policy.limits)

    def _decide(self, tag: int, vr: str, creator: str | None = None, declared: bool = False) -> Decision:
        decision = self._policy.decide(tag, vr, creator, declared)
        if decision.method.reversal is not None:
            return Decision(Decrypt(decision.method.reversal, self._restored), decision.rule)
        if tag in self._unmarked:
            return Decision(self._unmarked[tag], f"re-identification of {dictionary.describe(tag)}")
        return super()._decide(tag, vr, creator, declared)


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
