"""The process that transcodes: tasks in, outcomes out, and no word of a codec."""

from __future__ import annotations

import json
from dataclasses import asdict
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from dicomveil_proxy.pixels.frame import EXPLICIT_LITTLE, JPEG_LS, RLE, encode_frame
from dicomveil_proxy.pixels.process import run
from proxy.pictures import GREY, picture, raw

FRAME = raw(GREY)[0]


def outcomes(*tasks: tuple[dict[str, Any], bytes]) -> list[tuple[dict[str, Any], bytes]]:
    """Of these tasks, without that it is ready."""
    written = b"".join(json.dumps(task | {"size": len(payload)}).encode() + b"\n" + payload for task, payload in tasks)
    answers = BytesIO()
    run(BytesIO(written), answers)
    answers.seek(0)
    found = []
    while line := answers.readline():
        outcome = json.loads(line)
        found.append((outcome, answers.read(outcome["size"])))
    assert found[0] == ({"ready": True, "size": 0}, b"")
    return found[1:]


def frame_task(stored: str, wanted: str) -> dict[str, Any]:
    """Of a grey frame."""
    return {"stored": stored, "wanted": wanted, "described": asdict(GREY)}


def test_frames() -> None:
    """Decoded, encoded, or both."""
    encoded = encode_frame(FRAME, RLE, GREY)
    found = outcomes(
        (frame_task(RLE, EXPLICIT_LITTLE), encoded),
        (frame_task(EXPLICIT_LITTLE, RLE), FRAME),
        (frame_task(RLE, JPEG_LS), encoded),
    )

    assert [payload for _, payload in found] == [FRAME, encoded, encode_frame(FRAME, JPEG_LS, GREY)]


@pytest.mark.parametrize("payload", [b"Doe^Jane", b""])
def test_a_refusal(payload: bytes) -> None:
    """It says so, and the next task is done."""
    (refusal, _), (_, decoded) = outcomes(
        (frame_task(RLE, EXPLICIT_LITTLE), payload), (frame_task(EXPLICIT_LITTLE, EXPLICIT_LITTLE), FRAME)
    )

    assert "cannot be decoded here" in refusal["refused"]
    assert "Doe" not in refusal["refused"]
    assert decoded == FRAME


def test_instances(tmp_path: Path) -> None:
    """From one file into another; a file that is not there is a refusal without its path."""
    task = {"source": str(tmp_path / "a"), "target": str(tmp_path / "b"), "wanted": RLE, "decoded_bytes": 1 << 20}
    [(missing, _)] = outcomes((task, b""))
    (tmp_path / "a").write_bytes(picture(EXPLICIT_LITTLE))
    [(done, _)] = outcomes((task, b""))

    assert missing["refused"] == "the instance cannot be transcoded"
    assert "refused" not in done
    assert (tmp_path / "b").stat().st_size
