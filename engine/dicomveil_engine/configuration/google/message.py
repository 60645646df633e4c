"""Messages of Google's API in JSON: named fields with types.

As in the JSON mapping of proto3, a field may be written in lowerCamelCase or with underscores, and null is absent.
As in the API, an unknown field is an error, since it may have been meant to protect something.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dicomveil_engine.attributes.suggestions import did_you_mean
from dicomveil_engine.configuration.findings import Findings, shortened
from dicomveil_engine.errors import ConfigurationError


class Message:
    """The fields of an object in the document."""

    def __init__(self, location: str, value: object, names: Sequence[str], findings: Findings) -> None:
        if not isinstance(value, Mapping):
            raise ConfigurationError(f"{location} must be an object")
        self.location = location
        self.findings = findings
        self._fields: dict[str, object] = {}
        spellings = {_folded(name): name for name in names}
        for written, field in value.items():
            name = spellings.get(_folded(str(written)))
            if name is None:
                findings.refuse(
                    location or "DeidentifyConfig",
                    f'there is no field "{shortened(str(written))}"{did_you_mean(str(written), names)}',
                )
            elif name in self._fields:
                findings.refuse(location, f'"{name}" is given twice, in two spellings')
            elif field is not None:
                self._fields[name] = field

    def __contains__(self, name: str) -> bool:
        return name in self._fields

    @property
    def fields(self) -> Mapping[str, object]:
        """Name in the API → value."""
        return self._fields

    def path(self, name: str) -> str:
        """The location of a field, for messages."""
        return f"{self.location}.{name}" if self.location else name

    def message(self, name: str, names: Sequence[str]) -> Message | None:
        """A field that is an object; None if it is absent."""
        return Message(self.path(name), self._fields[name], names, self.findings) if name in self else None

    def messages(self, name: str, names: Sequence[str]) -> list[Message]:
        """A field that is an array of objects."""
        return [
            Message(f"{self.path(name)}[{index}]", value, names, self.findings)
            for index, value in enumerate(self._array(name, "objects"))
        ]

    def strings(self, name: str) -> list[str]:
        """A field that is an array of strings."""
        values = self._array(name, "strings")
        if not all(isinstance(value, str) for value in values):
            raise ConfigurationError(f"{self.path(name)} must be an array of strings")
        return [str(value) for value in values]

    def integers(self, name: str) -> list[int]:
        """A field that is an array of whole numbers."""
        values = self._array(name, "whole numbers")
        if not all(isinstance(value, int) and not isinstance(value, bool) for value in values):
            raise ConfigurationError(f"{self.path(name)} must be an array of whole numbers")
        return [value for value in values if isinstance(value, int)]

    def string(self, name: str) -> str:
        """A field that is a string; empty if it is absent."""
        value = self._fields.get(name, "")
        if not isinstance(value, str):
            raise ConfigurationError(f"{self.path(name)} must be a string")
        return value

    def boolean(self, name: str) -> bool:
        """A field that is true or false; false if it is absent."""
        value = self._fields.get(name, False)
        if not isinstance(value, bool):
            raise ConfigurationError(f"{self.path(name)} must be true or false")
        return value

    def choice(self, name: str, values: Sequence[str]) -> str:
        """A field of an enumeration; its first value if it is absent."""
        written = self._fields.get(name, values[0])
        by_folded = {value.casefold(): value for value in values}
        if not isinstance(written, str) or written.casefold() not in by_folded:
            suggestion = did_you_mean(written, values) if isinstance(written, str) else ""
            raise ConfigurationError(f"{self.path(name)} must be one of {', '.join(values)}{suggestion}")
        return by_folded[written.casefold()]

    def _array(self, name: str, of: str) -> Sequence[object]:
        values = self._fields.get(name, ())
        if not isinstance(values, list | tuple):
            raise ConfigurationError(f"{self.path(name)} must be an array of {of}")
        return values


def _folded(name: str) -> str:
    return name.replace("_", "").casefold()
