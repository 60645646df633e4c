"""First checks of a server's settings, before slow imports.

Most errors in settings are wrong names, files or folders. They are found here in a fraction of the time that the
imports of the web server and the clients take. Checks that need these are done afterwards by `serve`.
"""

from __future__ import annotations

import os
import warnings
from pathlib import Path

from dicomveil_engine import ConfigurationError
from dicomveil_proxy.settings.filters import read_filter
from dicomveil_proxy.settings.projects import ProjectSettings, check_keys, projects_of
from dicomveil_proxy.settings.server import Settings, load_settings

_NO_FOLDER = "origin: there is no such folder; name an existing one, or the URL of a DICOMweb server"
_NO_URL = "origin: a URL begins with http:// or https://, which this one does not; correct it"


def effective_settings(file: Path | None, **options: object) -> Settings:
    """The settings from all sources, in a form that can be sent to another process.

    Raises ConfigurationError.
    """
    settings = load_settings(file, **options)
    # Not `dict(settings)`, which would take the setting `keys` for a mapping's method.
    return Settings.model_construct(**{name: getattr(settings, name) for name in Settings.model_fields})


def check_files(settings: Settings) -> None:
    """Check the files and folders that the settings name. Raises ConfigurationError, which names the setting."""
    projects = projects_of(settings)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # `serve` prints them, once
        check_keys(projects)
    for project in projects:
        with project.blamed():
            _check_project(project)


def _check_project(project: ProjectSettings) -> None:
    folder = project.origin_folder
    if folder is not None:
        if not os.path.isdir(folder):  # noqa: PTH112 - a path that is too long is none, instead of an OSError
            raise ConfigurationError(_NO_URL if "://" in project.origin else _NO_FOLDER)
        if not os.access(folder, os.R_OK | os.X_OK):
            raise ConfigurationError("origin: the folder cannot be read; let this user read it")
    read_filter(project.filter)
