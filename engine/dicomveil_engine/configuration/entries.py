"""Reading entries of the key "text": arrays, objects with known keys, arrays of texts.

Messages name the setting and its location, and never its value.
"""

from __future__ import annotations

from collections.abc import Mapping

from dicomveil_engine.attributes.suggestions import did_you_mean
from dicomveil_engine.errors import ConfigurationError


def entries(name: str, value: object) -> list[Mapping[str, object]]:
    """The objects of an array. Raises ConfigurationError."""
    if not isinstance(value, list | tuple) or not all(isinstance(one, Mapping) for one in value):
        raise ConfigurationError(f'"{name}" in "text" must be an array of objects')
    return list(value)


def known_keys(entry: Mapping[str, object], names: tuple[str, ...], where: str) -> dict[str, object]:
    """An object with its keys in the documented spelling. Raises ConfigurationError."""
    folded = {name.casefold(): name for name in names}
    known = {}
    for written, value in entry.items():
        name = folded.get(str(written).casefold())
        if name is None:
            raise ConfigurationError(f'{where} has no "{written}"{did_you_mean(str(written), names)}')
        known[name] = value
    return known


def strings(value: object, where: str) -> list[str]:
    """An array of non-empty texts. Raises ConfigurationError."""
    if not isinstance(value, list | tuple) or not value or not all(isinstance(one, str) and one for one in value):
        raise ConfigurationError(f"{where} must be an array of texts")
    return list(value)
