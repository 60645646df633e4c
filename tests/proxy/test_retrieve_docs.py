"""docs/retrieve.md: its requests are answered as it says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dicomveil_proxy.pixels.frame import JPEG_2000
from proxy.fakes import HOST, MemoryOrigin, proxy
from proxy.pictures import picture

pytestmark = pytest.mark.anyio

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "retrieve.md").read_text(encoding="utf-8")
SAMPLE = re.compile(r"GET (\S+)\nAccept: (.+)\n(\d+) ?(\S*)")
SAMPLES = [found for block in re.findall(r"```http\n(.*?)```", PAGE, re.DOTALL) for found in SAMPLE.findall(block)]


async def test_samples_are_answered_so(tmp_path: Path) -> None:
    """Each request gives that status and media type."""
    async with proxy(tmp_path, MemoryOrigin(picture(JPEG_2000))) as ask:
        uids = dict(zip(("STUDY", "SERIES", "INSTANCE"), ask.path().split("/")[2::2], strict=True))
        for path, accept, status, media_type in SAMPLES:
            for word, uid in uids.items():
                path = path.replace(word, uid)  # noqa: PLW2901
            response = await ask.client.get(HOST + path, headers={"Accept": accept})
            found = response.headers.get("content-type", "").partition(";")[0]
            assert (response.status_code, found) == (int(status), media_type), accept
    assert len(SAMPLES) == PAGE.count("\nGET ") == 11


def test_limits_are_those_of_the_code() -> None:
    """The numbers on the page."""
    from dicomveil_proxy.pixels import TranscodingLimits

    assert TranscodingLimits().processes == 2
    assert TranscodingLimits().memory_bytes == 3 << 30
