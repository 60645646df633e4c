"""docs/search.md: each of its queries does what the page says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dicomveil_proxy.origin.folder.origin import FolderOrigin
from proxy.fakes import HOST, STUDY, instance, proxy, values

pytestmark = pytest.mark.anyio

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "search.md").read_text(encoding="utf-8")
BLOCKS = [re.findall(r"GET (\S+)", block) for block in re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)]


async def test_queries_of_the_page(tmp_path: Path) -> None:
    """Those that find, those that find nothing, those that are refused."""
    (tmp_path / "archive").mkdir()
    (tmp_path / "archive" / "1.dcm").write_bytes(instance(StudyTime="101500", pixels=None))
    finding, idle, refused = BLOCKS
    async with proxy(tmp_path, FolderOrigin(tmp_path / "archive")) as ask:
        (study,) = (await ask.get("/studies")).json()
        shown = {
            "$PATIENT": values(study, "00100020")[0],
            "$DATE": values(study, "00080020")[0],
            "$STUDY": ask.uid(STUDY),
        }
        for path in finding:
            for name, value in shown.items():
                path = path.replace(name, value)  # noqa: PLW2901 - the same path, filled in
            (found,) = (await ask.client.get(HOST + path)).json()
            assert values(found, "0020000D") == [ask.uid(STUDY)], path
        for path in idle:
            assert (await ask.client.get(HOST + path)).json() == [], path
        for path in refused:
            assert (await ask.client.get(HOST + path)).status_code == 400, path
    assert len(finding) > 15
