"""Where a worker exports series, and all that it is given: the job, which each worker opens for itself.

What the coordinator alone needs is not imported here: workers begin sooner.
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
    """What all units have in common. It is sent to workers."""

    job: Job
    source: Source
    to: To
    layout: Layout = "dicom"
    boxes: Path | None = None
    """Where boxes of text in pixels are kept, for `dicomveil serve` too; in memory alone without."""

    def policy(self) -> Policy:
        """The policy, compiled. Raises ConfigurationError."""
        return self.job.policy()

    def fingerprint(self) -> str:
        """A keyed digest of all on which names and bytes of the output depend; not of the version of dicomveil.

        Raises ConfigurationError.
        """
        from dicomveil_proxy.jobs.behaviour import behaviour_of  # noqa: PLC0415 - workers here do not need it

        parts = (
            behaviour_of(self.policy(), self.job.key),
            self.job.configuration_digest(),
            self.layout.encode(),
            bytes((self.job.validates_input, self.job.validates_output)),
            *self.job.recipients,
        )
        return keyed_digest(self.job.key_for("export"), joined(parts)).hex()

    def looking(self, policy: Policy) -> Looking | None:
        """What is known of text in pixels, under the key by which `dicomveil serve` keeps it."""
        if not looks_at_pixels(policy.pixels):
            return None
        key = Keys(self.job.key).derive("pixels/boxes")
        return Looking(policy.pixels, key, LookingLimits(processes=1), BoxRecords(self.boxes))

    def namer(self, policy: Policy) -> Namer:
        """What makes names."""
        return Namer(policy, self.job.key_for("labels"), "archive" if self.to.is_archive else self.layout)


class SeriesStation:
    """Where a worker exports series."""

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
        """The outcome of one series."""
        return await self._export.perform(message)

    async def aclose(self) -> None:
        """Close both ends."""
        with contextlib.suppress(Exception):
            if self._looking is not None:
                await self._looking.aclose()
        with contextlib.suppress(Exception):
            await self._placing.aclose()
        with contextlib.suppress(Exception):
            await self._origin.aclose()


@dataclass(frozen=True)
class SeriesRecipe:
    """Makes a station in a worker that does what the coordinator's policy would."""

    job: ExportJob
    fingerprint: str
    slots: int
    is_far: bool = False
    """Whether workers may have another version of dicomveil, so that what it does is compared, too."""

    def without_key(self) -> SeriesRecipe:
        """The same, to be sent to another machine."""
        return replace(self, job=replace(self.job, job=replace(self.job.job, key=b"")))

    def with_key(self, key: bytes) -> SeriesRecipe:
        """The same, as it arrived there."""
        return replace(self, job=replace(self.job, job=replace(self.job.job, key=key)))

    def __call__(self) -> SeriesStation:
        """As `Recipe`."""
        keep_large_blocks()
        known = self.job.fingerprint() if self.is_far else self.job.job.configuration_digest().hex()
        if known != self.fingerprint:
            raise ConfigurationError(
                "the configuration was changed at the start, or a worker has another version of dicomveil that "
                "decides differently; start it again"
            )
        return SeriesStation(self.job, self.slots)
