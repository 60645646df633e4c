"""Reading a rule's settings: typed, case-insensitive, with errors that say how to fix them.

Messages name the method and the setting but never the value, which may be a secret.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import TypeVar

from dicomveil_engine.errors import ConfigurationError

Choice = TypeVar("Choice")

_WHOLE = re.compile(r"[+-]?\d{1,18}", re.ASCII)
_DECIMAL = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_LONGEST_DECIMAL = 32
_BOOLEANS = {"true": True, "false": False}


class MethodSettings:
    """The settings of a rule; of two spellings of the same setting, the later one is used.

    Strings are accepted for numbers and booleans ("50", "true"), and null means absent.
    """

    def __init__(self, method: str, values: Mapping[str, object]) -> None:
        self._method = method
        self._values = {key.lower(): value for key, value in values.items() if value is not None}

    def has(self, key: str) -> bool:
        """Whether the setting is given."""
        return key.lower() in self._values

    def boolean(self, key: str, *, default: bool) -> bool:
        """Read true or false, or raise ConfigurationError."""
        value = self._values.get(key.lower(), default)
        if isinstance(value, str):
            value = _BOOLEANS.get(value.strip().lower())
        if not isinstance(value, bool):
            raise self._wrong(key, "true or false")
        return value

    def integer(self, key: str, *, default: int, minimum: int, maximum: int) -> int:
        """Read a whole number in a closed range, or raise ConfigurationError."""
        value = self._values.get(key.lower(), default)
        if isinstance(value, str) and _WHOLE.fullmatch(value.strip()):
            value = int(value)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool) or not minimum <= value <= maximum:
            raise self._wrong(key, f"a whole number from {minimum} to {maximum}")
        return value

    def number(self, key: str, *, default: float, minimum: float) -> float:
        """Read a finite number not below the minimum, or raise ConfigurationError."""
        value = self._values.get(key.lower(), default)
        if isinstance(value, str) and _DECIMAL.fullmatch(value.strip()):
            value = float(value)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            try:
                number = float(value)
            except OverflowError:
                number = math.inf
            if math.isfinite(number) and number >= minimum:
                return number
        raise self._wrong(key, f"a number, {minimum:g} or more")

    def text(self, key: str, *, default: str) -> str:
        """Read a string, or raise ConfigurationError."""
        value = self._values.get(key.lower(), default)
        if not isinstance(value, str):
            raise self._wrong(key, "a string")
        return value

    def scalar_text(self, key: str, *, default: str) -> str:
        """Read a string, number or boolean as the text that JSON writes, or raise ConfigurationError."""
        value = self._values.get(key.lower(), default)
        if isinstance(value, bool):
            return "true" if value else "false"
        if not isinstance(value, (str, int, float)):
            raise self._wrong(key, "a string or a number")
        return str(value)

    def decimal(self, key: str) -> Decimal | None:
        """Read a finite number exactly as it is written, or raise ConfigurationError; None when absent."""
        value = self._values.get(key.lower())
        return None if value is None else self._decimal(key, value, "a number")

    def decimals(self, key: str) -> tuple[Decimal, ...]:
        """Read an array of finite numbers, or raise ConfigurationError; empty when absent."""
        expected = "an array of numbers, such as [0, 18, 65]"
        return tuple(self._decimal(key, item, expected) for item in self._array(key, expected))

    def texts(self, key: str, *, default: tuple[str, ...]) -> tuple[str, ...]:
        """Read an array of strings, or raise ConfigurationError."""
        if not self.has(key):
            return default
        expected = 'an array of strings, such as ["036", "059"]'
        items = self._array(key, expected)
        if not all(isinstance(item, str) for item in items):
            raise self._wrong(key, expected)
        return tuple(map(str, items))

    def mapping(self, key: str) -> tuple[tuple[str, str], ...]:
        """Read an object of strings, in its order, or raise ConfigurationError; empty when absent."""
        value = self._values.get(key.lower(), {})
        if not isinstance(value, Mapping) or not all(isinstance(item, str) for item in value.values()):
            raise self._wrong(key, 'an object of strings, such as {"CT": "RADIOLOGY"}')
        return tuple((str(name), item) for name, item in value.items())

    def _array(self, key: str, expected: str) -> list[object] | tuple[object, ...]:
        value = self._values.get(key.lower(), ())
        if not isinstance(value, list | tuple):
            raise self._wrong(key, expected)
        return value

    def _decimal(self, key: str, value: object, expected: str) -> Decimal:
        text = str(value).strip()
        is_written = isinstance(value, (int, float, str)) and not isinstance(value, bool)
        if not is_written or len(text) > _LONGEST_DECIMAL or not _DECIMAL.fullmatch(text):
            raise self._wrong(key, expected)
        number = Decimal(text)
        if not math.isfinite(float(number)):
            raise self._wrong(key, expected)
        return number

    def choice(self, key: str, choices: Mapping[str, Choice], *, default: str) -> Choice:
        """Read one of several names (in any case), or raise ConfigurationError, which lists them."""
        value = self._values.get(key.lower(), default)
        by_name = {name.lower(): choice for name, choice in choices.items()}
        name = str(value).strip().lower()
        if not isinstance(value, (str, int)) or name not in by_name:
            names = [name for name in choices if not name.isdecimal()]
            raise self._wrong(key, "one of " + ", ".join(names))
        return by_name[name]

    def _wrong(self, key: str, expected: str) -> ConfigurationError:
        return ConfigurationError(f'{self._method}: the setting "{key}" must be {expected}')
