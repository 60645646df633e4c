"""Retrieve instances (WADO-RS, PS3.18 Section 10.4.1.1.1): de-identified, as stored or transcoded."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from dicomveil_engine import EngineError, InstanceIdentity, InstanceRewriter
from dicomveil_proxy.errors import NotAcceptable, OriginMalformed, UnknownResource
from dicomveil_proxy.pixels import InstanceSpool, can_transcode
from dicomveil_proxy.pixels.looking import Looking
from dicomveil_proxy.project import Project
from dicomveil_proxy.request.accept import Choice
from dicomveil_proxy.request.resource import OriginalResource
from dicomveil_proxy.spent import deidentifying
from dicomveil_proxy.transactions.covering.instances import covered
from dicomveil_proxy.transactions.covering.passing import Begin, End
from dicomveil_proxy.transactions.covering.released import check_identity
from dicomveil_proxy.transactions.guarding import settle
from dicomveil_proxy.transactions.tally import Tally
from dicomveil_proxy.turns import Turns, closed, fed, takes_long
from dicomveil_proxy.wire.media_type import DICOM
from dicomveil_proxy.wire.multipart import MultipartWriter, PartData, PartEnd, PartStart
from dicomveil_proxy.wire.pieces import Piece
from dicomveil_proxy.wire.zip_writer import ZipWriter

_SHORT = 1 << 14
"""Bytes of a piece that is sent together with the next."""
_MOST_HELD = 4
_NO_UID = "none"
"""In names of ZIP entries."""

_log = logging.getLogger(__name__)


async def instances(
    project: Project, original: OriginalResource, writer: MultipartWriter | ZipWriter | None, choices: Sequence[Choice]
) -> AsyncGenerator[Piece, None]:
    """The instances of a resource as parts or ZIP entries; without a writer, a single instance by itself.

    Each is sent as stored where one of the choices allows it, else transcoded.
    Raises NotAcceptable, UnknownResource, OriginError and EngineError.
    """
    spool: InstanceSpool | None = None
    stored = wanted = ""
    identity = InstanceIdentity()
    held: list[Piece] = []
    """Short pieces, which become one: each piece passes by every middleware, and the start of an instance has three."""
    names: Counter[str] = Counter()
    archive = writer if isinstance(writer, ZipWriter) else None

    def head(transfer_syntax: str) -> bytes:
        if archive:
            return archive.head(_entry_name(project, identity, names))
        assert isinstance(writer, MultipartWriter)
        return writer.head({"Content-Type": f"{DICOM};transfer-syntax={transfer_syntax}"})

    pieces = _deidentified(project, original, is_one=writer is None)
    try:
        async with aclosing(pieces):
            async for piece in pieces:
                if isinstance(piece, Begin):
                    stored, identity = piece.transfer_syntax, piece.original
                    wanted = _instance_syntax(stored, choices)
                    if wanted != stored:
                        spool = InstanceSpool(project.transcoder, project.limits.origin_instance_bytes)
                    elif writer:
                        held.append(head(wanted))
                elif isinstance(piece, End):
                    if spool:
                        outcome = await _transcoded(spool, stored, wanted, choices)
                        if writer:
                            yield head(outcome)
                        async with aclosing(spool.chunks()) as chunks:
                            async for chunk in chunks:
                                if archive:
                                    archive.count(chunk)
                                yield chunk
                        spool.close()
                        spool = None
                    if archive:
                        held.append(archive.end())
                    if held:
                        yield b"".join(held)
                        held.clear()
                elif spool:
                    spool.write(piece)
                else:
                    if archive:
                        archive.count(piece)
                    if len(piece) <= _SHORT and len(held) < _MOST_HELD:
                        held.append(piece)
                        continue
                    if held:
                        yield b"".join(held)
                        held.clear()
                    yield piece
    finally:
        if spool:
            spool.close()
    if writer:
        yield writer.close()


def _entry_name(project: Project, identity: InstanceIdentity, names: Counter[str]) -> str:
    """A unique name for a ZIP entry, of pseudonymous UIDs even under a policy that keeps the originals."""
    uids = (identity.series_instance_uid, identity.sop_instance_uid)
    # Without a UID there would be a name that begins at the root of the reader's file system.
    stem = "/".join(project.policy.pseudonym_uid(uid) or _NO_UID for uid in uids)
    names[stem] += 1  # an archive may send an instance more than once
    return f"{stem}.dcm" if names[stem] == 1 else f"{stem}-{names[stem]}.dcm"


async def _transcoded(spool: InstanceSpool, stored: str, wanted: str, choices: Sequence[Choice]) -> str:
    """Transcode an instance, and return its transfer syntax: the stored one if transcoding fails and it is accepted."""
    try:
        await spool.transcode(wanted)
    except NotAcceptable:
        if any(choice.takes(stored) for choice in choices):
            return stored
        raise
    return wanted


def _deidentified(
    project: Project, original: OriginalResource, *, is_one: bool
) -> AsyncGenerator[Begin | Piece | End, None]:
    """The de-identified instances of a resource, in the stored transfer syntax."""
    if project.looking is not None:
        return _covered(project, project.looking, original, is_one=is_one)
    return _rewritten_instances(project, original, is_one=is_one)


async def _rewritten_instances(
    project: Project, original: OriginalResource, *, is_one: bool
) -> AsyncGenerator[Begin | Piece | End, None]:
    """The de-identified instances under a policy that lets pixels pass."""
    rewriter: InstanceRewriter | None = None
    watch = project.guard.watch()
    inspect = watch.inspect if watch.is_on else None
    is_begun = is_there = False
    turns = Turns()
    events = project.origin.instances(original.study, original.series, original.instance)
    with Tally(_log, "an instance was left out") as left_out:
        async with aclosing(events):
            async for event in events:
                if isinstance(event, PartStart):
                    if is_there and original.instance:
                        raise OriginMalformed("the origin server sent several instances where one was asked for")
                    rewriter, is_begun, is_there = InstanceRewriter(project.policy, inspect), False, True
                    await turns.spend()
                    continue
                if rewriter is None:
                    continue  # the rest of an instance that was left out
                try:
                    if takes_long(rewriter):
                        chunks = await (fed(rewriter, event.data) if isinstance(event, PartData) else closed(rewriter))
                    else:  # nothing to wait for: as `fed` and `closed`, without a task's step for each chunk
                        with deidentifying():
                            chunks = rewriter.feed(event.data) if isinstance(event, PartData) else rewriter.close()
                except EngineError as error:
                    project.note_refusal("retrieve", error)
                    if is_begun or not project.omits_errors or is_one:
                        raise
                    left_out.note(str(error))
                    rewriter = None
                    continue
                if not watch.is_clear:
                    await settle(watch)
                if chunks and not is_begun:
                    is_begun = True
                    check_identity(original, rewriter.original)
                    assert rewriter.original is not None
                    yield Begin(rewriter.transfer_syntax_uid or "", rewriter.original)
                for chunk in chunks:
                    yield chunk
                if is_begun and isinstance(event, PartEnd):
                    yield End()
    if not is_there:
        raise UnknownResource("there is no such resource")


async def _covered(
    project: Project, looking: Looking, original: OriginalResource, *, is_one: bool
) -> AsyncGenerator[Begin | Piece | End, None]:
    """The de-identified instances under a policy that covers text in pixels."""
    with Tally(_log, "an instance was left out") as left_out:
        omits = project.omits_errors and not is_one and original.instance is None

        def refused(error: EngineError) -> None:
            project.note_refusal("retrieve", error)
            left_out.note(str(error))

        async with aclosing(covered(project, looking, original, refused if omits else None)) as pieces:
            try:
                async for piece in pieces:
                    if isinstance(piece, Begin):
                        check_identity(original, piece.original)
                    yield piece
            except EngineError as error:
                project.note_refusal("retrieve", error)
                raise


def _instance_syntax(stored: str, choices: Sequence[Choice]) -> str:
    """The transfer syntax in which an instance is sent. Raises NotAcceptable."""
    for choice in choices:
        if choice.takes(stored):
            return stored
        for wanted in choice.transfer_syntaxes:
            if wanted not in choice.refused and can_transcode(stored, wanted):
                return wanted
    raise NotAcceptable(
        f"an instance is stored in transfer syntax {stored}, which is not accepted and cannot be converted to one that "
        "is; accept it, or transfer-syntax=* for any"
    )
