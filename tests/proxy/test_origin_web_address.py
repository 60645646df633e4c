"""Addresses: paths and queries are built, never forwarded, and nothing says where the origin is."""

from __future__ import annotations

from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomveil_proxy.errors import BadRequest, UnknownResource
from dicomveil_proxy.origin.web.address import BaseURL, query_string, resource_path

BASE = "http://doe:secret@origin.test:8042/dicom-web/"


def test_base_url() -> None:
    """Credentials are apart from the URL, and out of its representation."""
    base = BaseURL(BASE)

    assert base.join("studies/1.2") == "http://origin.test:8042/dicom-web/studies/1.2"
    assert base.headers == {"Authorization": "Basic ZG9lOnNlY3JldA=="}
    assert BaseURL("http://origin.test").headers == {}
    assert "origin" not in repr(base)


@pytest.mark.parametrize(
    ("host", "is_near"),
    [
        ("127.0.0.1", True),
        ("[::1]", True),
        ("10.1.2.3", True),
        ("localhost", True),
        ("orthanc", True),
        ("pacs.internal", True),
        ("192.0.2.1.example.org", False),
        ("8.8.8.8", False),
        ("pacs.example.org", False),
    ],
)
def test_near(host: str, is_near: bool) -> None:
    """Addresses of this machine and of private networks, and names without a dot."""
    assert BaseURL(f"http://{host}:8042/dicom-web").is_near is is_near


def test_resource_path() -> None:
    """Study, series, instance; an instance without its series is its study's."""
    assert resource_path("1.2") == "studies/1.2"
    assert resource_path("1.2", "3", "4.5") == "studies/1.2/series/3/instances/4.5"


@given(st.text(max_size=70))
def test_what_becomes_a_path(text: str) -> None:
    """An original UID, legal or not, is one step of a path, however often a server decodes it; else it is refused."""
    try:
        path = resource_path(text)
    except UnknownResource:
        return
    step = path.removeprefix("studies/")
    assert unquote(step) == unquote(unquote(step)) == text
    assert not set(step) & set("/\\?#;:@& ")
    assert text.strip(".")


def test_illegal_uids() -> None:
    """Archives hold UIDs with letters, and too long ones."""
    assert resource_path("1.2.abc", "1" * 90, "a b") == f"studies/1.2.abc/series/{'1' * 90}/instances/a%20b"


@given(st.lists(st.tuples(st.sampled_from(["PatientName", "00100020", "StudyDate"]), st.text())), st.integers(0, 9))
def test_a_query_needs_no_decoding(params: list[tuple[str, str]], limit: int) -> None:
    """Whatever is asked for, the query holds only characters that mean themselves."""
    query = query_string(params, limit, 0)

    assert set(query) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~*?=&,")
    assert query.count("&") == max(0, len(params) + bool(limit) - 1)


def test_includefield() -> None:
    """A list of names; one that is none is refused."""
    assert (
        query_string([("includefield", "00081030,PatientName")], 0, 5) == "includefield=00081030,PatientName&offset=5"
    )
    with pytest.raises(BadRequest):
        query_string([("includefield", "a&b")], 0, 0)


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("http://origin.test:8042/dicom-web/bulk/7?a=b", "bulk/7?a=b"),
        ("https://elsewhere.test/x/studies/1.2/bulk/7", "studies/1.2/bulk/7"),
        ("studies/1.2/bulk/7", "studies/1.2/bulk/7"),
    ],
)
def test_bulk_path(uri: str, path: str) -> None:
    """Below the base, or through `/studies/`, whatever name the origin thinks it has."""
    assert BaseURL(BASE).bulk_path(uri) == path


@pytest.mark.parametrize(
    "uri", ["http://[", "http://other.test/bulk/7", "file:///studies/1.2", "studies/1.2/%252e", "é"]
)
def test_bulk_path_elsewhere(uri: str) -> None:
    """Refused, without a word of where it leads."""
    with pytest.raises(UnknownResource) as caught:
        BaseURL(BASE).bulk_path(uri)
    assert uri not in str(caught.value)


def test_a_private_key_is_no_uid() -> None:
    """Its value is sent as text."""
    assert query_string([("00090010", "1.2,1.3")], 0, 0) == "00090010=1.2?1.3"
    assert query_string([("StudyInstanceUID", "1.2,1.3")], 0, 0) == "StudyInstanceUID=1.2,1.3"
