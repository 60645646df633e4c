"""A project: one origin server, one policy, and what it remembers of pseudonyms.

A pseudonym of one project means nothing in another.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

from dicomveil_engine import MetadataRewriter, Policy
from dicomveil_engine.errors import ConfigurationError
from dicomveil_proxy.identity import IdentityMap
from dicomveil_proxy.origin import Origin
from dicomveil_proxy.resolver import Resolver
from dicomveil_proxy.settings import Limits
from dicomveil_proxy.translation import Translation

_log = logging.getLogger(__name__)


@dataclass
class Project:
    """What a transaction needs to know."""

    policy: Policy
    origin: Origin
    identities: IdentityMap
    limits: Limits = field(default_factory=Limits)
    accepts_instances: bool = True
    """Whether instances that are sent are de-identified and stored, or refused."""
    omits_errors: bool = False
    """Whether an instance that cannot be de-identified is left out of an answer, or ends it."""
    translation: Translation = field(init=False)
    metadata: MetadataRewriter = field(init=False)
    matches: MetadataRewriter = field(init=False)
    """For search results, which do not say that they are de-identified."""

    def __post_init__(self) -> None:
        check_policy(self.policy)
        self.translation = Translation(
            self.policy, self.origin, self.identities, Resolver(self.identities, warn=_log.warning)
        )
        self.metadata = MetadataRewriter(self.policy)
        self.matches = MetadataRewriter(self.policy, marks=False)


def check_policy(policy: Policy) -> None:
    """Refuse a policy under which a user agent could not ask for what it was shown.

    Raises ConfigurationError: study, series and instance must all keep their UIDs, or all get pseudonyms.
    """
    if policy.replaces_uids is None:
        raise ConfigurationError(
            "profile: under its rules some of StudyInstanceUID, SeriesInstanceUID and SOPInstanceUID are replaced "
            "and some are not; give all three the method refreshUID, or all three keep"
        )
