"""What a path names."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomveil_engine.pseudonyms.sides import PseudonymousUID
from dicomveil_proxy.errors import BadRequest, UnknownResource
from dicomveil_proxy.request.resource import (
    BulkPath,
    OutsideResource,
    Representation,
    Resource,
    check_original,
    original_step,
    parse_frames,
    parse_uid,
)

UIDS = st.from_regex(r"(0|[1-9][0-9]{0,9})(\.(0|[1-9][0-9]{0,9})){0,4}", fullmatch=True)
TAGS = st.integers(0, 0xFFFFFFFF)
ORDINALS = st.integers(1, 999_999_999)
FRAMES = st.lists(ORDINALS, min_size=1, max_size=5).map(tuple)
BULK = st.builds(BulkPath, TAGS, st.lists(st.tuples(TAGS, ORDINALS), max_size=4).map(tuple))
OF_ALL = st.sampled_from(
    [Representation.DATASET, Representation.METADATA, Representation.RENDERED, Representation.THUMBNAIL]
)
OF_FRAMES = st.sampled_from([Representation.FRAMES, Representation.RENDERED, Representation.THUMBNAIL])
RESOURCES = (
    st.builds(Resource, UIDS, representation=OF_ALL)
    | st.builds(Resource, UIDS, UIDS, representation=OF_ALL)
    | st.builds(Resource, UIDS, UIDS, UIDS, representation=OF_ALL)
    | st.builds(Resource, UIDS, UIDS, UIDS, frames=FRAMES, representation=OF_FRAMES)
    | st.builds(Resource, UIDS, UIDS, UIDS, bulk=BULK, representation=st.just(Representation.BULKDATA))
)


@given(RESOURCES)
def test_a_built_path_reads_back(resource: OutsideResource) -> None:
    """parse(build(r)) == r."""
    assert Resource.parse(resource.path()) == resource


@given(st.text("studeriancfmblk/0123456789.,%2C", max_size=60))
def test_any_path_is_read_or_refused(path: str) -> None:
    """A path is a resource whose own path reads back, or one of two errors."""
    try:
        resource = Resource.parse(path)
    except (UnknownResource, BadRequest):
        return
    assert Resource.parse(resource.path()) == resource


@pytest.mark.parametrize(
    ("path", "resource"),
    [
        ("/studies/1.2", Resource(PseudonymousUID("1.2"))),
        ("studies/1.2/series/1.3", Resource(PseudonymousUID("1.2"), PseudonymousUID("1.3"))),
        (
            "/studies/1.2/series/1.3/metadata",
            Resource(PseudonymousUID("1.2"), PseudonymousUID("1.3"), representation=Representation.METADATA),
        ),
        (
            "/studies/1.2/series/1.3/instances/1.4/frames/1%2C2,3",
            Resource(
                PseudonymousUID("1.2"),
                PseudonymousUID("1.3"),
                PseudonymousUID("1.4"),
                (1, 2, 3),
                representation=Representation.FRAMES,
            ),
        ),
        (
            "/studies/1.2/series/1.3/instances/1.4/frames/7/rendered",
            Resource(
                PseudonymousUID("1.2"),
                PseudonymousUID("1.3"),
                PseudonymousUID("1.4"),
                (7,),
                representation=Representation.RENDERED,
            ),
        ),
        (
            "/studies/1.2/series/1.3/instances/1.4/bulk/00880200/1/7FE00010",
            Resource(
                *(PseudonymousUID("1.2"), PseudonymousUID("1.3"), PseudonymousUID("1.4")),
                bulk=BulkPath(0x7FE00010, ((0x00880200, 1),)),
                representation=Representation.BULKDATA,
            ),
        ),
    ],
)
def test_paths_of_the_standard(path: str, resource: OutsideResource) -> None:
    """The paths of PS3.18 Section 10.4, and those of Orthanc's bulk data."""
    assert Resource.parse(path) == resource


@pytest.mark.parametrize(
    "path",
    [
        *("", "/", "/studies", "/studies/", "/studies/1.2/", "//studies/1.2", "/patients/1.2"),
        *("/studies/../system", "/studies/.", "/studies/1.2a", "/studies/%31", f"/studies/{'1' * 65}"),
        *("/studies/1.2/instances/1.4", "/studies/1.2/series", "/studies/1.2/reject/113001%5EDCM"),
        *("/studies/1.2/frames/1", "/studies/1.2/bulk/00100010", "/studies/1.2/metadata/more"),
        "/studies/1.2/series/1.3/instances/1.4/frames",
        "/studies/1.2/series/1.3/instances/1.4/frames/1/metadata",
        "/studies/1.2/series/1.3/instances/1.4/bulk",
        "/studies/1.2/series/1.3/instances/1.4/bulk/PatientName",
        "/studies/1.2/series/1.3/instances/1.4/bulk/0010,0010",
        "/studies/1.2/series/1.3/instances/1.4/bulk/00880200/0/7fe00010",
        "/studies/1.2/series/1.3/instances/1.4/bulk/00880200/1",
        "/studies/1.2/series/1.3/instances/1.4/bulk/" + "00880200/1/" * 33 + "7fe00010",
    ],
)
def test_everything_else_is_unknown(path: str) -> None:
    """What is not a resource is refused, never passed."""
    with pytest.raises(UnknownResource):
        Resource.parse(path)


@pytest.mark.parametrize("frames", ["0", "1,0", "-1", "1,,2", "", "a", "1;2", "01", "٣", "1" * 10, "1," * 10_000 + "1"])
def test_frames_are_numbers_from_one(frames: str) -> None:
    """A list of frames with anything else in it, or too long a one, is a bad request."""
    with pytest.raises(BadRequest):
        parse_frames(frames)


@pytest.mark.parametrize("uid", ["..", ".1", "1/2", "1.2\n", "", "\uff11.2"])
def test_no_path_is_built_from_what_is_no_uid(uid: str) -> None:
    """Not even the identity map can bring another path into a request to the origin server."""
    with pytest.raises(UnknownResource):
        parse_uid(uid)
    if uid != ".1":  # which an archive may hold
        with pytest.raises(UnknownResource):
            Resource(PseudonymousUID("1.2"), PseudonymousUID(uid))


def test_bulk_data_names_its_tags() -> None:
    """The tags on the way are what a policy is asked about."""
    assert BulkPath.parse(["00880200", "1", "7fe00010"]).tags == (0x00880200, 0x7FE00010)


@given(st.text("1.A /\\%~\x1f\x7f\u00e9\n", max_size=8) | st.integers(250, 260).map("1".__mul__))
def test_an_original_in_a_path(text: str) -> None:
    """Printable ASCII up to 256 characters, without what a server may take for another path."""
    is_harmless = text.isascii() and text.isprintable() and not set(text) & set("/\\%")
    if is_harmless and len(text) <= 256 and text.strip(". "):
        assert check_original(text) == text
        assert original_step(text) == quote(text, safe="")
    else:
        with pytest.raises(UnknownResource):
            check_original(text)
