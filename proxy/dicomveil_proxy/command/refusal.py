"""How the command refuses: one paragraph on stderr, exit status 2, no traceback."""

from __future__ import annotations

from typing import NoReturn

import typer

WRONG = 2
"""Exit status: the command line, the settings or the machine must be mended before it is any use to try again."""


def refuse(message: str) -> NoReturn:
    """End the command, saying what is wrong and how to mend it."""
    typer.echo(f"dicomveil: {message}", err=True)
    raise typer.Exit(WRONG)
