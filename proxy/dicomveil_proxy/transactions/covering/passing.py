"""Instances that are sure to pass, de-identified as they arrive: without a task, a queue or a second reading.

Most answers are series of CT or MR that the gate lets pass. The first instance of which that is not sure ends the
stream here, and is handed on with all that follows it.
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
from dicomveil_proxy.turns import LONG, Turns, closed, fed
from dicomveil_proxy.wire.multipart import Event, PartData, PartEnd, PartStart


@dataclass(frozen=True, slots=True)
class Begin:
    """A de-identified instance begins."""

    transfer_syntax: str
    original: InstanceIdentity


class End:
    """It is whole."""


@dataclass
class PassingStream:
    """An answer of the origin server, as far as its instances are sure to pass."""

    project: Project
    looking: Looking
    original: OriginalResource
    refused: Callable[[EngineError], None] | None
    """Takes the reasons of instances that are left out; without it, the first ends the answer."""
    rest: list[Event] = field(default_factory=list)
    """What has come of the first instance that is not sure to pass; what follows it has not been read."""
    is_there: bool = False
    """Whether an instance has begun."""

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
            watch.settle()
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
        """The first instance that is not sure to pass, and all behind it."""
        async with aclosing(events):
            for event in self.rest:
                yield event
            async for event in events:
                yield event


def _joined(held: list[Event]) -> bytes | memoryview:
    parts = [event.data for event in held if isinstance(event, PartData)]
    return parts[0] if len(parts) == 1 else b"".join(parts)
