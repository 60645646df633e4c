"""Entity tags, by which a user agent asks whether its copy is still valid (RFC 9110 Sections 8.8.3 and 13.1.2).

A tag is a keyed digest of the response's bytes. It is therefore strong, changes with the instance, the policy and
the key, and is the same on every replica. The origin server's validators are not used: Orthanc sends none, others
have a resolution of a second, and none changes with our policy.
"""

from __future__ import annotations

import re

from dicomveil_engine.pseudonyms.keys import keyed_digest

MAXIMUM_METADATA_BYTES = 4 << 20
MAXIMUM_INSTANCE_BYTES = 1 << 20
"""A response up to this size is held until it is complete, since its tag is sent first; a longer one has no tag."""

REVALIDATED = "private, no-cache"
"""Cache-Control of a response with a tag: a private cache may store it, and must revalidate it before each use."""

_LISTED = re.compile(r'(?:W/)?("[!#-~\x80-\xff]*")')


def entity_tag(key: bytes, body: bytes) -> str:
    """The tag of a response, in its quotes."""
    return f'"{keyed_digest(key, body)[:16].hex()}"'


def held(if_none_match: list[str], tag: str) -> str | None:
    """The tag as the If-None-Match headers list it, weak or strong; None where they do not. `*` matches any tag."""
    for header in if_none_match:
        if header.strip() == "*":
            return tag
        for listed in _LISTED.finditer(header):
            if listed[1] == tag:
                return listed[0]
    return None
