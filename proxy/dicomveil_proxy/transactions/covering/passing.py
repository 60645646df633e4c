"""Instances that certainly need no search, de-identified while they arrive, without tasks, queues or spooling.

Most responses are series of CT or MR, which the gate lets pass. The first instance that may need a look ends this
stream, and is handed over with all that follow.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field

from dicomveil_engine import EngineError, InstanceIdentity, InstanceRewriter
from dicomveil_engine.part10.rewriter import Chunk
from dicomveil_engine.pixels.gate import PixelVerdict
from dicomveil_proxy.errors import OriginMalformed
from dicomveil_proxy.pixels.looking import Looking
from dicomveil_proxy.project import Project
from dicomveil_proxy.request.resource import OriginalResource
from dicomveil_proxy.transactions.guarding import settle
from dicomveil_proxy.turns import LONG, Turns, closed, fed
from dicomveil_proxy.wire.multipart import Event, PartData, PartEnd, PartStart


@dataclass(frozen=True, slots=True)
class Begin:
    """The start of a de-identified instance."""

    transfer_syntax: str
    original: InstanceIdentity


class End:
    """The end of an instance."""


@dataclass
class PassingStream:
    """A response of the origin server, up to the first instance that may need a search."""

    project: Project
    looking: Looking
    original: OriginalResource
    refused: Callable[[EngineError], None] | None
    """Called for instances that are left out; if it is None, the first one ends the response."""
    rest: list[Event] = field(default_factory=list)
    """What has been received of the first instance that may need a look."""
    is_there: bool = False
    """Whether there is an instance."""

    async def pieces(self, events: AsyncGenerator[Event, None]) -> AsyncGenerator[Begin | Chunk | End, None]:
        """The instances, de-identified. Raises EngineError and OriginMalformed."""
        looking, turns = self.looking, Turns()
        watch = self.project.guard.watch()
        held: list[Event] = []
        rewriter: InstanceRewriter | None = None
        verdict: PixelVerdict | None = None
        is_begun = is_left_out = False
        async for event in events:
            if isinstance(event, PartStart):
                if self.is_there and self.original.instance:
                    raise OriginMalformed("the origin server sent several instances where one was asked for")
                self.is_there, held, rewriter, is_begun, is_left_out = True, [event], None, False, False
                await turns.spend()
                continue
            if is_left_out:
                continue
            try:
                if rewriter is None:
                    held.append(event)
                    data = _joined(held)
                    verdict = looking.passing.verdict(data if isinstance(data, bytes) else bytes(data[:LONG]))
                    if verdict is None:
                        if isinstance(event, PartEnd) or len(data) >= LONG:
                            self.rest = held
                            return
                        continue
                    rewriter = InstanceRewriter(self.project.policy, watch.inspect if watch.is_on else None)
                    chunks = await fed(rewriter, data)
                    if isinstance(event, PartEnd):
                        chunks += await closed(rewriter)
                else:
                    chunks = await (fed(rewriter, event.data) if isinstance(event, PartData) else closed(rewriter))
            except EngineError as error:
                if is_begun or self.refused is None:
                    raise
                self.refused(error)
                is_left_out = True
                continue
            await settle(watch)
            if chunks and not is_begun:
                is_begun = True
                assert rewriter.original is not None
                assert verdict is not None
                looking.note_verdict(rewriter.original.sop_instance_uid, verdict)
                yield Begin(rewriter.transfer_syntax_uid or "", rewriter.original)
            for chunk in chunks:
                yield chunk
            if is_begun and isinstance(event, PartEnd):
                looking.observer.instance("passed")
                yield End()

    async def remaining(self, events: AsyncGenerator[Event, None]) -> AsyncGenerator[Event, None]:
        """The events of the first instance that may need a search, and all that follow."""
        async with aclosing(events):
            for event in self.rest:
                yield event
            async for event in events:
                yield event


def _joined(held: list[Event]) -> bytes | memoryview:
    parts = [event.data for event in held if isinstance(event, PartData)]
    return parts[0] if len(parts) == 1 else b"".join(parts)
