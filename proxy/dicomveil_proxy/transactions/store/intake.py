"""One received instance, which is de-identified before it is stored.

It is de-identified while it is received: no original byte is written to the spool.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import BinaryIO, Protocol, cast

from dicomveil_engine import DeidentificationError, InstanceIdentity, InstanceRewriter
from dicomveil_engine.pseudonyms.sides import PseudonymousUID
from dicomveil_proxy.errors import NotReleasable, UnknownResource
from dicomveil_proxy.project import Project
from dicomveil_proxy.request.query import Level
from dicomveil_proxy.transactions.guarding import settle
from dicomveil_proxy.transactions.store.reasons import DUPLICATE, NotStored
from dicomveil_proxy.translation.translation import text_of
from dicomveil_proxy.turns import closed, fed
from dicomveil_proxy.wire.spool import Spool


@dataclass(frozen=True)
class Prepared:
    """An instance as it is sent to the origin server."""

    held: InstanceIdentity
    """Its UIDs at the origin server."""
    outside: InstanceIdentity
    """Its UIDs in pseudonymised space."""
    file: BinaryIO
    size: int


class Intake(Protocol):
    """One received instance, which is prepared for the origin server."""

    @property
    def sent(self) -> InstanceIdentity | None:
        """The UIDs that the sender gave it; None where it cannot be read."""
        ...

    async def feed(self, data: bytes | memoryview) -> None:
        """Receive a chunk. Raises EngineError, or OSError when the disk is full; so does `close`."""
        ...

    async def close(self) -> None:
        """Receive the end of the instance."""
        ...

    async def prepare(self) -> Prepared:
        """The instance to be stored. Raises NotStored, EngineError and OriginError."""
        ...

    def discard(self) -> None:
        """Discard the spool."""
        ...


class Duplicates:
    """Recognises de-identified copies of studies that the origin server has; cached for one request."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._originals_present: dict[str, bool] = {}

    async def has_original(self, study: str) -> bool:
        """Whether the origin server has the study under its original UID.

        `study` is the UID that was sent. If it is a pseudonym, its original is looked up.
        """
        project = self._project
        if not project.policy.replaces_uids or not study:
            return False
        known = self._originals_present.get(study)
        if known is None:
            original: str | None = study
            if project.policy.is_pseudonym_uid(study):
                original = await project.translation.study_held_as(PseudonymousUID(study))
            known = False
            if original and not project.policy.is_pseudonym_uid(original):
                with suppress(UnknownResource):  # not a valid UID
                    found = await project.origin.search(
                        Level.STUDIES, None, None, [("StudyInstanceUID", original)], limit=1, offset=0
                    )
                    known = any(text_of(match, "0020000D") == original for match in found)
            self._originals_present[study] = known
        return known


class DeidentifiedInstance:
    """An instance that is de-identified while it is received."""

    def __init__(self, project: Project, duplicates: Duplicates) -> None:
        self._watch = project.guard.watch()
        self._rewriter = InstanceRewriter(project.policy, self._watch.inspect if self._watch.is_on else None)
        self._duplicates = duplicates
        self._spool = Spool()

    @property
    def sent(self) -> InstanceIdentity | None:
        """The UIDs that the sender gave it; None where it cannot be read."""
        return self._rewriter.original

    async def feed(self, data: bytes | memoryview) -> None:
        """De-identify a chunk."""
        made = await fed(self._rewriter, data)
        await self._settle()
        self._spool.add(made)

    async def close(self) -> None:
        """De-identify the rest."""
        made = await closed(self._rewriter)
        await self._settle()
        self._spool.add(made)
        self._spool.flush()

    async def _settle(self) -> None:
        """Raise DeidentificationError where the leak guard finds an original: what is stored can be retrieved."""
        try:
            await settle(self._watch)
        except NotReleasable as error:
            raise DeidentificationError(str(error)) from None

    async def prepare(self) -> Prepared:
        """The de-identified instance. Raises NotStored where the origin server has its original."""
        outside = self._rewriter.deidentified
        assert self.sent is not None
        assert outside is not None
        if await self._duplicates.has_original(self.sent.study_instance_uid):
            raise NotStored(DUPLICATE, "the origin server holds its original")
        return Prepared(outside, outside, cast(BinaryIO, self._spool), self._spool.size)

    def discard(self) -> None:
        """Discard the spool."""
        self._spool.close()
