"""`dicomveil conformance`: the conformance statement of a profile, on standard output."""

from __future__ import annotations

import sys
from pathlib import Path

from dicomveil_engine import ConfigurationError
from dicomveil_engine.reports.conformance import conformance_statement
from dicomveil_proxy.command.profile import policy_of
from dicomveil_proxy.command.refusal import refuse


def run(profile: str | None, config: Path | None = None) -> None:
    """Print the statement of a profile, or of the projects of a settings file with their keys, or refuse."""
    try:
        text = conformance_statement([policy_of(profile, None)]) if config is None else _of_projects(config)
    except ConfigurationError as error:
        refuse(str(error))
    sys.stdout.write(text)


def _of_projects(config: Path) -> str:
    """One statement for each profile of a project, and the fingerprints of current and older keys."""
    from dicomveil_proxy.command.profile import secrets_of  # noqa: PLC0415 - pydantic
    from dicomveil_proxy.settings.projects import projects_of  # noqa: PLC0415
    from dicomveil_proxy.settings.rights import label_of  # noqa: PLC0415
    from dicomveil_proxy.settings.server import load_settings  # noqa: PLC0415
    from dicomveil_proxy.trust.lifecycle import key_fingerprint  # noqa: PLC0415

    rows, profiles = [], {}
    for project in projects_of(load_settings(config)):
        with project.blamed():
            profiles[project.profile] = policy_of(project.profile, None)
            for number, secret in enumerate(secrets_of(project)):
                use = "is understood" if number else "makes pseudonyms"
                rows.append(f"| `{label_of(project.name)}` | `{key_fingerprint(secret)}` | {use} |\n")
    statements = "\n".join(conformance_statement([policy]) for policy in profiles.values())
    return f"{statements}\n## Keys\n\n| Project | Fingerprint | The key |\n|---|---|---|\n{''.join(rows)}"
