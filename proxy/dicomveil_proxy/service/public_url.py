"""The server's public URL, with which every URL in a response begins."""

from __future__ import annotations

import re
from ipaddress import ip_address, ip_network
from urllib.parse import quote

from starlette.requests import Request

from dicomveil_proxy.service.paths import ROOT

_HOST = re.compile(r"[0-9A-Za-z._-]{1,253}(?::[0-9]{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](?::[0-9]{1,5})?")
_LOOPBACK = {"localhost", "127.0.0.1", "[::1]", "::1"}
_USUAL_PORTS = {"http": "80", "https": "443"}
_FORWARDED = re.compile(r'\s*([A-Za-z]+)\s*=\s*("[^"]*"|[^;,\s]*)\s*(?:;|$)')


class PublicURL:
    """The configured URL, or else one derived from the request.

    `Forwarded` (RFC 7239), or else the older `X-Forwarded` headers, are believed from trusted peers only.
    """

    def __init__(self, configured: str | None, trusted: tuple[str, ...]) -> None:
        self._configured = configured
        self._trusted = [ip_network(network, strict=False) for network in trusted]

    def of(self, request: Request) -> str:
        """Scheme, authority and the path under which the application is mounted, without a slash at the end."""
        if self._configured:
            return self._configured
        root = quote(request.scope.get(ROOT, "").rstrip("/"))
        scheme, host = request.url.scheme, _with_port(request.headers.get("host", ""), request)
        if self._is_trusted(request):
            if listed := request.headers.getlist("forwarded"):
                forwarded = _last_forwarded(",".join(listed))
            else:
                forwarded = _x_forwarded(request, host)
            scheme = forwarded.get("proto", scheme)
            host = forwarded.get("host", host)
        if scheme not in {"http", "https"} or not _HOST.fullmatch(host):
            return root  # a URL relative to the server, which PS3.18 allows
        return f"{scheme}://{host}{root}"

    def _is_trusted(self, request: Request) -> bool:
        if not self._trusted or request.client is None:
            return False
        try:
            peer = ip_address(request.client.host)
        except ValueError:
            return False
        return any(peer in network for network in self._trusted)


def _with_port(host: str, request: Request) -> str:
    """The host with our port, where a client sends our own address without the port, as dicomweb-client does."""
    address, port = request.scope.get("server") or ("", None)
    if not port or port in {80, 443}:
        return host
    # `server` is the socket's address; the Host of a request to loopback may be a name.
    own = {address, f"[{address}]"} | (_LOOPBACK if address in _LOOPBACK else set())
    return f"{host}:{port}" if host.lower() in own else host


def _x_forwarded(request: Request, host: str) -> dict[str, str]:
    """The nearest proxy's X-Forwarded headers; a forwarded port replaces that of the host."""
    said = {
        name: request.headers.getlist(f"x-forwarded-{name}")[-1].rpartition(",")[2].strip()
        for name in ("proto", "host", "port")
        if f"x-forwarded-{name}" in request.headers
    }
    port = said.pop("port", "")
    if port.isdecimal():
        name = said.get("host", host)
        scheme = said.get("proto", request.url.scheme)
        bare = name.partition("]")[0] + "]" if name.startswith("[") else name.partition(":")[0]
        said["host"] = bare if port == _USUAL_PORTS.get(scheme) else f"{bare}:{port}"
    return said


def _last_forwarded(header: str) -> dict[str, str]:
    """The parameters that the nearest proxy added."""
    return {name.lower(): value.strip('"') for name, value in _FORWARDED.findall(header.rpartition(",")[2])}
