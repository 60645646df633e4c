"""Entity tags: whether a user agent has the answer already (RFC 9110 Sections 8.8.3 and 13.1.2).

A tag is a keyed digest of the answer's own bytes, so that it is strong, changes with the instance, the policy and the
key, and is the same on every replica. The origin server's validators are not used: Orthanc has none, others' have
the grain of a second, and none of them knows of a change of ours.
"""

from __future__ import annotations

import re

from dicomveil_engine.pseudonyms.keys import keyed_digest

MAXIMUM_METADATA_BYTES = 4 << 20
MAXIMUM_INSTANCE_BYTES = 1 << 20
"""Up to here an answer is held back until it is whole, to send its tag before it; a longer one has none."""

REVALIDATED = "private, no-cache"
"""Cache-Control of what has a tag: the user agent may keep it for itself, and asks each time whether it still holds."""

_LISTED = re.compile(r'(?:W/)?("[!#-~\x80-\xff]*")')


def entity_tag(key: bytes, body: bytes) -> str:
    """The tag of an answer, with its quotes."""
    return f'"{keyed_digest(key, body)[:16].hex()}"'


def held(if_none_match: list[str], tag: str) -> str | None:
    """The tag as a request's If-None-Match headers list it, weak or not; None where they do not. `*` is any."""
    for header in if_none_match:
        if header.strip() == "*":
            return tag
        for listed in _LISTED.finditer(header):
            if listed[1] == tag:
                return listed[0]
    return None
