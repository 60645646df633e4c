"""A stock viewer in a real browser works in pseudonymised space, and is told nothing else."""

from __future__ import annotations

import io
import warnings
from pathlib import Path

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from playwright.sync_api import expect
from pydicom.dataset import Dataset
from pydicom.pixels import apply_voi_lut

from browser.studies import FINDING, SECRETS, studies
from browser.web import Site
from browser.window import Column, Window
from dicomveil_engine import deidentify_instance
from origin.archive import Stored, read_stored

pytestmark = pytest.mark.origin

_SECRETS = [secret.encode() for secret in SECRETS]
_NONE = "No studies available"


def test_the_study_list_shows_pseudonyms(site: Site, window: Window) -> None:
    """Each study once, also the one whose modality Orthanc gives without a value; nothing of the patients."""
    rows = window.list_studies()

    for instances in studies().values():
        expect(rows.filter(has_text=_pseudonymous(site, instances[0]).PatientID)).to_have_count(1)
    assert window.leaks(_SECRETS) == []
    assert window.strangers() == []
    window.keep_picture("study-list", height=360)


def test_filtering_by_the_pseudonym(site: Site, window: Window) -> None:
    """Whole or in part, as ID or as name, finds that patient's study and no other; the originals find none."""
    pseudonym = str(_pseudonymous(site, studies()["MR"][0]).PatientID)
    rows = window.list_studies()
    expect(rows.filter(has_text=pseudonym)).to_have_count(1)

    for column, text in (Column.PATIENT_ID, pseudonym), (Column.PATIENT_NAME, pseudonym[3:]):
        window.filter_by(column, text)
        expect(rows).to_have_count(1)
        expect(rows).to_contain_text(pseudonym)
    assert window.leaks(_SECRETS) == []

    for column, text in (Column.PATIENT_ID, "PATIENT-2"), (Column.PATIENT_NAME, "Doe"):
        window.filter_by(column, text)
        expect(rows).to_have_text(_NONE)


def test_filtering_by_the_shifted_date(site: Site, window: Window) -> None:
    """Finds the studies that have that date in pseudonymised space; the original date finds none of them."""
    expected = [_pseudonymous(site, instances[0]) for instances in studies().values()]
    date = str(expected[0].StudyDate)

    rows = window.list_studies()
    expect(rows.filter(has_text=expected[0].PatientID)).to_have_count(1)

    window.filter_by_date(date)
    expect(rows).to_have_count(sum(study.StudyDate == date for study in expected))
    for study in expected:
        expect(rows.filter(has_text=study.PatientID)).to_have_count(int(study.StudyDate == date))
    assert window.leaks(_SECRETS) == []

    window.filter_by_date("20240312")
    expect(rows.filter(has_text=_NONE)).to_have_count(1)


@pytest.mark.parametrize("kind", ["CT", "MR", "US"])
def test_pictures_are_shown(site: Site, window: Window, kind: str) -> None:
    """As they are released: slices as they were stored, an ultrasound with all covered that looks like text."""
    # Of a series the viewer shows the last instance first where it lies highest.
    released = _pseudonymous(site, studies()[kind][-1])

    window.open_study(str(released.StudyInstanceUID))

    assert window.likeness(_picture(released), at_least=0.95) >= 0.95
    assert window.leaks(_SECRETS) == []
    assert window.strangers() == []
    if kind == "CT":
        window.keep_picture("ct")


def test_a_report_is_shown(site: Site, window: Window) -> None:
    """With its finding, and without the names of who wrote it and of whom."""
    window.open_study(str(_pseudonymous(site, studies()["SR"][0]).StudyInstanceUID))

    expect(window.page.get_by_text(FINDING)).to_be_visible()
    assert window.leaks(_SECRETS) == []


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("95620ff3", id="CT, JPEG 2000"),
        pytest.param("1c0725a4", id="MR, JPEG-LS"),
        pytest.param("a438970d", id="US loop, JPEG"),
    ],
)
def test_real_instances_are_shown(site: Site, window: Window, shared: Path, name: str) -> None:
    """In the encoding of their makers, which the browser decodes."""
    original = _stored_from_corpus(site, shared, name)

    window.open_study(str(_pseudonymous(site, original.data).StudyInstanceUID))

    assert window.likeness(_picture(original.dataset), at_least=0.8) >= 0.8
    assert window.leaks(original.secrets) == []
    assert window.strangers() == []


def test_an_ecg_is_shown(site: Site, window: Window, shared: Path) -> None:
    """Its waveform is bulk data, which the viewer wants as it is, and Orthanc gives in multi-part bodies only."""
    original = _stored_from_corpus(site, shared, "58930cda")

    with window.page.expect_response(lambda response: "/bulk/" in response.url) as waveform:
        window.open_study(str(_pseudonymous(site, original.data).StudyInstanceUID))

    assert waveform.value.status == 200
    assert waveform.value.headers["content-type"].startswith("application/octet-stream")
    assert window.contrast(at_least=10) >= 10
    # A word of the original's name, and of the viewer's own.
    assert window.leaks(original.secrets - {b"Patient"}) == []


def test_a_leak_would_be_found(site: Site, window: Window) -> None:
    """In what the page shows and in what it was told."""
    pseudonym = str(_pseudonymous(site, studies()["CT"][0]).PatientID)
    expect(window.list_studies().filter(has_text=pseudonym)).to_have_count(1)

    places = window.leaks([pseudonym.encode()])

    assert {place.split()[0] for place in places} == {"the", "answer"}


def _stored_from_corpus(site: Site, shared: Path, name: str) -> Stored:
    (path,) = (shared / "corpus").glob(f"{name}*.dcm")
    original = read_stored(path.read_bytes())
    assert original is not None
    assert site.orthanc.store(original.data) is not None
    return original


def _pseudonymous(site: Site, original: bytes) -> Dataset:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pydicom.dcmread(io.BytesIO(deidentify_instance(original, site.policy)))


def _picture(dataset: Dataset) -> NDArray[np.float64]:
    """What a viewer ought to show of the first frame, in grey."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pixels = dataset.pixel_array
        if int(dataset.get("NumberOfFrames") or 1) > 1:
            pixels = pixels[0]
        if pixels.ndim == 3:
            return np.asarray(pixels.mean(axis=-1))
        slope, intercept = float(dataset.get("RescaleSlope", 1)), float(dataset.get("RescaleIntercept", 0))
        return np.asarray(apply_voi_lut(pixels * slope + intercept, dataset), dtype=float)
