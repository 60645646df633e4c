"""What an element costs as sequences deepen and instances grow: the same. Part of `make bench`."""

from __future__ import annotations

import statistics
import time
from itertools import count

import pytest

from bench.figures import Figures, Measure
from dicomveil_engine import InstanceRewriter, Limits, Policy, load_policy
from engine.nested import KEPT, heads, nested

DEPTHS = (1, 2, 4, 8, 16, 32)
SIZES = (100, 1_000, 10_000, 100_000)
REMOVED = 0x00380050
"""Special Needs stands for any attribute that a rule removes, here a sequence."""
_ROUNDS = 7
_FRAMES = 12
"""Frames by which each round is deeper than the one before."""
_LEAST = 20_000
"""Elements of a round: several small instances, or a large one."""


def seconds(elements: int, depth: int, tag: int, policy: Policy) -> float:
    """CPU time for each element: the median of some rounds, after one to fill the tables. No bytes come twice.

    Where a recursion crosses the end of a piece of Python's stack again and again, it takes up to half as long again.
    That depends on how deep the caller is, so each round begins at another depth.
    """
    rounds, numbers = [], count(0, 1_000_000)
    for number in range(1 + _ROUNDS):
        repeats = max(1, _LEAST // elements)
        instances = [nested(elements, depth, tag=tag, first=next(numbers)) for _ in range(repeats)]
        rounds.append(_taken(policy, instances, _FRAMES * number) / repeats / heads(elements, depth))
    return statistics.median(rounds[1:])


def _taken(policy: Policy, instances: list[bytes], frames: int) -> float:
    """CPU time for all of them, some frames deeper in the stack."""
    if frames:
        return _taken(policy, instances, frames - 1)
    start = time.process_time()
    for data in instances:
        rewriter = InstanceRewriter(policy)
        rewriter.feed(data)
        rewriter.close()
    return time.process_time() - start


@pytest.mark.bench
def test_cost_of_an_element(figures: Figures) -> None:
    """At each depth and size, in a sequence that stays and in one that goes, beside the first of them."""
    rules = [{"tag": "00380050", "method": "remove"}, {"tag": "UI", "method": "refreshUID"}]
    policy = load_policy({"profile": "none", "rules": rules}, b"k" * 32, limits=Limits(depth=max(DEPTHS)))
    for what, tag in (("kept", KEPT), ("removed", REMOVED)):
        at_depths = {f"of 10,000 at depth {depth}": seconds(10_000, depth, tag, policy) for depth in DEPTHS}
        of_sizes = {f"of {size:,}": seconds(size, 2, tag, policy) for size in SIZES}
        for costs in (at_depths, of_sizes):
            (least, base), *others = costs.items()
            for job, cost in others:
                figures.compare(f"an element, {what}, {job}", Measure.CPU, cost, {f"itself, {least}": base})
