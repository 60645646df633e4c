"""The Encrypted Attributes Sequence (0400,0500): originals within the output, for the holder of a private key.

PS3.15 Section E.1.2: the original values of the patient and the study, as a data set with a Modified Attributes
Sequence, enveloped (RFC 5652) for recipients' certificates. A study has one envelope: its seed is drawn at random once
and kept in the job's ledger, and its content key and paddings come from seed, project key and content. So all instances
of a study have the same envelope, whichever worker made it, and a job that is resumed gives the same bytes. Neither the
ledger nor the project key opens it alone. Instances that do not agree about their study have an envelope each.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from functools import lru_cache, partial

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7
from cryptography.hazmat.primitives.serialization import Encoding

from dicomveil_engine import InvalidDataSetError
from dicomveil_engine.part10.file_meta import read_file_meta
from dicomveil_engine.pseudonyms.keys import Keys, keyed_digest
from dicomveil_proxy.jobs.description import ElementReader
from dicomveil_proxy.jobs.seeds import SEED_BYTES

SEQUENCE = 0x04000500
_ORIGINALS = frozenset(
    (
        *(0x00080005, 0x00080020, 0x00080030, 0x00080050, 0x00080090, 0x00081030, 0x00100010, 0x00100020, 0x00100021),
        *(0x00100030, 0x00100032, 0x00100040, 0x00101000, 0x0020000D, 0x00200010),
    )
)
"""Identifying attributes of patient and study (PS3.3 Sections C.7.1.1 and C.7.2.1), and their character set."""
_LAST = max(_ORIGINALS)
_IMPLICIT, _EXPLICIT, _BIG = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"
_HELD_BYTES = 64 << 20
_ENVELOPES_CACHED = 256


class EncryptedOriginals:
    """Creates sequences for recipients."""

    def __init__(self, secret: bytes, recipients: Sequence[bytes]) -> None:
        """`recipients` are certificates in DER."""
        self._keys = Keys(secret)
        self._recipients = tuple(recipients)
        self._sealed = lru_cache(_ENVELOPES_CACHED)(self._seal)

    def begin(self, seed: bytes) -> Insertion:
        """Start an instance; `seed` is the seed of its study's envelope."""
        if len(seed) < SEED_BYTES:
            raise InvalidDataSetError("originals cannot be encrypted without a seed")
        return Insertion(partial(self._sealed, seed))

    def _seal(self, seed: bytes, content: bytes) -> bytes:
        return envelope(content, self._recipients, Keys(self._keys.derive("originals/study", seed.hex())))


class Insertion:
    """The sequence for one instance: fed the original, it then inserts the sequence into the output."""

    def __init__(self, seal: Callable[[bytes], bytes]) -> None:
        self._seal = seal
        self._original = bytearray()
        self._content: bytes | None = None
        self._syntax = ""
        self._held = bytearray()
        self._skip = 0
        self._reader: ElementReader | None = None
        self._is_done = False

    def note(self, data: bytes | memoryview) -> None:
        """Read a chunk of the original, until all needed attributes have been read."""
        if self._content is None:
            self._original += data
            if len(self._original) > _HELD_BYTES:
                raise InvalidDataSetError("the header is too long for its originals to be encrypted")
            self._content = self._read()

    def close(self) -> None:
        """Read the end of the original."""
        if self._content is None:
            self._content = self._read(closing=True)

    def through(self, chunks: list[bytes | bytearray | memoryview], *, closing: bool = False) -> list[bytes]:
        """The chunks of the output, with the sequence inserted in order."""
        if self._is_done:
            return [bytes(chunk) for chunk in chunks]
        for chunk in chunks:
            self._held += chunk
        out: list[bytes] = []
        if self._reader is None:
            found = read_file_meta(bytes(self._held), closing=closing)
            if found is None:
                return out
            self._syntax = found[0].transfer_syntax_uid
            if found[0].is_deflated:
                raise InvalidDataSetError("originals cannot be encrypted into a deflated instance")
            self._reader = ElementReader(b"", self._syntax)
            self._skip = found[1]
        while not self._is_done:
            taken = min(self._skip, len(self._held))
            if taken:
                out.append(bytes(self._held[:taken]))
                del self._held[:taken]
                self._skip -= taken
            if self._skip or not self._advance(out, closing=closing):
                break
        if self._is_done:
            out.append(bytes(self._held))
            self._held.clear()
        return out

    def _advance(self, out: list[bytes], *, closing: bool) -> bool:
        """Process the next element, and return whether there is more to do."""
        assert self._reader is not None
        if not self._held and closing:
            self._insert(out)
            return False
        self._reader.data = bytes(self._held)
        try:
            tag, start, length = self._reader.element(0)
            if tag == SEQUENCE:
                raise InvalidDataSetError(
                    "the policy keeps (0400,0500) EncryptedAttributesSequence, where originals are to be encrypted"
                )
            if tag > SEQUENCE:
                self._insert(out)
                return False
            self._skip = self._reader.after(start, length)
        except (struct.error, IndexError):
            if closing:
                raise InvalidDataSetError("the output cannot be read") from None
            if len(self._held) > _HELD_BYTES:
                raise InvalidDataSetError("the header is too long for its originals to be encrypted") from None
            return False
        return True

    def _insert(self, out: list[bytes]) -> None:
        self._is_done = True
        if self._content:
            out.append(_encoded(self._seal(self._content), self._syntax))

    def _read(self, *, closing: bool = False) -> bytes | None:
        """The data set of originals in explicit VR little endian; None before all of them have been read."""
        found = read_file_meta(bytes(self._original), closing=closing)
        if found is None:
            return None
        meta, start = found
        if meta.is_deflated or meta.transfer_syntax_uid == _BIG:
            raise InvalidDataSetError("originals of deflated and of big endian instances cannot be encrypted")
        reader = ElementReader(bytes(self._original), meta.transfer_syntax_uid)
        item, position = bytearray(), start
        while position < len(self._original):
            try:
                tag, value, length = reader.element(position)
                after = reader.after(value, length)
            except (struct.error, IndexError):
                return None if not closing else b""
            if tag > _LAST:
                return _modified(bytes(item))
            if after > len(self._original):
                return None
            if tag in _ORIGINALS:
                item += _explicit(tag, reader.vr(position, tag), bytes(self._original[value:after]))
            position = after
        return _modified(bytes(item)) if closing else None


