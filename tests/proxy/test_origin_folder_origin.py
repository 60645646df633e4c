"""The folder of instances as an origin: everything in it that can be read is served, as it is stored."""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset, config, dcmread
from pydicom.data import get_testdata_file
from pydicom.encaps import encapsulate, generate_frames

from dicomveil_proxy.errors import BadRequest, NotAcceptable, OriginMalformed, UnknownResource
from dicomveil_proxy.origin import StoreResult
from dicomveil_proxy.origin.folder.origin import FolderOrigin
from dicomveil_proxy.request.query import Level
from dicomveil_proxy.wire.multipart import Event, PartData, PartStart
from proxy.fakes import INSTANCE, SERIES, STUDY, instance, proxy

pytestmark = pytest.mark.anyio

CT = "CT_small.dcm"
NAMES = (CT, "MR_small_RLE.dcm", "SC_rgb_rle_2frame.dcm", "rtplan.dcm", "examples_palette.dcm")


def instance_file(name: str) -> Path:
    """One of the instances that ship with pydicom."""
    path = get_testdata_file(name, download=False)
    assert isinstance(path, str)
    return Path(path)


def files(path: Path) -> list[str]:
    """The names of all files below a folder."""
    return sorted(file.name for file in path.rglob("*") if file.is_file())


def uids(name: str) -> tuple[str, str, str]:
    """Those of study, series and instance."""
    header = dcmread(instance_file(name), stop_before_pixels=True)
    return str(header.StudyInstanceUID), str(header.SeriesInstanceUID), str(header.SOPInstanceUID)


@asynccontextmanager
async def folder(path: Path, *names: str) -> AsyncIterator[FolderOrigin]:
    """A folder with these instances, as an origin."""
    for name in names:
        shutil.copy(instance_file(name), path / name)
    origin = FolderOrigin(path)
    yield origin
    await origin.aclose()


async def parts(events: AsyncGenerator[Event, None]) -> list[tuple[dict[str, str], bytes]]:
    """Headers and content of each part."""
    found: list[tuple[dict[str, str], bytes]] = []
    async for event in events:
        if isinstance(event, PartStart):
            found.append((event.headers, b""))
        elif isinstance(event, PartData):
            found[-1] = (found[-1][0], found[-1][1] + bytes(event.data))
    return found


async def metadata(origin: FolderOrigin, *resource: str) -> list[dict[str, Any]]:
    """The parsed document."""
    parsed: list[dict[str, Any]] = json.loads(b"".join([chunk async for chunk in origin.metadata(*resource)]))
    return parsed


async def found(origin: FolderOrigin, level: Level, *params: tuple[str, str], **page: int) -> list[Any]:
    """The results of an unscoped search."""
    return await origin.search(level, None, None, params, limit=page.get("limit", 0), offset=page.get("offset", 0))


# Index


async def test_files_that_are_no_instances(tmp_path: Path) -> None:
    """They are left out and counted; nothing is written into the folder."""
    (tmp_path / "notes.txt").write_text("no instance")
    (tmp_path / "empty").touch()
    (tmp_path / "half.dcm").write_bytes(instance_file(CT).read_bytes()[:400])
    async with folder(tmp_path, CT) as origin:
        assert origin.skipped == 3
        assert len(await found(origin, Level.INSTANCES)) == 1

    assert files(tmp_path) == [CT, "empty", "half.dcm", "notes.txt"]


async def test_all_of_the_corpus_that_has_uids(shared: Path, recwarn: pytest.WarningsRecorder) -> None:
    """Illegal values and broken pixel data keep none out, and neither warn nor change how pydicom reads."""
    before = config.settings.reading_validation_mode
    origin = FolderOrigin(shared / "corpus")
    instances = await found(origin, Level.INSTANCES)
    studies = {instance["0020000D"]["Value"][0] for instance in instances}
    described = [len(await metadata(origin, study)) for study in studies]
    await origin.aclose()

    assert sum(described) == len(instances) > 140
    assert [str(warning.message) for warning in recwarn] == []
    assert len(instances) + origin.skipped <= len(files(shared / "corpus"))
    assert config.settings.reading_validation_mode == before


