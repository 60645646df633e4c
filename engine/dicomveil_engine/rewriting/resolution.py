"""Applying methods once the whole header is known, shared by both encodings."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import TypeVar

from dicomveil_engine.attributes import dictionary
from dicomveil_engine.errors import DeidentificationError, EngineError
from dicomveil_engine.methods.base import Context, Element, Method, Values

_Written = TypeVar("_Written")


def resolve(
    method: Method, rule: str, element: Element, context: Context, write: Callable[[Values | None], _Written]
) -> _Written:
    """Apply a method, and write its result: values, or None for an element that is removed.

    Raises DeidentificationError, which names the rule and the attribute, when there is no safe output.
    """
    try:
        return write(method.apply(element, context))
    except EngineError as error:
        reason = str(error)
    except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, struct.error):
        # Messages of other libraries may quote values.
        reason = "the method gives no legal value"
    raise DeidentificationError(f"{rule} on {dictionary.described(element.tag, element.vr)} failed: {reason}")
