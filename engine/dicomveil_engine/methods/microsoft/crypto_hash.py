"""cryptoHash as the Microsoft tool computes it: an uncut HMAC in hexadecimal, whatever the VR has room for.

The key is the configured text and nothing else, so that data can be joined with that tool's by equal values.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar, Self, cast

from dicomveil_engine.errors import ConfigurationError
from dicomveil_engine.methods.base import TEXT_VRS, Context, Element, Values
from dicomveil_engine.methods.crypto_hash import BUILDER as PLAIN
from dicomveil_engine.methods.crypto_hash import CryptoHash
from dicomveil_engine.methods.microsoft.texts import DEFAULT_REPERTOIRE_VRS, as_ascii, utf16_length
from dicomveil_engine.methods.settings import MethodSettings
from dicomveil_engine.methods.values import texts, utf8
from dicomveil_engine.pseudonyms.keys import Keys

HASHED_VRS = TEXT_VRS | {"OB", "UN"}

_MOST_DIGITS = 18
"""The most that fit 64 bits; at more, that tool stops."""
_GREATEST_UINT = 4294967296.0
"""uint.MaxValue as a 32-bit float."""


@dataclass(frozen=True)
class MicrosoftCryptoHash(CryptoHash):
    """Replace each value by its HMAC in lower-case hexadecimal, OB and UN by the raw digest."""

    name: ClassVar[str] = "cryptoHash"

    unmatched: CryptoHash | None = field(default=None, repr=False)
    """Makes the digits of values that are too long for that tool."""

    @classmethod
    def from_settings(cls, settings: Mapping[str, object], keys: Keys) -> Self:
        """Read what cryptoHash reads; without a cryptoHashKey, where that tool takes chance, the project's holds."""
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
        """All texts, dates and numbers in text too, which then are none any more; OB and UN."""
        return vr in HASHED_VRS

    def apply(self, element: Element, context: Context) -> Values | None:
        """The digests; empty values among others are hashed too, an element of no length stays so."""
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
    """A number of so many digits out of the digest's first four bytes, in that tool's 32-bit floats."""
    fraction = _single(int.from_bytes(digest[:4], "little")) / _GREATEST_UINT
    low = 10 ** (length - 1) if length > 1 else 0
    return str(int(_single(fraction * _single(10**length - 1 - low))) + low)


def _single(number: float) -> float:
    """The nearest 32-bit float."""
    (single,) = struct.unpack("<f", struct.pack("<f", number))
    return cast("float", single)


BUILDER = replace(PLAIN, build=MicrosoftCryptoHash.from_settings)
