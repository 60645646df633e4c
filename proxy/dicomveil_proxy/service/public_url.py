"""Where user agents reach the server: what stands in every URL that an answer holds."""

from __future__ import annotations

import re
from ipaddress import ip_address, ip_network

from starlette.requests import Request

_HOST = re.compile(r"[0-9A-Za-z._-]{1,253}(?::[0-9]{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](?::[0-9]{1,5})?")
_FORWARDED = re.compile(r'\s*([A-Za-z]+)\s*=\s*("[^"]*"|[^;,\s]*)\s*(?:;|$)')


class PublicURL:
    """The configured URL, or else what the request says; `Forwarded` (RFC 7239) counts from known peers only."""

    def __init__(self, configured: str | None, trusted: tuple[str, ...]) -> None:
        self._configured = configured
        self._trusted = [ip_network(network, strict=False) for network in trusted]

    def of(self, request: Request) -> str:
        """Scheme and authority, and whatever path was configured; without a slash at the end."""
        if self._configured:
            return self._configured
        scheme, host = request.url.scheme, _with_port(request.headers.get("host", ""), request)
        if self._is_trusted(request):
            forwarded = _last_forwarded(",".join(request.headers.getlist("forwarded")))
            scheme = forwarded.get("proto", scheme)
            host = forwarded.get("host", host)
        if scheme not in {"http", "https"} or not _HOST.fullmatch(host):
            return ""  # a URL relative to the server, which PS3.18 allows
        return f"{scheme}://{host}"

    def _is_trusted(self, request: Request) -> bool:
        if not self._trusted or request.client is None:
            return False
        try:
            peer = ip_address(request.client.host)
        except ValueError:
            return False
        return any(peer in network for network in self._trusted)


def _with_port(host: str, request: Request) -> str:
    """The host with our port, where a user agent names our own address without it, as dicomweb-client does."""
    address, port = request.scope.get("server") or ("", None)
    return f"{host}:{port}" if port and host == address and port not in {80, 443} else host


def _last_forwarded(header: str) -> dict[str, str]:
    """The parameters that the nearest proxy added."""
    return {name.lower(): value.strip('"') for name, value in _FORWARDED.findall(header.rpartition(",")[2])}
