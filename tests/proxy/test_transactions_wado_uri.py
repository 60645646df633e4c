"""WADO-URI: the query of PS3.18 Section 9 gives the same de-identified instance, or a picture of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from dicomveil_engine import deidentify_instance
from dicomveil_engine.pseudonyms.sides import PseudonymousUID
from dicomveil_proxy.errors import BadRequest, UnknownResource
from dicomveil_proxy.request.resource import Representation, Resource
from dicomveil_proxy.transactions.wado_uri import WadoQuery
from proxy.fakes import BASE, INSTANCE, SERIES, STUDY, Asking, MemoryOrigin, instance, proxy

pytestmark = pytest.mark.anyio

ASKED = {"requestType": "WADO", "studyUID": "1.2", "seriesUID": "1.2.3", "objectUID": "1.2.3.4"}


def read(**parameters: str) -> WadoQuery:
    """A query with these beside the four that each has; empty ones are left out."""
    return WadoQuery.parse([(name, value) for name, value in (ASKED | parameters).items() if value])


UIDS = (PseudonymousUID("1.2"), PseudonymousUID("1.2.3"), PseudonymousUID("1.2.3.4"))


def test_the_least() -> None:
    """Four parameters name an instance."""
    assert read() == WadoQuery(Resource(*UIDS), None)


def test_an_instance() -> None:
    """With its media type and transfer syntax; that it be de-identified goes without saying."""
    query = read(contentType="application/dicom", transferSyntax="*", anonymize="yes", charset="utf-8")

    assert (query.content_type, query.transfer_syntaxes) == ("application/dicom", ("*",))
    query.check_instance()


def test_a_picture() -> None:
    """Its looks are those of WADO-RS."""
    looks = {"rows": "20", "columns": "10", "windowCenter": "-40.5", "windowWidth": "400", "imageQuality": "100"}
    query = read(frameNumber="2", **looks)

    assert (query.rows, query.columns) == (20, 10)
    assert query.looks == {"window": "-40.5,400,linear", "quality": "100"}
    assert query.picture == Resource(*UIDS, (2,), representation=Representation.RENDERED)
    with pytest.raises(BadRequest, match="are for pictures, not for application/dicom"):
        query.check_instance()


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"requestType": "wado"}, "requestType must be WADO"),
        ({"requestType": ""}, "requestType must be WADO"),
        ({"studyUID": ""}, "the parameters studyUID, seriesUID, objectUID are required"),
        ({"objectUID": ""}, "the parameters studyUID, seriesUID, objectUID are required"),
        ({"annotation": "patient"}, "annotation, .* are not supported"),
        ({"region": "0,0,1,1"}, "are not supported"),
        ({"presentationUID": "1.2"}, "are not supported"),
        ({"anonymize": "no"}, "anonymize can only be yes"),
        ({"transferSyntax": "Doe"}, "transferSyntax must be a UID"),
        ({"frameNumber": "0"}, "frameNumber must be a whole number from 1"),
        ({"rows": "x", "columns": "1"}, "rows must be a whole number from 1"),
        ({"columns": "-1"}, "columns must be a whole number from 1"),
        ({"windowCenter": "1"}, "windowCenter and windowWidth must be given together"),
        ({"windowCenter": "1", "windowWidth": "1e9"}, "windowCenter and windowWidth must be given together"),
        ({"imageQuality": "101"}, "imageQuality must be from 1 to 100"),
    ],
)
def test_what_cannot_be_obeyed(parameters: dict[str, str], message: str) -> None:
    """It is refused, whatever else is asked."""
    with pytest.raises(BadRequest, match=message):
        read(**parameters)


def test_a_parameter_of_somebody_elses() -> None:
    """It is ignored."""
    assert read(token="Doe", _="1") == read()


def test_a_parameter_twice() -> None:
    """Nobody can know which of them counts."""
    with pytest.raises(BadRequest, match="appears twice"):
        WadoQuery.parse([*ASKED.items(), ("studyUID", "1.2")])


def test_what_is_no_uid() -> None:
    """There is no such resource."""
    with pytest.raises(UnknownResource):
        read(studyUID="../patients")


# Over HTTP


@pytest.fixture
def origin() -> MemoryOrigin:
    """Of one instance."""
    return MemoryOrigin(instance())


@pytest.fixture
async def ask(tmp_path: Path, origin: MemoryOrigin, anyio_backend: str) -> AsyncIterator[Asking]:
    """The proxy before it."""
    async with proxy(tmp_path, origin) as asking:
        yield asking


def path(ask: Asking, **parameters: str) -> str:
    """Of the instance, by its pseudonyms, with these parameters beside them."""
    names = {"requestType": "WADO", "studyUID": ask.uid(STUDY), "seriesUID": ask.uid(SERIES)}
    names |= {"objectUID": ask.uid(INSTANCE)} | parameters
    return "/wado?" + "&".join(f"{name}={value}" for name, value in names.items())


@pytest.mark.parametrize("parameters", [{}, {"transferSyntax": "*"}, {"transferSyntax": "1.2.840.10008.1.2.1"}])
async def test_the_instance(ask: Asking, parameters: dict[str, str]) -> None:
    """As the engine makes it of what is stored."""
    response = await ask.get(path(ask, contentType="application%2Fdicom", **parameters))

    assert (response.status_code, response.headers["content-type"]) == (200, "application/dicom")
    assert response.content == deidentify_instance(instance(), ask.policy)


@pytest.mark.parametrize(
    ("parameters", "accept", "media_type"),
    [
        ({}, None, "image/jpeg"),
        ({}, "image/png", "image/png"),
        ({"contentType": "image/png"}, "image/jpeg", "image/png"),
        ({"contentType": "text/html,image/png"}, None, "image/png"),
        ({}, "application/dicom", "application/dicom"),
    ],
)
async def test_the_media_type(ask: Asking, parameters: dict[str, str], accept: str | None, media_type: str) -> None:
    """That of contentType, of Accept, or a JPEG picture."""
    response = await ask.get(path(ask, **parameters), accept)

    assert (response.status_code, response.headers["content-type"]) == (200, media_type)


async def test_the_looks_of_a_picture(ask: Asking, origin: MemoryOrigin) -> None:
    """They reach the origin server as rendering parameters, and nothing else of the query does."""
    await ask.get(path(ask, frameNumber="2", rows="8", columns="9", windowCenter="1", windowWidth="2", anonymize="yes"))

    assert origin.asked[-1] == f"rendered {STUDY} {SERIES} {INSTANCE} 2 viewport=9,8&window=1,2,linear"


@pytest.mark.parametrize(
    ("parameters", "viewport"),
    [({"columns": "100"}, "100,50"), ({"rows": "100"}, "200,100"), ({"rows": "1"}, "2,1"), ({"columns": "1"}, "1,1")],
)
async def test_one_side(ask: Asking, origin: MemoryOrigin, parameters: dict[str, str], viewport: str) -> None:
    """Of a picture of 2 rows and 4 columns: the other side follows from its shape."""
    assert (await ask.get(path(ask, **parameters))).status_code == 200

    assert origin.asked[-1].endswith(f" viewport={viewport}")


async def test_one_side_of_what_is_no_picture(tmp_path: Path) -> None:
    """It has no shape."""
    async with proxy(tmp_path, MemoryOrigin(instance(pixels=None))) as ask:
        assert (await ask.get(path(ask, rows="1"))).status_code == 406


@pytest.mark.parametrize("parameters", [{"annotation": "patient"}, {"annotation": "patient,technique"}, {"rows": "x"}])
async def test_a_refusal(ask: Asking, origin: MemoryOrigin, parameters: dict[str, str]) -> None:
    """400, and the origin is asked nothing."""
    response = await ask.get(path(ask, **parameters))

    assert (response.status_code, response.json()["code"], origin.asked) == (400, "bad-request", [])


@pytest.mark.parametrize("name", ["studyUID", "seriesUID", "objectUID"])
async def test_an_original(ask: Asking, name: str) -> None:
    """404, as for any UID that is not a pseudonym."""
    original = {"studyUID": STUDY, "seriesUID": SERIES, "objectUID": INSTANCE}[name]
    response = await ask.get(path(ask, **{name: original}))

    assert response.status_code == 404
    assert original not in response.text


async def test_what_there_is_not(ask: Asking) -> None:
    """406, which lists what there is."""
    response = await ask.get(path(ask, contentType="video/mpeg"))

    assert response.status_code == 406
    assert response.json()["detail"].endswith("image/jpeg, image/png, image/gif, application/dicom")


async def test_head(ask: Asking) -> None:
    """The headers of GET."""
    got = await ask.get(path(ask))
    head = await ask.client.head(f"{BASE}{path(ask)}")

    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == got.headers["content-length"]
