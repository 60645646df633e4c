"""The leak oracle over a walk of everything: no byte of an answer, a header or the log is an original's."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from dicomveil_engine import load_policy
from origin.archive import OWN_WORDS, SHORTEST_SECRET, Stored, by_study, fill
from origin.orthanc import Orthanc
from origin.proxy import Proxy, running_proxy
from proxy.instances import over_attributes

pytestmark = [pytest.mark.origin, pytest.mark.filterwarnings("ignore")]

_UID = re.compile(rb"2\.25\.[0-9]+")
_ANY = 'multipart/related; type="application/dicom"; transfer-syntax=*'


@pytest.mark.parametrize("profile", ["default", "basic"])
def test_nothing_leaks(orthanc: Orthanc, shared: Path, tmp_path: Path, profile: str) -> None:
    """Every resource of every study, by every route, in good requests and bad ones, and then the log."""
    archive = fill(orthanc, shared, load_policy(Path(over_attributes(profile)), bytes(32)))
    uids = {uid.encode() for each in archive for uid in (each.study, each.series, each.instance)}
    uids = {uid for uid in uids if len(uid) >= SHORTEST_SECRET} - OWN_WORDS
    everything = {secret for each in archive for secret in each.secrets}
    assert len(everything) > 500
    answers = 0
    with (
        running_proxy(tmp_path, orthanc.base_url, over_attributes(profile)) as proxy,
        httpx.Client(timeout=120) as client,
    ):
        for stored in by_study(archive).values():
            secrets = uids | {secret for each in stored for secret in each.secrets}
            for path, headers in _requests(proxy, stored):
                response = client.get(f"{proxy.base_url}{path}", headers=headers)
                seen = _told(response, proxy)
                assert not {secret for secret in secrets if secret in seen}, path.replace(stored[0].study, "…")
                answers += 1
        for path in ("/studies", "/series", "/instances?limit=1000", "/studies?includefield=all"):
            told = _told(client.get(f"{proxy.base_url}{path}"), proxy)
            assert not {uid for uid in uids if uid in told}
    log = proxy.log.read_bytes()
    assert not {secret for secret in everything if secret in log}
    assert answers > 1000


def _told(response: httpx.Response, proxy: Proxy) -> bytes:
    """An answer without the digits of chance: of the project's own pseudonyms, entity tags, boundaries and numbers.

    Some patients' IDs are 123456, which one in some thousand pseudonyms has in it.
    """
    told = response.content + repr(response.headers.raw).encode()
    told = _UID.sub(lambda uid: b"" if proxy.policy.is_pseudonym_uid(uid[0].decode()) else uid[0], told)
    boundary = response.headers.get("content-type", "").partition("boundary=")[2]
    for chance in (boundary, response.headers.get("etag", ""), response.headers["x-request-id"]):
        told = told.replace(chance.encode(), b"") if chance else told
    return told


def _requests(proxy: Proxy, stored: list[Stored]) -> Iterator[tuple[str, dict[str, str]]]:
    pseudonym = proxy.policy.pseudonym_uid
    study = f"/studies/{pseudonym(stored[0].study)}"
    yield study, {"Accept": _ANY}
    yield f"{study}/metadata", {}
    yield f"{study}/series?includefield=all", {}
    yield f"{study}/instances", {}
    yield f"{study}/rendered", {}
    yield f"{study}/nothing", {}
    yield f"/studies/{stored[0].study}/metadata", {}
    yield f"/studies?StudyInstanceUID={stored[0].study}", {}
    yield f"/studies?PatientName={quote(str(stored[0].dataset.get('PatientName', 'x')))}&includefield=all", {}
    for each in stored:
        series = f"{study}/series/{pseudonym(each.series)}"
        instance = f"{series}/instances/{pseudonym(each.instance)}"
        yield series, {"Accept": _ANY}
        yield f"{series}/metadata", {}
        yield instance, {"Accept": "application/dicom; transfer-syntax=*"}
        yield f"{instance}/metadata", {}
        yield f"{instance}/frames/1", {}
        yield f"{instance}/frames/999", {}
        yield f"{instance}/rendered", {}
        yield f"{instance}/thumbnail", {}
        yield _wado(*map(pseudonym, (each.study, each.series, each.instance))), {}
        yield _wado(each.study, each.series, each.instance), {}
        yield f"{instance}/bulk/00100010", {}
        yield f"{instance}/bulk/7fe00010", {}
        yield instance, {"Accept": "text/html"}
        yield f"{study}/series/{each.series}/instances/{each.instance}", {}


def _wado(*uids: str) -> str:
    return "/wado?requestType=WADO&studyUID={}&seriesUID={}&objectUID={}&contentType=application/dicom".format(*uids)
