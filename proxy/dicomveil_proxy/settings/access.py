"""The tables `[access]`, `[tls]`, `[audit]` and `[guard]` of the settings.

They are checked here without opening files. What they mean is in `trust/`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, PositiveInt, field_validator, model_validator

from dicomveil_proxy.settings.rights import Grants, Right, granted, joined, parse_project

TOKENS = Path("dicomveil-tokens.json")
"""The default of `access.tokens`, in the folder of the settings file."""

_SYSLOG = re.compile(r"(udp|tcp|tls)://(\[[0-9A-Fa-f:.]+\]|[^\s/:?#@\[\]]+)(?::([0-9]{1,5}))?")


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, defer_build=True)


class GrantTable(_Table):
    """Rights that are granted in projects."""

    projects: tuple[str, ...]
    """Names of projects; `default` is the one without a name, `*` means all."""
    can: tuple[Right, ...]

    @field_validator("projects")
    @classmethod
    def _names(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(parse_project(each) for each in value)

    @property
    def grants(self) -> Grants:
        """The rights by project."""
        return granted(self.projects, self.can)


class CertificateTable(GrantTable):
    """The holder of a client certificate."""

    subject: Annotated[str, Field(min_length=1)]
    """The certificate's subject in the form of RFC 4514, such as `CN=viewer.example.org,O=Example Hospital`."""


class OIDCSettings(_Table):
    """An identity provider that signs access tokens (OpenID Connect, RFC 9068)."""

    issuer: str
    """The value of `iss` in tokens, and the base URL of the issuer's configuration document."""
    audience: Annotated[str, Field(min_length=1)]
    """The value of `aud` in tokens."""
    jwks_uri: str | None = None
    """The URL of the issuer's keys; by default from its configuration document."""
    projects_claim: str | None = None
    """The claim that lists projects; dots separate the names of nested objects."""
    rights_claim: str | None = None
    """The claim that lists the rights in all these projects."""
    groups_claim: str = "groups"
    """The claim that lists groups."""
    groups: dict[str, GrantTable] = {}
    """The rights of the members of each group."""
    subject_claim: str = "sub"
    """The claim with the user's name for the audit."""
    clock_skew_seconds: Annotated[NonNegativeFloat, Field(le=600)] = 30
    """The accepted difference to the issuer's clock."""

    @field_validator("issuer", "jwks_uri")
    @classmethod
    def _is_secure(cls, value: str | None) -> str | None:
        if value is None:
            return None
        try:
            parts = urlsplit(value)
            host = parts.hostname or ""
        except ValueError:
            host = ""
        if not host or parts.query or parts.fragment or parts.username is not None:
            raise ValueError("write it as https://host/path")
        if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(host)):
            raise ValueError("keys that come over plain HTTP could be anybody's; write it as https://host/path")
        return value

    @model_validator(mode="after")
    def _grants_something(self) -> OIDCSettings:
        if (self.projects_claim is None) != (self.rights_claim is None):
            raise ValueError("projects_claim and rights_claim must be given together")
        if self.projects_claim is None and not self.groups:
            raise ValueError("no user would have a right; give projects_claim and rights_claim, or groups")
        return self


class AccessSettings(_Table):
    """How users are authenticated, and their rights. Anything that is not granted here is refused."""

    tokens: Path | None = None
    """The file of static tokens, written by `dicomveil token new`."""
    oidc: OIDCSettings | None = None
    certificates: tuple[CertificateTable, ...] = ()
    """Holders of client certificates."""
    client_cert_header: bool = False
    """Whether to accept client certificates in `Client-Cert` headers (RFC 9440) of `trusted_proxies`."""

    @property
    def tokens_file(self) -> Path:
        """The file of static tokens."""
        return self.tokens or TOKENS

    def of_certificate(self, subject: str) -> Grants | None:
        """The rights of the holder of a certificate with this subject; None for an unknown one."""
        found = [each.grants for each in self.certificates if each.subject == subject]
        return joined(found) if found else None


class TLSSettings(_Table):
    """The server's certificate, and the authorities of client certificates."""

    certificate: Path
    """PEM: the certificate, and its intermediate certificates."""
    key: Path
    """PEM, without a pass phrase."""
    client_ca: Path | None = None
    """PEM: the authorities whose client certificates are accepted."""


class AuditSettings(_Table):
    """The destinations of the audit trail."""

    file: Path | None = None
    """JSON lines in a chain of HMACs; further workers write `<file>.1`, `<file>.2`, ..."""
    key_file: Path | None = None
    """The key of the chain; by default `<file>.key`, which is created at the first start."""
    rotate_bytes: PositiveInt = 256 << 20
    """The size after which a new file is started."""
    syslog: str | None = None
    """`udp://host:514`, `tcp://host:601` or `tls://host:6514`: DICOM Audit Messages."""
    syslog_ca: Path | None = None
    """PEM: the authority of the syslog server, if it is not one of the system's."""
    required: bool = True
    """Whether a request is refused if it cannot be recorded."""

    @field_validator("syslog")
    @classmethod
    def _place(cls, value: str | None) -> str | None:
        if value is not None and not _SYSLOG.fullmatch(value):
            raise ValueError("write it as tls://host:6514, tcp://host:601 or udp://host:514")
        return value

    @property
    def syslog_address(self) -> tuple[Literal["udp", "tcp", "tls"], str, int] | None:
        """Transport, host and port."""
        if self.syslog is None or not (match := _SYSLOG.fullmatch(self.syslog)):
            return None
        ports = {"udp": 514, "tcp": 601, "tls": 6514}
        return match[1], match[2].strip("[]"), int(match[3] or ports[match[1]])  # type: ignore[return-value]


class GuardSettings(_Table):
    """The leak guard, which searches the output for originals."""

    mode: Literal["off", "report", "refuse"] = "refuse"
    """Do not search; record findings; or record findings and refuse the response."""
    quarantine: Path | None = None
    """The file of findings, without values; by default `quarantine.sqlite` in the folder of `state`."""


def is_loopback(host: str) -> bool:
    """Whether an address can be reached from this machine only; of names, only `localhost` counts."""
    if host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


TABLES: Mapping[str, type[BaseModel]] = {
    "access": AccessSettings,
    "tls": TLSSettings,
    "audit": AuditSettings,
    "guard": GuardSettings,
}
"""By the setting's name."""
