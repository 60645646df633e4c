"""Hostile requests over a real socket: none opens another project or hides a second request, and the server stays."""

from __future__ import annotations

import logging
import re
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from dicomveil_engine import load_policy
from dicomveil_proxy.settings.access import AccessSettings
from dicomveil_proxy.settings.project_table import ProjectTable
from dicomveil_proxy.trust.tokens import TokenFile
from proxy.fakes import KEY, STUDY, MemoryOrigin, application_in, instance, served

LUNG, HEART = "/projects/lung/dicom-web", "/projects/heart/dicom-web"
SENTINELS = (b"Doe^Jane", b"PATIENT-1", b"ACCESSION-1", b"1.2.3.1", b"X-Evil")
_STATUS = re.compile(rb"HTTP/1\.[01] ([0-9]{3})")


@dataclass
class Server:
    """A running server, and a token for searching and retrieving in the project `lung` alone."""

    port: int
    token: str
    study: str

    def send(self, *pieces: str) -> bytes:
        """All that comes back on one connection, until the server closes it or says nothing more for a moment."""
        received = b""
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
            try:
                for piece in pieces:
                    connection.sendall(piece.encode("latin-1"))
                connection.settimeout(0.3)
                while data := connection.recv(1 << 16):
                    received += data
                    if data.endswith((b"}", b"]")):
                        connection.settimeout(0.1)
            except (TimeoutError, ConnectionError):
                pass
        assert not any(sentinel in received for sentinel in SENTINELS)
        return received

    def statuses(self, *pieces: str) -> list[int]:
        """Of each answer."""
        return [int(status) for status in _STATUS.findall(self.send(*pieces))]

    def get(self, path: str, more: str = "") -> str:
        """A request with the token."""
        return f"GET {path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {self.token}\r\n{more}\r\n"

    @property
    def authorized(self) -> str:
        """The header."""
        return f"Host: a\r\nAuthorization: Bearer {self.token}\r\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The projects lung and heart over one archive, whose texts try to split an answer."""
    folder: Path = tmp_path_factory.mktemp("hostile")
    keys = {"lung": KEY[::-1], "heart": bytes(range(1, 33))}
    for name, key in keys.items():
        (folder / name).touch(0o600)
        (folder / name).write_text(key.hex())
    tokens = folder / "tokens.json"
    application = application_in(
        folder,
        MemoryOrigin(instance(SeriesDescription="a\r\nX-Evil: 1\r\n\r\nHTTP/1.1 200 OK")),
        access=AccessSettings(tokens=tokens),
        projects={name: ProjectTable(key_file=folder / name) for name in keys},
    )
    secret, _ = TokenFile(tokens).new(["lung"], ["search", "retrieve"], name="", now=time.time(), expires=None)
    study = load_policy({"profile": "default"}, keys["lung"]).pseudonym_uid(STUDY)
    with served(application) as port:
        found = Server(port, secret, study)
        assert found.statuses(found.get(f"{LUNG}/studies")) == [200]
        yield found
        assert found.statuses(found.get(f"{LUNG}/studies/{study}/metadata")) == [200]


DISGUISES = (
    *(
        HEART,
        "/projects/lung/../heart/dicom-web",
        f"{LUNG}/../../heart/dicom-web",
        "/projects/lung%2f..%2fheart/dicom-web",
    ),
    *("/projects/%68eart/dicom-web", "/projects/heart;/dicom-web", "/projects/lung/..;/heart/dicom-web", f"/{HEART}"),
    *(
        "/projects//heart/dicom-web",
        f"/.{HEART}",
        "/projects/heart%00/dicom-web",
        "/projects/lung%5c..%5cheart/dicom-web",
    ),
    *("/projects/%c0%ae%c0%ae/heart/dicom-web", "/projects/lung%252f..%252fheart/dicom-web", "/dicom-web"),
    *(f"{LUNG}/..%2f..%2f..%2fdicom-web", "/healthz/../dicom-web", "/healthz%2f..%2fdicom-web", "/healthz;/dicom-web"),
    *("/projects/heart\\dicom-web", "/PROJECTS/heart/dicom-web", f"{LUNG}{HEART}", f"http://a{HEART}", "/metrics"),
)


@pytest.mark.parametrize("path", DISGUISES)
def test_paths_in_disguise(server: Server, path: str) -> None:
    """Another project, and what is no project, is one 404, in whatever spelling."""
    assert server.statuses(server.get(f"{path}/studies")) == [404]


