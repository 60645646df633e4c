"""A project: its policy is one under which a user agent can ask for what it was shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from dicomveil_engine import ConfigurationError, JSONDataSet, load_policy
from dicomveil_proxy.project import Project
from dicomveil_proxy.translation.identity import IdentityMap
from proxy.fakes import KEY, MemoryOrigin, instance

UIDS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")


def project(path: Path, *kept: str) -> Project:
    """A project whose policy keeps these UIDs."""
    rules = [{"tag": tag, "method": "keep"} for tag in kept]
    policy = load_policy({"profile": "PS3.15", "rules": rules}, KEY)
    return Project(policy, MemoryOrigin(instance()), IdentityMap(path / "identities.sqlite"))


@pytest.mark.parametrize("kept", [(), UIDS])
def test_all_or_none(tmp_path: Path, kept: tuple[str, ...]) -> None:
    """Study, series and instance have pseudonyms, or keep their UIDs."""
    made = project(tmp_path, *kept)
    made.identities.close()

    assert made.policy.replaces_uids is not bool(kept)


@pytest.mark.parametrize("kept", [UIDS[:1], UIDS[1:], UIDS[2:]])
def test_a_mixture_is_refused(tmp_path: Path, kept: tuple[str, ...]) -> None:
    """The message says how to mend it."""
    with pytest.raises(ConfigurationError, match="give all three the method refreshUID, or all three keep"):
        project(tmp_path, *kept)


def test_search_results_bear_no_marks(tmp_path: Path) -> None:
    """A result is not an instance, and does not say of itself that it is de-identified; metadata does."""
    made = project(tmp_path)
    made.identities.close()
    dataset: JSONDataSet = {"0020000D": {"vr": "UI", "Value": ["1.2.3"]}}

    assert "00120062" in made.metadata.rewrite(dataset)
    assert made.matches.rewrite(dataset).keys() == {"0020000D"}
