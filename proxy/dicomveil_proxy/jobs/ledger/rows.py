"""Rows read from a ledger."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple


class Leased(NamedTuple):
    """A unit that this coordinator has leased."""

    number: int
    study: str
    series: str
    listed: int
    expected: int
    placed: int
    round: int


@dataclass(frozen=True)
class StudyRow:
    """A study of the selection, or a row of the list that matched none."""

    line: int
    """Row of the list, from 1; 0 without a list."""
    original: str = field(repr=False)
    """Empty if no study matched."""
    pseudonym: str
    units: int
    done: int
    expected: int
    placed: int
    fresh: int
    refused: int
    reason: str
    patient: str


class Counts(NamedTuple):
    """Counts of a run's units and instances."""

    units: int
    done: int
    failed: int
    placed: int
    fresh: int
    refused: int
    expected: int
    studies: int
