"""cryptoHash as the Microsoft tool computes it: a full HMAC in hexadecimal, even if it is too long for the VR.

The key is the configured text alone, so that data can be joined with data that the tool has hashed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar, Self, cast

from dicomveil_engine.errors import ConfigurationError
from dicomveil_engine.methods.base import TEXT_VRS, Context, Element, Values
from dicomveil_engine.methods.crypto_hash import BUILDER as PLAIN
from dicomveil_engine.methods.crypto_hash import CryptoHash
from dicomveil_engine.methods.microsoft.texts import DEFAULT_REPERTOIRE_VRS, as_ascii, utf16_length
from dicomveil_engine.methods.settings import MethodSettings
from dicomveil_engine.methods.values import nearest_single, texts, utf8
from dicomveil_engine.pseudonyms.keys import Keys

HASHED_VRS = TEXT_VRS | {"OB", "UN"}

_MOST_DIGITS = 18
"""Digits of a 64-bit integer; for more, the tool stops with an error."""
_GREATEST_UINT = 4294967296.0
"""uint.MaxValue as a 32-bit float."""


@dataclass(frozen=True)
class MicrosoftCryptoHash(CryptoHash):
    """Replace each value by its HMAC in lower-case hexadecimal, OB and UN by the raw digest."""

    name: ClassVar[str] = "cryptoHash"

    unmatched: CryptoHash | None = field(default=None, repr=False)
    """The method for values that are too long for the tool."""

    @classmethod
    def from_settings(cls, settings: Mapping[str, object], keys: Keys) -> Self:
        """Read what cryptoHash reads. Without cryptoHashKey a key of the project is used; the tool has a random one."""
        plain = CryptoHash.from_settings(settings, keys)
        read = MethodSettings(cls.name, settings)
        key = utf8(read.text("cryptoHashKey", default="")) if read.has("cryptoHashKey") else plain.key
        if not key:
            raise ConfigurationError(
                f'{cls.name}: the setting "cryptoHashKey" is empty, so that anybody could repeat the hash; '
                "give a secret, or leave it out to derive it from the project key"
            )
        return cls(key, plain.algorithm, plain.match_input_length, plain)

    def supports(self, vr: str) -> bool:
        """All text VRs, including dates and numbers, which then are not legal any more; OB and UN."""
        return vr in HASHED_VRS

    def apply(self, element: Element, context: Context) -> Values | None:
        """The digests; empty values among others are hashed too, but not an empty element."""
        if context.was_deidentified:
            return element.values
        if isinstance(element.values, bytes):
            return self._digest(element.values)
        values = texts(element)
        if element.vr in DEFAULT_REPERTOIRE_VRS:
            values = [as_ascii(text) for text in values]
        return [self._hashed(text, element, context) for text in values]

    def _hashed(self, text: str, element: Element, context: Context) -> str:
        digest = self._digest(utf8(text))
        length = utf16_length(text)
        if not self.match_input_length or not length:
            return digest.hex()
        if length <= _MOST_DIGITS:
            return _matched(digest, length)
        assert self.unmatched is not None
        longer = self.unmatched.apply(Element(element.tag, "UT", [text]), context)
        return cast("list[str]", longer)[0]


def _matched(digest: bytes, length: int) -> str:
    """A number of `length` digits from the digest's first four bytes, computed in 32-bit floats as the tool does."""
    fraction = nearest_single(int.from_bytes(digest[:4], "little")) / _GREATEST_UINT
    low = 10 ** (length - 1) if length > 1 else 0
    return str(int(nearest_single(fraction * nearest_single(10**length - 1 - low))) + low)


BUILDER = replace(PLAIN, build=MicrosoftCryptoHash.from_settings)
