"""Cryptographic Message Syntax (RFC 5652): content for recipients' certificates, signed by the project inside.

An envelope is encrypted with AES-256-CBC, which does not detect changes, so that the content is signed first. The
signing key is derived from the project key; its fingerprint identifies the project. The content key is encrypted for
each recipient by RSA with PKCS #1 v1.5, which all tools support. `openssl cms` opens both layers.

Reading is implemented here, since `cryptography` needs the recipient's certificate besides the key, and does not verify
signatures. Only definite lengths, as written here, are accepted.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES, AES256
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.padding import PKCS7
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key, pkcs7
from cryptography.x509.oid import NameOID

from dicomveil_engine import ConfigurationError
from dicomveil_engine.pseudonyms.keys import Keys

Certificate = x509.Certificate

_ENVELOPED = bytes.fromhex("2a864886f70d010703")
_SIGNED = bytes.fromhex("2a864886f70d010702")
_AES_256_CBC = bytes.fromhex("60864801650304012a")
_MESSAGE_DIGEST = bytes.fromhex("2a864886f70d010904")
_KEY_BYTES = 32
_SEQUENCE, _SET, _OID, _OCTETS = 0x30, 0x31, 0x06, 0x04
_SHORTEST_RSA = 2048


class CMSError(Exception):
    """The data is not an envelope for this key, or was changed."""


class _Value(NamedTuple):
    """An element of BER (X.690)."""

    tag: int
    content: bytes
    encoded: bytes


def read_certificates(paths: Sequence[Path], option: str = "recipient") -> tuple[Certificate, ...]:
    """The recipients' certificates from PEM files; `option` is named in messages. Raises ConfigurationError."""
    found: list[Certificate] = []
    for path in paths:
        try:
            data = path.read_bytes()
        except OSError as error:
            raise ConfigurationError(
                f"{option}: the certificate cannot be read ({error.strerror}); name a PEM file"
            ) from None
        try:
            read = x509.load_pem_x509_certificates(data)
        except ValueError:
            raise ConfigurationError(f"{option}: {_NO_CERTIFICATE[b'PRIVATE KEY' in data]}") from None
        for each in read:
            _check(each, option)
        found += read
    return tuple(found)


_NO_CERTIFICATE = {
    False: "the file is not a certificate in PEM; `openssl req -x509 -newkey rsa:3072 -nodes -keyout broker.key -out "
    "broker.pem -subj /CN=broker -days 3650` makes one",
    True: "the file is a private key; give the certificate that belongs to it, and leave the key with the recipient",
}
"""By whether it is a private key."""


def _check(certificate: Certificate, option: str) -> None:
    key = certificate.public_key()
    if not isinstance(key, rsa.RSAPublicKey) or key.key_size < _SHORTEST_RSA:
        raise ConfigurationError(f"{option}: the certificate's key must be RSA of {_SHORTEST_RSA} bits or more")
    ends = certificate.not_valid_after_utc
    if ends < datetime.now(UTC):
        raise ConfigurationError(f"{option}: the certificate expired on {ends:%Y-%m-%d}; ask its owner for a new one")


def read_private_key(path: Path) -> rsa.RSAPrivateKey:
    """A recipient's private key from a PEM file. Raises ConfigurationError."""
    try:
        key = load_pem_private_key(path.read_bytes(), None)
    except OSError as error:
        raise ConfigurationError(f"key: it cannot be read ({error.strerror}); name a PEM file with --key") from None
    except (TypeError, ValueError):
        raise ConfigurationError("key: it is not a private key in PEM without a pass phrase") from None
    if not isinstance(key, rsa.RSAPrivateKey):
        raise ConfigurationError("key: it must be an RSA key")
    return key


class Signer:
    """The project's signing key, which is derived from the project key."""

    def __init__(self, secret: bytes) -> None:
        curve = ec.SECP256R1()
        number = int.from_bytes(Keys(secret).derive("linkage/signer", length=48))
        # 384 bits modulo the 256-bit order: the bias is negligible.
        self._key = ec.derive_private_key(number % (_P256_ORDER - 1) + 1, curve)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "dicomveil project")])
        self._certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self._key.public_key())
            .serial_number(1)
            .not_valid_before(datetime(2000, 1, 1, tzinfo=UTC))
            .not_valid_after(datetime(9999, 12, 31, tzinfo=UTC))
            .sign(self._key, SHA256())
        )

    @property
    def fingerprint(self) -> str:
        """The fingerprint by which recipients identify the project."""
        return _fingerprint(self._certificate)

    def sign(self, content: bytes) -> bytes:
        """A SignedData with the content, in DER."""
        builder = pkcs7.PKCS7SignatureBuilder().set_data(content)
        signed = builder.add_signer(self._certificate, self._key, SHA256())
        return signed.sign(Encoding.DER, [pkcs7.PKCS7Options.Binary, pkcs7.PKCS7Options.NoCapabilities])