SMUGGLED = (
    "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG",
    "Transfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n0\r\n\r\nG",
    "Content-Length: 0\r\nContent-Length: 6\r\n\r\nabcdef",
    "Content-Length: 3, 3\r\n\r\nabc",
    "Content-Length: +3\r\n\r\nabc",
    "Content-Length: 0x3\r\n\r\nabc",
    "Content-Length: -1\r\n\r\n",
    "Transfer-Encoding: xchunked\r\nContent-Length: 3\r\n\r\nabc",
    "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "Transfer-Encoding : chunked\r\nContent-Length: 3\r\n\r\nabc",
    "Transfer-Encoding:\r\n chunked\r\nContent-Length: 3\r\n\r\nabc",
    "Transfer-Encoding: chunked\r\n\r\n3;a\nabc\r\n0\r\n\r\n",
    "Transfer-Encoding: chunked\r\n\r\n0x3\r\nabc\r\n0\r\n\r\n",
    "Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\nabc",
)


@pytest.mark.parametrize("rest", SMUGGLED)
def test_no_request_hides_in_a_body(server: Server, rest: str) -> None:
    """A body whose end two servers could see in two places ends the connection; what stands behind it is not read."""
    hidden = server.get(f"{LUNG}/studies")

    assert 200 not in server.statuses(f"POST {LUNG}/studies HTTP/1.1\r\n{server.authorized}{rest}{hidden}")


def test_each_request_is_admitted_for_itself(server: Server) -> None:
    """What stands behind an answered one, without or with another right, gets its own answer."""
    search = server.get(f"{LUNG}/studies")

    assert server.statuses(f"{search}GET {LUNG}/studies HTTP/1.1\r\nHost: a\r\n\r\n") == [200, 401]
    assert server.statuses(f"{search}{server.get(f'{HEART}/studies')}") == [200, 404]
    length = len(search)
    assert server.statuses(
        f"{server.get(f'{LUNG}/studies', f'Content-Length: {length}' + chr(13) + chr(10))}{search}"
    ) == [200]


@pytest.mark.parametrize(
    ("request_line", "headers", "expected"),
    [
        ("CONNECT 127.0.0.1:22 HTTP/1.1", "", [400]),
        (f"TRACE {LUNG}/studies HTTP/1.1", "", [405]),
        (f"DELETE {LUNG}/studies HTTP/1.1", "", [405]),
        ("OPTIONS * HTTP/1.1", "", [404]),
        (f"GET {LUNG}/studies\0 HTTP/1.1", "", [400]),
        (f"GET {LUNG}/stud ies HTTP/1.1", "", [400]),
        (f"GET {LUNG}/studies HTTP/1.1", "X: a\0b\r\n", [400]),
        (f"GET {LUNG}/studies HTTP/1.1", "X: a\r\n folded: b\r\n", [400]),
        (f"GET {LUNG}/studies HTTP/1.1", "Host: b\r\n", [400]),
        (f"GET {LUNG}/studies HTTP/1.1", "Authorization: Bearer x\r\n", [400]),
        (f"GET {LUNG}/studies HTTP/1.1", "X: y\r\n" * 300, [431]),
        (f"GET {LUNG}/studies?{'a' * 70_000} HTTP/1.1", "", [431]),
        (
            f"GET {LUNG}/studies HTTP/1.1",
            f"X-Original-URL: {HEART}/studies\r\nX-HTTP-Method-Override: DELETE\r\n",
            [200],
        ),
        (f"GET {LUNG}/studies HTTP/1.1", "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\n", [200]),
        (
            f"GET {LUNG}/studies HTTP/1.1",
            "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n",
            [200],
        ),
        (f"GET {LUNG}/studies?includefield=%0d%0aX-Evil:1 HTTP/1.1", "", [200]),
        (f"GET {LUNG}/studies?limit=1%0d%0aX-Evil:1 HTTP/1.1", "", [400]),
        (f"GET {LUNG}/studies?PatientName=%c0%ae HTTP/1.1", "", [400]),
    ],
)
def test_odd_requests(server: Server, request_line: str, headers: str, expected: list[int]) -> None:
    """Each has one answer, which is what the request is without the oddity, or a refusal."""
    assert server.statuses(f"{request_line}\r\n{server.authorized}{headers}\r\n") == expected


def test_entity_tags_are_no_oracle(server: Server) -> None:
    """A guess answers nothing that a request without it does not: 404 and 401 stay what they are."""
    anything = "If-None-Match: *\r\n"
    unknown = f"{LUNG}/studies/2.25.1/metadata"

    assert server.statuses(server.get(unknown, anything)) == [404]
    assert server.statuses(server.get(f"{HEART}/studies/{server.study}/metadata", anything)) == [404]
    assert server.statuses(f"GET {LUNG}/studies/{server.study}/metadata HTTP/1.1\r\nHost: a\r\n{anything}\r\n") == [401]


def test_too_many_requests_at_once(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    """Those that may wait are answered, the next is refused, and the connection ends; no error is logged."""
    with caplog.at_level(logging.ERROR):
        *answered, last = server.statuses(server.get(f"{LUNG}/studies") * 150)

    assert len(answered) >= 101
    assert {*answered} == {200}
    assert last == 400

    assert [record.getMessage() for record in caplog.records] == []
