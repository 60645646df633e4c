"""The way back from `encrypt`: a policy whose only deed is to decrypt what another policy has encrypted.

The rewriters do the rest: an instance is restored at every depth and in every encoding, and all that was not
encrypted leaves as it came. What other methods did stays done.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import ClassVar, Protocol, Self, runtime_checkable

from dicomveil_engine.attributes import dictionary
from dicomveil_engine.errors import ConfigurationError, InvalidDataSetError
from dicomveil_engine.methods.base import Context, Element, Method, Values
from dicomveil_engine.methods.remove import Remove
from dicomveil_engine.methods.substitute import Substitute
from dicomveil_engine.part10.rewriter import InstanceRewriter
from dicomveil_engine.policy import Decision, Policy, load_policy
from dicomveil_engine.pseudonyms.keys import Keys
from dicomveil_engine.rewriting.deidentification_attributes import DEIDENTIFIED, METHOD_CODES, METHOD_TEXT

_KEEP_ALL = {"profile": "none", "rules": [{"tag": "(xxxx,xxxx)", "method": "keep"}]}
_NO_KEY = bytes(32)
"""Nothing is derived from it: the policy that keeps all makes no pseudonyms."""
_DECISIONS_REMEMBERED = 16_384


@runtime_checkable
class Reversible(Protocol):
    """A method whose values somebody with the key can have back."""

    @property
    def needs_project_key(self) -> bool:
        """Whether the key comes from the project's, and not from the configuration."""
        ...

    def decrypted(self, element: Element) -> Values:
        """The values before; InvalidDataSetError when this key did not make them."""
        ...


@dataclass(frozen=True)
class Decrypt:
    """Undo `encrypt`, and note which attributes it was."""

    name: ClassVar[str] = "decrypt"
    recognises_own_output: ClassVar[bool] = True

    encrypted_by: Reversible
    restored: set[int] = field(repr=False, hash=False)

    @classmethod
    def from_settings(cls, settings: Mapping[str, object], keys: Keys) -> Self:  # noqa: ARG003
        """No configuration can ask for it."""
        raise ConfigurationError("decrypt is no method of a configuration; use `dicomveil decrypt`")

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
    rewriter = InstanceRewriter(_inverse(policy, restored))
    instance = b"".join([*rewriter.feed(data), *rewriter.close()])
    if not restored:
        raise InvalidDataSetError("nothing in the instance is encrypted by a rule of this configuration")
    return Decryption(instance, tuple(sorted(restored)))


def _inverse(policy: Policy, restored: set[int]) -> Policy:
    inverse = load_policy(_KEEP_ALL, _NO_KEY, limits=policy.limits)
    keeps = inverse.decide
    # PS3.15 E.1.2: who re-identifies says that the identity is there again.
    unmarked: dict[int, Method] = {DEIDENTIFIED: Substitute("NO"), METHOD_TEXT: Remove(), METHOD_CODES: Remove()}

    def decide(tag: int, vr: str, creator: str | None = None, declared: bool = False) -> Decision:
        decision = policy.decide(tag, vr, creator, declared)
        if isinstance(decision.method, Reversible):
            return Decision(Decrypt(decision.method, restored), decision.rule)
        if tag in unmarked:
            return Decision(unmarked[tag], f"re-identification of {dictionary.describe(tag)}")
        return keeps(tag, vr, creator)

    inverse.decide = lru_cache(_DECISIONS_REMEMBERED)(decide)
    return inverse
