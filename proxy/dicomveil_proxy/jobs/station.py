"""The station of a worker that exports series, and the job from which each worker makes its own.

Modules needed only by the coordinator are not imported here, so that workers start faster.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace
from pathlib import Path

from dicomveil_engine import ConfigurationError, Policy
from dicomveil_engine.pseudonyms.keys import Keys, keyed_digest
from dicomveil_proxy.allocator import keep_large_blocks
from dicomveil_proxy.jobs.destinations.opening import To
from dicomveil_proxy.jobs.job import Job, joined
from dicomveil_proxy.jobs.layout import Layout, Namer
from dicomveil_proxy.jobs.series import SeriesExport, SeriesOutcome, SeriesUnit
from dicomveil_proxy.jobs.source import Source
from dicomveil_proxy.pixels.looking import Looking, looks_at_pixels
from dicomveil_proxy.pixels.processes import LookingLimits
from dicomveil_proxy.pixels.records import BoxRecords


@dataclass(frozen=True)
class ExportJob:
    """The configuration that all units have in common. It is sent to workers."""

    job: Job
    source: Source
    to: To
    layout: Layout = "dicom"
    boxes: Path | None = None
    """The file of boxes of text in pixels, shared with `dicomveil serve`; None keeps them in memory."""

    def policy(self) -> Policy:
        """The policy, compiled. Raises ConfigurationError."""
        return self.job.policy()

    def fingerprint(self) -> str:
        """A keyed digest of all settings on which names and bytes of the output depend, without dicomveil's version.

        Raises ConfigurationError.
        """
        from dicomveil_proxy.jobs.behaviour import behaviour_of  # noqa: PLC0415 - local workers do not need it

        parts = (
            behaviour_of(self.policy(), self.job.key),
            self.job.configuration_digest(),
            self.layout.encode(),
            bytes((self.job.validates_input, self.job.validates_output)),
            *self.job.recipients,
        )
        return keyed_digest(self.job.key_for("export"), joined(parts)).hex()

    def looking(self, policy: Policy) -> Looking | None:
        """The search for text in pixels, which records boxes under the same key as `dicomveil serve`."""
        if not looks_at_pixels(policy.pixels):
            return None
        key = Keys(self.job.key).derive("pixels/boxes")
        return Looking(policy.pixels, key, LookingLimits(processes=1), BoxRecords(self.boxes))

    def namer(self, policy: Policy) -> Namer:
        """The namer of outputs."""
        return Namer(policy, self.job.key_for("labels"), "archive" if self.to.is_archive else self.layout)


class SeriesStation:
    """The origin, destination and policy of one worker."""

    def __init__(self, job: ExportJob, slots: int) -> None:
        policy = job.policy()
        self.slots = slots
        self._origin = job.source.open(slots)
        self._placing = job.to.placing(slots)
        self._looking = job.looking(policy)
        originals, guarded = job.job.originals(), job.job.guarded(policy)
        self._export = SeriesExport(
            policy, job.namer(policy), self._origin, self._placing, originals, self._looking, guarded
        )

    async def perform(self, message: SeriesUnit) -> SeriesOutcome:
        """Export one series and return its outcome."""
        return await self._export.perform(message)

    async def aclose(self) -> None:
        """Close the origin, the destination and the search for text in pixels."""
        with contextlib.suppress(Exception):
            if self._looking is not None:
                await self._looking.aclose()
        with contextlib.suppress(Exception):
            await self._placing.aclose()
        with contextlib.suppress(Exception):
            await self._origin.aclose()


@dataclass(frozen=True)
class SeriesRecipe:
    """Makes a station in a worker, and checks that it de-identifies as the coordinator does."""

    job: ExportJob
    fingerprint: str
    slots: int
    is_far: bool = False
    """Whether workers may have another version of dicomveil, so that its behaviour has to be compared."""

    def without_key(self) -> SeriesRecipe:
        """The recipe without the key, to be sent to another machine."""
        return replace(self, job=replace(self.job, job=replace(self.job.job, key=b"")))

    def with_key(self, key: bytes) -> SeriesRecipe:
        """The recipe with the key, on the machine that received it."""
        return replace(self, job=replace(self.job, job=replace(self.job.job, key=key)))

    def __call__(self) -> SeriesStation:
        """As `Recipe`."""
        keep_large_blocks()
        known = self.job.fingerprint() if self.is_far else self.job.job.configuration_digest().hex()
        if known != self.fingerprint:
            raise ConfigurationError(
                "the configuration was changed while the job started, or a worker has a version of dicomveil with "
                "other results; start the job again"
            )
        return SeriesStation(self.job, self.slots)
