"""Text in pixels through the proxy: every way out shows the same covered pixels, from a folder and from Orthanc."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from zipfile import ZipFile

import httpx
import numpy as np
import pytest
from dicomweb_client import DICOMwebClient
from PIL import Image
from pydicom import Dataset, dcmread

from dicomveil_engine.pixels.looker import Looker
from dicomveil_engine.pixels.release import released_instance
from dicomveil_proxy.pixels.render import render
from engine.pixel_instances import BIG, CT, IMPLICIT, JPEG_LS, NATIVE, RLE, Array, instance, written
from origin.orthanc import running_orthanc
from origin.proxy import Proxy, running_proxy

pytestmark = [pytest.mark.filterwarnings("ignore")]

_STUDY, _SERIES = "1.2.3.77", "1.2.3.77.1"
_EXPLICIT = "1.2.840.10008.1.2.1"


def _colours(picture: Array) -> Array:
    return np.stack([picture, picture, np.full_like(picture, 20)], axis=-1)


def _made() -> dict[str, bytes]:
    """One instance of each kind that is treated in another way, by its SOP Instance UID."""
    plain = np.full((128, 320), 20, np.uint8)
    kinds: dict[str, tuple[list[Array], str, dict[str, object]]] = {
        "native": ([written()], NATIVE, {}),
        "implicit": ([written()], IMPLICIT, {}),
        "big": ([written().astype(np.uint16)], BIG, {"BitsStored": 12, "HighBit": 11}),
        "compressed": ([written()], JPEG_LS, {"BurnedInAnnotation": "NO"}),
        "rle": ([_colours(written())], RLE, {}),
        "cine": ([written(text="Doe^Jane 123"), written(text="Doe^Jane 123"), plain], NATIVE, {}),
        "without": ([plain], JPEG_LS, {}),
        "slice": ([written().astype(np.uint16)], NATIVE, {"SOPClassUID": CT, "Modality": "CT"}),
    }
    made = {}
    for number, (frames, syntax, attributes) in enumerate(kinds.values(), 1):
        uid = f"{_SERIES}.{number}"
        uids = {"StudyInstanceUID": _STUDY, "SeriesInstanceUID": _SERIES, "SOPInstanceUID": uid}
        values = {"SmallestImagePixelValue": 20, "LargestImagePixelValue": 240}
        made[uid] = instance(frames, syntax=syntax, **attributes, **values, **uids)
    return made


@dataclass(frozen=True)
class Served:
    """A proxy, what lies behind it, and what must come out."""

    proxy: Proxy
    origin: str
    """A folder, or a URL."""
    folder: Path
    originals: dict[str, bytes]
    expected: dict[str, bytes]
    """De-identified and covered by the engine alone, by original UID."""

    def path(self, uid: str, rest: str = "") -> str:
        """The URL of an instance."""
        study, series, sop = map(self.proxy.policy.pseudonym_uid, (_STUDY, _SERIES, uid))
        return f"{self.proxy.base_url}/studies/{study}/series/{series}/instances/{sop}{rest}"


@pytest.fixture(scope="module", params=["folder", "orthanc"])
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A project that covers all text, in front of either kind of origin."""
    folder = tmp_path_factory.mktemp("pixels")
    profile = folder / "profile.json"
    profile.write_text(json.dumps({"profile": "default", "pixels": {"text": "allText", "gate": "look"}}))
    originals = _made()
    source = folder / "in"
    source.mkdir()
    for uid, data in originals.items():
        (source / f"{uid}.dcm").write_bytes(data)
    looker = Looker()

    def expected(proxy: Proxy) -> dict[str, bytes]:
        return {uid: released_instance(data, proxy.policy, looker) for uid, data in originals.items()}

    if request.param == "folder":
        with running_proxy(folder, str(source), str(profile)) as proxy:
            yield Served(proxy, str(source), folder, originals, expected(proxy))
        return
    request.getfixturevalue("orthanc")
    with running_orthanc(folder) as server:
        for data in originals.values():
            server.store(data)
        with running_proxy(folder, server.base_url, str(profile)) as proxy:
            yield Served(proxy, server.base_url, folder, originals, expected(proxy))


