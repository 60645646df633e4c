"""The walker against the plain pydicom reference, for real instances and many policies."""

from __future__ import annotations

import random
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pydicom
import pytest
from pydicom.multival import MultiValue

from dicomveil_engine import (
    ConfigurationError,
    DeidentificationError,
    InvalidDataSetError,
    Policy,
    deidentify_instance,
    load_policy,
)
from dicomveil_engine.attributes import dictionary
from dicomveil_engine.methods import METHODS
from dicomveil_engine.pseudonyms.keys import Keys
from engine.datasets import KEY, preset, read, real_instances
from engine.reference import deidentify_dataset

POLICIES = 12
"""Random ones, over a third of the instances each; what they are depends on their number alone."""

_LEGAL = {
    "AS": "030Y",
    "AT": "(0010,0010)",
    "DA": "20200102",
    "DT": "20200102030405",
    "PN": "Doe^Jane",
    "TM": "1200",
    "UI": "1.2.3",
    "UR": "urn:x",
    **dict.fromkeys(("DS", "FD", "FL", "IS", "SL", "SS", "SV", "UL", "US", "UV"), "7"),
}


@pytest.mark.parametrize("name", ["basic", "default"])
def test_presets(name: str, corpus: Path) -> None:
    """The output is the reference's data set; what the walker refuses, it refuses as documented."""
    instances = real_instances(corpus)
    agreed, _ = agreement(preset(name), instances)

    assert agreed > len(instances) * 3 / 5


@pytest.mark.parametrize("number", range(POLICIES))
def test_random_policies(number: int, corpus: Path) -> None:
    """Rules over tags, masks, VRs and private blocks, with all methods: walker and reference agree."""
    instances = real_instances(corpus)[number % 3 :: 3]
    agreed, refused = agreement(random_policy(number, attributes(instances)), instances)

    assert agreed + refused > len(instances) * 3 / 4


def agreement(policy: Policy, instances: list[tuple[str, bytes]]) -> tuple[int, int]:
    """How many instances come out as the reference has them, and how many both refuse."""
    agreed = refused = 0
    for name, data in instances:
        try:
            output = deidentify_instance(data, policy)
        except InvalidDataSetError:
            continue
        except DeidentificationError:
            assert expected(data, policy) is None, f"{name} is refused, and the reference has an output"
            refused += 1
            continue
        assert dict(flat(read(output))) == expected(data, policy), name
        agreed += 1
    return agreed, refused


def expected(data: bytes, policy: Policy) -> dict[str, object] | None:
    """The reference's data set; None where it has none."""
    dataset = read(data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            deidentify_dataset(dataset, policy)
            return dict(flat(dataset))
        except Exception:  # noqa: BLE001 (a plain implementation fails in plain ways)
            return None


def flat(dataset: pydicom.Dataset, path: str = "") -> Iterator[tuple[str, object]]:
    """Each element under its path; an absent value and an empty one are the same."""
    for element in dataset:
        key, value = f"{path}{element.tag}", element.value
        if element.VR == "SQ":
            yield key, len(value)
            for number, one in enumerate(value):
                yield from flat(one, f"{key}[{number}]")
        else:
            texts = [str(one) for one in value] if isinstance(value, MultiValue | list) else value
            if element.VR == "UN" and isinstance(value, bytes) and value.startswith(b"\xfe\xff\x00\xe0"):
                texts = b"items"  # the walker applies the policy in there, pydicom does not look
            is_empty = value is None or texts in ("", b"", [])
            yield key, (str(element.VR), None if is_empty else texts if isinstance(texts, bytes) else str(texts))


def attributes(instances: list[tuple[str, bytes]]) -> dict[tuple[int, str, str], int]:
    """(tag, VR, private creator) of everything in the instances, with how often it occurs."""
    seen: Counter[tuple[int, str, str]] = Counter()
    for _, data in instances[::2]:
        for element in elements(data):
            if element.tag.element >= 0x10 and str(element.VR) in dictionary.VRS:
                seen[int(element.tag), str(element.VR), element.private_creator or ""] += 1
    return seen


def elements(data: bytes) -> list[pydicom.DataElement]:
    """All elements at any depth; none of what pydicom cannot read."""
    try:
        return list(read(data).iterall())
    except Exception:  # noqa: BLE001 (a broken instance)
        return []


def random_policy(number: int, seen: dict[tuple[int, str, str], int]) -> Policy:
    """A policy that has something to do in the instances."""
    chance = random.Random(number)
    while True:
        profile = chance.choice(["none", "basic"])
        rules = [random_rule(chance, list(seen)) for _ in range(chance.randint(4, 12))]
        try:
            return load_policy({"profile": profile, "rules": rules, "pixels": "keep"}, KEY)
        except ConfigurationError:
            continue  # no such combination; the next one


def random_rule(chance: random.Random, seen: list[tuple[int, str, str]]) -> dict[str, object]:
    """A rule for an attribute that occurs, its VR, its group, or its place in a private block."""
    tag, vr, creator = chance.choice(seen)
    known = dictionary.vr_of(tag)
    if creator:
        notation = f"({tag >> 16:04X},xx{tag & 0xFF:02X}:{creator})"
    elif chance.random() < 0.3 and vr != "SQ":  # pydicom calls all unknown elements of undefined length so
        notation = vr
    elif chance.random() < 0.3:
        notation = chance.choice([f"({tag >> 16:04X},xxxx)", f"(xxxx,{tag & 0xFFFF:04X})", f"({tag >> 16:04X},00xx)"])
    else:
        notation, vr = f"({tag >> 16:04X},{tag & 0xFFFF:04X})", known or vr
    methods = ["keep", "redact", "remove"]
    if "x" not in notation:
        keys = Keys(KEY)
        methods += [name for name, method in METHODS.items() if method.build({}, keys).supports(vr)]
    method = chance.choice(methods)
    params: dict[str, object] = {"replaceWith": _LEGAL.get(vr, "X")} if method == "substitute" else {}
    if method == "redact":
        params = {"enablePartialAgesForRedact": True, "enablePartialDatesForRedact": chance.random() < 0.5}
    if method == "dateshift":
        params = {"dateShiftScope": chance.choice(["StudyInstance", "SeriesInstance", "SOPInstance", "Patient"])}
    return {"tag": notation, "method": method, "params": params}
