"""Two replicas with one key: behind nginx with a map each, or sharing one in PostgreSQL."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import psycopg
import pytest

from bench.instances import ct
from origin.nginx import Nginx, demand, running_nginx
from origin.orthanc import Orthanc
from origin.postgresql import PASSWORD, PostgreSQL, running_postgresql
from origin.proxy import Proxy, running_proxy
from proxy.instances import over_attributes

pytestmark = pytest.mark.origin

DICOM = {"Accept": 'multipart/related; type="application/dicom"'}


@contextmanager
def replicas(folder: Path, origin: str, *states: str | None) -> Iterator[list[Proxy]]:
    """One proxy for each state, all with the first one's key; None is a folder of its own."""
    with ExitStack() as stack:
        running: list[Proxy] = []
        for number, state in enumerate(states):
            home = folder / f"replica-{number}"
            home.mkdir(exist_ok=True)
            if number and not (home / "project.key").exists():
                shutil.copy(folder / "replica-0" / "project.key", home)
            options = ("--state", state) if state else ()
            running.append(stack.enter_context(running_proxy(home, origin, over_attributes("default"), *options)))
        yield running


def get(url: str, **headers: str) -> httpx.Response:
    """Patiently: other tests may be at work on the machine."""
    return httpx.get(url, headers=headers, timeout=60)


def first_instance(proxy: str) -> str:
    """The path of an instance, as a search tells it."""
    study = get(f"{proxy}/dicom-web/studies?limit=1").json()[0]["0020000D"]["Value"][0]
    (found,) = get(f"{proxy}/dicom-web/studies/{study}/instances?limit=1").json()
    return str(found["00081190"]["Value"][0].partition("/dicom-web")[2])


def questions(path: str) -> list[str]:
    """One of each kind about an instance."""
    study, series = path.partition("/series/")[0], path.partition("/instances/")[0]
    uid = study.rpartition("/")[2]
    searches = ["/studies", f"/studies?StudyInstanceUID={uid}", f"{study}/series", f"{series}/instances"]
    return [path, f"{path}/metadata", f"{series}/metadata", *searches]


def listings(nginx: Nginx) -> int:
    """How often everything was asked for that the origin server holds."""
    return sum(line.startswith("/dicom-web/studies?") for line in nginx.requests.read_text().splitlines())


def body(response: httpx.Response) -> bytes:
    """Without what is drawn for each answer: the boundary."""
    assert response.status_code == 200
    boundary = response.headers["content-type"].partition("boundary=")[2]
    return response.content.replace(boundary.encode(), b"") if boundary else response.content


def test_a_map_each(orthanc: Orthanc, tmp_path: Path) -> None:
    """Whichever replica nginx asks, the answers are the same, byte for byte; each knows the other's pseudonyms."""
    demand()
    orthanc.store(ct(rows=8, columns=8))
    with (
        replicas(tmp_path, orthanc.base_url, None, None) as both,
        running_nginx(tmp_path / "nginx", [proxy.url for proxy in both]) as nginx,
    ):
        path = first_instance(both[0].url)
        for question in questions(path):
            accept = DICOM if question == path else {}
            answers = [get(f"{nginx.url}/dicom-web{question}", **accept) for _ in range(4)]
            assert {answer.headers["x-server"] for answer in answers} == {
                proxy.url.removeprefix("http://") for proxy in both
            }
            assert len({body(answer) for answer in answers}) == 1, question
            assert body(answers[0]) != b"[]"
        stranger = both[0].policy.pseudonym_uid("1.2.3.99")
        for study in (stranger, "1.2.3.99", "2.25.1"):
            answers = [get(f"{nginx.url}/dicom-web/studies/{study}/metadata") for _ in range(4)]
            assert {answer.status_code for answer in answers} == {404}


def test_one_map_for_both(orthanc: Orthanc, postgresql: PostgreSQL, tmp_path: Path) -> None:
    """What one replica has learnt, another that has just started need not ask the origin server for; and when all is
    lost, it is asked."""
    demand()
    orthanc.store(ct(rows=8, columns=8))
    state = postgresql.make("shared")
    with (
        running_nginx(tmp_path / "nginx", [orthanc.base_url.removesuffix("/dicom-web")]) as origin,
        replicas(tmp_path, f"{origin.url}/dicom-web", state, state) as (one, two),
    ):
        path = first_instance(one.url)
        asked = listings(origin)
        before = get(f"{two.base_url}{path}", **DICOM)
        assert listings(origin) == asked

        with psycopg.connect(state, autocommit=True) as connection:
            connection.execute("DELETE FROM identity")
        (tmp_path / "lost").mkdir()
        shutil.copy(tmp_path / "replica-0" / "project.key", tmp_path / "lost")
        with running_proxy(
            tmp_path / "lost", f"{origin.url}/dicom-web", over_attributes("default"), "--state", state
        ) as three:
            after = get(f"{three.base_url}{path}", **DICOM)
            assert listings(origin) > asked

        assert body(after) == body(before)
        for log in tmp_path.glob("*/proxy.log"):
            assert PASSWORD not in log.read_text()


@pytest.mark.usefixtures("postgresql")  # or a skip
def test_the_database_goes_away(orthanc: Orthanc, tmp_path: Path) -> None:
    """Everything is answered as before, and what is not remembered is found at the origin server. No log has more than
    that the map cannot be used."""
    orthanc.store(ct(rows=8, columns=8))
    with ExitStack() as stack:
        with running_postgresql() as server:
            (one, two) = stack.enter_context(replicas(tmp_path, orthanc.base_url, server.url(), server.url()))
            path = first_instance(one.url)
            before = get(f"{one.base_url}{path}", **DICOM)
        after = [get(f"{proxy.base_url}{path}", **DICOM) for proxy in (one, two)]

        assert [body(answer) for answer in after] == [body(before)] * 2
        log = two.log.read_text()
        assert "the identity map cannot be used (OperationalError)" in log
        assert not any(secret in log for secret in (PASSWORD, str(server.port), "veil@"))
