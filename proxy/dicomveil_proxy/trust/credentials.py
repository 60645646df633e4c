"""Credentials: what a request presents, before anybody asks whether it is valid (RFC 6750 Section 2.1).

Only the Authorization header counts. A token in a query lands in logs and histories, one in a cookie is sent by the
browser without the user's will; neither is ever read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from dicomveil_proxy.errors import BadRequest

MAXIMUM_BYTES = 16_384
"""The longest token. Those of identity providers with many groups have some 4,000."""

_BEARER = re.compile(r"bearer +([A-Za-z0-9._~+/=-]+)", re.IGNORECASE)


def bearer(headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    """The bearer token; empty for an Authorization header that holds none, None where there is no such header.

    Raises BadRequest for two of them: which one counts would be a matter of taste, and tastes differ between servers.
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
