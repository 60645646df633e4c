"""Syslog: messages arrive as RFC 5424 has them, over TLS, TCP and UDP, also after the server was away."""

from __future__ import annotations

import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from unittest import mock

import pytest
from lxml import etree

from dicomveil_engine import ConfigurationError
from dicomveil_proxy.errors import AuditUnavailable
from dicomveil_proxy.settings.access import AuditSettings
from dicomveil_proxy.trust import syslog as module
from dicomveil_proxy.trust.audit import Action, Audit, AuditEvent
from dicomveil_proxy.trust.syslog import Syslog, syslog_of
from proxy.authority import Authority
from proxy.test_trust_audit_message import SCHEMA

EVENT = AuditEvent(Action.ACCESS, 200, "token:a", "10.0.0.1", "lung", "retrieve", "ab", "2.25.1")
NOW = 1_700_000_000.25
_HEAD = re.compile(
    rb"<85>1 2023-11-14T22:13:20\.250000Z \S+ dicomveil [0-9]+ DICOM\+RFC3881 - \xef\xbb\xbf(<\?xml.*)", re.DOTALL
)


class Receiver:
    """A syslog server that takes so many connections, one after the other, and as many messages of each."""

    def __init__(self, messages: int, context: ssl.SSLContext | None = None, connections: int = 1) -> None:
        self.received: list[bytes] = []
        self._messages = messages
        self._context = context
        self._connections = connections
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def wait(self) -> list[bytes]:
        self._thread.join(20)
        self._listening.close()
        return self.received

    def _run(self) -> None:
        for _ in range(self._connections):
            connection, _ = self._listening.accept()
            if self._context:
                connection = self._context.wrap_socket(connection, server_side=True)
            with connection, connection.makefile("rb") as stream:
                for _ in range(self._messages):
                    length = b""
                    while (byte := stream.read(1)) not in {b" ", b""}:
                        length += byte
                    self.received.append(stream.read(int(length)))


@contextmanager
def sending(url: str, ca: Path | None = None) -> Iterator[Callable[[], None]]:
    made = syslog_of(AuditSettings(syslog=url, syslog_ca=ca))
    assert made is not None
    yield lambda: made.send(EVENT, NOW)
    made.close()


def check(message: bytes) -> None:
    match = _HEAD.fullmatch(message)
    assert match
    SCHEMA.assertValid(etree.fromstring(match[1]))


def test_over_tls(tmp_path: Path) -> None:
    """Counted by octets (RFC 5425); several on one connection."""
    authority = Authority(tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*authority.issue("syslog"))
    receiver = Receiver(3, context)
    with sending(f"tls://127.0.0.1:{receiver.port}", authority.ca) as send:
        for _ in range(3):
            send()
        messages = receiver.wait()

    assert len(messages) == 3
    for message in messages:
        check(message)


def test_a_server_that_is_not_trusted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Gets nothing."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*Authority(tmp_path).issue("syslog"))
    receiver = Receiver(1, context)
    with sending(f"tls://127.0.0.1:{receiver.port}", Authority(tmp_path, "Other CA").ca) as send:
        send()
        with mock.patch("threading.excepthook"):
            assert receiver.wait() == []


def test_over_udp() -> None:
    """One datagram each (RFC 5426)."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
        listening.bind(("127.0.0.1", 0))
        listening.settimeout(20)
        with sending(f"udp://127.0.0.1:{listening.getsockname()[1]}") as send:
            send()
            check(listening.recv(65_536))


def test_a_message_that_is_too_long_for_udp(caplog: pytest.LogCaptureFixture) -> None:
    """It is lost, and said to be; those behind it are sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(20)
        made = Syslog("udp", "127.0.0.1", server.getsockname()[1])
        made.send(replace(EVENT, details={"x": "y" * 70_000}), NOW)
        made.send(EVENT, NOW)
        check(server.recv(65_536))
        made.close()

    assert [record.getMessage() for record in caplog.records] == [
        "audit.syslog: a message was not sent, since it is longer than a datagram"
    ]


def test_a_server_that_closes_the_connection() -> None:
    """The next message goes over a new one."""
    receiver = Receiver(1, connections=3)
    with sending(f"tcp://127.0.0.1:{receiver.port}") as send:
        for number in range(3):
            send()
            while len(receiver.received) <= number:
                threading.Event().wait(0.01)
            threading.Event().wait(0.05)  # for the end of the connection to arrive
        messages = receiver.wait()

    assert len(messages) == 3
    for message in messages:
        check(message)


def test_a_server_that_comes_later(caplog: pytest.LogCaptureFixture) -> None:
    """What waited is sent then; the log says why it had to."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    made = Syslog("tcp", "127.0.0.1", port)
    real = socket.create_connection
    tries: list[int] = []

    def connect(address: tuple[str, int], timeout: float) -> socket.socket:
        tries.append(1)
        if len(tries) == 1:
            raise ConnectionRefusedError(111, "Connection refused")
        return real(("127.0.0.1", receiver.port), timeout)

    receiver = Receiver(2)
    with mock.patch("socket.create_connection", connect):
        made.send(EVENT, NOW)
        made.send(EVENT, NOW)
        assert len(receiver.wait()) == 2
        made.close()

    assert "audit.syslog: the server cannot be reached (Connection refused)" in caplog.text


def test_too_many_wait() -> None:
    """Then nothing may be answered, if the audit is required."""
    with mock.patch.object(module, "WAITING_MESSAGES", 2):
        made = Syslog("tcp", "127.0.0.1", 9)
    made._thread = threading.current_thread()  # nothing is sent
    audit = Audit(None, made)
    for _ in range(2):
        audit.record(EVENT)
    with pytest.raises(AuditUnavailable):
        audit.record(EVENT)


def test_settings(tmp_path: Path) -> None:
    """Where the server is; a certificate authority that cannot be read is named."""
    assert syslog_of(AuditSettings()) is None
    assert AuditSettings(syslog="tls://[::1]").syslog_address == ("tls", "::1", 6514)
    assert AuditSettings(syslog="udp://host:5140").syslog_address == ("udp", "host", 5140)
    with pytest.raises(ConfigurationError, match=r"audit\.syslog_ca: it cannot be used"):
        syslog_of(AuditSettings(syslog="tls://host", syslog_ca=tmp_path / "nothing"))
