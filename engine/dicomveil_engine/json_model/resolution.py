"""Applying methods to elements that waited for the whole data set."""

from __future__ import annotations

from typing import NamedTuple

from dicomveil_engine.attributes import dictionary
from dicomveil_engine.errors import DeidentificationError
from dicomveil_engine.json_model.elements import decoded, kept
from dicomveil_engine.json_model.table import Entry
from dicomveil_engine.json_model.values import JSONDataSet, JSONElement, encode
from dicomveil_engine.methods.base import Context, Element, Values
from dicomveil_engine.rewriting.checking import checked
from dicomveil_engine.rewriting.passing import PassingValue
from dicomveil_engine.rewriting.resolution import resolve
from dicomveil_engine.rewriting.treatment import Treatment


class Waiting(NamedTuple):
    """An element whose method is applied once the whole data set is known."""

    container: JSONDataSet
    key: str
    entry: Entry
    depth: int
    codecs: tuple[str, ...]
    top: str = ""
    """The key of the element of the top level that it is, or is in."""
    is_passed: bool = False
    """Whether a stream of Part 10 passes the value in chunks, so that it is kept as it is, or refused."""


def resolve_in_place(waiting: Waiting, context: Context) -> None:
    """Replace an element by the result of its method.

    Raises InvalidDataSetError if the value is not of its VR, DeidentificationError if there is no safe output.
    """
    container, key, entry, depth, codecs, _, _ = waiting
    element = container[key]
    written = str(element.get("vr", "UN"))
    values = b"" if "BulkDataURI" in element else decoded(element, entry.tag, entry.vr, codecs)

    seen = Element(entry.tag, entry.vr, values, depth, codecs)

    def write(changed: Values | None) -> JSONElement | None:
        if changed is None:
            return None
        if changed != values:
            return encode(entry.vr, changed)
        if not values:
            return {"vr": written}
        return kept(element, entry.tag, entry.vr)

    decision = entry.decision
    if entry.treatment is Treatment.CHECKED_KEEP:
        new = write(checked(seen, context))
    else:
        new = resolve(decision.method, decision.rule, seen, context, write)
    if new is None:
        del container[key]
    else:
        container[key] = new


def check_passed(waiting: Waiting, context: Context) -> None:
    """Check a value that Part 10 passes in chunks. Raises DeidentificationError if it holds an identifying word."""
    container, key, entry = waiting.container, waiting.key, waiting.entry
    value = decoded(container[key], entry.tag, entry.vr, waiting.codecs)
    assert isinstance(value, bytes)
    passing = PassingValue(entry.tag, entry.vr, context.own)
    passing.feed(value)
    passing.close()
    container[key] = kept(container[key], entry.tag, entry.vr)


def resolve_with_late_names(waiting: Waiting, context: Context, late: Context) -> None:
    """As `resolve_in_place`, when names after Pixel Data or another long value are in `late` only.

    Raises DeidentificationError if such a name is in a text before that value, since Part 10 has written it already.
    """
    container, key = waiting.container, waiting.key
    original = container[key]
    resolve_in_place(waiting, context)
    early, container[key] = container.get(key), original
    resolve_in_place(waiting, late)
    if container.get(key) != early:
        raise DeidentificationError(
            f"{dictionary.described(waiting.entry.tag)} holds a word of an identifying attribute that comes after "
            "Pixel Data or another long value"
        )
