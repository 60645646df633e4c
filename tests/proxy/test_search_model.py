"""Search against the model: whatever is asked of whatever archive, the answer is the definition's."""

from __future__ import annotations

import asyncio
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from dicomveil_proxy.origin.folder.origin import FolderOrigin
from proxy.fakes import proxy
from proxy.search_model import PROFILE, archive, compare

QUERIES = 12
"""Of each archive."""


@settings(max_examples=settings().max_examples // 4)
@given(st.integers(0, 1 << 32), st.integers(1, 6))
def test_a_folder_answers_as_the_model(seed: int, studies: int) -> None:
    """{deid(x) | x in the folder, match(deid(x), query)}: each once, whole and page by page."""
    rng = Random(seed)
    instances = archive(rng, studies)

    async def ask_all(folder: Path) -> None:
        for number, data in enumerate(instances):
            (folder / f"{number}.dcm").write_bytes(data)
        async with proxy(folder, FolderOrigin(folder), profile=PROFILE) as ask:
            await compare(ask, rng, instances, QUERIES)

    with TemporaryDirectory() as folder:
        asyncio.run(ask_all(Path(folder)))
