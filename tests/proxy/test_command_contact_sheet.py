"""The contact sheet of `dicomveil review`: what it shows, who may make it, and what it says about itself."""

from __future__ import annotations

import base64
import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from dicomveil_proxy.command import commands
from engine.pixel_instances import CT, instance, written

_IMAGE = re.compile(r'src="data:image/jpeg;base64,([^"]+)"')


@pytest.fixture(autouse=True)
def in_a_folder_with_instances(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An ultrasound image with a name, an empty one, a slice that passes, and video that is refused."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DICOMVEIL_KEY_FILE", raising=False)
    folder = tmp_path / "in" / "<b>one"
    folder.mkdir(parents=True)
    (folder / "named.dcm").write_bytes(instance([written()]))
    empty = np.full((64, 64), 20, np.uint8)
    (folder / "empty.dcm").write_bytes(instance([empty], SOPInstanceUID="1.2.3.4.2"))
    slice_ = np.full((64, 64), 20, np.uint16)
    (folder / "slice.dcm").write_bytes(
        instance([slice_], SOPInstanceUID="1.2.3.4.3", SOPClassUID=CT, Modality="CT", Manufacturer="Quzzax Bim")
    )
    video = instance([empty], SOPInstanceUID="1.2.3.4.4").replace(
        b"\x02\x00\x10\x00UI\x14\x001.2.840.10008.1.2.1\x00", b"\x02\x00\x10\x00UI\x18\x001.2.840.10008.1.2.4.103\x00"
    )
    (folder / "video.dcm").write_bytes(video)
    (tmp_path / "key").write_text(bytes(range(32)).hex())
    (tmp_path / "key").chmod(0o600)
    settings = {"profile": "basic", "pixels": {"text": "allText", "gate": "trust"}}
    (tmp_path / "profile.json").write_text(json.dumps(settings))


def review(*arguments: str) -> Result:
    result = CliRunner().invoke(commands, ["review", "in", *arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result


def test_sheet() -> None:
    """Before and after of what is looked at, boxes drawn, the reasons; for the owner alone, and without a network."""
    result = review("--contact-sheet", "sheet.html", "--key-file", "key", "--profile", "profile.json")
    assert result.exit_code == 0, result.stderr
    assert "the contact sheet shows original pictures" in result.stderr
    sheet = Path("sheet.html")
    page = sheet.read_text()

    assert sheet.stat().st_mode & 0o777 == 0o600
    assert "This page shows original pictures" in page
    assert "default-src 'none'" in page
    assert not re.search(r"(src|href)=\"(?!data:)", page)
    assert "&lt;b&gt;one/named.dcm" in page
    assert "<b>one" not in page
    assert "video" in page.partition("refused:")[2]
    assert re.search(r"1: [^<]*pass under &quot;gate&quot;: &quot;trust&quot;", page)
    before, after, *others = [np.asarray(Image.open(io.BytesIO(base64.b64decode(each)))) for each in shown(page)]
    assert len(others) == 2
    red = (before[..., 0] > 150) & (before[..., 1] < 100)
    assert red.any()
    assert int(before.max()) > 200
    assert int(after.max()) < 60
    assert "Doe" not in page
    # Values are reviewed beside it: a policy that covers pixels does not keep instances out of the list.
    assert " in 3 instances" in result.stdout


def shown(page: str) -> list[str]:
    """The pictures, those of the named instance first."""
    sections = page.split("<section>")[1:]
    sections.sort(key=lambda section: "named.dcm" not in section)
    return [picture for section in sections for picture in _IMAGE.findall(section)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--contact-sheet", "s.html", "--profile", "profile.json"], "add --key-file"),
        (["--contact-sheet", "in/s.html", "--profile", "profile.json", "--key-file", "key"], "outside the folder"),
        (["--contact-sheet", "key", "--profile", "profile.json", "--key-file", "key"], "there is a file of that name"),
        (["--contact-sheet", "s.html", "--profile", "keep.json", "--key-file", "key"], "lets text in pixels pass"),
        (["--contact-sheet", "no/s.html", "--profile", "refuse.json", "--key-file", "key"], "cannot be written"),
    ],
)
def test_refusals(arguments: list[str], message: str) -> None:
    """Originals are shown to the holder of the key, elsewhere than in what may be sent away."""
    Path("keep.json").write_text(json.dumps({"profile": "basic", "pixels": "keep"}))
    Path("refuse.json").write_text(json.dumps({"profile": "basic", "pixels": "refuse"}))
    result = review(*arguments)

    assert result.exit_code == 2
    assert message in result.stderr
    assert not Path("s.html").exists()


def test_what_is_refused_has_no_picture() -> None:
    """Under a policy that refuses, the sheet lists the reasons, and no process is needed."""
    Path("refuse.json").write_text(json.dumps({"profile": "basic", "pixels": "refuse"}))
    result = review("--contact-sheet", "sheet.html", "--key-file", "key", "--profile", "refuse.json")
    page = Path("sheet.html").read_text()

    assert result.exit_code == 0
    assert page.count("refused:") == 3
    assert not _IMAGE.search(page)
    assert " in 1 instances" in result.stdout
