"""Consecutive data sets of a series, which share most elements: where they differ.

Streams give equal elements as the same objects (`outline`), so that no values have to be compared.
"""

from __future__ import annotations

from itertools import compress
from operator import is_not

from dicomveil_engine.json_model.values import JSONDataSet


def differing(dataset: JSONDataSet, before: JSONDataSet) -> list[str] | None:
    """The keys whose elements are not the same objects in both; None if the keys are not the same in the same order."""
    if list(dataset) != list(before):
        return None
    return list(compress(dataset, map(is_not, dataset.values(), before.values())))
