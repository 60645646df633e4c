"""One released instance in a file, from which frames, bulk data and pictures are extracted."""

from __future__ import annotations

from contextlib import aclosing
from pathlib import Path

from dicomveil_engine import InstanceIdentity
from dicomveil_engine.part10.rewriter import Chunk
from dicomveil_proxy.errors import NotAcceptable, OriginMalformed
from dicomveil_proxy.pixels.looking import Looking
from dicomveil_proxy.pixels.released import ReleasedFile, needs_disk, private_folder, writing
from dicomveil_proxy.project import Project
from dicomveil_proxy.request.resource import OriginalResource
from dicomveil_proxy.transactions.covering.instances import covered
from dicomveil_proxy.transactions.covering.passing import Begin, End


async def released_file(project: Project, looking: Looking, original: OriginalResource) -> ReleasedFile:
    """The released form of an instance in a file. Raises EngineError if it is refused."""
    digest = looking.digest("released", original.study, original.series, original.instance)
    if (found := looking.files.get(digest)) is not None:
        return found

    async def make() -> ReleasedFile:
        with needs_disk():
            folder = private_folder()
        path = Path(folder.name, "released")
        try:
            room = project.limits.origin_instance_bytes
            with needs_disk(), writing(path) as file:
                async with aclosing(covered(project, looking, original, None)) as pieces:
                    async for piece in pieces:
                        if isinstance(piece, Begin):
                            check_identity(original, piece.original)
                        elif not isinstance(piece, End):
                            room = _room(room, piece)
                            file.write(piece)
        except BaseException:
            folder.cleanup()
            raise
        return looking.files.put(digest, path, folder)

    return await looking.once(digest, make)


def check_identity(asked: OriginalResource, found: InstanceIdentity | None) -> None:
    """Raise OriginMalformed if the origin server sent another instance than requested.

    An archive that confuses resources must not show a user another study, or a study that a filter does not select.
    """
    assert found is not None
    pairs = (
        (asked.study, found.study_instance_uid),
        (asked.series, found.series_instance_uid),
        (asked.instance, found.sop_instance_uid),
    )
    if any(uid is not None and other != uid for uid, other in pairs):
        raise OriginMalformed("the origin server sent another instance than was asked for")


def _room(room: int, piece: Chunk) -> int:
    if len(piece) > room:
        raise NotAcceptable("the instance is over limits.origin_instance_bytes")
    return room - len(piece)
