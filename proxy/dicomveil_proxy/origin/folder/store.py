"""Storing an instance into a folder (PS3.18 Section 10.5).

Files in the folder are never replaced: they may be the only copies.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import BinaryIO

from pydicom import dcmread

from dicomveil_proxy.errors import OriginMalformed, UnknownResource
from dicomveil_proxy.origin import StoreResult
from dicomveil_proxy.origin.folder.index import FolderIndex
from dicomveil_proxy.pixels.frames import malformed
from dicomveil_proxy.request.resource import parse_uid
from dicomveil_proxy.wire import unfinished

PROCESSING_FAILURE = 0x0110
DUPLICATE_SOP_INSTANCE = 0x0111
OUT_OF_RESOURCES = 0xA700
"""PS3.18 Table I.2-2 and PS3.7 Annex C."""

_COPY_BYTES = 1 << 20


def store_instance(
    folder: Path, index: FolderIndex, study: str | None, sop_instance_uid: str, instance: BinaryIO
) -> StoreResult:
    """Write the instance to `<study>/<series>/<instance>.dcm` and index it."""
    try:
        with malformed("the instance cannot be read"):
            instance.seek(0)
            header = dcmread(
                instance,
                force=True,
                stop_before_pixels=True,
                specific_tags=["StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"],
            )
            uids = (str(header.StudyInstanceUID), str(header.SeriesInstanceUID), str(header.SOPInstanceUID))
        for uid in uids:
            parse_uid(uid)
    except (OriginMalformed, UnknownResource):
        return StoreResult(acknowledged=False, failure_reason=PROCESSING_FAILURE)
    if uids[2] != sop_instance_uid or study not in (None, uids[0]):
        return StoreResult(acknowledged=False, failure_reason=PROCESSING_FAILURE)
    path = folder / uids[0] / uids[1] / f"{uids[2]}.dcm"
    try:
        held = [index.path(place) for place in index.places(*uids)] or [path] * path.exists()
        if held:
            # Storing the same instance again changes nothing, and succeeds.
            same = _same(held[0], instance)
            return StoreResult(same, failure_reason=None if same else DUPLICATE_SOP_INSTANCE)
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(path, instance)
    except OSError:
        return StoreResult(acknowledged=False, failure_reason=OUT_OF_RESOURCES)
    stored = index.add(path)
    return StoreResult(stored, failure_reason=None if stored else PROCESSING_FAILURE)


def _write(path: Path, instance: BinaryIO) -> None:
    """Write the instance under a temporary name, and rename it when it is complete and synced."""
    with unfinished.whole(path, path.name) as place, place.open("xb") as file:
        instance.seek(0)
        shutil.copyfileobj(instance, file, _COPY_BYTES)
        file.flush()
        os.fsync(file.fileno())


def _same(path: Path, instance: BinaryIO) -> bool:
    instance.seek(0)
    with path.open("rb") as file:
        while chunk := file.read(_COPY_BYTES):
            if instance.read(len(chunk)) != chunk:
                return False
    return not instance.read(1)