async def test_link_out_of_the_folder(tmp_path: Path) -> None:
    """It is not followed."""
    shared_folder = tmp_path / "shared"
    shared_folder.mkdir()
    (shared_folder / "link.dcm").symlink_to(instance_file(CT))
    async with folder(shared_folder) as origin:
        assert await found(origin, Level.STUDIES) == []


async def test_what_comes_and_goes(tmp_path: Path) -> None:
    """Instances that another program adds or takes away are noticed."""
    async with folder(tmp_path, CT) as origin:
        (tmp_path / CT).unlink()
        shutil.copy(instance_file("rtplan.dcm"), tmp_path)
        origin._refresh_at = 0
        studies = await found(origin, Level.STUDIES)

    assert [study["0020000D"]["Value"] for study in studies] == [[uids("rtplan.dcm")[0]]]


def test_origin_that_is_no_folder(tmp_path: Path) -> None:
    """The message says what to give."""
    with pytest.raises(ValueError, match="give the path of one, or the URL"):
        FolderOrigin(tmp_path / "nowhere")


async def test_no_value_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """pydicom and dicomweb-client log values and UIDs."""
    caplog.set_level(logging.NOTSET)
    async with folder(tmp_path, *NAMES) as origin:
        await found(origin, Level.STUDIES, ("PatientID", "1CT1"))
        await metadata(origin, *uids(CT))

    assert [record for record in caplog.records if record.name.startswith(("pydicom", "dicomweb"))] == []


# Search


async def test_search_results_are_complete(tmp_path: Path) -> None:
    """A result has the attributes of its level and those above, the counts, and what was asked for."""
    async with folder(tmp_path, CT) as origin:
        (study,) = await found(origin, Level.STUDIES, ("includefield", "00080070,Rows"))
        (series,) = await found(origin, Level.SERIES)
        (instance,) = await found(origin, Level.INSTANCES)

    assert study["00100020"] == {"vr": "LO", "Value": ["1CT1"]}
    assert study["00080061"] == {"vr": "CS", "Value": ["CT"]}
    assert study["00201208"] == {"vr": "IS", "Value": [1]}
    assert study["00080070"]["Value"] == ["GE MEDICAL SYSTEMS"]
    assert study["00280010"]["Value"] == [128]
    assert "0020000E" not in study
    assert "00080018" not in series
    assert series["00201209"]["Value"] == [1]
    assert instance["00080018"]["Value"] == [uids(CT)[2]]
    assert instance["00100010"]["Value"] == [{"Alphabetic": "CompressedSamples^CT1"}]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("StudyInstanceUID", uids(CT)[0]),
        ("0020000D", f"1.2.3\\{uids(CT)[0]}"),
        ("SeriesInstanceUID", f"{uids(CT)[1]},1.2.3"),
        ("SOPInstanceUID", uids(CT)[2]),
        ("PatientID", "1CT1"),
        ("00100020", "1C*?"),
    ],
)
async def test_search_by_key(tmp_path: Path, key: str, value: str) -> None:
    """The keys that the proxy translates are applied."""
    async with folder(tmp_path, *NAMES) as origin:
        matches = await found(origin, Level.INSTANCES, (key, value))

    assert [match["00080018"]["Value"] for match in matches] == [[uids(CT)[2]]]


async def test_search_by_other_keys_widens(tmp_path: Path) -> None:
    """They are the proxy's to match: a date range, an unknown attribute, a path."""
    keys = (
        ("StudyDate", "19000101-19000102"),
        ("Nonsense", "1"),
        ("00400275.00080050", "1"),
        ("PatientID", ""),
    )
    async with folder(tmp_path, *NAMES) as origin:
        assert len(await found(origin, Level.STUDIES, *keys)) == len(NAMES)


async def test_pages_add_up(tmp_path: Path) -> None:
    """Each result is on one page."""
    async with folder(tmp_path, *NAMES) as origin:
        whole = await found(origin, Level.STUDIES)
        pages = [await found(origin, Level.STUDIES, limit=2, offset=offset) for offset in (0, 2, 4, 6)]

    assert [len(page) for page in pages] == [2, 2, 1, 0]
    assert [match for page in pages for match in page] == whole


