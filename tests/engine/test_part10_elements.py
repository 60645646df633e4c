"""Reading the elements of an instance finds what pydicom finds, wherever it stands."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydicom.dataset import Dataset

from dicomveil_engine import InvalidDataSetError
from dicomveil_engine.part10.elements import EncodedElement, path_text, read_elements
from engine.datasets import (
    BIG,
    DEFLATED,
    EXPLICIT,
    IMPLICIT,
    SYNTAXES,
    element,
    fragments,
    instance,
    item,
    open_sequence,
    read,
    real_instances,
)

REFERENCE = 0x00081155


def paths(dataset: Dataset, above: tuple[int, ...] = ()) -> list[tuple[int, ...]]:
    """The paths of a data set that pydicom has read, in order."""
    found = []
    for each in dataset:
        path = (*above, int(each.tag))
        found.append(path)
        if each.VR == "SQ":
            for number, inside in enumerate(each.value, 1):
                found += paths(inside, (*path, number))
    return found


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_nested_elements_have_paths(syntax: str) -> None:
    """Tag, item number, tag; the sequence comes before its items and knows how many there are."""
    plain = EXPLICIT if syntax == DEFLATED else syntax
    items = [element(REFERENCE, "UI", uid, plain) for uid in ("1.2.3", "1.2.4")]
    data = instance(element(0x00081140, "SQ", items, plain), element(0x00280010, "US", 7, plain), syntax=syntax)

    found = list(read_elements(data))

    assert [path_text(each.path) for each in found] == [
        "00081140",
        "00081140/1/00081155",
        "00081140/2/00081155",
        "00280010",
    ]
    assert (found[0].items, found[1].values(), found[3].values(), found[2].depth) == (2, ["1.2.3"], [7], 1)


def test_open_sequences_and_fragments() -> None:
    """Undefined lengths end where their delimiters say."""
    inside = item(element(REFERENCE, "UI", "1.2.3"), is_open=True)
    data = instance(open_sequence(0x00081140, inside), fragments(b"abcd"), element(0xFFFCFFFC, "OB", b"\0\0"))

    found = list(read_elements(data))

    assert [each.tag for each in found] == [0x00081140, REFERENCE, 0x7FE00010, 0xFFFCFFFC]
    assert bytes(found[2].value).count(b"abcd") == 1


def test_private_elements_know_their_creator() -> None:
    """By the block; a creator has none itself."""
    data = instance(element(0x00090010, "LO", "ACME 1.0"), element(0x00091001, "LO", "text"))

    creator, private = read_elements(data)

    assert (creator.is_creator, creator.creator) == (True, None)
    assert (private.is_creator, private.creator) == (False, "ACME 1.0")


def test_a_sequence_called_un_is_read() -> None:
    """In implicit VR little endian (PS3.5 Section 6.2.2)."""
    inside = item(element(REFERENCE, "UI", "1.2.3", IMPLICIT), IMPLICIT)
    data = instance(open_sequence(0x00081140, inside, vr="UN"))

    assert [each.values() for each in read_elements(data) if each.vr == "UI"] == [["1.2.3"]]


@pytest.mark.parametrize(
    "data",
    [
        instance(element(0x00100010, "PN", "Doe^Jane"))[:-2],
        instance(element(0x00081140, "SQ", [element(REFERENCE, "UI", "1.2.3")]))[:-6],
        instance(open_sequence(0x00081140, element(REFERENCE, "UI", "1.2.3"))),
        instance(element(0xFFFEE00D, "UN", b"")),
        instance(syntax=DEFLATED)[:-1],
        b"nothing",
    ],
)
def test_what_is_broken_is_refused(data: bytes) -> None:
    """With the documented error."""
    with pytest.raises(InvalidDataSetError):
        list(read_elements(data))


def test_a_sequence_without_items_is_bytes() -> None:
    """Where its length says how many; what comes after it is read."""
    sequence, rows = read_elements(instance(element(0x00081140, "SQ", b"no items"), element(0x00280010, "US", 7)))

    assert (sequence.vr, sequence.items, bytes(sequence.value)) == ("SQ", 0, b"no items")
    assert rows.values() == [7]


def test_an_empty_data_set_has_no_elements() -> None:
    """Rules may leave nothing."""
    assert list(read_elements(instance())) == []


def test_values_that_do_not_fit() -> None:
    """Are refused by tag and VR."""
    (fits,) = read_elements(instance(element(0x00280010, "US", b"abcd")))
    (bad,) = read_elements(instance(element(0x00189087, "FD", b"abcd", BIG), syntax=BIG))

    assert fits.values() == [0x6261, 0x6463]
    with pytest.raises(InvalidDataSetError, match=r"\(0018,9087\) DiffusionBValue FD"):
        bad.values()


def test_deep_nesting_ends_before_pythons_does() -> None:
    """Behind the limit a sequence is bytes, or refused where it does not say how long it is."""
    closed, opened = b"", b""
    for _ in range(1000):
        closed = element(0x00081140, "SQ", [closed])
        opened = open_sequence(0x00081140, item(opened, is_open=True))

    *_, deepest = read_elements(instance(closed))
    assert (deepest.depth, len(deepest.value) > 0) == (32, True)
    with pytest.raises(InvalidDataSetError, match="nested"):
        list(read_elements(instance(opened)))


def test_real_instances_have_pydicoms_paths(corpus: Path) -> None:
    """An independent reader sees the same elements."""
    same, others = 0, []
    instances = real_instances(corpus, largest=200_000)
    for name, data in instances:
        try:
            found = sorted(each.path for each in read_elements(data))
            expected = sorted(paths(read(data)))
        except Exception:  # noqa: BLE001 - broken on purpose, and pydicom raises nearly anything
            continue
        if found == expected:
            same += 1
        else:
            others.append(name)
    assert (same > len(instances) * 3 / 5, others) == (True, [])


def test_only_zeros_are_passed_over() -> None:
    """They fill the last block of a medium; anything else is an element, or damage."""
    rows = element(0x00280010, "US", 7)

    assert len(list(read_elements(instance(rows) + bytes(16)))) == 1
    with pytest.raises(InvalidDataSetError):
        list(read_elements(instance(element(0x00280010, "US", 7, IMPLICIT), syntax=IMPLICIT) + bytes(7) + b"\1"))


def test_private_creators() -> None:
    """They have the element numbers 0010 to 00FF (PS3.5 Section 7.8.1)."""
    numbers = (0x000F, 0x0010, 0x00FF, 0x0100)
    found = [
        EncodedElement((group << 16 | number,), "LO", None, memoryview(b"")) for group in (8, 9) for number in numbers
    ]

    assert [one.is_creator for one in found] == [False] * 5 + [True, True, False]
