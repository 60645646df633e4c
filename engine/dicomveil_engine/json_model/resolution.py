"""What had to wait for the whole data set: the methods' turn."""

from __future__ import annotations

from typing import NamedTuple

from dicomveil_engine.attributes import dictionary
from dicomveil_engine.errors import DeidentificationError, EngineError
from dicomveil_engine.json_model.elements import decoded, kept
from dicomveil_engine.json_model.table import Entry
from dicomveil_engine.json_model.values import JSONDataSet, JSONElement, encode
from dicomveil_engine.methods.base import Context, Element


class Waiting(NamedTuple):
    """An element whose method needs values."""

    container: JSONDataSet
    key: str
    entry: Entry
    depth: int
    codecs: tuple[str, ...]


def resolve(waiting: Waiting, context: Context) -> None:
    """Put what the method makes of an element in its place.

    Raises InvalidDataSetError when the value does not fit its VR, DeidentificationError when no safe one exists.
    """
    container, key, entry, depth, codecs = waiting
    element = container[key]
    written = str(element.get("vr", "UN"))
    values = b"" if "BulkDataURI" in element else decoded(element, entry.tag, entry.vr, codecs)
    try:
        changed = entry.decision.method.apply(Element(entry.tag, entry.vr, values, depth), context)
        if changed is None:
            del container[key]
        elif changed != values:
            container[key] = _encoded(written, entry, changed)
        elif "InlineBinary" not in element and not isinstance(values, bytes) and not values:
            container[key] = {"vr": written}
        else:
            container[key] = kept(element, entry.tag, entry.vr)
    except EngineError as error:
        reason = str(error)
    except (ValueError, TypeError, ArithmeticError):
        reason = "no value of that VR comes of it"
    else:
        return
    raise DeidentificationError(f"{entry.decision.rule} on {dictionary.describe(entry.tag, entry.vr)} failed: {reason}")


def _encoded(written: str, entry: Entry, values: object) -> JSONElement:
    if written == "UN" and entry.vr != "UN":
        return encode(entry.vr, values)  # type: ignore[arg-type]
    return encode(written, values)  # type: ignore[arg-type]
