"""A check of an origin server's address, whose messages say what to change.

One search for one study is sent. No message contains the URL, or a header or body of the origin server.
"""

from __future__ import annotations

import socket
import ssl

import aiohttp
import httpx

from dicomveil_proxy.errors import OriginMalformed
from dicomveil_proxy.origin.web.address import BaseURL
from dicomveil_proxy.origin.web.transport import Transport, body_of
from dicomveil_proxy.wire.json_document import decoded

_MOST = 1 << 20
"""Bytes of the response that are read; it should have one study."""
_CHECK_PATH = (
    "check the path of the URL: Orthanc serves DICOMweb below /dicom-web, dcm4chee below /dcm4chee-arc/aets/DCM4CHEE/rs"
)


async def diagnose(
    base_url: str, *, seconds: float = 5.0, transport: httpx.AsyncBaseTransport | None = None
) -> str | None:
    """Search for one study; None if the response is as expected, else a message about the fault.

    Raises ValueError for an invalid URL.
    """
    base = BaseURL(base_url)
    asked = transport or Transport()
    request = httpx.Request(
        "GET",
        base.join("studies?limit=1"),
        headers={"Accept": "application/dicom+json", "User-Agent": "dicomveil", "Accept-Encoding": "identity"}
        | base.headers,
        extensions={"timeout": httpx.Timeout(seconds).as_dict()},
    )
    try:
        response = await asked.handle_async_request(request)
        try:
            return await _of_answer(response, has_credentials=bool(base.headers))
        finally:
            await response.aclose()
    except (httpx.HTTPError, httpx.StreamError, aiohttp.ClientError, OSError) as error:
        return _of_error(error)
    finally:
        await asked.aclose()


async def _of_answer(response: httpx.Response, *, has_credentials: bool) -> str | None:
    status = response.status_code
    if status == httpx.codes.NO_CONTENT:
        return None
    if status in (401, 407):
        given = "it refuses the credentials in the URL" if has_credentials else "it requires credentials"
        return f"origin: {given} (status 401); write them as http://user:password@host/..., in DICOMVEIL_ORIGIN"
    if status == 403:
        return "origin: it does not allow searches to this user (status 403); check its rights and its access rules"
    if status in (404, 410):
        return f"origin: the server answers, but not at this path (status {status}); {_CHECK_PATH}"
    if 300 <= status < 400:
        return (
            f"origin: the server redirects to another address (status {status}), which is not followed; give the "
            "address itself: often https:// for http://, or a path without its last slash"
        )
    if status in (400, 405, 406, 415, 501):
        return f"origin: it does not support searching for studies (QIDO-RS; status {status}), which is required"
    if not response.is_success:
        return f"origin: it answers a search with status {status}; check its log"
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind in ("text/html", "application/xhtml+xml"):
        return f"origin: the server answers with a web page, not DICOMweb; {_CHECK_PATH}"
    body = bytearray()
    try:
        async for chunk in body_of(response):
            body += chunk
            if len(body) > _MOST:
                break
        found = decoded(body) if len(body) <= _MOST else []
    except (ValueError, RecursionError, OriginMalformed):
        found = None
    if body and not isinstance(found, list):
        return f"origin: its answer to a search is not DICOM JSON; {_CHECK_PATH}"
    return None


def _of_error(error: BaseException) -> str:
    """The message for an error, by the chain of its causes: httpx-aiohttp maps some to the wrong class."""
    chain: list[BaseException] = []
    each: BaseException | None = error
    while each is not None and each not in chain:
        chain += [each, *([inner] if isinstance(inner := getattr(each, "os_error", None), OSError) else [])]
        each = each.__cause__ or each.__context__
    kinds = tuple(chain)

    def is_one(*wanted: type[BaseException]) -> bool:
        return any(isinstance(one, wanted) for one in kinds)

    if is_one(aiohttp.ClientConnectorCertificateError, ssl.SSLCertVerificationError):
        return (
            "origin: its TLS certificate is not trusted (an unknown authority, another host's name, or expired); "
            "add its authority to the system's, or set SSL_CERT_FILE"
        )
    if is_one(aiohttp.ClientSSLError, ssl.SSLError):
        return "origin: there is no TLS on this port; write http:// for https://, or give the TLS port"
    if is_one(aiohttp.ClientConnectorDNSError, socket.gaierror):
        return "origin: the host's name cannot be resolved; check its spelling, and DNS on this machine"
    if is_one(ConnectionRefusedError):
        return "origin: nothing listens on this port of the host; check the port, and that the server runs"
    if is_one(TimeoutError, httpx.TimeoutException):
        return "origin: the host does not answer in time; check the address, and firewalls in between"
    if is_one(
        aiohttp.ServerDisconnectedError, ConnectionResetError, aiohttp.ClientResponseError, aiohttp.ClientPayloadError
    ):
        return "origin: what answers there does not speak HTTP (perhaps TLS, or a DICOM port); check the port"
    return "origin: it cannot be reached; check host and port, and the network in between"
