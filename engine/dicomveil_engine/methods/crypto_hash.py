"""cryptoHash: a keyed digest replaces the value (HMAC, RFC 2104).

Equal values have equal digests, so that data can be joined and frequencies are visible. Digests are cut to the longest
value that the VR allows.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Self, cast

from dicomveil_engine.methods.base import Context, Element, Method, MethodBuilder, Values
from dicomveil_engine.methods.effect import Effect
from dicomveil_engine.methods.settings import MethodSettings
from dicomveil_engine.methods.values import texts, utf8
from dicomveil_engine.pseudonyms.keys import Keys

_LONGEST = {"AE": 16, "CS": 16, "SH": 16, "LO": 64, "PN": 64, "ST": 1024, "LT": 10240}
"""Characters by VR (PS3.5 Table 6.2-1); UC, UR and UT have no practical limit."""

_TEXTS = frozenset(("UC", "UR", "UT", *_LONGEST))
_BYTES = frozenset(("OB", "UN"))
_DIGITS_PER_BLOCK = 32
"""Decimal digits taken from 256 bits or more; their bias is below 2^-149."""


@dataclass(frozen=True)
class CryptoHash(Method):
    """Replace each value by its keyed digest: lower-case hexadecimal, a UID, or raw bytes."""

    name: ClassVar[str] = "cryptoHash"
    action: ClassVar[str] = "D *hashed*"
    recognises_own_output: ClassVar[bool] = False

    key: bytes = field(repr=False)
    algorithm: str = "sha256"
    match_input_length: bool = False

    @classmethod
    def from_settings(cls, settings: Mapping[str, object], keys: Keys) -> Self:
        """Read cryptoHashKey (a further secret), cryptoHashType (Sha256), matchInputStringLength (false)."""
        read = MethodSettings(cls.name, settings)
        # The Microsoft tool also accepts the numbers that .NET has for the algorithms.
        algorithms = {"Sha256": "sha256", "Sha384": "sha384", "Sha512": "sha512"}
        numbers = {"32780": "sha256", "32781": "sha384", "32782": "sha512"}
        return cls(
            keys.derive("hashes", read.text("cryptoHashKey", default="")),
            algorithm=read.choice("cryptoHashType", algorithms | numbers, default="Sha256"),
            match_input_length=read.boolean("matchInputStringLength", default=False),
        )

    def effect(self, vr: str) -> Effect:  # noqa: ARG002
        """Replaced by digests."""
        return Effect.REPLACE

    def supports(self, vr: str) -> bool:
        """Texts, UIDs, OB and UN. A digest is not a legal date, age or number."""
        return vr == "UI" or vr in _TEXTS or vr in _BYTES

    def apply(self, element: Element, context: Context) -> Values | None:
        """The digests; empty values stay empty."""
        if context.was_deidentified or not element.values:
            return element.values
        if element.vr in _BYTES:
            return self._digest(cast("bytes", element.values))
        return [self._text(text, element.vr) if text else "" for text in texts(element)]

    def _text(self, text: str, vr: str) -> str:
        if vr == "UI":
            return _uid(self._digest(utf8(text)))
        if self.match_input_length:
            return self._digits(text)[: _LONGEST.get(vr)]
        digest = self._digest(utf8(text)).hex()[: _LONGEST.get(vr)]
        return digest.upper() if vr == "CS" else digest

    def _digits(self, text: str) -> str:
        """As many decimal digits as the text has characters. Short ones are likely to collide."""
        blocks = []
        for number in range(-(-len(text) // _DIGITS_PER_BLOCK)):
            digest = self._digest(number.to_bytes(4) + utf8(text))
            blocks.append(f"{int.from_bytes(digest) % 10**_DIGITS_PER_BLOCK:0{_DIGITS_PER_BLOCK}}")
        return "".join(blocks)[: len(text)]

    def _digest(self, message: bytes) -> bytes:
        return hmac.digest(self.key, message, self.algorithm)


def _uid(digest: bytes) -> str:
    """A UID with the digest's first 128 bits as a UUID of version 8 (PS3.5 Section B.2, RFC 9562)."""
    number = int.from_bytes(digest[:16])
    number = number & ~(0xF << 76) | 8 << 76
    return f"2.25.{number & ~(3 << 62) | 2 << 62}"


BUILDER = MethodBuilder(
    CryptoHash.name, CryptoHash.from_settings, ("cryptoHashKey", "cryptoHashType", "matchInputStringLength")
)
