"""One instance that is received: taken in chunks, and made what the origin server is to hold.

De-identified on the way into its spool, which holds de-identified bytes only.
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
from dicomveil_proxy.transactions.store.reasons import DUPLICATE, NotStored
from dicomveil_proxy.translation.translation import text_of
from dicomveil_proxy.turns import closed, fed
from dicomveil_proxy.wire.spool import Spool


@dataclass(frozen=True)
class Prepared:
    """An instance as it is sent to the origin server."""

    held: InstanceIdentity
    """As the origin server is to hold it."""
    outside: InstanceIdentity
    """As user agents are to know it."""
    file: BinaryIO
    size: int


class Intake(Protocol):
    """What the project makes of one instance."""

    @property
    def sent(self) -> InstanceIdentity | None:
        """The instance as it came; None where it cannot be read."""
        ...

    async def feed(self, data: bytes | memoryview) -> None:
        """Take some of its bytes. Raises EngineError, or OSError when the disk is full; as `close`."""
        ...

    async def close(self) -> None:
        """It is whole."""
        ...

    async def prepare(self) -> Prepared:
        """What is to be stored. Raises NotStored, EngineError, or what asking the origin server raises."""
        ...

    def discard(self) -> None:
        """Discard the spool."""
        ...


class Duplicates:
    """Whether a de-identified copy would be stored beside its original; cached for one request."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._originals_present: dict[str, bool] = {}

    async def has_original(self, study: str) -> bool:
        """Whether the origin server holds the study under its original UID.

        What comes de-identified already is looked up by its pseudonym: if that stands for an original there, the study
        is stored under its own UID.
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
                with suppress(UnknownResource):  # it is not a legal UID
                    found = await project.origin.search(
                        Level.STUDIES, None, None, [("StudyInstanceUID", original)], limit=1, offset=0
                    )
                    known = any(text_of(match, "0020000D") == original for match in found)
            self._originals_present[study] = known
        return known


class DeidentifiedInstance:
    """An instance that is de-identified."""

    def __init__(self, project: Project, duplicates: Duplicates) -> None:
        self._watch = project.guard.watch()
        self._rewriter = InstanceRewriter(project.policy, self._watch.inspect if self._watch.is_on else None)
        self._duplicates = duplicates
        self._spool = Spool()

    @property
    def sent(self) -> InstanceIdentity | None:
        """The instance as it came; None where it cannot be read."""
        return self._rewriter.original

    async def feed(self, data: bytes | memoryview) -> None:
        """De-identify some of its bytes."""
        made = await fed(self._rewriter, data)
        self._settle()
        self._spool.add(made)

    async def close(self) -> None:
        """De-identify the rest."""
        made = await closed(self._rewriter)
        self._settle()
        self._spool.add(made)
        self._spool.flush()

    def _settle(self) -> None:
        """Store nothing in which the leak guard finds an original: what is stored is retrieved later."""
        try:
            self._watch.settle()
        except NotReleasable as error:
            raise DeidentificationError(str(error)) from None

    async def prepare(self) -> Prepared:
        """The de-identified instance, unless it would be a duplicate of the original."""
        outside = self._rewriter.deidentified
        assert self.sent is not None
        assert outside is not None
        if await self._duplicates.has_original(self.sent.study_instance_uid):
            raise NotStored(DUPLICATE, "the origin server holds its original")
        return Prepared(outside, outside, cast(BinaryIO, self._spool), self._spool.size)

    def discard(self) -> None:
        """Discard the spool."""
        self._spool.close()
