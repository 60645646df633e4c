"""What the tests of this folder share: a viewer before a proxy before an Orthanc, as deploy/compose.yaml has it."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from browser.ohif import viewer
from browser.studies import studies
from browser.web import Site, running_viewer
from browser.window import PATIENCE, Window
from origin.orthanc import program, running_orthanc
from origin.proxy import running_proxy

PAGE = Path(__file__).resolve().parents[2] / "docs" / "viewer.md"
_PROFILE = re.compile(r"```json\n(.*?)```", re.DOTALL)
_PATH = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin"
_NEEDED = ("chromium", "nginx", "npm")
_FLAGS = [
    "--no-sandbox",
    # WebGL without a graphics card.
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    # Whatever the viewer may ask for, nothing leaves this machine.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The viewer over the studies of studies.py, under the profile that docs/viewer.md gives."""
    folder, nginx = folder_of_viewer(), program_of_nginx()
    (profile,) = _PROFILE.findall(PAGE.read_text(encoding="utf-8"))
    file = tmp_path_factory.mktemp("profile") / "viewer.json"
    file.write_text(profile, encoding="utf-8")
    with ExitStack() as running:
        orthanc = running.enter_context(running_orthanc(tmp_path_factory.mktemp("orthanc")))
        for instances in studies().values():
            for instance in instances:
                assert orthanc.store(instance) is not None
        proxy = running.enter_context(running_proxy(tmp_path_factory.mktemp("proxy"), orthanc.base_url, str(file)))
        url = running.enter_context(running_viewer(nginx, tmp_path_factory.mktemp("nginx"), folder, proxy.url))
        yield Site(url, orthanc, proxy.policy)


@pytest.fixture(scope="module")
def browser(site: Site) -> Iterator[Browser]:
    """Debian's Chromium. Of module scope: while Playwright runs, no other test can run an event loop."""
    yield from running_browser()


def running_browser() -> Iterator[Browser]:
    """Start Chromium, and stop it afterwards."""
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=_FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def window(site: Site, browser: Browser) -> Iterator[Window]:
    """A new window."""
    window = Window(browser, site.url)
    yield window
    window.close()


def program_of_nginx() -> str:
    """Where nginx is; `folder_of_viewer` has seen that it is there."""
    nginx = shutil.which("nginx", path=_PATH)
    assert nginx is not None
    return nginx


def folder_of_viewer() -> Path:
    """The viewer; a skip where something is not installed that its tests need."""
    missing = [name for name in _NEEDED if shutil.which(name, path=_PATH) is None]
    if program() is None:
        missing += ["orthanc", "orthanc-dicomweb"]
    if missing:
        _unavailable(f"not installed: {', '.join(missing)} (Debian packages of these names)")
    try:
        return viewer()
    except ConnectionError as error:
        _unavailable(str(error))
        raise


def _unavailable(reason: str) -> None:
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
