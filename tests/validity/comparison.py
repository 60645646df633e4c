"""How valid instances are before and after they are de-identified: the errors that a policy adds, by kind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from dicomveil_engine import EngineError, Policy, deidentify_instance
from validity.dciodvfy import kinds_of_errors

_JOBS = 2


@dataclass
class Comparison:
    """What became of a folder of instances."""

    compared: int = 0
    incomparable: int = 0
    """Of no known IOD, or so broken that dciodvfy does not get through the original."""
    refused: int = 0
    """By the engine: nothing comes out."""
    errors_before: int = 0
    errors_after: int = 0
    new: Counter[str] = field(default_factory=Counter)
    """Kind of error → instances that have more of it than their originals."""
    unreadable: list[str] = field(default_factory=list)
    """Instances that dciodvfy reads before and not afterwards, by file name."""


def corpus(shared: Path) -> list[Path]:
    """All instances of the corpus, the broken ones too."""
    return sorted((shared / "corpus").rglob("*.dcm"))


def compare(policy: Policy, instances: Iterable[Path], folder: Path) -> Comparison:
    """De-identify each instance into the (temporary) folder, and ask of it and its original."""
    result = Comparison()
    with ThreadPoolExecutor(_JOBS) as jobs:
        for name, before, after in jobs.map(lambda path: _one(policy, path, folder), instances):
            if after == "refused":
                result.refused += 1
            elif before is None:
                result.incomparable += 1
            elif not isinstance(after, Counter):
                result.unreadable.append(name)
            else:
                result.compared += 1
                result.errors_before += before.total()
                result.errors_after += after.total()
                result.new.update((after - before).keys())
    return result


def _one(policy: Policy, path: Path, folder: Path) -> tuple[str, Counter[str] | None, Counter[str] | str | None]:
    try:
        out = deidentify_instance(path.read_bytes(), policy)
    except EngineError:
        return path.name, None, "refused"
    written = folder / f"{path.parent.name}-{path.name}"
    written.write_bytes(out)
    after = kinds_of_errors(written)
    written.unlink()
    return path.name, _before(path), after


@lru_cache(maxsize=1_000)
def _before(path: Path) -> Counter[str] | None:
    return kinds_of_errors(path)
