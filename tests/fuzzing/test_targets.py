"""The fuzzed readers on their first inputs and some damaged ones; and that a finding is one."""

from __future__ import annotations

import logging
from functools import partial
from pathlib import Path

import pytest

from dicomveil_engine.methods.effect import Effect
from dicomveil_engine.methods.redact import Redact
from fuzzing import running
from fuzzing.__main__ import NAMES
from fuzzing.targets import TARGETS, Leaked

INPUTS = {"part10": 400, "tokens": 60, "settings": 60, "policies": 60}
"""Damaged inputs; of the other targets 1,000."""


def test_all_targets_are_run() -> None:
    """By `make fuzz`."""
    assert set(NAMES) == set(TARGETS)


@pytest.mark.parametrize("name", NAMES)
def test_damaged_inputs(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is wrong with an input, the reader raises what it says that it raises, and nothing leaks."""
    target = TARGETS[name]
    run = partial(running.check, target.run, target.documented)
    seeds = [seed[: running.LONGEST] for seed in target.seeds()]
    assert seeds
    for seed in seeds:
        run(seed)
    logging.disable()
    try:
        count = running.by_mutation(run, seeds, 1e9, seed=1, most=INPUTS.get(name, 1_000))
    finally:
        logging.disable(logging.NOTSET)
    assert count == INPUTS.get(name, 1_000)


@pytest.mark.parametrize("name", ["part10", "json", "xml"])
def test_a_leak_is_a_finding(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a method keeps what it had to remove."""
    from fuzzing import targets

    monkeypatch.setattr(Redact, "effect", lambda self, vr: Effect.CHANGE)
    monkeypatch.setattr(Redact, "apply", lambda self, element, context: element.values)
    monkeypatch.setattr(targets, "_policy", _leaky)
    with pytest.raises(Leaked):
        TARGETS[name].run(next(iter(TARGETS[name].seeds())))


def _leaky() -> object:
    from dicomveil_engine import load_policy
    from fuzzing.targets import KEY

    return load_policy({"profile": "basic", "rules": [{"tag": "(0010,0010)", "method": "redact"}]}, KEY)


def test_what_takes_too_long_or_raises_anything_else_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also errors that are near the documented ones."""

    def fail(_: bytes) -> None:
        raise KeyError

    monkeypatch.setattr(running, "MOST_SECONDS", -1)
    with pytest.raises(running.TooSlow):
        running.check(lambda _: None, (), b"")
    with pytest.raises(KeyError):
        running.check(fail, (ValueError,), b"")


def test_a_finding_is_kept(tmp_path: Path) -> None:
    """By its content."""
    path = running.kept(tmp_path / "name", b"x")

    assert path.read_bytes() == b"x"