async def test_search_within_a_study(tmp_path: Path) -> None:
    """Nothing of other studies is found."""
    study, series, instance = uids(CT)
    async with folder(tmp_path, *NAMES) as origin:
        in_study = await origin.search(Level.SERIES, study, None, [], limit=0, offset=0)
        in_series = await origin.search(Level.INSTANCES, study, series, [], limit=0, offset=0)
        nowhere = await origin.search(Level.INSTANCES, "1.2.3", None, [], limit=0, offset=0)

    assert [match["0020000E"]["Value"] for match in in_study] == [[series]]
    assert [match["00080018"]["Value"] for match in in_series] == [[instance]]
    assert nowhere == []


# Retrieve


async def test_instances_byte_for_byte(tmp_path: Path) -> None:
    """As they are on disk, with their length."""
    async with folder(tmp_path, *NAMES) as origin:
        for name in NAMES:
            ((headers, data),) = await parts(origin.instances(*uids(name)))
            assert data == instance_file(name).read_bytes()
            assert headers == {"content-type": "application/dicom", "content-length": str(len(data))}


async def test_what_the_folder_does_not_have(tmp_path: Path) -> None:
    """Unknown, before the first item."""
    study, series, instance = uids(CT)
    async with folder(tmp_path, CT) as origin:
        for events in (
            origin.instances("1.2.3"),
            origin.metadata(study, "1.2.3"),
            origin.frames(study, series, "1.2.3", [1]),
            origin.frames(study, series, instance, [2]),
            origin.bulkdata("http://elsewhere.test/studies/1.2.3"),
            origin.bulkdata(f"dicomveil-folder:/studies/{study}/series/{series}/instances/{instance}"),
        ):
            with pytest.raises(UnknownResource):
                await anext(events)


async def test_metadata_is_the_header(tmp_path: Path) -> None:
    """Every attribute is there, pixel data as a BulkDataURI; file meta information and padding are not."""
    async with folder(tmp_path, CT) as origin:
        (instance,) = await metadata(origin, *uids(CT))

    header = dcmread(instance_file(CT))
    assert {int(tag, 16) for tag in instance} == set(header.keys()) - {0xFFFCFFFC}
    assert instance["00280030"] == {"vr": "DS", "Value": [0.661468, 0.661468]}
    assert instance["7FE00010"]["vr"] == "OW"
    assert instance["7FE00010"]["BulkDataURI"].startswith("dicomveil-folder:")


async def test_value_without_a_json_form(tmp_path: Path) -> None:
    """The element stays, empty, and so does the rest of the instance."""
    header = dcmread(instance_file(CT))
    header["InstanceNumber"]._value = "one"
    header.save_as(tmp_path / "odd.dcm")
    async with folder(tmp_path) as origin:
        (instance,) = await metadata(origin, *uids(CT))

    assert instance["00200013"] == {"vr": "IS"}
    assert instance["00100020"]["Value"] == ["1CT1"]


async def test_bulkdata_of_native_pixels(tmp_path: Path) -> None:
    """The whole value, in little endian."""
    async with folder(tmp_path, "MR_small_bigendian.dcm") as origin:
        (instance,) = await metadata(origin, *uids("MR_small_bigendian.dcm"))
        ((headers, data),) = await parts(origin.bulkdata(instance["7FE00010"]["BulkDataURI"]))

    assert data == dcmread(instance_file("MR_small.dcm")).PixelData
    assert headers["content-length"] == str(len(data))


async def test_bulkdata_of_encapsulated_pixels(tmp_path: Path) -> None:
    """Frame by frame, since fragments mean nothing without their offsets."""
    name = "SC_rgb_rle_2frame.dcm"
    async with folder(tmp_path, name) as origin:
        (instance,) = await metadata(origin, *uids(name))
        frames = await parts(origin.bulkdata(instance["7FE00010"]["BulkDataURI"]))

    stored = list(generate_frames(dcmread(instance_file(name)).PixelData, number_of_frames=2))
    assert [data for _, data in frames] == stored
    assert frames[0][0]["content-type"] == "image/dicom-rle; transfer-syntax=1.2.840.10008.1.2.5"


