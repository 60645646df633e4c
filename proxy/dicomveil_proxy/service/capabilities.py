"""The Capabilities Description of PS3.18 Section 8.9 and Annex H, in the Web Application Description Language."""

from __future__ import annotations

from collections.abc import Iterable
from xml.sax.saxutils import quoteattr

from starlette.routing import Route

WADL = "application/vnd.sun.wadl+xml"
_SPACE = "http://wadl.dev.java.net/2009/02"


def capabilities(base_url: str, prefix: str, routes: Iterable[Route]) -> bytes:
    """The resources below the base URL and their methods, each resource once."""
    methods: dict[str, list[str]] = {}
    for route in routes:
        path = route.path.removeprefix(prefix).strip("/").replace(":path}", "}")
        methods.setdefault(path, []).extend(sorted(route.methods or ()))
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', f'<application xmlns="{_SPACE}">']
    lines.append(f"<resources base={quoteattr(base_url)}>")
    for path, names in methods.items():
        if not path:
            continue  # the resource of this description itself, which Annex H does not list
        lines.append(f"<resource path={quoteattr(path)}>")
        lines += [f"<method name={quoteattr(name)}/>" for name in names]
        lines.append("</resource>")
    return "\n".join((*lines, "</resources>", "</application>", "")).encode()