_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def seal(content: bytes, recipients: Sequence[Certificate]) -> bytes:
    """An EnvelopedData for the recipients, in DER, with a random content key."""
    builder = pkcs7.PKCS7EnvelopeBuilder().set_data(content)
    builder = builder.set_content_encryption_algorithm(AES256)
    for each in recipients:
        builder = builder.add_recipient(each)
    return builder.encrypt(Encoding.DER, [pkcs7.PKCS7Options.Binary])


def unseal(envelope: bytes, key: rsa.RSAPrivateKey) -> bytes:
    """The content of an EnvelopedData for this key. Raises CMSError."""
    try:
        return _unsealed(envelope, key)
    except (ValueError, IndexError):
        raise CMSError("it is not an envelope for this key, or it was changed") from None


def verified(signed: bytes) -> tuple[bytes, str]:
    """The content of a SignedData, and the fingerprint of its signer. Raises CMSError."""
    try:
        return _verified(signed)
    except (ValueError, IndexError, InvalidSignature):
        raise CMSError("its signature is not valid: it was changed") from None


def _unsealed(envelope: bytes, key: rsa.RSAPrivateKey) -> bytes:
    parts = _below(_content(envelope, _ENVELOPED))
    recipients = next(part for part in parts if part.tag == _SET)
    encrypted = _below(parts[-1])
    algorithm, initial = _below(encrypted[1])[:2]
    if algorithm.content != _AES_256_CBC:
        raise ValueError
    for each in _below(recipients):
        try:
            content_key = key.decrypt(_below(each)[-1].content, PKCS1v15())
        except ValueError:
            continue  # another's
        if len(content_key) == _KEY_BYTES:
            decryptor = Cipher(AES(content_key), CBC(initial.content)).decryptor()
            unpadder = PKCS7(128).unpadder()
            try:
                padded = decryptor.update(encrypted[2].content) + decryptor.finalize()
                return unpadder.update(padded) + unpadder.finalize()
            except ValueError:
                continue  # RSA gives a key at random where it was not for us
    raise ValueError


def _verified(signed: bytes) -> tuple[bytes, str]:
    parts = _below(_content(signed, _SIGNED))
    content = _below(_below(parts[2])[1])[0].content
    certificate = x509.load_der_x509_certificate(_below(parts[3])[0].encoded)
    (signer,) = _below(parts[-1])
    fields = _below(signer)
    attributes = next(field for field in fields if field.tag == 0xA0)
    digests = [_below(_below(each)[1])[0].content for each in _below(attributes) if _is(each, _MESSAGE_DIGEST)]
    if digests != [hashlib.sha256(content).digest()]:
        raise ValueError
    key = certificate.public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise ValueError  # noqa: TRY004 - the file is at fault
    # What is signed is the attributes as a SET (RFC 5652 Section 5.4).
    message = bytes([_SET]) + attributes.encoded[1:]
    key.verify(fields[-1].content, message, ec.ECDSA(SHA256()))
    return content, _fingerprint(certificate)


def _fingerprint(certificate: Certificate) -> str:
    public = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(public).hexdigest()[:32]


def _is(attribute: _Value, oid: bytes) -> bool:
    return _below(attribute)[0].content == oid


def _content(encoded: bytes, oid: bytes) -> _Value:
    """The content of a ContentInfo of this type."""
    whole = next(_values(encoded))
    if encoded[len(whole.encoded) :] not in (b"", b"\0"):  # DICOM pads values to an even length
        raise ValueError
    kind, held = _below(whole)
    if whole.tag != _SEQUENCE or kind.tag != _OID or kind.content != oid:
        raise ValueError
    (value,) = _below(held)
    return value


def _below(value: _Value) -> list[_Value]:
    return list(_values(value.content))


def _values(data: bytes) -> Iterator[_Value]:
    position = 0
    while position < len(data):
        tag, length, start = data[position], data[position + 1], position + 2
        if length & 0x80:
            count = length & 0x7F
            if not 1 <= count <= 8:
                raise ValueError
            length, start = int.from_bytes(data[start : start + count]), start + count
        end = start + length
        if end > len(data):
            raise ValueError
        yield _Value(tag, data[start:end], data[position:end])
        position = end
