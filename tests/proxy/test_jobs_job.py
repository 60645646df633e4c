"""What all files of a run have in common."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from dicomveil_engine import ConfigurationError
from dicomveil_proxy.jobs.job import Job, joined

KEY = bytes(32)


def test_a_job_shows_no_key() -> None:
    """Not even by mistake; and it can be sent to another process."""
    job = Job("default", b"open-sesame" * 3)

    assert "sesame" not in repr(job)
    assert pickle.loads(pickle.dumps(job)) == job


def test_a_fingerprint_is_that_of_the_rules_and_not_of_their_place(tmp_path: Path) -> None:
    """The same rules in another folder are the same; other rules are not."""
    (tmp_path / "other").mkdir()
    first, second = tmp_path / "rules.json", tmp_path / "other" / "rules.json"
    first.write_text('{"profile": "basic"}')
    second.write_text('{"profile": "basic"}')
    fingerprint = Job(first, KEY).fingerprint()

    assert Job(str(second), KEY).fingerprint() == fingerprint
    first.write_text('{"profile": "default"}')
    assert Job(first, KEY).fingerprint() != fingerprint


@pytest.mark.parametrize("job", [Job("basc", KEY), Job(Path("rules.json"), KEY), Job("rules.json", KEY)])
def test_a_policy_that_is_none_is_refused(job: Job) -> None:
    """As the engine does."""
    with pytest.raises(ConfigurationError):
        job.policy()


def test_parts_cannot_be_moved_between_each_other() -> None:
    """Or two different things would have one digest."""
    assert joined([b"ab", b"c"]) != joined([b"a", b"bc"])
