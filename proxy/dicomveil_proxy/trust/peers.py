"""The client's address: the peer's, or the one that a trusted proxy forwards (RFC 7239)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from ipaddress import ip_address, ip_network

from starlette.types import Scope

_FOR = re.compile(r'(?:^|[;\s])for\s*=\s*(?:"([^"]*)"|([^;,\s"]*))', re.IGNORECASE)
_PORT = re.compile(r":[0-9]{1,5}$")


class Peers:
    """The trusted proxies."""

    def __init__(self, trusted: Sequence[str]) -> None:
        """`trusted` are addresses and networks."""
        self._networks = [ip_network(each, strict=False) for each in trusted]

    def is_trusted(self, scope: Scope) -> bool:
        """Whether the peer of a request is a trusted proxy."""
        peer = _peer(scope)
        if peer is None or not self._networks:
            return False
        try:
            address = ip_address(peer)
        except ValueError:
            return False
        return any(address in network for network in self._networks)

    def address(self, scope: Scope) -> str | None:
        """The client's address by the nearest trusted proxy's `Forwarded` header, else the peer's."""
        peer = _peer(scope)
        if self.is_trusted(scope):
            headers = [value.decode("latin-1") for name, value in scope["headers"] if name == b"forwarded"]
            nearest = ",".join(headers).rpartition(",")[2]
            if match := _FOR.search(nearest):
                return _legal(match[1] or match[2] or "") or peer
        return peer


def _peer(scope: Scope) -> str | None:
    client = scope.get("client")
    return client[0] if client else None


def _legal(node: str) -> str | None:
    """An IP address without its port and zone, which may be any text; None for anything else, such as a name."""
    if node.startswith("["):
        node = node[1:].partition("]")[0]
    elif node.count(":") == 1:
        node = _PORT.sub("", node)
    try:
        return str(ip_address(node.partition("%")[0]))
    except ValueError:
        return None
