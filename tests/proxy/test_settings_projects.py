"""What a project is: its own table over the settings above all tables."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest

from dicomveil_engine import ConfigurationError
from dicomveil_proxy.settings.project_table import folder_of
from dicomveil_proxy.settings.projects import ProjectSettings, check_keys, projects_of
from dicomveil_proxy.settings.server import Settings


def projects(**settings: Any) -> list[ProjectSettings]:
    """The projects of these settings."""
    return [*projects_of(Settings(**{"origin": "http://pacs/dicom-web"} | settings))]


def test_what_a_table_leaves_out_is_as_it_is_above() -> None:
    """What it says counts."""
    above = {"key_file": "key", "profile": "basic", "store": "refuse", "filter": {"studies": ["1.2.3"]}}
    default, heart, lung = projects(
        **above,
        projects={
            "lung": {
                "key_file": "lung.key",
                "origin": "folder",
                "profile": "default",
                "filter": {},
                "on_error": "omit",
            },
            "heart": {"key_file": "heart.key"},
        },
    )

    assert [each.name for each in (default, heart, lung)] == ["", "heart", "lung"]
    assert (heart.key_file, heart.origin, heart.profile, heart.store) == (
        Path("heart.key"),
        "http://pacs/dicom-web",
        "basic",
        "refuse",
    )
    assert not heart.filter.selects_all
    assert (lung.profile, lung.on_error, lung.filter.selects_all) == ("default", "omit", True)
    assert lung.origin_folder == Path("folder")
    assert heart.origin_folder is None
    assert folder_of("HTTPS://pacs/dicom-web") is None


def test_without_a_key_above_there_is_no_default_project() -> None:
    """Only those with tables."""
    assert [each.name for each in projects(projects={"lung": {"key_file": "lung.key"}})] == ["lung"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "key_file: it is not set"),
        ({"origin": None, "key_file": "key"}, "origin: it is not set"),
        ({"origin": None, "projects": {"lung": {"key_file": "key"}}}, "projects.lung: origin: it is set neither here"),
        ({"key_file": "key", "filter": {"studies": []}}, '^filter: it needs store = "refuse" or "reidentify"'),
        (
            {"projects": {"lung": {"key_file": "key", "filter": {"query": {"PatientID": "PATIENT-1"}}}}},
            "projects.lung: filter: it needs",
        ),
    ],
)
def test_what_does_not_go_together(settings: dict[str, Any], message: str) -> None:
    """The project is named."""
    with pytest.raises(ConfigurationError, match=message):
        projects(**settings)


@pytest.mark.parametrize("second", [bytes(range(32)).hex(), b64encode(bytes(range(32))).decode()])
def test_one_key_for_two_projects(tmp_path: Path, second: str) -> None:
    """It is refused, in whatever file and notation: their pseudonyms would be the same."""
    for name, text in (("one", bytes(range(32)).hex()), ("two", second)):
        (tmp_path / name).touch(0o600)
        (tmp_path / name).write_text(text)
    both = projects(key_file=tmp_path / "one", projects={"lung": {"key_file": tmp_path / "two"}})

    with pytest.raises(ConfigurationError, match=r"projects.lung: key_file: it holds the key of the default project"):
        check_keys(both)


def test_a_key_that_cannot_be_read(tmp_path: Path) -> None:
    """The message says whose."""
    with pytest.raises(ConfigurationError, match=r"projects.lung: key_file: it cannot be read"):
        check_keys(projects(projects={"lung": {"key_file": tmp_path / "nothing"}}))


def test_no_password_in_a_representation() -> None:
    """An origin's URL and a database's may hold one."""
    shown = repr(projects(origin="http://user:secret@pacs", state="postgresql://user:secret@db/x", key_file="key"))

    assert "secret" not in shown
