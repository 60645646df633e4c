"""One received instance that was derived from de-identified ones, re-identified to be stored with their originals.

The spool contains what the user agent sent, in pseudonymised space. The re-identified header is kept in memory.
"""

from __future__ import annotations

import asyncio
from typing import BinaryIO, cast

from dicomveil_engine import InstanceIdentity, InvalidDataSetError
from dicomveil_engine.pseudonyms.sides import PseudonymousUID
from dicomveil_proxy.errors import Conflict, UnknownResource
from dicomveil_proxy.project import Project
from dicomveil_proxy.reidentification.encoded import Encoded, read_instance
from dicomveil_proxy.reidentification.originals import Originals
from dicomveil_proxy.reidentification.references import references
from dicomveil_proxy.reidentification.restoration import is_of_same_patient, restore
from dicomveil_proxy.transactions.store.intake import DeidentifiedInstance, Duplicates, Prepared
from dicomveil_proxy.transactions.store.reasons import DUPLICATE, PATIENT_MISMATCH, UNKNOWN_STUDY, UNRESOLVED, NotStored
from dicomveil_proxy.wire.spool import Spool

_CHUNK = 1 << 20


class ReidentifiedInstance:
    """An instance that is re-identified when it is complete."""

    def __init__(self, project: Project, originals: Originals, duplicates: Duplicates) -> None:
        self._project = project
        self._originals = originals
        self._duplicates = duplicates
        self._spool = Spool()
        self._instance: Encoded | None = None
        self._sent: InstanceIdentity | None = None
        self._deidentified: DeidentifiedInstance | None = None

    @property
    def sent(self) -> InstanceIdentity | None:
        """The UIDs that the sender gave it; None where it cannot be read."""
        return self._sent

    async def feed(self, data: bytes | memoryview) -> None:
        """Spool a chunk."""
        self._spool.add((data,))

    async def close(self) -> None:
        """Read the header."""
        self._spool.flush()
        file = cast(BinaryIO, self._spool)
        self._instance = await asyncio.to_thread(read_instance, file, self._project.limits)
        self._sent = self._instance.identity

    async def prepare(self) -> Prepared:
        """The instance with its originals' UIDs, patient and dates. Raises NotStored."""
        instance, sent, project = self._instance, self._sent, self._project
        assert instance is not None
        assert sent is not None
        is_pseudonym = project.policy.is_pseudonym_uid
        if not is_pseudonym(sent.study_instance_uid):
            raise NotStored(UNKNOWN_STUDY, "its study is not a pseudonym of this project")
        home = await project.translation.study_held_as(PseudonymousUID(sent.study_instance_uid))
        if home is None:
            raise NotStored(UNKNOWN_STUDY, "the origin server has no original of its study")
        if home == sent.study_instance_uid:
            return await self._deidentify()
        await asyncio.to_thread(instance.check)
        try:
            found = await asyncio.to_thread(references, instance.header, is_pseudonym)
            original = await self._originals.of(sent, found)
        except UnknownResource:
            raise NotStored(UNKNOWN_STUDY, "the origin server has no original of its study") from None
        except Conflict as error:
            raise NotStored(UNRESOLVED, str(error)) from None
        if is_pseudonym(sent.sop_instance_uid):
            # A retrieved instance sent back: it lacks what was removed, and must never replace its original.
            raise NotStored(DUPLICATE, "the origin server holds its original")
        if not is_of_same_patient(instance.header, original, project.versions):
            raise NotStored(PATIENT_MISMATCH, "its patient is not that of its study")
        made_by = project.version_of(sent.study_instance_uid)
        await asyncio.to_thread(restore, instance.header, original, project.versions, made_by)
        file = await asyncio.to_thread(instance.written)
        held = instance.identity
        return Prepared(held, project.translation.outward(held), cast(BinaryIO, file), file.size)

    def discard(self) -> None:
        """Discard the spools."""
        self._spool.close()
        if self._instance:
            self._instance.file.close()  # not the spool if the instance came deflated
        if self._deidentified:
            self._deidentified.discard()

    async def _deidentify(self) -> Prepared:
        """De-identify the instance instead: its study was stored de-identified and has no original here."""
        self._deidentified = intake = DeidentifiedInstance(self._project, self._duplicates)
        self._spool.seek(0)
        while chunk := self._spool.read(_CHUNK):
            await intake.feed(chunk)
        await intake.close()
        if intake.sent is None:
            raise InvalidDataSetError("the instance cannot be read")
        return await intake.prepare()
