"""Encapsulated documents with covered pages: the value, and its metadata.

Both are taken from the released instance, so that the original document cannot be retrieved.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import cast

from dicomveil_engine import EngineError, JSONDataSet
from dicomveil_engine.pixels.claims import BURNED_IN_ANNOTATION
from dicomveil_engine.pixels.elements import InstanceElements, read_instance
from dicomveil_engine.pseudonyms.sides import OriginalUID
from dicomveil_proxy.errors import UnknownResource
from dicomveil_proxy.pixels.looking import Looking
from dicomveil_proxy.pixels.released import ReleasedFile
from dicomveil_proxy.project import Project
from dicomveil_proxy.request.resource import Resource
from dicomveil_proxy.transactions.covering.released import released_file
from dicomveil_proxy.wire.multipart import Event, PartData, PartEnd, PartStart

ENCAPSULATED_DOCUMENT = 0x00420011
_LENGTH = 0x00420015
_CHUNK_BYTES = 1 << 20


async def released_document(file: ReleasedFile) -> AsyncGenerator[Event, None]:
    """(0042,0011) EncapsulatedDocument of the released instance. Raises UnknownResource if it has none."""
    value = (await asyncio.to_thread(_read, file)).value(ENCAPSULATED_DOCUMENT)
    if not any(value):
        raise UnknownResource("there is no such bulk data, or the profile does not release it")
    yield PartStart({"content-type": "application/octet-stream", "content-length": str(len(value))})
    for start in range(0, len(value), _CHUNK_BYTES):
        yield PartData(value[start : start + _CHUNK_BYTES])
    yield PartEnd()


async def document_metadata(
    project: Project,
    looking: Looking,
    written: JSONDataSet,
    uids: tuple[OriginalUID, OriginalUID, OriginalUID],
    uri: str,
) -> tuple[JSONDataSet, bool]:
    """Metadata with BulkDataURI and length of the covered document, and whether its pages leave a doubt.

    Without both, and with a doubt, if the document is refused.
    """
    left = {key: element for key, element in written.items() if key not in {"00420011", "00420015"}}
    try:
        released = await asyncio.to_thread(_read, await released_file(project, looking, Resource(*uids)))
    except EngineError:
        return left, True
    document = {"vr": "OB", "BulkDataURI": uri}
    length = {"vr": "UL", "Value": [released.number(_LENGTH)]}
    found = dict(sorted({**left, "00420011": document, "00420015": length}.items()))
    return cast("JSONDataSet", found), released.text(BURNED_IN_ANNOTATION) != "NO"


def _read(file: ReleasedFile) -> InstanceElements:
    with file as path:
        instance = read_instance(path.read_bytes())
    assert instance is not None
    return instance
