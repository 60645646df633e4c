"""TLS through real sockets: certificates that are renewed while the server runs, and those of clients."""

from __future__ import annotations

import shutil
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from dicomveil_engine import ConfigurationError
from dicomveil_proxy.command import serve
from dicomveil_proxy.command.server_check import check_server
from dicomveil_proxy.settings.access import TLSSettings
from dicomveil_proxy.settings.server import Settings
from dicomveil_proxy.trust import tls
from dicomveil_proxy.trust.tokens import TokenFile
from proxy.authority import Authority, subject
from proxy.fakes import KEY


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """Of server and clients."""
    return Authority(tmp_path)


@contextmanager
def running(folder: Path, authority: Authority, **changes: Any) -> Iterator[str]:
    """A server over an empty folder, as `dicomveil serve` runs it; its URL."""
    (folder / "origin").mkdir(exist_ok=True)
    (folder / "key").touch(0o600)
    (folder / "key").write_text(KEY.hex())
    certificate, key = authority.issue("server")
    values: dict[str, Any] = {
        "origin": str(folder / "origin"),
        "key_file": folder / "key",
        "state": folder / "state",
        "tls": {"certificate": certificate, "key": key, "client_ca": authority.ca},
        "access": {
            "tokens": folder / "tokens.json",
            "certificates": [{"subject": subject("workstation"), "projects": ["default"], "can": ["search"]}],
        },
    }
    settings = Settings(**(values | changes))
    check_server(settings)
    with serve.listen("127.0.0.1", 0) as listening:
        server = uvicorn.Server(serve.server_config(settings, graceful_seconds=1))
        thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
        thread.start()
        try:
            yield serve.base_url(settings, listening)
        finally:
            server.should_exit = True
            thread.join(20)


def client(authority: Authority, certificate: tuple[Path, Path] | None = None) -> httpx.Client:
    context = ssl.create_default_context(cafile=str(authority.ca))
    if certificate:
        context.load_cert_chain(*certificate)
    return httpx.Client(verify=context, trust_env=False, timeout=20)


def served_certificate(url: str) -> bytes:
    parts = httpx.URL(url)
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with (
        socket.create_connection((parts.host, parts.port or 443), timeout=20) as connection,
        context.wrap_socket(connection) as secured,
    ):
        return secured.getpeercert(binary_form=True) or b""


def test_client_certificates_and_tokens(tmp_path: Path, authority: Authority) -> None:
    """On one port: a certificate that is mapped, one that is not, one of another authority, a token, nothing."""
    other = Authority(tmp_path, "Other CA")
    tokens = TokenFile(tmp_path / "tokens.json")
    token, _ = tokens.new(["default"], ["search"], name="", now=0, expires=None)
    with running(tmp_path, authority) as url:
        assert url.startswith("https://127.0.0.1:")
        with client(authority, authority.issue("workstation")) as known:
            assert known.get(f"{url}/studies").status_code == 200
            assert known.get(f"{url}/studies/2.25.1").status_code == 403
            refused = known.get(f"{url}/studies", headers={"Authorization": "Bearer wrong"})
            assert refused.status_code == 401
        with client(authority, authority.issue("unmapped")) as unknown:
            assert unknown.get(f"{url}/studies").status_code == 401
        with client(authority) as nobody:
            assert nobody.get(f"{url}/studies").status_code == 401
            assert nobody.get(f"{url}/studies", headers={"Authorization": f"Bearer {token}"}).status_code == 200
            assert nobody.get(url.replace("/dicom-web", "/healthz")).status_code == 200
            # The peer is not a trusted proxy.
            forged = nobody.get(f"{url}/studies", headers={"Client-Cert": ":YWJj:"})
            assert forged.status_code == 401
        with (
            client(authority, other.issue("workstation", file="other")) as foreign,
            pytest.raises(httpx.TransportError),
        ):
            foreign.get(f"{url}/studies")
        with (
            client(authority, authority.issue("workstation", days=-1, file="old")) as old,
            pytest.raises(httpx.TransportError),
        ):
            old.get(f"{url}/studies")


def test_a_renewed_certificate(tmp_path: Path, authority: Authority) -> None:
    """Is served to the next connection, without a restart; half of one changes nothing."""
    with running(tmp_path, authority) as url:
        before = served_certificate(url)
        assert served_certificate(url) == before
        new = authority.issue("server", file="new")
        shutil.copyfile(new[0], tmp_path / "server.pem")
        assert served_certificate(url) == before  # its key is not there yet
        shutil.copyfile(new[1], tmp_path / "server.key")
        after = served_certificate(url)
        with client(authority, authority.issue("workstation")) as known:
            assert known.get(f"{url}/studies").status_code == 200

    assert after == ssl.PEM_cert_to_DER_cert(new[0].read_text())
    assert after != before


def test_plain_http_on_a_port_with_tls(tmp_path: Path, authority: Authority) -> None:
    """Is not answered."""
    with running(tmp_path, authority) as url, pytest.raises(httpx.TransportError):
        httpx.get(url.replace("https:", "http:") + "/studies", timeout=20)


def test_old_versions_of_tls(authority: Authority) -> None:
    """Are refused."""
    certificate, key = authority.issue("server")

    assert tls.context(TLSSettings(certificate=certificate, key=key)).minimum_version is ssl.TLSVersion.TLSv1_2


def test_what_cannot_be_used(tmp_path: Path, authority: Authority) -> None:
    """Each file by its setting, before the server starts."""
    certificate, key = authority.issue("server")
    _, other_key = authority.issue("other")
    bad = tmp_path / "bad.pem"
    bad.write_text("not PEM")
    for wrong, message in (
        ({"key": other_key}, "tls: certificate and key cannot be used"),
        ({"key": tmp_path / "nothing"}, "cannot be used .No such file"),
        ({"certificate": bad}, "tls: certificate and key cannot be used"),
        ({"client_ca": bad}, "tls.client_ca: it cannot be used"),
    ):
        with pytest.raises(ConfigurationError, match=message):
            tls.check(TLSSettings(**({"certificate": certificate, "key": key} | wrong)))


def test_the_end_of_a_certificate(authority: Authority) -> None:
    """Two weeks before it there is a warning; after it, the server does not start."""
    certificate, key = authority.issue("server", days=30)
    settings = TLSSettings(certificate=certificate, key=key)
    now = datetime.now(UTC)

    assert tls.check(settings, now) == []
    assert "tls.certificate: it expires on" in tls.check(settings, now + timedelta(days=20))[0]
    with pytest.raises(ConfigurationError, match="it has expired on"):
        tls.check(settings, now + timedelta(days=31))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tls": None}, "access.certificates: no client certificate can come"),
        ({"access": {"client_cert_header": True}}, "it needs trusted_proxies"),
    ],
)
def test_certificates_that_can_never_come(
    tmp_path: Path, authority: Authority, changes: dict[str, Any], message: str
) -> None:
    """Somebody would wonder why nobody is let in."""
    with pytest.raises(ConfigurationError, match=message), running(tmp_path, authority, **changes):
        pass
