"""`dicomveil conformance`: the conformance statement of a profile, on standard output."""

from __future__ import annotations

from dicomveil_engine import ConfigurationError
from dicomveil_engine.reports.conformance import conformance_statement
from dicomveil_proxy.command.profile import policy_of
from dicomveil_proxy.command.refusal import refuse


def run(profile: str | None) -> None:
    """Print the statement, or refuse. No key is in it, so that none is asked for."""
    try:
        policy = policy_of(profile, None)
    except ConfigurationError as error:
        refuse(str(error))
    print(conformance_statement([policy]), end="")
