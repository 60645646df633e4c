"""Request paths in one form, so that admission, routing and logging see the same path.

The same path can be written in many ways (RFC 3986 Section 6.2.2), which could circumvent a reverse proxy that allows
some paths only. A path with needless escapes, or an escaped slash, is therefore answered with 404. Repeated and
trailing slashes, which many clients send, are ignored.
"""

from __future__ import annotations

import re

from starlette.types import ASGIApp, Receive, Scope, Send

NOWHERE = "/.nowhere"
"""A path without a route."""
ROOT = "dicomveil.root"
"""The key in the scope for the path under which another application has mounted this one."""

_DISGUISED = re.compile(
    # escaped unreserved characters, control characters, and / \ %; percent signs that begin no escape
    rb"%(?:[46][1-9A-Fa-f]|[57][0-9Aa]|3[0-9]|2[DdEe]|5[Ff]|7[Ee]|[01][0-9A-Fa-f]|7[Ff]|2[Ff]|5[Cc]|25|(?![0-9A-Fa-f]{2}))"
    # a query or fragment in the path, and bytes that a URL cannot have
    rb"|[^!-~]|[\\#?]"
)
_SERVICE = "/dicom-web"
_SLASHES = re.compile("/{2,}")


class Paths:
    """Passes requests on with their paths in plain form."""

    def __init__(self, application: ASGIApp) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run one request."""
        if scope["type"] == "http":
            root = scope.get("root_path", "")
            path = plain_path(scope.get("raw_path"), scope["path"], root)
            scope = {**scope, "path": path or NOWHERE, "root_path": "", ROOT: root}
        await self._application(scope, receive, send)


def plain_path(raw_path: bytes | None, path: str, root: str) -> str | None:
    """The path below the root, with single slashes; None where it has needless escapes."""
    # Some ASGI servers include the query in the raw path.
    if raw_path is not None and _DISGUISED.search(raw_path.partition(b"?")[0]):
        return None
    root = root.rstrip("/")
    if root and (path == root or path.startswith(f"{root}/")):
        path = path[len(root) :] or "/"
    if _SERVICE not in path:
        return path  # /healthz and the like: exactly as written
    return "/" + _SLASHES.sub("/", path).strip("/")
