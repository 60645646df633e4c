"""encrypt in the Microsoft tool's layout: Base64 of IV and AES-CBC ciphertext, for every VR that holds text.

The layout is that of `methods.encrypt`, so that `decrypt` reads the output of both. As in the tool, characters outside
ASCII are replaced by question marks before encryption.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, replace
from typing import ClassVar

from dicomveil_engine.methods.base import Context, Element, Values
from dicomveil_engine.methods.encrypt import BUILDER as PLAIN
from dicomveil_engine.methods.encrypt import Encrypt, decrypt_text
from dicomveil_engine.methods.microsoft.crypto_hash import HASHED_VRS
from dicomveil_engine.methods.microsoft.texts import as_ascii
from dicomveil_engine.methods.values import texts, utf8


@dataclass(frozen=True)
class MicrosoftEncrypt(Encrypt):
    """Replace each value by IV and ciphertext; empty values among others are dropped."""

    name: ClassVar[str] = "encrypt"

    def supports(self, vr: str) -> bool:
        """All text VRs, including dates and numbers, which then are not legal any more; OB and UN."""
        return vr in HASHED_VRS

    def apply(self, element: Element, context: Context) -> Values | None:
        """The encrypted values; empty OB and UN become encrypted padding."""
        if context.was_deidentified:
            return element.values
        if isinstance(element.values, bytes):
            return self._encrypted(element.values)
        plain = [as_ascii(text) for text in texts(element) if text]
        if not plain:
            return element.values
        return [base64.b64encode(self._encrypted(text.encode("ascii"))).decode() for text in plain]


def decrypt(encrypt_key: str, text: str) -> str:
    """Decrypt a value that dicomveil or the tool encrypted with a configured `encryptKey`; empty stays empty.

    Raises InvalidDataSetError if the text was not encrypted with this key.
    """
    return decrypt_text(utf8(encrypt_key), text) if text else ""


BUILDER = replace(PLAIN, build=MicrosoftEncrypt.from_settings)
