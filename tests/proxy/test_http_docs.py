"""docs/http.md: its requests have the answers that stand there, its settings are settings, its table is the code's."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dicomveil_proxy.service.entity_tag import MAXIMUM_INSTANCE_BYTES, MAXIMUM_METADATA_BYTES, REVALIDATED
from dicomveil_proxy.settings.server import load_settings
from dicomveil_proxy.transactions.wado_uri import PARAMETERS
from proxy.fakes import HOST, INSTANCE, SERIES, STUDY, MemoryOrigin, instance, proxy

pytestmark = pytest.mark.anyio

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "http.md").read_text(encoding="utf-8")
REQUEST = re.compile(r"^GET (\S+)\n(?:Accept: (\S+)\n)?(\d{3}) (\S+)$", re.MULTILINE)


@pytest.mark.parametrize(("path", "accept", "status", "media_type"), REQUEST.findall(PAGE))
async def test_requests(tmp_path: Path, path: str, accept: str, status: str, media_type: str) -> None:
    """Each is answered as the page says."""
    async with proxy(tmp_path, MemoryOrigin(instance(pixels=bytes(2000)))) as ask:
        for name, original in (("STUDY", STUDY), ("SERIES", SERIES), ("INSTANCE", INSTANCE)):
            path = path.replace(name, ask.uid(original))
        response = await ask.client.get(HOST + path, headers={"Accept": accept} if accept else {})

    assert str(response.status_code) == status
    assert response.headers["content-type"].partition(";")[0] == media_type


def test_settings(tmp_path: Path) -> None:
    """They are taken."""
    for number, text in enumerate(re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)):
        file = tmp_path / f"{number}.toml"
        file.write_text(text)
        assert load_settings(file, origin="folder", key_file=Path("key")).cors_origins


def test_the_table_of_parameters() -> None:
    """It names every parameter, and no other."""
    rows = re.findall(r"^\| (`\w+`(?:, `\w+`)*) \| ", PAGE, re.MULTILINE)

    assert {name for row in rows for name in re.findall(r"\w+", row)} == PARAMETERS


def test_the_table_of_caches() -> None:
    """It says what the code does."""
    assert f"| metadata up to {MAXIMUM_METADATA_BYTES >> 20} MiB | `{REVALIDATED}` | yes |" in PAGE
    assert f"| a single instance up to {MAXIMUM_INSTANCE_BYTES >> 20} MiB | `{REVALIDATED}` | yes |" in PAGE
