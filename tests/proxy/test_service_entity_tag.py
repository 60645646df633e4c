"""Entity tags: the same answer has the same tag, another has another, and who has it gets no body."""

from __future__ import annotations

from pathlib import Path

import pytest

from dicomveil_proxy.service.entity_tag import entity_tag, held
from proxy.fakes import ANY_SYNTAX, BASE, MemoryOrigin, instance, parts, proxy

pytestmark = pytest.mark.anyio

TAG = '"0123"'


def test_the_digest() -> None:
    """Of the key and the body: `printf body | openssl dgst -sha256 -hmac key`, its first half."""
    assert entity_tag(b"key", b"body") == '"515aae133b435d4000956731f68ae5cf"'
    assert entity_tag(b"other", b"body") != entity_tag(b"key", b"body") != entity_tag(b"key", b"other")


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        ([], None),
        ([TAG], TAG),
        (["*"], TAG),
        (['"1", "0123"'], TAG),
        (['"1"', '"0123"'], TAG),
        (['"1", W/"0123"'], f"W/{TAG}"),
        (['"012"'], None),
        (["0123"], None),
        (['"x*"'], None),
        (["Doe"], None),
    ],
)
def test_if_none_match(headers: list[str], found: str | None) -> None:
    """RFC 9110 Section 13.1.2, which compares without regard to W/."""
    assert held(headers, TAG) == found


@pytest.mark.parametrize(("what", "accept"), [("/metadata", None), ("", ANY_SYNTAX), ("", "application/dicom")])
async def test_an_answer_that_is_held_already(tmp_path: Path, what: str, accept: str | None) -> None:
    """304 without a body, until the instance changes; the tag is the same after a restart."""
    origin = MemoryOrigin(instance())
    async with proxy(tmp_path, origin) as ask:
        first = await ask.get(ask.path() + what, accept)
    async with proxy(tmp_path, origin) as ask:
        again = await ask.get(ask.path() + what, accept)
        tag = first.headers["etag"]
        known = await ask.get(ask.path() + what, accept, **{"If-None-Match": tag})
        head = await ask.client.head(
            f"{BASE}{ask.path()}{what}", headers={"If-None-Match": tag} | ({"Accept": accept} if accept else {})
        )
        origin.held = [instance(Modality="MR")]
        changed = await ask.get(ask.path() + what, accept, **{"If-None-Match": tag})

    assert (again.content, again.headers["etag"]) == (first.content, tag)
    assert (known.status_code, known.content, known.headers["etag"]) == (304, b"", tag)
    assert head.status_code == 304
    assert (changed.status_code, changed.headers["etag"] != tag) == (200, True)


async def test_the_key_and_the_policy_count(tmp_path: Path) -> None:
    """Under another profile, or seen as another resource, a tag is another."""
    tags = set()
    for profile in ("default", "basic"):
        (tmp_path / profile).mkdir()
        async with proxy(tmp_path / profile, MemoryOrigin(instance()), profile=profile) as ask:
            for what, accept in (("/metadata", None), ("", ANY_SYNTAX), ("", "application/dicom")):
                tags.add((await ask.get(ask.path() + what, accept)).headers["etag"])
    assert len(tags) == 6


async def test_a_boundary_that_stays(tmp_path: Path) -> None:
    """A strong tag stands for equal bytes, so an instance's multipart body has the same boundary each time."""
    async with proxy(tmp_path, MemoryOrigin(instance())) as ask:
        one, two = [await ask.get(ask.path(), ANY_SYNTAX) for _ in range(2)]

    assert one.headers["content-type"] == two.headers["content-type"]
    assert one.content == two.content
    assert parts(one) == parts(two) != []


async def test_what_has_no_tag(tmp_path: Path) -> None:
    """Long instances, whole series, frames, bulk data and searches; nothing of them is kept in a cache."""
    async with proxy(tmp_path, MemoryOrigin(instance(pixels=bytes(2 << 20)))) as ask:
        for path in (ask.path(), ask.path(instance=None), f"{ask.path()}/frames/1", "/studies", "/nothing"):
            response = await ask.get(path)
            assert "etag" not in response.headers
            assert response.headers["cache-control"] == "no-store"


async def test_what_a_user_agent_may_keep(tmp_path: Path) -> None:
    """What has a tag: for itself alone, asking each time."""
    async with proxy(tmp_path, MemoryOrigin(instance())) as ask:
        response = await ask.get(f"{ask.path()}/metadata")

    assert response.headers["cache-control"] == "private, no-cache"
    assert response.headers["vary"] == "Accept, Accept-Encoding"
