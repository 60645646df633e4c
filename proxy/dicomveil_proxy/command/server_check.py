"""Checks of each project before the server starts: policy, key, origin, filter, state.

Errors that can be found without importing the web server and the clients are found earlier, by `first_check`.
"""

from __future__ import annotations

import os
import warnings

from dicomveil_engine import ConfigurationError
from dicomveil_proxy.command.access_check import check_access
from dicomveil_proxy.command.first_check import check_files
from dicomveil_proxy.errors import StateUnavailable
from dicomveil_proxy.project import check_policy
from dicomveil_proxy.service.application import identity_map_of, policy_of
from dicomveil_proxy.settings.key_files import KeyFileWarning
from dicomveil_proxy.settings.projects import ProjectSettings, projects_of
from dicomveil_proxy.settings.server import Settings
from dicomveil_proxy.settings.subjects import read_subjects
from dicomveil_proxy.translation.identity.versions import OTHER_KEY, has_foreign_rows


def check_server(settings: Settings) -> list[str]:
    """Check policy, key, origin, filter and state of each project, and return warnings.

    Raises ConfigurationError, which names the setting and a fix. No request is sent to the origin server, which may
    start later; `origins.faults` warns of its errors.
    """
    check_files(settings)
    warned = check_access(settings)
    projects = projects_of(settings)
    for project in projects:
        with project.blamed():
            warned += [f"{project.label}{warning}" for warning in _check_project(project)]
    for project in projects:
        with project.blamed():
            warned += [f"{project.label}{warning}" for warning in _check_state(project)]
    return warned


def _check_state(project: ProjectSettings) -> list[str]:
    """Check that the state can be used, and was made with the project's keys."""
    identities = identity_map_of(project)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # warnings about the key have been reported
            return [OTHER_KEY] if has_foreign_rows(identities, policy_of(project)) else []
    except StateUnavailable as error:
        raise ConfigurationError(f"state: {error}") from None
    finally:
        identities.close()


def _check_project(project: ProjectSettings) -> list[str]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", KeyFileWarning)
        project.secrets()
        warnings.simplefilter("ignore")
        read_subjects(project.subjects)  # its errors are not the profile's
        try:
            policy = policy_of(project)
        except ConfigurationError as error:
            raise ConfigurationError(f"profile: {error}") from None
    check_policy(policy)
    if project.origin_folder is None:
        from dicomveil_proxy.origin.web.address import BaseURL  # noqa: PLC0415 - clients of HTTP

        try:
            BaseURL(project.origin)
        except ValueError as error:
            raise ConfigurationError(f"origin: {error}") from None
    said = [f"key_file: {each.message}" for each in caught] + [f"profile: {each}" for each in policy.warnings]
    if project.origin_folder is not None and not any(files for _, _, files in os.walk(project.origin_folder)):
        said.append("origin: the folder has no files; name a folder with DICOM files")
    if policy.recipients:
        said.append('profile: "encryptOriginals" is for export and anonymize; no answer of this proxy holds originals')
    return said
