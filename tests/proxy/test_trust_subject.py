"""A subject is that of one request, and known only where its credentials were valid."""

from __future__ import annotations

import pytest

from dicomveil_proxy.trust.subject import ANONYMOUS, Kind, Subject, known_subject_of, note_subject, subject_of


def test_the_subject_of_a_request() -> None:
    """It is written down once, and read by whoever needs it."""
    scope: dict[str, object] = {}
    assert known_subject_of(scope) is None
    with pytest.raises(KeyError):
        subject_of(scope)
    note_subject(scope, ANONYMOUS)

    assert subject_of(scope) is known_subject_of(scope) is ANONYMOUS


def test_kinds_do_not_share_names() -> None:
    """Jane with a token is another than Jane of the identity provider."""
    assert len({Subject(kind, "jane").label for kind in Kind if kind is not Kind.ANONYMOUS}) == len(Kind) - 1
