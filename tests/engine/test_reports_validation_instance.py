"""Validating whole instances."""

from __future__ import annotations

from mmap import ACCESS_READ, mmap
from pathlib import Path

import pytest

from dicomveil_engine import (
    EngineError,
    InvalidDataSetError,
    Problem,
    deidentify_instance,
    validate_instance,
    validate_output,
)
from dicomveil_engine.attributes.legality import is_class_uid
from dicomveil_engine.attributes.well_known import SOP_CLASS_UID
from engine.datasets import (
    CT_IMAGE,
    DEFLATED,
    IMPLICIT,
    SYNTAXES,
    element,
    instance,
    preset,
    read,
    real_instances,
    rule,
    rules,
)


def legal(syntax: str = IMPLICIT, *more: bytes) -> bytes:
    """A small instance with all that an instance needs."""
    plain = "1.2.840.10008.1.2.1" if syntax == DEFLATED else syntax
    return instance(
        element(0x00080016, "UI", CT_IMAGE, plain),
        element(0x00080018, "UI", "1.2.3.4", plain),
        *more,
        syntax=syntax,
    )


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_a_legal_instance_has_no_problems(syntax: str) -> None:
    """In every encoding."""
    assert validate_instance(legal(syntax)) == []


def test_a_problem_says_where_it_is() -> None:
    """The items around an element are counted from 1."""
    inner = element(0x00081155, "UI", "a", IMPLICIT)
    items = [b"", element(0x00081199, "SQ", [inner], IMPLICIT)]

    assert validate_instance(legal(IMPLICIT, element(0x00081115, "SQ", items, IMPLICIT))) == [
        Problem(
            0x00081155,
            "ReferencedSOPInstanceUID",
            "UI",
            "is not a UID",
            "ReferencedSeriesSequence[2]/ReferencedSOPSequence[1]",
        )
    ]


def test_elements_must_rise() -> None:
    """PS3.5 Section 7.1; each item begins anew."""
    item = element(0x00080100, "SH", "A", IMPLICIT)
    late = element(0x00080008, "CS", "A\\B", IMPLICIT)
    problems = validate_instance(legal(IMPLICIT, element(0x00081032, "SQ", [item, item], IMPLICIT), late))

    assert [str(problem) for problem in problems] == [
        "(0008,0008) ImageType CS: comes after an element with the same tag or a higher one"
    ]


def test_an_instance_must_say_which_it_is() -> None:
    """SOP Class and SOP Instance UID are Type 1 in every IOD; those of an item are not its own."""
    nested = element(0x00081140, "SQ", [element(0x00080018, "UI", "1.2.3")])

    assert [str(problem) for problem in validate_instance(instance(element(0x00080016, "UI", ""), nested))] == [
        "(0008,0016) SOPClassUID UI: is missing or empty",
        "(0008,0018) SOPInstanceUID UI: is missing or empty",
    ]


def test_what_cannot_be_read_is_an_error() -> None:
    """There is nothing to say of single elements then."""
    with pytest.raises(InvalidDataSetError):
        validate_instance(b"no instance")


def test_a_memory_map_will_do(tmp_path: Path) -> None:
    """So that a large file is never held whole."""
    file = tmp_path / "instance.dcm"
    file.write_bytes(legal(IMPLICIT, element(0x00080060, "CS", "ct", IMPLICIT)))

    with file.open("rb") as opened, mmap(opened.fileno(), 0, access=ACCESS_READ) as mapped:
        problems = validate_instance(mapped)

    assert [problem.keyword for problem in problems] == ["Modality"]


def test_a_memory_map_of_what_cannot_be_read_can_be_closed(tmp_path: Path) -> None:
    """The error does not hold on to it."""
    file = tmp_path / "instance.dcm"
    file.write_bytes(legal()[:-1])

    with (
        pytest.raises(InvalidDataSetError, match="cut off"),
        file.open("rb") as opened,
        mmap(opened.fileno(), 0, access=ACCESS_READ) as mapped,
    ):
        validate_instance(mapped)


def test_output_names_the_rule() -> None:
    """What a rule wrote, and what a rule let pass."""
    policy = rules(rule("(0009,xx01:EXAMPLE)", "keep"), rule("CS", "substitute", replaceWith="BAD VALUE"))
    bad = (
        element(0x00080020, "DA", "2024", IMPLICIT),
        element(0x00090010, "LO", "EXAMPLE", IMPLICIT),
        element(0x00091001, "LO", "A" * 65, IMPLICIT),
    )
    output = instance(
        element(0x00080016, "UI", CT_IMAGE), element(0x00080018, "UI", "1.2.3.4"), element(0x00080060, "CS", "bad")
    )

    assert [problem.rule for problem in validate_output(output, policy)] == ["rule 2 CS substitute"]
    assert [problem.rule for problem in validate_output(legal(IMPLICIT, *bad), policy)] == ["no rule"]


def test_a_private_element_has_its_creators_rule() -> None:
    """Found by creator, wherever the block is."""
    policy = rules(rule("(0009,xx01:EXAMPLE)", "keep"))
    block = element(0x00090020, "LO", "EXAMPLE") + element(0x00092001, "LO", "A" * 65)
    output = instance(element(0x00080016, "UI", CT_IMAGE), element(0x00080018, "UI", "1.2.3.4"), block)

    assert [str(problem) for problem in validate_output(output, policy)] == [
        "(0009,2001) LO: is longer than 64 characters (by rule 1 (0009,xx01:EXAMPLE) keep)"
    ]


def test_the_marks_have_a_name_of_their_own() -> None:
    """No rule has made them."""
    mark = element(0x00120062, "CS", "yes", IMPLICIT)

    assert [problem.rule for problem in validate_output(legal(IMPLICIT, mark), preset("basic"))] == [
        "the de-identification attributes"
    ]


def test_no_message_holds_a_value(corpus: Path) -> None:
    """A phrase says of real values nothing but what is wrong; there are few different ones."""
    phrases = set()
    for _, data in real_instances(corpus, 300_000):
        try:
            phrases |= {problem.what for problem in validate_instance(data)}
        except EngineError:
            continue

    assert 5 < len(phrases) < 40


def test_de_identifying_makes_nothing_worse(corpus: Path) -> None:
    """No element of a real instance is illegal in the output that was legal before.

    But for a SOP Class UID that names no class: it is emptied.
    """
    policy = preset("default")
    for name, data in real_instances(corpus, 100_000):
        try:
            before = validate_instance(data)
            output = deidentify_instance(data, policy)
        except EngineError:
            continue
        known = {(problem.tag, problem.what) for problem in before}
        worse = [problem for problem in validate_output(output, policy) if (problem.tag, problem.what) not in known]
        if not is_class_uid(str(read(data).get("SOPClassUID", ""))):
            worse = [problem for problem in worse if problem.tag != SOP_CLASS_UID]
        assert worse == [], name
