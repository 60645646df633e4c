"""Rows of the identity map of keys that the project no longer has."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dicomveil_engine import load_policy
from dicomveil_proxy.translation.identity import Identity, IdentityMap, Kind
from dicomveil_proxy.translation.identity.versions import count, foreign_rows, has_foreign_rows, purge
from proxy.fakes import KEY

OLD = load_policy({"profile": "default"}, KEY)
NEW = load_policy({"profile": "default"}, bytes(32))
BOTH = load_policy({"profile": "default"}, bytes(32), other_keys=(KEY,))


@pytest.fixture
def identities(tmp_path: Path) -> Iterator[IdentityMap]:
    """Of 1,500 studies and a patient of the old key, and as many studies of the new one."""
    identities = IdentityMap(tmp_path / "identity.sqlite", project="lung")
    rows: list[Identity] = [(Kind.PATIENT, OLD.pseudonym_patient_id("PATIENT-1"), "PATIENT-1")]
    for policy in (OLD, NEW):
        rows += [(Kind.STUDY, policy.pseudonym_uid(f"1.2.3.{n}"), f"1.2.3.{n}") for n in range(1500)]
    identities.record(rows)
    yield identities
    identities.close()


def test_they_are_found_and_counted(identities: IdentityMap) -> None:
    """By what pseudonyms say of themselves: no row says by which key it was written."""
    assert has_foreign_rows(identities, NEW)
    assert not has_foreign_rows(identities, BOTH)
    assert count(identities, NEW) == {Kind.STUDY: 1500, Kind.PATIENT: 1}
    assert count(identities, BOTH) == {}


def test_they_are_forgotten(identities: IdentityMap, tmp_path: Path) -> None:
    """Those of the old key, all of them, and no others; nothing of the original is left in the file."""
    assert purge(identities, NEW) == {Kind.STUDY: 1500, Kind.PATIENT: 1}

    assert list(foreign_rows(identities, NEW)) == []
    assert identities.original(Kind.STUDY, OLD.pseudonym_uid("1.2.3.7")) is None
    assert identities.original(Kind.STUDY, NEW.pseudonym_uid("1.2.3.7")) == "1.2.3.7"
    left = b"".join(file.read_bytes() for file in tmp_path.glob("identity.sqlite*"))
    assert b"1.2.3.1499" in left
    assert b"PATIENT-1" not in left
    assert not any(OLD.pseudonym_uid(f"1.2.3.{n}").encode() in left for n in range(1500))


def test_other_projects_are_left_alone(identities: IdentityMap, tmp_path: Path) -> None:
    """A state may hold several."""
    other = IdentityMap(tmp_path / "identity.sqlite", project="stroke")
    assert purge(other, NEW) == {}
    other.close()

    assert count(identities, NEW).total() == 1501


@pytest.mark.parametrize("kind", Kind)
def test_each_kind_is_looked_at(tmp_path: Path, kind: Kind) -> None:
    """One row of any kind is enough."""
    identities = IdentityMap(tmp_path / "other.sqlite")
    pseudonym = OLD.pseudonym_patient_id("1.2.3") if kind is Kind.PATIENT else OLD.pseudonym_uid("1.2.3")
    identities.record([(kind, pseudonym, "1.2.3")])

    assert has_foreign_rows(identities, NEW)
    assert not has_foreign_rows(identities, OLD)
    identities.close()
