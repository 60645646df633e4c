"""A certificate authority for tests: certificates of servers and clients, as PEM files."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

ORGANISATION = "Example Hospital"


class Authority:
    """Issues certificates; its own is in `ca`."""

    def __init__(self, folder: Path, name: str = "Example CA") -> None:
        self.folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name(name)
        self._certificate = self._signed(self._name, self._key, days=365, is_authority=True)
        self.ca = folder / f"{name}.pem"
        self.ca.write_bytes(self._certificate.public_bytes(Encoding.PEM))

    def issue(self, name: str, *, days: float = 30, file: str = "") -> tuple[Path, Path]:
        """A certificate of 127.0.0.1 with this common name, and its key; valid up to so many days from now."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._signed(_name(name), key, days=days)
        paths = (self.folder / f"{file or name}.pem", self.folder / f"{file or name}.key")
        paths[0].write_bytes(certificate.public_bytes(Encoding.PEM))
        paths[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return paths

    def _signed(
        self, name: x509.Name, key: ec.EllipticCurvePrivateKey, *, days: float, is_authority: bool = False
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=60))
            .not_valid_after(now + timedelta(days=days))
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        )
        if is_authority:
            usage = dict.fromkeys(("digital_signature", "key_cert_sign", "crl_sign"), True)
            others = ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement")
            usage |= dict.fromkeys((*others, "encipher_only", "decipher_only"), False)
            builder = builder.add_extension(x509.KeyUsage(**usage), critical=True)
        else:
            names = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
            builder = builder.add_extension(names, critical=False)
        return builder.sign(self._key, hashes.SHA256())


def subject(name: str) -> str:
    """As a setting names the holder of a certificate."""
    return f"CN={name},O={ORGANISATION}"


def _name(name: str) -> x509.Name:
    organisation = x509.NameAttribute(NameOID.ORGANIZATION_NAME, ORGANISATION)
    return x509.Name([organisation, x509.NameAttribute(NameOID.COMMON_NAME, name)])