async def test_bulkdata_in_the_header(tmp_path: Path) -> None:
    """A long value in a sequence is found by its path; text is not bulk data."""
    name = "waveform_ecg.dcm"
    async with folder(tmp_path, name) as origin:
        (instance,) = await metadata(origin, *uids(name))
        uri = instance["54000100"]["Value"][1]["54001010"]["BulkDataURI"]
        ((_, data),) = await parts(origin.bulkdata(uri))
        for path in ("00100010", "54000100/9/54001010", "00990099"):
            with pytest.raises(UnknownResource):
                await anext(origin.bulkdata(uri.replace("54000100/2/54001010", path)))

    assert data == dcmread(instance_file(name)).WaveformSequence[1].WaveformData


@pytest.mark.parametrize("name", ["CT_small.dcm", "SC_rgb_rle_2frame.dcm", "image_dfl.dcm", "JPEG2000.dcm"])
async def test_frames_make_up_the_pixel_data(tmp_path: Path, name: str) -> None:
    """Cut out as they are stored: native, encapsulated, deflated."""
    header = dcmread(instance_file(name))
    count = int(header.get("NumberOfFrames") or 1)
    async with folder(tmp_path, name) as origin:
        frames = await parts(origin.frames(*uids(name), range(1, count + 1)))

    if header.file_meta.TransferSyntaxUID.is_encapsulated:
        assert [data for _, data in frames] == list(generate_frames(header.PixelData, number_of_frames=count))
    else:
        assert b"".join(data for _, data in frames) == header.PixelData


async def test_single_bit_frames_begin_at_a_byte(tmp_path: Path) -> None:
    """They follow each other without padding in the instance (PS3.5 Section 8.1.1)."""
    header = dcmread(instance_file("liver_1frame.dcm"))
    header.Rows, header.Columns, header.NumberOfFrames, header.PixelData = 1, 3, "4", b"\xd1\x0a"
    header.save_as(tmp_path / "bits.dcm")
    async with folder(tmp_path) as origin:
        frames = await parts(origin.frames(*uids("liver_1frame.dcm"), [1, 2, 3, 4]))

    # 0x0ad1 is 101 011 010 001 in binary; the first frame has the lowest bits.
    assert [data for _, data in frames] == [b"\x01", b"\x02", b"\x03", b"\x05"]


async def test_frames_of_truncated_pixels(tmp_path: Path) -> None:
    """Malformed, never short."""
    async with folder(tmp_path, "MR_truncated.dcm") as origin:
        with pytest.raises(OriginMalformed):
            await anext(origin.frames(*uids("MR_truncated.dcm"), [1]))


@pytest.mark.parametrize("name", ["CT_small.dcm", "SC_rgb_rle_2frame.dcm", "examples_palette.dcm"])
@pytest.mark.parametrize(("media_type", "magic"), [("image/jpeg", b"\xff\xd8"), ("image/png", b"\x89PNG")])
async def test_pictures(tmp_path: Path, name: str, media_type: str, magic: bytes) -> None:
    """Grey, colour and palette, within the viewport."""
    async with folder(tmp_path, name) as origin:
        _, picture = await origin.rendered(
            *uids(name), 1, media_type=media_type, params={"viewport": "20,10", "window": "40,400"}
        )

    assert picture.startswith(magic)


async def test_pictures_that_cannot_be(tmp_path: Path) -> None:
    """A plan is not a picture, a frame may not exist, a parameter may be none, a format unknown."""
    async with folder(tmp_path, CT, "rtplan.dcm") as origin:
        with pytest.raises(NotAcceptable):
            await origin.rendered(*uids("rtplan.dcm"), None, media_type="image/png", params={})
        with pytest.raises(NotAcceptable):
            await origin.rendered(*uids(CT), None, media_type="video/mp4", params={})
        with pytest.raises(UnknownResource):
            await origin.rendered(*uids(CT), 2, media_type="image/png", params={})
        with pytest.raises(BadRequest):
            await origin.rendered(*uids(CT), 1, media_type="image/png", params={"annotation": "patient"})


# Store


async def test_store_and_find_again(tmp_path: Path) -> None:
    """Byte for byte, and again without harm; no temporary file stays."""
    data = instance_file(CT).read_bytes()
    study, _, instance = uids(CT)
    async with folder(tmp_path) as origin:
        for _ in range(2):
            assert await origin.store(study, instance, BytesIO(data), len(data)) == StoreResult(True)
        ((_, stored),) = await parts(origin.instances(*uids(CT)))

    assert stored == data
    assert files(tmp_path) == [f"{instance}.dcm"]


