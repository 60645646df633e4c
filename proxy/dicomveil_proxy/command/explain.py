"""`dicomveil explain`: the effect of a profile on the elements of an instance or on an attribute, with its rules."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from dicomveil_engine import ConfigurationError, EngineError, Policy
from dicomveil_engine.attributes import dictionary
from dicomveil_engine.attributes.tags import parse_pattern
from dicomveil_engine.pixels.elements import read_instance
from dicomveil_engine.pixels.gate import PixelAction, gate
from dicomveil_engine.pixels.header import PixelHeader
from dicomveil_engine.reports.explanation import ElementExplanation, explain_attribute, explain_instance
from dicomveil_engine.reports.text_explanation import SpanExplanation, explain_texts
from dicomveil_proxy.command.profile import EPHEMERAL, policy_of
from dicomveil_proxy.command.refusal import refuse
from dicomveil_proxy.command.table import Format, Row, write_rows
from dicomveil_proxy.pixels.looking import looks_at_pixels
from dicomveil_proxy.pixels.processes import LookingLimits, PixelProcesses

_FIRST_BLOCK = 0x1000
_ONE = 0xFFFFFFFF
_REPEATING = 0x00FF0000
_REPEATING_GROUPS = frozenset((0x50, 0x60))
"""(50xx,eeee) and (60xx,eeee), PS3.5 Section 7.6: the same rules apply to all of these groups."""
_COLUMNS = ("element", "keyword", "vr", "method", "outcome", "rule")
_VALUES = ("before", "after")
_SPANS = ("element", "keyword", "value", "span", "infotype", "change", "why")


def run(
    what: str, profile: str | None, key_file: Path | None, *, form: Format, show_values: bool, texts: bool = False
) -> None:
    """Explain an instance or an attribute, or refuse."""
    try:
        policy = policy_of(profile, key_file)
        path = Path(what)
        if path.is_file():
            if key_file is None and show_values:
                print(f"warning: {EPHEMERAL}", file=sys.stderr)
            if texts:
                explained = explain_texts(path.read_bytes(), policy, show_values=show_values)
                write_rows(map(_span, explained), _SPANS + (("text",) if show_values else ()), form, sys.stdout)
                return
            rows = _instance(path.read_bytes(), policy, show_values=show_values, indented=form == "table")
            names = _COLUMNS + (_VALUES if show_values else ())
        elif texts:
            refuse("--text is for an instance; name a DICOM file")
        else:
            rows, names = _attribute(what, policy), ("element", "keyword", "vr", "method", "rule")
    except OSError as error:
        refuse(f"the instance cannot be read ({error.strerror})")
    except ConfigurationError as error:
        refuse(str(error))
    except EngineError as error:
        refuse(f"the instance is refused: {error}")
    write_rows(rows, names, form, sys.stdout)
    if path.is_file() and looks_at_pixels(policy.pixels):
        for line in _pixels(path, policy):
            print(f"pixels: {line}", file=sys.stderr)


def _pixels(path: Path, policy: Policy) -> Iterator[str]:
    """Print the treatment of text in pixels, its reason and the boxes of text, without the text itself."""
    settings = policy.pixels
    try:
        instance = read_instance(path.read_bytes())
        assert instance is not None
        verdict = gate(PixelHeader.from_elements(instance), settings)
        if instance.pixel_data is None and verdict.action is PixelAction.NOTHING:
            return
        yield f"{verdict.action.value}: {verdict.reason}"
        if verdict.action is PixelAction.REFUSE:
            yield "the instance is refused"
            return
        if verdict.action is PixelAction.NOTHING or verdict.is_document:
            return
        processes = PixelProcesses(LookingLimits(processes=1))
        try:
            boxes = processes.boxes(path.resolve(), verdict, settings)
        finally:
            processes.close()
    except EngineError as error:
        yield f"the instance is refused: {error}"
        return
    for box in boxes.every:
        yield f"covered in every frame: x {box.x}, y {box.y}, {box.width} x {box.height}"
    for frame, found in boxes.single.items():
        for box in found:
            yield f"covered in frame {frame}: x {box.x}, y {box.y}, {box.width} x {box.height}"
    if not boxes:
        yield "no text was found"
    if boxes.leaves_doubt:
        yield "text cannot be excluded elsewhere: (0028,0301) and 113101 do not say that it was removed"


def _instance(data: bytes, policy: Policy, *, show_values: bool, indented: bool) -> list[Row]:
    explained = explain_instance(data, policy, show_values=show_values)
    return [_element(each, indented=indented) for each in explained]


def _span(explained: SpanExplanation) -> Row:
    """A row: position of the span, its kind, and its treatment."""
    return {
        "element": explained.place,
        "keyword": dictionary.keyword_of(explained.path[-1]),
        "value": explained.value,
        "span": f"{explained.start}-{explained.end}",
        "infotype": explained.infotype,
        "change": explained.way,
        "why": explained.why,
        "text": explained.text,
    }


def _element(explained: ElementExplanation, *, indented: bool) -> Row:
    """A row; nested elements have a > for each level, as in PS3.3."""
    written = ">" * explained.depth + dictionary.describe(explained.tag)[:11] if indented else explained.place
    return {
        "element": written,
        "keyword": explained.keyword or (f"[{explained.creator}]" if explained.creator else ""),
        "vr": explained.vr,
        "method": explained.method,
        "outcome": explained.outcome.value,
        "rule": explained.rule,
        "before": explained.before,
        "after": explained.after,
    }


def _attribute(what: str, policy: Policy) -> list[Row]:
    tag, creator = _named(what)
    return [
        {
            "element": dictionary.describe(tag)[:11],
            "keyword": dictionary.keyword_of(tag) or (f"[{creator}]" if creator else ""),
            "vr": each.vr,
            "method": each.method,
            "rule": each.rule,
        }
        for each in explain_attribute(tag, policy, creator)
    ]


def _named(what: str) -> tuple[int, str | None]:
    """The attribute named on the command line, and its private creator. Raises ConfigurationError."""
    try:
        pattern = parse_pattern(what)
    except ConfigurationError as error:
        raise ConfigurationError(f"there is no file of that name, and {error}") from None
    if pattern.vr is not None:
        raise ConfigurationError(f"{pattern.vr} is a VR, and elements of one VR differ; name an attribute")
    mask = pattern.mask | _REPEATING if pattern.value >> 24 in _REPEATING_GROUPS else pattern.mask
    if pattern.creator is None and mask != _ONE:
        raise ConfigurationError(f"{pattern.text} means many attributes, which differ; name one")
    return (pattern.value | _FIRST_BLOCK if pattern.creator else pattern.value), pattern.creator
