"""OHIF signs its user on by OpenID Connect, and dicomveil believes its access token, with the files of `deploy/`."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
import pytest
from playwright.sync_api import Browser, expect

from browser.conftest import folder_of_viewer, program_of_nginx, running_browser
from browser.sign_on import SignOn, running_sign_on
from browser.studies import studies
from browser.web import running_viewer
from browser.window import Window
from dicomveil_engine import deidentify_instance
from origin.proxy import Proxy, running_proxy
from proxy.instances import over_attributes

pytestmark = pytest.mark.origin

_SETTINGS = Path(__file__).resolve().parents[2] / "deploy" / "keycloak" / "dicomveil.toml"
_ISSUER = "https://sso.example.org/realms/hospital"


@dataclass(frozen=True)
class Guarded:
    """A viewer, its proxy, and where its users sign on."""

    url: str
    proxy: Proxy
    sign_on: SignOn
    audit: Path


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """All of them, over a folder with one CT."""
    viewer, nginx = folder_of_viewer(), program_of_nginx()
    folder = tmp_path_factory.mktemp("proxy")
    origin = folder / "origin"
    origin.mkdir()
    for number, instance in enumerate(studies()["CT"]):
        (origin / f"{number}.dcm").write_bytes(instance)
    with ExitStack() as running:
        sign_on = running.enter_context(running_sign_on())
        settings = folder / "dicomveil.toml"
        settings.write_text(_settings(sign_on, folder))
        proxy = running.enter_context(
            running_proxy(folder, str(origin), over_attributes("default"), "--config", str(settings))
        )
        changes = {_ISSUER: sign_on.issuer}
        place = tmp_path_factory.mktemp("nginx")
        url = running.enter_context(running_viewer(nginx, place, viewer, proxy.url, "app-config-oidc.js", changes))
        yield Guarded(url, proxy, sign_on, folder / "audit.jsonl")


@pytest.fixture(scope="module")
def browser(guarded: Guarded) -> Iterator[Browser]:
    """Of module scope, as that of the other tests here."""
    yield from running_browser()


def _settings(sign_on: SignOn, folder: Path) -> str:
    """Those of deploy/keycloak for this machine, with the default project in the place of `lung`."""
    text = _SETTINGS.read_text()
    for there, here in {
        _ISSUER: sign_on.issuer,
        'origin = "http://orthanc:8042/dicom-web"\n': "",
        'state = "/var/lib/dicomveil"\n': "",
        'host = "0.0.0.0"\n': "",
        '[projects.lung]\nkey_file = "/run/secrets/lung_key"\n': "",
        '"lung"': '"default"',
        "/var/log/dicomveil": str(folder),
    }.items():
        assert there in text, f"deploy/keycloak/dicomveil.toml no longer has {there}"
        text = text.replace(there, here)
    return text


def test_signing_on_opens_the_studies(guarded: Guarded, browser: Browser) -> None:
    """The list and the pictures come with the user's token, and the audit says who it was."""
    window = Window(browser, guarded.url)
    original = pydicom.dcmread(io.BytesIO(studies()["CT"][-1]))
    pseudonymous = pydicom.dcmread(io.BytesIO(deidentify_instance(studies()["CT"][-1], guarded.proxy.policy)))
    rows = window.list_studies()
    expect(rows.filter(has_text=pseudonymous.PatientID)).to_have_count(1)
    assert guarded.sign_on.signed_on >= 1

    window.page.goto(f"{guarded.url}/viewer?StudyInstanceUIDs={pseudonymous.StudyInstanceUID}")
    picture = np.asarray(original.pixel_array, dtype=float)
    assert window.likeness(picture, at_least=0.8) >= 0.8
    window.close()
    events = [json.loads(line) for line in guarded.audit.read_bytes().splitlines()]
    accesses = [event for event in events if event["event"] == "access"]
    assert {event["subject"] for event in accesses} == {"oidc:jane.roe"}
    assert {"search", "retrieve"} <= {event["transaction"] for event in accesses}


def test_a_user_without_rights_sees_nothing(guarded: Guarded, browser: Browser) -> None:
    """Though signed on: their groups are none of those that the settings name."""
    guarded.sign_on.groups = ["cafeteria"]
    window = Window(browser, guarded.url)
    with window.page.expect_response(lambda response: "/dicom-web/studies" in response.url) as searched:
        window.list_studies()

    assert searched.value.status == 404
    assert searched.value.json()["code"] == "no-route"
    window.close()
