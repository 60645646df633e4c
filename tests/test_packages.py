"""What both packages say of themselves agrees with the rest of the repository."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("engine", "proxy")


def project(package: str) -> dict[str, Any]:
    table: dict[str, Any] = tomllib.loads((ROOT / package / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return table


def test_one_version() -> None:
    """The engine's version is the project's: the proxy, the deployment example and the change log agree with it."""
    version = project("engine")["version"]

    assert project("proxy")["version"] == version
    assert f"dicomveil:{version}\n" in (ROOT / "deploy" / "kubernetes" / "dicomveil.yaml").read_text(encoding="utf-8")
    assert re.search(rf"(?m)^## \[?{re.escape(version)}", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))


@pytest.mark.parametrize("package", PACKAGES)
def test_each_wheel_has_the_licence(package: str) -> None:
    """A wheel holds a copy of the licence, the same as the repository's."""
    assert (ROOT / package / "LICENSE").read_text() == (ROOT / "LICENSE").read_text()


@pytest.mark.parametrize("package", PACKAGES)
def test_no_address_is_invented(package: str) -> None:
    """The project has no home page, so none is named."""
    assert "urls" not in project(package)


def test_changes_have_a_date_or_are_unreleased() -> None:
    """Each section of the change log is a version with its date, or says that it is not released."""
    headings = re.findall(r"(?m)^## (.+)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))

    assert headings
    assert all(re.fullmatch(r"\[?[0-9.]+\]? - (unreleased|\d{4}-\d\d-\d\d)", heading) for heading in headings)


def test_decision_records_are_listed_in_order() -> None:
    """The list names each record once, by rising numbers."""
    folder = ROOT / "docs" / "decisions"
    listed = re.findall(r"\]\((\d{4}-[a-z0-9-]+\.md)\)", (folder / "README.md").read_text(encoding="utf-8"))

    assert listed == sorted(listed)
    assert listed == sorted(path.name for path in folder.glob("0*.md"))
