"""The body of a store request to an origin server, and the response to it (PS3.18 Section 10.5)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, BinaryIO, cast

from dicomveil_proxy.errors import OriginMalformed
from dicomveil_proxy.origin import StoreResult
from dicomveil_proxy.wire.multipart import MultipartWriter, random_boundary
from dicomveil_proxy.wire.spool import Spool

_FAILED_SOP_SEQUENCE = "00081198"
_REFERENCED_SOP_SEQUENCE = "00081199"
_REFERENCED_SOP_INSTANCE_UID = "00081155"
_WARNING_REASON = "00081196"
_FAILURE_REASON = "00081197"
_READ_BYTES = 1 << 20


class StoreBody:
    """The body of a store request with one instance, which is read from a file while it is sent.

    With one instance per request, each response is about one instance. With a Content-Length, an interrupted request
    is never taken for a complete one. The part's Content-Type has no parameters: Orthanc drops parts that have one,
    and answers 200.
    """

    def __init__(self, instance: BinaryIO, size: int) -> None:
        writer = MultipartWriter(random_boundary(), "application/dicom")
        self._instance = instance
        self._size = size
        self._head = writer.head()
        self._close = writer.close()
        self.headers = {
            "Content-Type": writer.content_type,
            "Content-Length": str(len(self._head) + size + len(self._close)),
            "Accept": "application/dicom+json",
        }

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._head
        if isinstance(self._instance, Spool) and self._instance.pieces is not None:
            for piece in self._instance.pieces:
                yield cast("bytes", piece)  # aiohttp accepts any buffer
            yield self._close
            return
        await asyncio.to_thread(self._instance.seek, 0)
        remaining = self._size
        while remaining:
            chunk = await asyncio.to_thread(self._instance.read, min(remaining, _READ_BYTES))
            if not chunk:
                raise ValueError("the instance is shorter than its size")
            remaining -= len(chunk)
            yield chunk
        yield self._close


def read_receipt(receipt: Any, sop_instance_uid: str) -> StoreResult:
    """The outcome for one instance in the parsed response to a store. Raises OriginMalformed.

    An instance that the response does not name is not acknowledged, whatever the status was.
    """
    if isinstance(receipt, list) and len(receipt) == 1:
        receipt = receipt[0]
    if not isinstance(receipt, dict):
        raise OriginMalformed("the response to a store is not a data set")
    try:
        stored = _items(receipt, _REFERENCED_SOP_SEQUENCE, sop_instance_uid)
        failed = _items(receipt, _FAILED_SOP_SEQUENCE, sop_instance_uid)
        failure_reason = _number(failed, _FAILURE_REASON)
        if failed:
            return StoreResult(acknowledged=False, failure_reason=failure_reason)
        return StoreResult(acknowledged=bool(stored), warning_reason=_number(stored, _WARNING_REASON))
    except (AttributeError, IndexError, TypeError, ValueError):
        raise OriginMalformed("the response to a store cannot be read") from None


def _items(receipt: dict[str, Any], sequence: str, sop_instance_uid: str) -> list[dict[str, Any]]:
    items = receipt.get(sequence, {}).get("Value", [])
    return [i for i in items if i.get(_REFERENCED_SOP_INSTANCE_UID, {}).get("Value") == [sop_instance_uid]]


def _number(items: list[dict[str, Any]], tag: str) -> int | None:
    for item in items:
        for value in item.get(tag, {}).get("Value", []):
            return int(value)
    return None
