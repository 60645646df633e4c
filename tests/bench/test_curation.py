"""The scorer of the ten actions: doing nothing and deleting everything come out as they must."""

from __future__ import annotations

from functools import cache

from pydicom.dataset import Dataset

from bench.curation_scores import scored
from bench.curation_set import ACTIONS, Curated, archive

_LEAVES = ("tag_retained", "text_notnull", "text_retained", "pixels_retained", "uid_consistent", "patid_consistent")
_CHANGES = ("text_removed", "date_shifted", "uid_changed")


@cache
def some() -> tuple[Curated, ...]:
    return tuple(one for _, one in zip(range(24), archive(), strict=False))


def test_every_action_is_asked() -> None:
    """But for text in pixels, whose instances are drawn apart."""
    asked = {answer.action for one in some() for answer in one.answers}

    assert asked == set(ACTIONS) - {"pixels_hidden"}


def test_doing_nothing() -> None:
    """What must stay has stayed, and nothing that must go has gone."""
    outcome = scored(some(), lambda dataset: dataset)

    assert all(outcome.share(action) == 1 for action in _LEAVES)
    assert all(outcome.share(action) == 0 for action in _CHANGES)


def test_deleting_everything() -> None:
    """What must go has gone, and nothing that must stay has stayed; so it is with instances that are refused."""
    for gone in (Dataset(), None):
        outcome = scored(some(), lambda _dataset, gone=gone: gone)  # type: ignore[misc]

        assert outcome.share("text_removed") == 1
        assert all(outcome.share(action) == 0 for action in (*_LEAVES, "date_shifted", "uid_changed"))
        assert outcome.refused == (gone is None) * len(some())


def test_inconsistent_identifiers() -> None:
    """Two patients with one identifier, and one with two, are wrong."""

    def same(dataset: Dataset) -> Dataset:
        new = Dataset()
        new.PatientID, new.StudyInstanceUID = "ONE", "2.25.1"
        new.SOPInstanceUID = f"2.25.{dataset.SOPInstanceUID.replace('.', '')}"
        return new

    outcome = scored(archive(), same)

    assert outcome.share("patid_consistent") == 0
    assert outcome.failures["uid_consistent", "StudyInstanceUID"] > 0
    assert outcome.failures["uid_consistent", "SOPInstanceUID"] == 0