def _get(url: str, accept: str) -> bytes:
    response = httpx.get(url, headers={"Accept": accept}, timeout=120)
    assert response.status_code == 200, response.text
    return response.content


def test_text_is_covered(served: Served) -> None:
    """What is expected is not the original: the bright strokes are gone where there were any."""
    for uid, data in served.expected.items():
        if uid.endswith(".7"):
            continue
        before, after = dcmread(io.BytesIO(served.originals[uid])).pixel_array, dcmread(io.BytesIO(data)).pixel_array
        assert before.max() > 200
        assert after[..., :1].max() < 60 if after.ndim == 3 and after.shape[-1] == 3 else after.max() < 60, uid


def test_instances(served: Served) -> None:
    """An instance alone comes out as the engine cleans it, byte for byte."""
    for uid, expected in served.expected.items():
        assert _get(served.path(uid), "application/dicom; transfer-syntax=*") == expected, uid


def test_series_and_study(served: Served) -> None:
    """A series and a study hold the same instances."""
    client = DICOMwebClient(served.proxy.base_url)
    study, series = map(served.proxy.policy.pseudonym_uid, (_STUDY, _SERIES))
    wanted = {str(dcmread(io.BytesIO(data)).SOPInstanceUID): data for data in served.expected.values()}
    media_types = (("application/dicom", "*"),)
    for found in (
        client.retrieve_series(study, series, media_types=media_types),
        client.retrieve_study(study, media_types=media_types),
    ):
        assert {str(each.SOPInstanceUID) for each in found} == set(wanted)
        for each in found:
            assert each == dcmread(io.BytesIO(wanted[str(each.SOPInstanceUID)]))


def test_zip_files(served: Served) -> None:
    """A study and a series as zip files hold the same instances, covered, byte for byte."""
    study, series = map(served.proxy.policy.pseudonym_uid, (_STUDY, _SERIES))
    for path in (f"/studies/{study}", f"/studies/{study}/series/{series}"):
        found = ZipFile(io.BytesIO(_get(served.proxy.base_url + path, "application/zip")))
        assert sorted(map(found.read, found.namelist())) == sorted(served.expected.values())


def test_metadata_says_what_instances_say(served: Served) -> None:
    """Metadata and instance agree on all that is said of pixels."""
    for uid, expected in served.expected.items():
        [metadata] = json.loads(_get(served.path(uid, "/metadata"), "application/dicom+json"))
        found, wanted = Dataset.from_json(metadata, lambda *_: b""), dcmread(io.BytesIO(expected))
        for keyword in (
            "BurnedInAnnotation",
            "PhotometricInterpretation",
            "PlanarConfiguration",
            "LossyImageCompression",
            "LossyImageCompressionMethod",
            "LossyImageCompressionRatio",
        ):
            assert found.get(keyword) == wanted.get(keyword), keyword
        assert "LargestImagePixelValue" in dcmread(io.BytesIO(served.originals[uid]))
        for dataset in (found, wanted):
            assert "SmallestImagePixelValue" not in dataset
            assert "LargestImagePixelValue" not in dataset
        codes = [item.CodeValue for item in found.DeidentificationMethodCodeSequence]
        assert "113101" in codes
        assert codes == [item.CodeValue for item in wanted.DeidentificationMethodCodeSequence]


def test_frames(served: Served) -> None:
    """Frames, decoded and as they are stored, are those of the instance."""
    for uid, expected in served.expected.items():
        dataset = dcmread(io.BytesIO(expected))
        array = dataset.pixel_array.reshape(int(dataset.get("NumberOfFrames") or 1), -1)
        for number, frame in enumerate(array, 1):
            raw = _get(served.path(uid, f"/frames/{number}"), "application/octet-stream")
            assert np.array_equal(np.frombuffer(raw, array.dtype.newbyteorder("<")), frame), (uid, number)


def test_bulk_data(served: Served) -> None:
    """Native Pixel Data as bulk data is that of the instance."""
    uid = f"{_SERIES}.6"
    found = _get(served.path(uid, "/bulk/7fe00010"), "application/octet-stream")

    assert found == dcmread(io.BytesIO(served.expected[uid])).PixelData