def envelope(content: bytes, recipients: Sequence[bytes], keys: Keys) -> bytes:
    """An EnvelopedData (RFC 5652 Section 6) for the recipients, which is a function of content and keys."""
    salt = keyed_digest(keys.derive("originals/salt"), b"".join(recipients) + content).hex()
    content_key, initial = keys.derive("originals/key", salt), keys.derive("originals/iv", salt, 16)
    infos = b""
    for number, certificate in enumerate(recipients):
        read = x509.load_der_x509_certificate(certificate)
        public = read.public_key()
        assert isinstance(public, rsa.RSAPublicKey)
        numbers, size = public.public_numbers(), (public.key_size + 7) // 8
        # EME-PKCS1-v1_5 (RFC 8017 Section 7.2.1), its padding derived instead of drawn: no byte of it is zero.
        wanted = size - len(content_key) - 3
        padding = keys.derive(f"originals/padding/{number}", salt, 2 * wanted).replace(b"\0", b"")[:wanted]
        block = b"\0\2" + padding + b"\0" + content_key
        encrypted = pow(int.from_bytes(block), numbers.e, numbers.n).to_bytes(size)
        issuer = _der(0x30, read.issuer.public_bytes(), _integer(read.serial_number))
        algorithm = bytes.fromhex("300d06092a864886f70d0101010500")
        infos += _der(0x30, _integer(0), issuer, algorithm, _der(0x04, encrypted))
    padder = PKCS7(128).padder()
    encryptor = Cipher(AES(content_key), CBC(initial)).encryptor()
    sealed = encryptor.update(padder.update(content) + padder.finalize()) + encryptor.finalize()
    aes = _der(0x30, bytes.fromhex("060960864801650304012a"), _der(0x04, initial))
    data = bytes.fromhex("06092a864886f70d010701")
    enveloped = _der(0x30, _integer(0), _der(0x31, infos), _der(0x30, data, aes, _der(0x80, sealed)))
    return _der(0x30, bytes.fromhex("06092a864886f70d010703"), _der(0xA0, enveloped))


def der_of(certificates: Sequence[x509.Certificate]) -> tuple[bytes, ...]:
    """The certificates in DER, to be sent to workers."""
    return tuple(each.public_bytes(Encoding.DER) for each in certificates)


def _der(tag: int, *parts: bytes) -> bytes:
    content = b"".join(parts)
    length = len(content)
    if length < 0x80:
        return bytes((tag, length)) + content
    size = length.to_bytes((length.bit_length() + 7) // 8)
    return bytes((tag, 0x80 | len(size))) + size + content


def _integer(number: int) -> bytes:
    return _der(0x02, number.to_bytes(number.bit_length() // 8 + 1))


def _explicit(tag: int, vr: bytes, value: bytes) -> bytes:
    return struct.pack("<HH2sH", tag >> 16, tag & 0xFFFF, vr, len(value)) + value


def _modified(item: bytes) -> bytes:
    """A data set with the Modified Attributes Sequence (0400,0550)."""
    sequence = struct.pack("<HHI", 0xFFFE, 0xE000, len(item)) + item
    return struct.pack("<HH2sHI", 0x0400, 0x0550, b"SQ", 0, len(sequence)) + sequence


def _encoded(sealed: bytes, syntax: str) -> bytes:
    """The Encrypted Attributes Sequence in the encoding of the output."""
    order = ">" if syntax == _BIG else "<"
    uid = _EXPLICIT.encode() + b"\0" * (len(_EXPLICIT) % 2)
    content = sealed + b"\0" * (len(sealed) % 2)
    if syntax == _IMPLICIT:
        item = struct.pack("<HHI", 0x0400, 0x0510, len(uid)) + uid
        item += struct.pack("<HHI", 0x0400, 0x0520, len(content)) + content
        head = struct.pack("<HHI", 0x0400, 0x0500, len(item) + 8)
    else:
        item = struct.pack(f"{order}HH2sH", 0x0400, 0x0510, b"UI", len(uid)) + uid
        item += struct.pack(f"{order}HH2sHI", 0x0400, 0x0520, b"OB", 0, len(content)) + content
        head = struct.pack(f"{order}HH2sHI", 0x0400, 0x0500, b"SQ", 0, len(item) + 8)
    return head + struct.pack(f"{order}HHI", 0xFFFE, 0xE000, len(item)) + item
