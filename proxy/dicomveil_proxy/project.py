"""A project: one origin server or a selection of it, one policy, and its record of pseudonyms.

A pseudonym of one project means nothing in another.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from secrets import token_bytes
from typing import Literal

from dicomveil_engine import MetadataRewriter, Policy
from dicomveil_engine.errors import ConfigurationError, DeidentificationError, EngineError
from dicomveil_engine.methods.base import Scope
from dicomveil_proxy.leaks.guard import LeakGuard
from dicomveil_proxy.origin import Origin
from dicomveil_proxy.origin.cursors import Cursors
from dicomveil_proxy.pixels import PixelLayouts, Transcoder, TranscodingLimits
from dicomveil_proxy.pixels.looking import Looking, looks_at_pixels
from dicomveil_proxy.pixels.processes import LookingLimits
from dicomveil_proxy.pixels.records import BoxRecords
from dicomveil_proxy.settings.server import Limits
from dicomveil_proxy.translation.identity import IdentityMap
from dicomveil_proxy.translation.resolver import Resolver
from dicomveil_proxy.translation.translation import Translation

_log = logging.getLogger(__name__)


@dataclass
class Project:
    """The configuration and state that all transactions of a project share."""

    policy: Policy
    origin: Origin
    identities: IdentityMap
    limits: Limits = field(default_factory=Limits)
    name: str = ""
    """Empty for the default project."""
    accepts_instances: bool = True
    """Whether the STOW-RS transaction is supported."""
    reidentifies: bool = False
    """Whether stored instances are re-identified and added to their original studies, or de-identified."""
    omits_errors: bool = False
    """Whether an instance that cannot be de-identified is omitted from a response, or ends it."""
    entity_tag_key: bytes = field(default_factory=lambda: token_bytes(32), repr=False)
    """The key of the digests in ETag header fields."""
    pixel_key: bytes = field(default_factory=lambda: token_bytes(32), repr=False)
    """The key of the digests under which boxes of text in pixels are recorded."""
    pixel_records: BoxRecords = field(default_factory=BoxRecords)
    older: tuple[Policy, ...] = ()
    """The same policy with the other versions of the key, whose pseudonyms are accepted but no longer made."""
    resolver: Resolver = field(init=False)
    translation: Translation = field(init=False)
    metadata: MetadataRewriter = field(init=False)
    matches: MetadataRewriter = field(init=False)
    """For search results, in which Patient Identity Removed and the like are not added."""
    older_matches: tuple[MetadataRewriter, ...] = field(init=False)
    """The same with the other versions of the key."""
    guard: LeakGuard = field(init=False)
    transcoder: Transcoder = field(init=False)
    looking: Looking | None = field(init=False, default=None)
    """None under a policy that does not search pixels for text."""
    pixel_layouts: PixelLayouts = field(init=False, default_factory=PixelLayouts)
    """Pixel layouts of instances, by their original SOP Instance UIDs."""
    cursors: Cursors = field(init=False, default_factory=Cursors)
    """Positions in the origin server's results at which pages of searches continue."""

    count_refusal: Callable[[str, str], None] = field(init=False, default=lambda _transaction, _reason: None)
    """Counts an instance without a safe output: by transaction, and by `policy` or `unreadable`."""

    def __post_init__(self) -> None:
        check_policy(self.policy)
        if self.reidentifies:
            check_reversible(self.policy)
        self.resolver = Resolver(self.identities, warn=_log.warning)
        self.translation = Translation(self.policy, self.origin, self.identities, self.resolver, self.older)
        self.transcoder = Transcoder(TranscodingLimits(self.limits.decoded_bytes, self.limits.transcoding_seconds))
        if looks_at_pixels(self.policy.pixels):
            limits = LookingLimits(self.limits.pixel_processes, self.limits.pixel_seconds)
            self.looking = Looking(self.policy.pixels, self.pixel_key, limits, self.pixel_records)
        self.guard = LeakGuard(self.policy, self.entity_tag_key, project=self.name)
        self.metadata = MetadataRewriter(self.policy)
        self.matches = MetadataRewriter(self.policy, claims=False)
        self.older_matches = tuple(MetadataRewriter(each, claims=False) for each in self.older)

    def note_refusal(self, transaction: Literal["retrieve", "store"], error: EngineError) -> None:
        """Count an instance that the policy refuses, or that cannot be read."""
        self.count_refusal(transaction, "policy" if isinstance(error, DeidentificationError) else "unreadable")

    @property
    def versions(self) -> tuple[Policy, ...]:
        """The policy with each version of the key, the current version first."""
        return (self.policy, *self.older)

    def version_of(self, uid: str) -> Policy:
        """The policy with the version of the key that made a pseudonym; for any other UID, the current one."""
        return next((each for each in self.versions if each.made_uid(uid)), self.policy)


def check_policy(policy: Policy) -> None:
    """Raise ConfigurationError unless study, series and instance all keep their UIDs, or all get pseudonyms.

    Otherwise the resources in a search result could not be addressed.
    """
    if policy.replaces_uids is None:
        raise ConfigurationError(
            "profile: under its rules some of StudyInstanceUID, SeriesInstanceUID and SOPInstanceUID are replaced "
            "and some are not; give all three the method refreshUID, or all three keep"
        )


def check_reversible(policy: Policy) -> None:
    """Raise ConfigurationError unless UIDs get pseudonyms and dates move with their study or patient.

    Otherwise originals cannot be restored: an object derived from a series does not reveal by how many days the dates
    of that series were moved.
    """
    if not policy.replaces_uids:
        raise ConfigurationError(
            'store: "reidentify" needs UIDs with pseudonyms, but this profile\'s rules keep them; give '
            "StudyInstanceUID, SeriesInstanceUID and SOPInstanceUID the method refreshUID"
        )
    for move in policy.date_moves:
        if move.scope not in {Scope.STUDY, Scope.PATIENT}:
            raise ConfigurationError(
                'store: "reidentify" needs dates that move with their study; give dateShiftScope StudyInstance or '
                "Patient"
            )
