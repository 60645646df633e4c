"""The header of an instance in a file, and the instance written again around its pixel data."""

from __future__ import annotations

import os
from io import BytesIO
from typing import IO

import pytest
from pydicom import Dataset, dcmread
from pydicom.encaps import encapsulate

from dicomveil_engine import InvalidDataSetError
from dicomveil_engine.part10.file_meta import read_file_meta
from dicomveil_proxy.reidentification import encoded
from dicomveil_proxy.reidentification.encoded import Spliced, read_instance
from dicomveil_proxy.settings.server import Limits
from dicomveil_proxy.wire.spool import Spool
from proxy.fakes import INSTANCE, SERIES, STUDY, instance

SYNTAXES = ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"]
DEFLATED = "1.2.840.10008.1.2.1.99"
JPEG = "1.2.840.10008.1.2.4.50"


LIMITS = Limits()


def written(data: bytes, limits: Limits = LIMITS) -> bytes:
    """Read, and written again as it is."""
    read = read_instance(BytesIO(data), limits)
    with read.file:  # another one, where it came deflated
        return read.written().read()


def dataset_of(data: bytes) -> bytes:
    """What follows the file meta information."""
    found = read_file_meta(data, closing=True)
    assert found is not None
    return data[found[1] :]


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_nothing_changes(syntax: str) -> None:
    """The same data set in the same transfer syntax, and file meta information of ours."""
    data = instance(transfer_syntax=syntax, preamble=b"Doe^Jane" * 16)
    read = read_instance(BytesIO(data), Limits())
    again = dcmread(BytesIO(written(data)))

    assert again == dcmread(BytesIO(data))
    assert (again.file_meta.TransferSyntaxUID, again.preamble) == (syntax, bytes(128))
    assert (read.identity.study_instance_uid, read.identity.series_instance_uid) == (STUDY, SERIES)
    assert read.identity.sop_instance_uid == INSTANCE


def test_deflated() -> None:
    """It leaves as explicit VR little endian."""
    again = dcmread(BytesIO(written(instance(transfer_syntax=DEFLATED))))

    assert again.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.1"
    assert again.PixelData == bytes(range(16))


def two_fragments(dataset: Dataset) -> None:
    """Two fragments, their extended offset table, and padding and a signature behind them."""
    dataset.PixelData = encapsulate([b"\xff\xd8one.", b"\xff\xd8two."], has_bot=False)
    dataset["PixelData"].is_undefined_length = True
    dataset["PixelData"].VR = "OB"
    dataset.ExtendedOffsetTable = bytes(16)
    dataset.ExtendedOffsetTableLengths = bytes(16)
    dataset.DataSetTrailingPadding = bytes(8)


def test_pixels_as_they_are() -> None:
    """Fragments and offset tables pass; what stands behind them goes."""
    data = instance(transfer_syntax=JPEG, change=two_fragments)
    sent, again = dcmread(BytesIO(data)), dcmread(BytesIO(written(data)))

    assert "DataSetTrailingPadding" in sent
    del sent.DataSetTrailingPadding
    assert again == sent


def test_float_pixels() -> None:
    """Those of parametric maps."""

    def floats(dataset: Dataset) -> None:
        dataset.FloatPixelData = bytes(32)

    assert dcmread(BytesIO(written(instance(pixels=None, change=floats)))).FloatPixelData == bytes(32)


class Watched(BytesIO):
    """A file that remembers the most that was read of it at once."""

    most = 0

    def read(self, size: int | None = -1) -> bytes:
        """As any file."""
        found = super().read(size)
        self.most = max(self.most, len(found))
        return found


def test_pixels_stay_in_the_file() -> None:
    """Neither reading nor writing the header reads them, and a reader gets them in the pieces that it asks for."""
    file = Watched(instance(pixels=bytes(4 << 20)))
    made = read_instance(file, Limits()).written()
    while made.read(1 << 16):
        pass

    assert made.size > 4 << 20
    assert file.most <= 1 << 16


@pytest.mark.parametrize(
    ("data", "limits"),
    [
        (b"Doe^Jane", Limits()),
        (instance()[:300], Limits()),
        (instance(), Limits(header_bytes=100)),
        (instance(pixels=bytes(1000))[:-500], Limits()),
        (instance(transfer_syntax=JPEG, change=two_fragments)[:-40], Limits()),
        (instance(transfer_syntax=DEFLATED)[:-20], Limits()),
        (instance(transfer_syntax=DEFLATED, pixels=bytes(10_000)), Limits(origin_instance_bytes=1000)),
        (instance(transfer_syntax=DEFLATED)[:400] + b"\xff" * 100, Limits()),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_what_cannot_be_read(data: bytes, limits: Limits) -> None:
    """It is an error without a value, and not half an instance."""
    with pytest.raises(InvalidDataSetError) as caught:
        written(data, limits)

    assert "Doe" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("at", [0, 2, 4, 5, 8, 20])
def test_spliced(at: int) -> None:
    """It reads as the whole file would, from wherever."""
    file: IO[bytes] = BytesIO(b"0123456789")
    spliced = Spliced(b"head", file, 3, 7)
    whole = b"head3456"

    assert spliced.size == len(whole)
    assert spliced.seek(at) == spliced.tell() == at
    assert spliced.read(3) == whole[at : at + 3]
    assert spliced.seek(-2, os.SEEK_END) == 6
    assert spliced.read() == b"56"
    assert spliced.readable()
    assert spliced.seekable()


@pytest.mark.parametrize("start", [128 + 4, len(instance(pixels=None)) - len(dataset_of(instance(pixels=None)))])
def test_without_a_preamble(start: int) -> None:
    """Or without file meta information, too: the same data set is written."""
    whole = instance()

    assert written(whole[start:]) == written(whole)


def test_command_elements_are_removed() -> None:
    """They are invalid in an instance (PS3.7 Section 6.3), and would keep it from being written."""
    whole = instance()
    rest = dataset_of(whole)
    command = bytes.fromhex("00000009 5553 0200 0100")  # (0000,0900) Status

    assert written(whole[: -len(rest)] + command + rest) == written(whole)


def test_pixel_data_that_ends_within_its_head() -> None:
    """After other elements of its group: the instance is not written without its pixel data."""
    whole = instance(transfer_syntax=JPEG, change=two_fragments)
    start = whole.rindex(bytes.fromhex("e07f1000") + b"OB")

    for cut in range(8, 12):
        with pytest.raises(InvalidDataSetError, match="cut off"):
            written(whole[: start + cut])


def test_inflated_instances_are_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their temporary files would fill the disk: closed if they cannot be read, and with the instance otherwise."""
    spools: list[Spool] = []

    class Noted(Spool):
        def __init__(self) -> None:
            super().__init__()
            spools.append(self)

    monkeypatch.setattr(encoded, "Spool", Noted)
    whole = instance(transfer_syntax=DEFLATED)
    for data, limits in ((whole, Limits(header_bytes=100)), (whole[:400] + b"\xff" * 100, LIMITS)):
        with pytest.raises(InvalidDataSetError):
            read_instance(BytesIO(data), limits)
    with read_instance(BytesIO(whole), LIMITS).file:
        assert [spool.closed for spool in spools] == [True, True, False]
    assert spools[-1].closed


def test_a_bounded_file() -> None:
    """All bytes of the limit can be read, and not one more."""
    bounded = encoded._Bounded(BytesIO(b"12345"), 4)

    assert (bounded.read(3), bounded.read(1)) == (b"123", b"4")
    with pytest.raises(EOFError):
        bounded.read(1)
