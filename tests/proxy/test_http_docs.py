"""docs/http.md: its requests have the answers that stand there, its settings are settings, its table is the code's."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from dicomveil_proxy.service.entity_tag import MAXIMUM_INSTANCE_BYTES, MAXIMUM_METADATA_BYTES, REVALIDATED
from dicomveil_proxy.settings.server import load_settings
from dicomveil_proxy.transactions.wado_uri import PARAMETERS
from proxy.fakes import HOST, INSTANCE, SERIES, STUDY, MemoryOrigin, instance, proxy, served

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


def test_inside_another_application(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page's program serves below its prefix over a real connection, and lives as long as the outer application."""
    (program,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    archive = tmp_path / "archive"
    archive.mkdir()
    (archive / "a.dcm").write_bytes(instance())
    (tmp_path / "project.key").touch(0o600)
    (tmp_path / "project.key").write_text(bytes(range(32)).hex())
    audit = tmp_path / "audit.jsonl"
    (tmp_path / "dicomveil.toml").write_text(
        f'origin = "{archive}"\nkey_file = "{tmp_path / "project.key"}"\n[audit]\nfile = "{audit}"\n'
    )
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(compile(program, "http.md", "exec"), names)

    with served(names["portal"]) as port:
        studies = httpx.get(f"http://127.0.0.1:{port}/imaging/dicom-web/studies", trust_env=False)
        outside = httpx.get(f"http://127.0.0.1:{port}/dicom-web/studies", trust_env=False)

    (study,) = studies.json()
    assert "/imaging/dicom-web/studies/" in study["00081190"]["Value"][0]
    assert outside.status_code == 404
    events = [json.loads(line)["event"] for line in audit.read_text().splitlines()]
    assert "start" in events
    assert "stop" in events
