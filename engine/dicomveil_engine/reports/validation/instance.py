"""The problems of an instance, element by element."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from mmap import mmap
from typing import cast

from dicomveil_engine.attributes import dictionary
from dicomveil_engine.attributes.well_known import SOP_CLASS_UID, SOP_INSTANCE_UID
from dicomveil_engine.errors import InvalidDataSetError
from dicomveil_engine.part10.elements import EncodedElement, Path, read_elements
from dicomveil_engine.policy import Policy
from dicomveil_engine.reports.validation.problem import Problem
from dicomveil_engine.reports.validation.value import problems_of
from dicomveil_engine.rewriting.deidentification_attributes import DEIDENTIFICATION_TAGS

_NEEDED = (SOP_CLASS_UID, SOP_INSTANCE_UID)
"""Type 1 in the SOP Common Module (PS3.3 Section C.12.1), which every IOD has."""


def validate_instance(data: bytes | mmap) -> list[Problem]:
    """The problems of a Part 10 instance in the order of the data set; empty if there are none.

    A large file can be given as a memory map. Raises InvalidDataSetError if the instance cannot be read.
    """
    return [problem for problem, _ in _found(data)]


def validate_output(data: bytes | mmap, policy: Policy) -> list[Problem]:
    """As `validate_instance`, for the output of a policy: each problem names the rule of its element."""
    return [replace(problem, rule=_rule(policy, problem, creator)) for problem, creator in _found(data)]


def _found(data: bytes | mmap) -> list[tuple[Problem, str | None]]:
    try:
        return list(_problems(data))
    except InvalidDataSetError as error:
        what = str(error)
    # A new error, since the traceback of the first one refers to the data, so that a memory map could not be closed.
    raise InvalidDataSetError(what)


def _problems(data: bytes | mmap) -> Iterator[tuple[Problem, str | None]]:
    """The problems, each with the private creator of its element."""
    missing = list(_NEEDED)
    last: dict[Path, int] = {}
    # A memory map has all that is needed of bytes.
    for element in read_elements(cast("bytes", data)):
        item = element.path[:-1]
        what = problems_of(element)
        if element.tag <= last.get(item, -1):
            what.append("comes after an element with the same tag or a higher one")  # PS3.5 Section 7.1
        last[item] = element.tag
        if not item and element.tag in missing and any(element.value):
            missing.remove(element.tag)
        for phrase in what:
            yield _problem(element, phrase), element.creator
    for tag in missing:
        yield Problem(tag, dictionary.keyword_of(tag), "UI", "is missing or empty"), None


def _problem(element: EncodedElement, what: str) -> Problem:
    path = element.path[:-1]
    place = "/".join(
        f"{dictionary.keyword_of(tag) or dictionary.describe(tag)}[{number}]"
        for tag, number in zip(path[::2], path[1::2], strict=True)
    )
    return Problem(element.tag, dictionary.keyword_of(element.tag), element.vr, what, place)


def _rule(policy: Policy, problem: Problem, creator: str | None) -> str:
    if policy.claims is not None and problem.tag in DEIDENTIFICATION_TAGS and not problem.path:
        return "the de-identification attributes"
    return policy.decide(problem.tag, problem.vr, creator).rule
