"""Command-line options that several commands have in common."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Audited = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        show_default="dicomveil.toml, if there is one",
        help="The settings file of the proxy: that originals are shown is written into its audit.",
    ),
]
"""`--config` of a command that shows originals."""
