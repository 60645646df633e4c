"""Data sets that follow each other come out as each of them does by itself."""

from __future__ import annotations

import contextlib
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomveil_engine import BulkDataURIs, EngineError, MetadataRewriter, Policy, SeriesRewriter
from dicomveil_engine.json_model import walk
from engine.datasets import Nodes, encoded, generated, instance, preset, real_instances, rule, rules
from engine.test_json_model_commutation import POLICIES, to_json

DataSet = dict[str, Any]


def uri(number: int) -> BulkDataURIs:
    return lambda path, _: f"/{number}/bulk/{path}"


def agrees(policy: Policy, datasets: list[DataSet]) -> None:
    """Each comes out as by itself, also when all have come out, and no original has changed."""
    originals = deepcopy(datasets)
    alone, series, out, expected = MetadataRewriter(policy), SeriesRewriter(MetadataRewriter(policy)), [], []
    for number, dataset in enumerate(datasets):
        try:
            expected.append(alone.rewrite(deepcopy(dataset), bulk_data_uri=uri(number)))
        except EngineError as error:
            with pytest.raises(type(error)):
                series.rewrite(dataset, bulk_data_uri=uri(number))
            continue
        out.append(series.rewrite(dataset, bulk_data_uri=uri(number)))
    assert out == expected
    assert datasets == originals


def variants(one: DataSet, other: DataSet) -> list[DataSet]:
    """The one, and the one with each element in turn as the other has it, or without it."""
    found = [one]
    for key in sorted(one.keys() | other.keys()):
        changed = {name: element for name, element in one.items() if name != key}
        if key in other and one.get(key) != other[key]:
            changed[key] = other[key]
        found += [changed, one]
    return found


@given(generated, generated, st.sampled_from(sorted(POLICIES)))
def test_generated(one: Nodes, other: Nodes, name: str) -> None:
    """Whatever changes from one to the next: a name, a sequence, a private creator, the study."""
    datasets = []
    for nodes in (one, other):
        try:
            datasets.append(to_json(instance(encoded(nodes, "1.2.840.10008.1.2.1"))))
        except Exception:  # noqa: BLE001 (pydicom has no JSON for it)
            return
    agrees(POLICIES[name], variants(*datasets))


@pytest.mark.parametrize("name", ["default", "basic", "every method"])
def test_real_instances(corpus: Path, name: str) -> None:
    """Real ones, each with elements of the next."""
    datasets = []
    for _, data in real_instances(corpus, largest=60_000):
        try:
            datasets.append(to_json(data))
        except Exception:  # noqa: BLE001 (pydicom has no JSON for it)
            continue
    assert len(datasets) > 50
    for one, other in zip(datasets[::3], datasets[1::3], strict=False):
        agrees(POLICIES[name], variants(one, other)[:40])


def test_what_goes_in_one_of_them() -> None:
    """What the last one had does not stay where this one's goes."""
    policy = rules(rule("ST", "remove"))
    stays, goes = ({"00204000": {"vr": vr, "Value": ["of"]}} for vr in ("LT", "ST"))

    agrees(policy, [stays, goes, stays, stays, goes, goes])


def test_values_elsewhere() -> None:
    """Each has its own URIs, though the server's is the same for all."""
    dataset = {"7FE00010": {"vr": "OW", "BulkDataURI": "http://origin.test/bulk"}}

    agrees(preset("default"), [dataset, dataset])


def test_only_what_is_new_is_rewritten(monkeypatch: pytest.MonkeyPatch) -> None:
    """The elements that instances have in common are decided upon once."""
    decided: list[str] = []
    decide = walk.DataSetWalk._decide

    def noting(self: object, out: DataSet, item: DataSet, key: str, *more: Any) -> None:
        decided.append(key)
        decide(self, out, item, key, *more)  # type: ignore[arg-type]

    monkeypatch.setattr(walk.DataSetWalk, "_decide", noting)
    series = SeriesRewriter(MetadataRewriter(preset("default")))
    for number in range(3):
        series.rewrite(
            {
                "00080018": {"vr": "UI", "Value": [f"1.2.3.{number}"]},
                "00080060": {"vr": "CS", "Value": ["CT"]},
                "0020000D": {"vr": "UI", "Value": ["1.2.3"]},
                "00200013": {"vr": "IS", "Value": [number]},
            }
        )

    assert decided == ["00080018", "00080060", "0020000D", "00200013", *["00080018", "00200013"] * 2]


@pytest.mark.parametrize("tag", ["00100010", "00081030", "00280010"])
def test_lists_in_lists_without_end(tag: str) -> None:
    """Refused, and not the end of the process, whether the element is looked into or only compared."""
    rewriter = MetadataRewriter(preset("default"))
    for rewrite in (rewriter.rewrite, SeriesRewriter(rewriter).rewrite):
        for _ in range(2):
            value: list[object] = []
            for _ in range(5_000):
                value = [value]
            with contextlib.suppress(EngineError):
                rewrite({tag: {"vr": "LO", "Value": value}})


def test_another_private_creator() -> None:
    """What is kept of its block is decided anew."""
    policy = rules(rule("(0009,xx01:ONE)", "remove"))
    one, other = (
        {"00090010": {"vr": "LO", "Value": [creator]}, "00091001": {"vr": "LO", "Value": ["x"]}}
        for creator in ("ONE", "TWO")
    )

    agrees(policy, [one, other, one, one, other, other])
