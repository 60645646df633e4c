"""encrypt: AES-CBC with PKCS #7 padding; the holder of the key can decrypt the value.

The IV is a keyed digest of the plaintext instead of random, so that a value gives the same bytes on every replica and
day. Equal values can therefore be seen to be equal.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Self, cast

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7

from dicomveil_engine.errors import ConfigurationError, InvalidDataSetError
from dicomveil_engine.methods.base import Context, Element, Method, MethodBuilder, Reversal, Values
from dicomveil_engine.methods.effect import Effect
from dicomveil_engine.methods.settings import MethodSettings
from dicomveil_engine.methods.values import texts, utf8
from dicomveil_engine.pseudonyms.keys import Keys, keyed_digest

_BLOCK_BYTES = 16
_TEXTS = frozenset(("LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"))
_BYTES = frozenset(("OB", "UN"))
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]")
"""Not in any legal text (PS3.5 Section 6.1.3), but in most texts that a wrong key gives."""


@dataclass(frozen=True)
class Encrypt(Method):
    """Replace each value by IV and ciphertext, in Base64 for texts.

    Base64 of up to 15 bytes has 44 characters: LO, SH and PN become longer than PS3.5 allows, as with the Microsoft
    tool. In PN the padding `=` is omitted, since it would separate component groups.
    """

    name: ClassVar[str] = "encrypt"
    action: ClassVar[str] = "D *encrypted*"
    recognises_own_output: ClassVar[bool] = False

    key: bytes = field(repr=False)
    iv_key: bytes = field(repr=False)
    needs_project_key: bool = field(default=False, repr=False)
    """Whether `key` is derived from the project key instead of configured."""

    @classmethod
    def from_settings(cls, settings: Mapping[str, object], keys: Keys) -> Self:
        """Read encryptKey, 16, 24 or 32 bytes in UTF-8; without it the key is derived from the project key."""
        given = utf8(MethodSettings(cls.name, settings).text("encryptKey", default=""))
        if given and len(given) not in {16, 24, 32}:
            raise ConfigurationError(
                f'{cls.name}: the setting "encryptKey" has {len(given)} bytes; give 16, 24 or 32, '
                "or leave it out to derive it from the project key"
            )
        return cls(given or encryption_key(keys), keys.derive("iv"), not given)

    def effect(self, vr: str) -> Effect:  # noqa: ARG002
        """Replaced by ciphertext."""
        return Effect.REPLACE

    @property
    def reversal(self) -> Reversal:
        """Itself, since it has the key."""
        return self

    def supports(self, vr: str) -> bool:
        """Texts that can hold Base64, OB and UN."""
        return vr in _TEXTS or vr in _BYTES

    def apply(self, element: Element, context: Context) -> Values | None:
        """The encrypted values; empty ones stay empty."""
        if context.was_deidentified or not element.values:
            return element.values
        if element.vr in _BYTES:
            return self._encrypted(cast("bytes", element.values))
        encrypted = [base64.b64encode(self._encrypted(utf8(t))).decode() if t else "" for t in texts(element)]
        return [text.rstrip("=") for text in encrypted] if element.vr == "PN" else encrypted

    def decrypted(self, element: Element) -> Values:
        """The original values. Raises InvalidDataSetError when they were not encrypted with this key.

        With a key of the project the IV proves that. With a configured encryptKey, which other tools may have used too,
        the padding must be correct, and a text must not have control characters.
        """
        if element.vr in _BYTES:
            return self._decrypted(cast("bytes", element.values))[0] if element.values else b""
        return [self.decrypted_text(text) if text else "" for text in texts(element)]

    def decrypted_text(self, text: str) -> str:
        """The original text. Raises InvalidDataSetError when it was not encrypted with this key."""
        plaintext, is_proven = self._decrypted(_from_base64(text))
        decrypted = _text(plaintext)
        if not is_proven and _CONTROL.search(decrypted):
            raise InvalidDataSetError("the text is not encrypted with this key")
        return decrypted

    def _decrypted(self, blob: bytes) -> tuple[bytes, bool]:
        """The plaintext, and whether it is certain that this project encrypted it."""
        plaintext = decrypt_bytes(self.key, blob)
        is_proven = self._iv(plaintext) == blob[:_BLOCK_BYTES]
        if self.needs_project_key and not is_proven:
            raise InvalidDataSetError("the value is not encrypted with this project's key")
        return plaintext, is_proven

    def _iv(self, plaintext: bytes) -> bytes:
        return keyed_digest(self.iv_key, plaintext)[:_BLOCK_BYTES]

    def _encrypted(self, plaintext: bytes) -> bytes:
        iv = self._iv(plaintext)
        padder = PKCS7(_BLOCK_BYTES * 8).padder()
        encryptor = Cipher(AES(self.key), CBC(iv)).encryptor()
        padded = padder.update(plaintext) + padder.finalize()
        return iv + encryptor.update(padded) + encryptor.finalize()


def encryption_key(keys: Keys) -> bytes:
    """The key of a project whose configuration gives no encryptKey."""
    return keys.derive("encryption")


def decrypt_text(key: bytes, text: str) -> str:
    """Decrypt a text. Raises InvalidDataSetError if it was not encrypted with this key."""
    return _text(decrypt_bytes(key, _from_base64(text)))


def _from_base64(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise InvalidDataSetError("the text is not encrypted with this key") from None


def _text(plaintext: bytes) -> str:
    try:
        return plaintext.decode("utf-8", "surrogatepass")
    except ValueError:
        raise InvalidDataSetError("the text is not encrypted with this key") from None


def decrypt_bytes(key: bytes, blob: bytes) -> bytes:
    """Decrypt bytes. Raises InvalidDataSetError if they were not encrypted with this key.

    The ciphertext is not authenticated: a wrong key is detected by the padding, in 255 of 256 cases.
    """
    try:
        decryptor = Cipher(AES(key), CBC(blob[:_BLOCK_BYTES])).decryptor()
        padded = decryptor.update(blob[_BLOCK_BYTES:]) + decryptor.finalize()
        unpadder = PKCS7(_BLOCK_BYTES * 8).unpadder()
        return unpadder.update(padded) + unpadder.finalize()
    except ValueError:
        raise InvalidDataSetError("the bytes are not encrypted with this key") from None


BUILDER = MethodBuilder(Encrypt.name, Encrypt.from_settings, ("encryptKey",))
