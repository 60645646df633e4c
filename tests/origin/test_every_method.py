"""Every method of a stock client (dicomweb-client) against the proxy, before a real Orthanc and before a folder."""

from __future__ import annotations

import inspect
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pydicom
import pytest
import requests
from dicomweb_client.api import DICOMwebClient
from pydicom.dataset import Dataset

from dicomveil_engine import deidentify_instance
from origin.orthanc import running_orthanc
from origin.proxy import Proxy, running_proxy
from proxy.fakes import instance

pytestmark = [pytest.mark.origin, pytest.mark.filterwarnings("ignore")]  # dicomweb-client and pydicom warn of values

_UIDS = ("1.2.3.81", "1.2.3.81.1", "1.2.3.81.1.1")
_LOCAL = {"set_chunk_size", "set_http_retry_params", "lookup_keyword", "lookup_tag"}
"""Methods that ask the server nothing."""


@dataclass(frozen=True)
class Asking:
    """The client before the proxy, and the UIDs of an instance as it knows them."""

    client: DICOMwebClient
    proxy: Proxy
    uids: tuple[str, str, str]

    @property
    def expected(self) -> Dataset:
        """The instance as it must come."""
        return pydicom.dcmread(io.BytesIO(deidentify_instance(instance(*_UIDS), self.proxy.policy)))


@pytest.fixture(scope="module", params=["orthanc", "folder"])
def ask(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asking]:
    """One instance in either kind of origin."""
    folder = tmp_path_factory.mktemp("methods")
    if request.param == "folder":
        images = folder / "images"
        images.mkdir()
        (images / "one.dcm").write_bytes(instance(*_UIDS))
        with running_proxy(folder, str(images)) as proxy:
            yield _asking(proxy)
        return
    request.getfixturevalue("orthanc")  # that there is one
    with running_orthanc(folder) as server, running_proxy(folder, server.base_url) as proxy:
        assert server.store(instance(*_UIDS)) == _UIDS[2]
        yield _asking(proxy)


def _asking(proxy: Proxy) -> Asking:
    study, series, sop = map(proxy.policy.pseudonym_uid, _UIDS)
    return Asking(DICOMwebClient(proxy.base_url), proxy, (study, series, sop))


def _uid_of(match: dict[str, dict[str, list[str]]], tag: str) -> str:
    return match[tag]["Value"][0]


def search_for_studies(ask: Asking) -> None:
    """By a pseudonym."""
    (match,) = ask.client.search_for_studies(search_filters={"StudyInstanceUID": ask.uids[0]})
    assert _uid_of(match, "0020000D") == ask.uids[0]


def search_for_series(ask: Asking) -> None:
    """Of a study, and unscoped."""
    for matches in (ask.client.search_for_series(ask.uids[0]), ask.client.search_for_series()):
        assert [_uid_of(match, "0020000E") for match in matches] == [ask.uids[1]]


def search_for_instances(ask: Asking) -> None:
    """Of a series, of a study, and unscoped."""
    for scope in (ask.uids[:2], ask.uids[:1], ()):
        matches = ask.client.search_for_instances(*scope)
        assert [_uid_of(match, "00080018") for match in matches] == [ask.uids[2]]


def retrieve_study(ask: Asking) -> None:
    """All of its instances."""
    assert ask.client.retrieve_study(ask.uids[0]) == [ask.expected]


def iter_study(ask: Asking) -> None:
    """The same, one by one."""
    assert [*ask.client.iter_study(ask.uids[0])] == [ask.expected]


def retrieve_series(ask: Asking) -> None:
    """All of its instances."""
    assert ask.client.retrieve_series(*ask.uids[:2]) == [ask.expected]


def iter_series(ask: Asking) -> None:
    """The same, one by one."""
    assert [*ask.client.iter_series(*ask.uids[:2])] == [ask.expected]


def retrieve_instance(ask: Asking) -> None:
    """As the engine makes it of what is stored."""
    assert ask.client.retrieve_instance(*ask.uids) == ask.expected


def retrieve_study_metadata(ask: Asking) -> None:
    """Of every instance."""
    assert [_uid_of(each, "00080018") for each in ask.client.retrieve_study_metadata(ask.uids[0])] == [ask.uids[2]]


def retrieve_series_metadata(ask: Asking) -> None:
    """Of every instance."""
    metadata = ask.client.retrieve_series_metadata(*ask.uids[:2])
    assert [_uid_of(each, "00080018") for each in metadata] == [ask.uids[2]]


def retrieve_instance_metadata(ask: Asking) -> None:
    """Of one."""
    assert _uid_of(ask.client.retrieve_instance_metadata(*ask.uids), "00080018") == ask.uids[2]


