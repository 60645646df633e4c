"""The recipe with oauth2-proxy: nginx asks it about each request, and dicomveil gets the user's token and no other.

In the place of oauth2-proxy stands what it answers to nginx; nginx and dicomveil are real.
"""

from __future__ import annotations

import gzip
import shutil
import socket
import threading
from collections.abc import Iterator

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from browser.web import running_viewer
from dicomveil_proxy.trust.tokens import TokenFile
from origin.proxy import running_proxy
from proxy.instances import over_attributes

pytestmark = pytest.mark.origin

_SESSION = {"Cookie": "_oauth2_proxy=signed-on"}
_NGINX = shutil.which("nginx", path="/usr/bin:/usr/sbin")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A page, the proxy and the sign-on behind nginx; its URL."""
    if _NGINX is None:
        pytest.skip("not installed: nginx (Debian package of this name)")
    folder = tmp_path_factory.mktemp("proxy")
    (folder / "origin").mkdir()
    pages = tmp_path_factory.mktemp("pages")
    (pages / "index.html").touch()
    (pages / "index.html.gz").write_bytes(gzip.compress(b"the viewer"))
    settings = folder / "dicomveil.toml"
    settings.write_text("[access]\n")
    token, _ = TokenFile(folder / "dicomveil-tokens.json").new(
        ["default"], ["search"], name="jane", now=0, expires=None
    )

    async def decide(request: Request) -> Response:
        if request.headers.get("cookie") != _SESSION["Cookie"]:
            return Response(status_code=401)
        return Response(status_code=202, headers={"X-Auth-Request-Access-Token": token})

    async def start(request: Request) -> Response:
        return Response("sign on, then go to " + request.query_params["rd"])

    application = Starlette(routes=[Route("/oauth2/auth", decide), Route("/oauth2/start", start)])
    with socket.create_server(("127.0.0.1", 0)) as listening:
        sign_on = uvicorn.Server(uvicorn.Config(application, log_config=None, ws="none"))
        thread = threading.Thread(target=sign_on.run, args=([listening],), daemon=True)
        thread.start()
        here = {
            "oauth2-proxy:4180": f"127.0.0.1:{listening.getsockname()[1]}",
        }
        with (
            running_proxy(
                folder, str(folder / "origin"), over_attributes("default"), "--config", str(settings)
            ) as proxy,
            running_viewer(
                _NGINX, tmp_path_factory.mktemp("nginx"), pages, proxy.url, server="oauth2-proxy", server_changes=here
            ) as url,
        ):
            yield url
        sign_on.should_exit = True
        thread.join(10)


def test_without_a_session(site: str) -> None:
    """A page leads to the sign-on; DICOMweb says 401, since no script could read a page."""
    page = httpx.get(f"{site}/viewer?StudyInstanceUIDs=2.25.1", follow_redirects=False)
    search = httpx.get(f"{site}/dicom-web/studies")

    assert (page.status_code, page.headers["location"].partition("?")[0]) == (302, f"{site}/oauth2/start")
    assert search.status_code == 401


def test_with_a_session(site: str) -> None:
    """The page comes, and DICOMweb with the rights of the user's token."""
    assert httpx.get(f"{site}/", headers=_SESSION).text == "the viewer"
    assert httpx.get(f"{site}/dicom-web/studies", headers=_SESSION).json() == []
    assert httpx.get(f"{site}/dicom-web/studies/2.25.1/metadata", headers=_SESSION).status_code == 403


def test_what_the_browser_sends_itself(site: str) -> None:
    """Its own Authorization and Client-Cert are replaced, and without a session of no use."""
    own = {"Authorization": "Bearer wrong", "Client-Cert": ":YWJj:", "X-Auth-Request-Access-Token": "wrong"}

    assert httpx.get(f"{site}/dicom-web/studies", headers=_SESSION | own).status_code == 200
    assert httpx.get(f"{site}/dicom-web/studies", headers=own).status_code == 401


def test_the_decision_is_not_for_browsers(site: str) -> None:
    """It would show the token."""
    answer = httpx.get(f"{site}/oauth2/auth", headers=_SESSION)

    assert answer.status_code == 404
    assert "x-auth-request-access-token" not in answer.headers
