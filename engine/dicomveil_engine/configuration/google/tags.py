"""Names of attributes in Google's API: a keyword, eight hexadecimal digits, or in some places a VR."""

from __future__ import annotations

import re

from dicomveil_engine.attributes import dictionary
from dicomveil_engine.attributes.suggestions import did_you_mean
from dicomveil_engine.attributes.tags import TagPattern, parse_pattern
from dicomveil_engine.configuration.findings import shortened
from dicomveil_engine.errors import ConfigurationError

_DIGITS = re.compile(r"[0-9A-Fa-f]{8}")


def parse_query(text: str, *, allows_vr: bool = False) -> TagPattern:
    """The pattern of a keyword, eight digits or a VR. Raises ConfigurationError."""
    text = text.strip()
    if text in dictionary.VRS:
        if allows_vr:
            return parse_pattern(text)
        raise ConfigurationError(f'"{text}" is a VR; name attributes here')
    if _DIGITS.fullmatch(text) or (text.isalnum() and not text[:1].isdigit()):
        return parse_pattern(text)
    suggestion = did_you_mean(text, dictionary.keywords())
    raise ConfigurationError(
        f'"{shortened(text)}" is not a tag; write a keyword or eight digits such as 00100010{suggestion}'
    )
