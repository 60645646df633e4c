"""`dicomveil demo`: it works with nothing but what is installed, and leaves nothing behind."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from io import BytesIO
from pathlib import Path

import httpx
from PIL import Image
from pydicom import dcmread

from dicomveil_engine import load_policy
from dicomveil_engine.pixels.gate import can_clean
from dicomveil_proxy.command.demo import fill


def test_the_folder_holds_each_instance_once(tmp_path: Path) -> None:
    """Only instances that say where they belong."""
    fill(tmp_path, load_policy({"profile": "default"}, bytes(32)))

    headers = [dcmread(path, stop_before_pixels=True) for path in tmp_path.iterdir()]
    assert len(headers) > 20
    assert len({header.SOPInstanceUID for header in headers}) == len(headers)
    assert all(header.StudyInstanceUID and header.SeriesInstanceUID for header in headers)


def test_the_demo_answers_what_it_says_and_stops(tmp_path: Path) -> None:
    """The requests that it prints work, an ultrasound comes with its text covered, and Ctrl-C ends it with status 0;
    its folder is gone."""
    with subprocess.Popen(
        [sys.executable, "-m", "dicomveil_proxy", "demo", "--port", "0"],
        env={"TMPDIR": str(tmp_path), "DICOMVEIL_PROFILE": "nothing"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            printed = ""
            while "Ctrl-C" not in printed and (line := process.stdout.readline()):
                printed += line
            search, metadata, instance, *pictures = re.findall(r"'(http[^']+)'", printed)
            matches = httpx.get(search, timeout=60)
            objects = httpx.get(metadata, timeout=60)
            part10 = httpx.get(instance, headers={"Accept": "application/dicom"}, timeout=60)
            shown = [httpx.get(url, timeout=120) for url in pictures]
            process.send_signal(signal.SIGINT)
            rest, log = process.communicate(timeout=10)
        finally:
            process.kill()

    assert len(matches.json()) == 5
    assert objects.json()[0]["00120062"]["Value"] == ["YES"]
    assert part10.content[128:132] == b"DICM"
    assert [picture.headers["Content-Type"] for picture in shown] == ["image/jpeg"] * can_clean()
    for picture in shown:
        drawn = Image.open(BytesIO(picture.content)).convert("L")
        # Two lines of text on a blue band at the upper edge; below it the picture stays.
        assert max(drawn.crop((0, 0, 800, 50)).tobytes()) < 100
        assert max(drawn.crop((400, 100, 520, 130)).tobytes()) > 100
    assert (process.returncode, list(tmp_path.iterdir())) == (0, [])
    assert "nothing is left" in rest
    assert "Traceback" not in log
