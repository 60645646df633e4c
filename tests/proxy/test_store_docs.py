"""docs/store.md: its samples work, and its table holds the reasons that there are."""

from __future__ import annotations

import re
from io import BytesIO
from pathlib import Path

import pytest
from pydicom import dcmread

from dicomveil_proxy.settings.server import load_settings
from dicomveil_proxy.transactions.store import reasons
from proxy.fakes import MemoryOrigin, application_in, instance, proxy, served

pytestmark = pytest.mark.anyio

TEXT = (Path(__file__).parents[2] / "docs" / "store.md").read_text(encoding="utf-8")


def sample(language: str) -> str:
    """The only sample in a language."""
    (found,) = re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)
    return str(found)


def test_the_settings(tmp_path: Path) -> None:
    """They are settings."""
    (tmp_path / "dicomveil.toml").write_text(sample("toml"))

    assert load_settings(tmp_path / "dicomveil.toml").store == "reidentify"


@pytest.mark.filterwarnings("ignore")
def test_the_user_agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """It stores the file, and prints where it is now."""
    origin = MemoryOrigin()
    (tmp_path / "segmentation.dcm").write_bytes(instance())
    monkeypatch.chdir(tmp_path)
    with served(application_in(tmp_path, origin)) as port:
        exec(sample("python").replace("8080", str(port)), {})

    assert len(origin.held) == 1
    assert "/dicom-web/studies/2.25." in capsys.readouterr().out


async def test_metadata_and_bulk_data(tmp_path: Path) -> None:
    """The request is one, and what it sends is stored."""
    head, _, body = sample("http").partition("\n\n")
    line, header = head.split("\n")
    name, _, value = header.partition(": ")
    origin = MemoryOrigin()
    async with proxy(tmp_path, origin) as ask:
        content = body.strip().replace("\n", "\r\n").encode()
        path = line.removeprefix("POST /dicom-web")
        response = await ask.client.post(f"http://proxy.test/dicom-web{path}", content=content, headers={name: value})

    assert response.status_code == 200
    assert dcmread(BytesIO(origin.held[0])).PixelData == b"abcd"


def test_the_reasons() -> None:
    """All that the transaction gives, and no others."""
    known = {value for name, value in vars(reasons).items() if name.isupper()}

    assert {int(code, 16) for code in re.findall(r"^\| `([0-9A-F]{4})` \|", TEXT, re.MULTILINE)} == known
