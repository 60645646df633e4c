"""The page on the viewer, the compose file and the tests speak of the same viewer."""

from __future__ import annotations

import re
from pathlib import Path

from browser.ohif import VERSION

_ROOT = Path(__file__).resolve().parents[2]
PAGE = (_ROOT / "docs" / "viewer.md").read_text(encoding="utf-8")


def test_one_version_of_the_viewer() -> None:
    """What the containers run is what was tested."""
    assert f"ohif/app:v{VERSION}}}" in (_ROOT / "deploy" / "compose.yaml").read_text(encoding="utf-8")
    assert set(re.findall(r"\d+\.\d+\.\d+", PAGE)) == {VERSION}


def test_what_the_page_links_to_is_there() -> None:
    """Files of ours."""
    targets = [target for target in re.findall(r"\]\(([^)#]+)[^)]*\)", PAGE) if "://" not in target]

    assert targets
    assert [target for target in targets if not (_ROOT / "docs" / target).exists()] == []
