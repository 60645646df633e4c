"""The start of `dicomveil serve`: first what is checked quickly, then the server, whose imports take a second."""

from __future__ import annotations

from pathlib import Path

from dicomveil_engine import ConfigurationError
from dicomveil_proxy.command.first_check import check_files, effective_settings
from dicomveil_proxy.command.refusal import refuse


def serve(file: Path | None, **options: object) -> None:
    """Check the settings and start the server, or refuse."""
    try:
        settings = effective_settings(file, **options)
        check_files(settings)
    except ConfigurationError as error:
        refuse(str(error))
    from dicomveil_proxy.command.serve import run  # noqa: PLC0415 - once the settings are right

    run(settings)