async def test_store_replaces_nothing(tmp_path: Path) -> None:
    """Other content under the same UIDs is refused as a duplicate (PS3.7 Annex C)."""
    data = instance_file(CT).read_bytes()
    async with folder(tmp_path, CT) as origin:
        result = await origin.store(None, uids(CT)[2], BytesIO(data[:-1] + b"x"), len(data))

    assert result == StoreResult(acknowledged=False, failure_reason=0x0111)
    assert hashlib.sha256((tmp_path / CT).read_bytes()).digest() == hashlib.sha256(data).digest()


@pytest.mark.parametrize(("study", "instance"), [("1.2.3", uids(CT)[2]), (None, "1.2.3")])
async def test_store_of_something_else(tmp_path: Path, study: str | None, instance: str) -> None:
    """Another study, or another instance than was said: not stored."""
    data = instance_file(CT).read_bytes()
    async with folder(tmp_path) as origin:
        assert await origin.store(study, instance, BytesIO(data), len(data)) == StoreResult(False, 0x0110)

    assert files(tmp_path) == []


async def test_store_of_an_illegal_uid(tmp_path: Path) -> None:
    """It names no path."""
    header = dcmread(instance_file(CT))
    header["SeriesInstanceUID"]._value = "../../1"
    file = BytesIO()
    header.save_as(file)
    async with folder(tmp_path) as origin:
        assert await origin.store(None, uids(CT)[2], file, 1) == StoreResult(False, 0x0110)

    assert files(tmp_path) == []


async def test_store_into_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    """Out of resources; a file stands where the study's folder should be."""
    data = instance_file(CT).read_bytes()
    (tmp_path / uids(CT)[0]).touch()
    async with folder(tmp_path) as origin:
        assert await origin.store(None, uids(CT)[2], BytesIO(data), len(data)) == StoreResult(False, 0xA700)


async def test_illegal_uids(shared: Path, tmp_path: Path) -> None:
    """What a search lists can be retrieved, a UID with letters too."""
    folder = tmp_path / "folder"
    folder.mkdir()
    shutil.copy(shared / "corpus" / "faults" / "uid_letters.dcm", folder)
    async with proxy(tmp_path, FolderOrigin(folder)) as ask:
        (study,) = (await ask.get("/studies")).json()
        path = f"/studies/{study['0020000D']['Value'][0]}"
        retrieved = [await ask.get(f"{path}{below}") for below in ("", "/metadata", "/series")]
    assert [response.status_code for response in retrieved] == [200, 200, 200]
    assert b"33.abc" not in b"".join(response.content for response in retrieved)


async def test_an_instance_that_came_later_is_found_without_a_search(tmp_path: Path) -> None:
    """By its UIDs, when it is asked for."""
    async with folder(tmp_path, CT) as origin:
        await parts(origin.instances(*uids(CT)))
        origin._refresh_at = 0
        shutil.copy(instance_file("MR_small_RLE.dcm"), tmp_path / "later")

        assert len(await parts(origin.instances(*uids("MR_small_RLE.dcm")))) == 1


@pytest.mark.parametrize("path", ["00420011", "00880200/1/7fe00010"])
async def test_bulk_data_of_the_header_does_not_depend_on_the_pixels(tmp_path: Path, path: str) -> None:
    """A value of the header, such as an icon's, is read without the frames, which may be long, or cut off as here."""
    value = bytes(range(256)) * 8

    def change(dataset: Dataset) -> None:
        icon = Dataset()
        icon.add_new(0x7FE00010, "OB", value)
        dataset.IconImageSequence = [icon]
        dataset.add_new(0x00420011, "OB", value)
        dataset.PixelData = encapsulate([bytes(100)])
        dataset["PixelData"].is_undefined_length = True
        dataset["PixelData"].VR = "OB"

    data = instance(transfer_syntax="1.2.840.10008.1.2.4.50", change=change)
    (tmp_path / "cut").write_bytes(data[:-50])
    origin = FolderOrigin(tmp_path)
    uri = f"dicomveil-folder:/studies/{STUDY}/series/{SERIES}/instances/{INSTANCE}/bulk/{path}"
    ((_, read),) = await parts(origin.bulkdata(uri))
    await origin.aclose()

    assert read == value
