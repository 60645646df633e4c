"""Receipts: nothing is stored that the origin did not name, and a request is as long as it says."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest

from dicomveil_proxy.errors import OriginMalformed
from dicomveil_proxy.origin import StoreResult
from dicomveil_proxy.origin.web.receipt import StoreBody, read_receipt
from dicomveil_proxy.wire.multipart import MultipartReader, PartData, PartStart, boundary_of

pytestmark = pytest.mark.anyio


async def test_body() -> None:
    """One part of a bare type, read from the file's start, of the length that the header says."""
    file = BytesIO(b"instance" * 300_000)
    file.seek(5)
    body = StoreBody(file, 2_400_000)
    sent = b"".join([chunk async for chunk in body])
    reader = MultipartReader(boundary_of(body.headers["Content-Type"]))
    events = reader.feed(sent)
    reader.close()

    assert len(sent) == int(body.headers["Content-Length"])
    assert [event.headers for event in events if isinstance(event, PartStart)] == [
        {"content-type": "application/dicom"}
    ]
    assert b"".join(bytes(e.data) for e in events if isinstance(e, PartData)) == file.getvalue()


async def test_body_that_is_too_short() -> None:
    """It is broken off, and not padded."""
    with pytest.raises(ValueError, match="shorter"):
        _ = [chunk async for chunk in StoreBody(BytesIO(b"short"), 6)]


def item(uid: str, **reasons: int) -> dict[str, Any]:
    """An item that names an instance."""
    tags = {"failure": "00081197", "warning": "00081196"}
    named: dict[str, Any] = {"00081155": {"vr": "UI", "Value": [uid]}}
    return named | {tags[name]: {"vr": "US", "Value": [reason]} for name, reason in reasons.items()}


@pytest.mark.parametrize(
    ("stored", "failed", "result"),
    [
        ([item("1.2")], [], StoreResult(acknowledged=True)),
        ([item("1.2", warning=0xB000)], [], StoreResult(acknowledged=True, warning_reason=0xB000)),
        ([item("1.3")], [], StoreResult(acknowledged=False)),
        ([], [item("1.2", failure=0x0110)], StoreResult(acknowledged=False, failure_reason=0x0110)),
        ([item("1.2")], [item("1.2")], StoreResult(acknowledged=False)),
        ([], [], StoreResult(acknowledged=False)),
    ],
)
def test_receipt(stored: list[Any], failed: list[Any], result: StoreResult) -> None:
    """Only an instance that is named, and not as failed too, is acknowledged."""
    receipt = {"00081199": {"vr": "SQ", "Value": stored}, "00081198": {"vr": "SQ", "Value": failed}}

    assert read_receipt(receipt, "1.2") == read_receipt([receipt], "1.2") == result


@pytest.mark.parametrize(
    "receipt",
    [
        *(None, "", [], [{}, {}], {"00081199": []}, {"00081199": {"Value": ["1.2"]}}, {"00081198": {"Value": 1}}),
        {"00081198": {"Value": [item("1.2") | {"00081197": {"Value": ["none"]}}]}},
    ],
)
def test_what_is_no_receipt(receipt: Any) -> None:
    """It is malformed, and acknowledges nothing."""
    with pytest.raises(OriginMalformed):
        read_receipt(receipt, "1.2")