def test_transcoded(served: Served) -> None:
    """An instance in another transfer syntax shows the same pixels."""
    for uid, expected in served.expected.items():
        found = dcmread(io.BytesIO(_get(served.path(uid), f"application/dicom; transfer-syntax={_EXPLICIT}")))
        assert np.array_equal(found.pixel_array, dcmread(io.BytesIO(expected)).pixel_array), uid


def test_pictures(served: Served) -> None:
    """Rendered pictures, thumbnails and those of WADO-URI are drawn from the covered pixels."""
    for uid, expected in served.expected.items():
        drawn = np.asarray(Image.open(io.BytesIO(render(io.BytesIO(expected), 1, "image/png", {}))))
        found = np.asarray(Image.open(io.BytesIO(_get(served.path(uid, "/rendered"), "image/png"))))
        assert np.array_equal(drawn, found), uid
        study, series, sop = map(served.proxy.policy.pseudonym_uid, (_STUDY, _SERIES, uid))
        query = f"requestType=WADO&studyUID={study}&seriesUID={series}&objectUID={sop}"
        wado = f"{served.proxy.base_url}/wado?{query}&contentType="
        assert np.array_equal(drawn, np.asarray(Image.open(io.BytesIO(_get(wado + "image/png", "*/*"))))), uid
        assert _get(wado + "application/dicom&transferSyntax=*", "*/*") == expected
        small = Image.open(io.BytesIO(_get(served.path(uid, "/thumbnail"), "image/png")))
        wanted = Image.open(io.BytesIO(render(io.BytesIO(expected), 1, "image/png", {"viewport": "256,256"})))
        assert np.array_equal(np.asarray(small), np.asarray(wanted)), uid


def test_pictures_of_listed_frames(served: Served) -> None:
    """Each is the one that the frame has alone."""
    accept = 'multipart/related; type="image/png"'
    for uid, expected in served.expected.items():
        drawn = render(io.BytesIO(expected), 1, "image/png", {})
        found = _get(served.path(uid, "/frames/1,1/rendered"), accept).split(b"\r\n\r\n")[1:]
        assert len(found) == 2
        for part in found:
            picture = Image.open(io.BytesIO(part))
            assert np.array_equal(np.asarray(picture), np.asarray(Image.open(io.BytesIO(drawn)))), uid


def test_boxes_are_kept(served: Served) -> None:
    """The state holds boxes and digests, and neither text nor UIDs of the originals."""
    state = b"".join(path.read_bytes() for path in (served.folder / "state").glob("pixels.sqlite*"))

    assert b'"every"' in state
    assert b"Doe" not in state
    assert _SERIES.encode() not in state


def test_anonymize(served: Served, tmp_path: Path) -> None:
    """`dicomveil anonymize` writes the same bytes."""
    arguments = [
        "-I",
        str(served.folder / "in"),
        "-O",
        str(tmp_path / "out"),
        "-c",
        str(served.folder / "profile.json"),
    ]
    command = [sys.executable, "-m", "dicomveil_proxy", "anonymize", *arguments]
    key = ["--key-file", str(served.folder / "project.key"), "--jobs", "1"]
    subprocess.run([*command, *key], check=True, capture_output=True, timeout=120)
    found = {path.read_bytes() for path in (tmp_path / "out").rglob("*.dcm")}

    assert found == set(served.expected.values())


def test_export(served: Served, tmp_path: Path) -> None:
    """`dicomveil export` places the same bytes."""
    options = {
        "--origin": served.origin,
        "--profile": served.folder / "profile.json",
        "--key-file": served.folder / "project.key",
        "--to": tmp_path / "out",
        "--state": tmp_path / "state",
        "--query": "PatientID=PATIENT-1",
        "--jobs": 1,
    }
    arguments = [text for pair in options.items() for text in map(str, pair)]
    command = [sys.executable, "-m", "dicomveil_proxy", "export", *arguments]
    ended = subprocess.run(command, check=False, capture_output=True, timeout=120, text=True)
    assert ended.returncode == 0, ended.stderr
    found = {path.read_bytes() for path in (tmp_path / "out").rglob("*.dcm")}

    assert found == set(served.expected.values())
