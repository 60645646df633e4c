"""The bearer token of a request, before it is checked (RFC 6750 Section 2.1).

Only the Authorization header is read. Tokens in queries end up in logs and browser histories, and cookies are sent by
browsers without the user's intent; both are ignored.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from dicomveil_proxy.errors import BadRequest

MAXIMUM_BYTES = 16_384
"""The longest header. Tokens of identity providers with many groups have some 4,000 bytes."""

_BEARER = re.compile(r"bearer +([A-Za-z0-9._~+/=-]+)", re.IGNORECASE)


def bearer(headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    """The bearer token; empty for an Authorization header without one, None without an Authorization header.

    Raises BadRequest for several headers: another server in front may use the first, and this one the second.
    """
    found = [value for name, value in headers if name == b"authorization"]
    if len(found) > 1:
        raise BadRequest("there is more than one Authorization header")
    if not found:
        return None
    if len(found[0]) > MAXIMUM_BYTES:
        return ""
    match = _BEARER.fullmatch(found[0].decode("latin-1").strip())
    return match[1] if match else ""