def _bulk_data_uri(ask: Asking) -> str:
    uri = ask.client.retrieve_instance_metadata(*ask.uids)["7FE00010"]["BulkDataURI"]
    assert uri.startswith(ask.proxy.base_url)
    return str(uri)


def retrieve_bulkdata(ask: Asking) -> None:
    """Where the metadata say, in one part or as it is."""
    uri, pixels = _bulk_data_uri(ask), bytes(ask.expected.PixelData)
    assert ask.client.retrieve_bulkdata(uri) == [pixels]
    assert ask.client.retrieve_bulkdata(uri, media_types=("application/octet-stream",)) == [pixels]
    assert requests.get(uri, headers={"Accept": "application/octet-stream"}, timeout=60).content == pixels


def iter_bulkdata(ask: Asking) -> None:
    """The same, part by part."""
    assert [*ask.client.iter_bulkdata(_bulk_data_uri(ask))] == [bytes(ask.expected.PixelData)]


def retrieve_instance_frames(ask: Asking) -> None:
    """In the order in which they are asked for."""
    pixels = bytes(ask.expected.PixelData)
    assert ask.client.retrieve_instance_frames(*ask.uids, frame_numbers=[1, 2]) == [pixels[:8], pixels[8:]]


def iter_instance_frames(ask: Asking) -> None:
    """The same, one by one."""
    assert [*ask.client.iter_instance_frames(*ask.uids, frame_numbers=[2])] == [bytes(ask.expected.PixelData)[8:]]


def retrieve_series_rendered(ask: Asking) -> None:
    """A picture of its first instance."""
    assert ask.client.retrieve_series_rendered(*ask.uids[:2], media_types=("image/png",))[:4] == b"\x89PNG"


def retrieve_instance_rendered(ask: Asking) -> None:
    """A picture."""
    assert ask.client.retrieve_instance_rendered(*ask.uids, media_types=("image/jpeg",))[:2] == b"\xff\xd8"


def retrieve_instance_frames_rendered(ask: Asking) -> None:
    """A picture of a frame."""
    picture = ask.client.retrieve_instance_frames_rendered(*ask.uids, frame_numbers=[2], media_types=("image/png",))
    assert picture[:4] == b"\x89PNG"


def store_instances(ask: Asking) -> None:
    """Acknowledged in the sender's UIDs, and found under their pseudonyms."""
    sent = pydicom.dcmread(io.BytesIO(instance("1.2.3.82", "1.2.3.82.1", "1.2.3.82.1.1")))
    reply = ask.client.store_instances([sent])
    assert reply.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == "1.2.3.82.1.1"
    stored = ask.client.retrieve_study(ask.proxy.policy.pseudonym_uid("1.2.3.82"))
    assert [dataset.PixelData for dataset in stored] == [sent.PixelData]


def _refused(delete: Callable[..., None], uids: tuple[str, ...]) -> None:
    with pytest.raises(requests.HTTPError, match="405"):
        delete(*uids)


def delete_study(ask: Asking) -> None:
    """Refused."""
    _refused(ask.client.delete_study, ask.uids[:1])


def delete_series(ask: Asking) -> None:
    """Refused."""
    _refused(ask.client.delete_series, ask.uids[:2])


def delete_instance(ask: Asking) -> None:
    """Refused."""
    _refused(ask.client.delete_instance, ask.uids)


METHODS: list[Callable[[Asking], None]] = [
    search_for_studies,
    search_for_series,
    search_for_instances,
    retrieve_study,
    iter_study,
    retrieve_series,
    iter_series,
    retrieve_instance,
    retrieve_study_metadata,
    retrieve_series_metadata,
    retrieve_instance_metadata,
    retrieve_bulkdata,
    iter_bulkdata,
    retrieve_instance_frames,
    iter_instance_frames,
    retrieve_series_rendered,
    retrieve_instance_rendered,
    retrieve_instance_frames_rendered,
    delete_study,
    delete_series,
    delete_instance,
    store_instances,  # last: it adds a study
]


@pytest.mark.parametrize("use", METHODS, ids=lambda use: use.__name__)
def test_every_method(ask: Asking, use: Callable[[Asking], None]) -> None:
    """It works in pseudonymised space, or is refused as deleting is."""
    use(ask)


def test_no_method_is_forgotten() -> None:
    """A release of the client with another method fails here."""
    methods = {name for name, _ in inspect.getmembers(DICOMwebClient, inspect.isfunction) if not name.startswith("_")}

    assert methods - _LOCAL == {use.__name__ for use in METHODS}
