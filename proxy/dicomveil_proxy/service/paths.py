"""The paths of requests, in one form: what is admitted, routed and logged sees the same path.

A path may be written in many ways (RFC 3986 Section 6.2.2), and a server in front that allows some paths only sees one
of them. So a path counts as it is written: one that writes in escapes what needs none, or hides a slash in one, names
nothing here. Double slashes and one at the end mean nothing, since many clients write them.
"""

from __future__ import annotations

import re

from starlette.types import ASGIApp, Receive, Scope, Send

NOWHERE = "/.nowhere"
"""A path that no route has."""
ROOT = "dicomveil.root"
"""Where the scope keeps the path below which another application has mounted this one."""

_DISGUISED = re.compile(
    # unreserved characters, control characters, and / \ % in escapes; escapes that are none
    rb"%(?:[46][1-9A-Fa-f]|[57][0-9Aa]|3[0-9]|2[DdEe]|5[Ff]|7[Ee]|[01][0-9A-Fa-f]|7[Ff]|2[Ff]|5[Cc]|25|(?![0-9A-Fa-f]{2}))"
    # a query or fragment in the path, and bytes that are not written in a URL
    rb"|[^!-~]|[\\#?]"
)
_SERVICE = "/dicom-web"
_SLASHES = re.compile("/{2,}")


class Paths:
    """Gives the application paths in their plain form."""

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
    """The path below the root, with single slashes; None where it is written in another way than the plain one."""
    # Servers differ in whether the raw path has the query.
    if raw_path is not None and _DISGUISED.search(raw_path.partition(b"?")[0]):
        return None
    root = root.rstrip("/")
    if root and (path == root or path.startswith(f"{root}/")):
        path = path[len(root) :] or "/"
    if _SERVICE not in path:
        return path  # such as what is open to everybody: letter for letter
    return "/" + _SLASHES.sub("/", path).strip("/")
