"""Consecutive data sets of a series, which share most elements: where they differ.

Streams give equal elements as the same objects (`outline`), so that no values have to be compared.
"""

from __future__ import annotations

from itertools import compress
from operator import is_not

from dicomveil_engine.json_model.values import JSONDataSet, JSONElement


class Pattern:
    """What data sets have in common that were read by one outline; each outline has its own."""

    __slots__ = ("keys", "varying")

    def __init__(self, keys: list[str]) -> None:
        self.keys = keys
        """The keys of the elements that may differ, in their order; all other elements are the same objects."""
        self.varying = frozenset(keys)


class AlikeDataSet(dict[str, JSONElement]):
    """A data set that follows a pattern, and must not be modified."""

    __slots__ = ("pattern",)

    def __init__(self, elements: JSONDataSet, pattern: Pattern) -> None:
        super().__init__(elements)
        self.pattern = pattern


def pattern_of(dataset: JSONDataSet) -> Pattern | None:
    """The pattern that a data set follows, if any."""
    return dataset.pattern if isinstance(dataset, AlikeDataSet) else None


def differing(dataset: JSONDataSet, before: JSONDataSet) -> list[str] | None:
    """The keys whose elements are not the same objects in both; None if the keys are not the same in the same order."""
    pattern = pattern_of(dataset)
    if pattern is not None and pattern_of(before) is pattern:
        return [key for key in pattern.keys if dataset[key] is not before[key]]
    if list(dataset) != list(before):
        return None
    return list(compress(dataset, map(is_not, dataset.values(), before.values())))


def share(dataset: JSONDataSet, before: JSONDataSet, keys: frozenset[str]) -> bool:
    """Whether the elements of these keys are the same objects in both, or in neither."""
    pattern = pattern_of(dataset)
    if pattern is not None and pattern_of(before) is pattern and pattern.varying.isdisjoint(keys):
        return True
    return all(dataset.get(key) is before.get(key) for key in keys)
