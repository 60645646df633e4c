"""Rights belong to projects; what is not granted is not there."""

from __future__ import annotations

import pytest

from dicomveil_proxy.settings.rights import Right, granted, joined, label_of
from dicomveil_proxy.trust.subject import ANONYMOUS, Kind, Subject


def test_a_right_is_of_a_project() -> None:
    """In another there is none, and the other is not even known."""
    subject = Subject(Kind.TOKEN, "viewer", granted(["lung"], ["search"]))

    assert subject.may("lung", Right.SEARCH)
    assert not subject.may("lung", Right.RETRIEVE)
    assert not subject.may("stroke", Right.SEARCH)
    assert (subject.knows("lung"), subject.knows("stroke")) == (True, False)


def test_every_project() -> None:
    """`*` is all of them, together with what is granted by name."""
    subject = Subject(Kind.TOKEN, "x", joined([granted(["*"], ["search"]), granted(["lung"], ["store"])]))

    assert subject.rights("lung") == {Right.SEARCH, Right.STORE}
    assert subject.rights("stroke") == {Right.SEARCH}


def test_the_anonymous_subject_may_everything() -> None:
    """It is what a server without users has."""
    assert all(ANONYMOUS.may("lung", right) for right in Right)


@pytest.mark.parametrize(("projects", "rights"), [(["Lung"], ["search"]), (["lung"], ["read"]), ([""], ["search"])])
def test_other_words_are_refused(projects: list[str], rights: list[str]) -> None:
    """A misspelt right would be none, and a misspelt project another."""
    with pytest.raises(ValueError, match="is not a"):
        granted(projects, rights)


def test_a_project_without_rights_is_not_known() -> None:
    """An empty grant is as no grant."""
    assert not Subject(Kind.TOKEN, "x", granted(["lung"], [])).knows("lung")


def test_labels() -> None:
    """The default project has a word, so that it can be written."""
    assert (label_of(""), label_of("lung")) == ("default", "lung")
    assert Subject(Kind.OIDC, "jane").label == "oidc:jane"
    assert ANONYMOUS.label == "anonymous"
