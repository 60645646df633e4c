"""The command line `dicomveil`.

    serve     the proxy                        serve.py
    demo      the proxy over built-in images   demo.py
    keygen    a new project key                keygen.py
    anonymize files and folders                anonymize.py
    these four are declared in declarations.py
    export, verify: declared in exporting.py
    explain, review, decrypt, conformance, config: declared in inspection.py
    token, audit: declared in access.py

A simple command line of `serve` or `anonymize` is parsed by `plain.py`, all others by Typer, whose import takes longer
than de-identifying an instance. `refusal.py` ends a command with an error.
"""

from __future__ import annotations

import atexit
import gc
import sys
from typing import TYPE_CHECKING, Any

from dicomveil_proxy import logs
from dicomveil_proxy.command import plain

if TYPE_CHECKING:
    from dicomveil_proxy.command.declarations import commands

__all__ = ["commands", "main"]


def __getattr__(name: str) -> Any:
    """Declare the commands when they are first used."""
    if name != "commands":
        raise AttributeError(name)
    from dicomveil_proxy.command.declarations import commands  # noqa: PLC0415 - Typer, which few command lines need

    return commands


def main() -> None:
    """Run the command line: the entry point of `dicomveil` and of `python -m dicomveil_proxy`."""
    # Imports create a hundred thousand objects that are never freed: scanning them repeatedly would take a tenth of
    # the start.
    gc.set_threshold(50_000, 20, 20)
    # At exit the interpreter would scan all of them twice more, though the system frees the memory anyway.
    atexit.register(gc.freeze)
    logs.configure()
    try:
        if (begin := plain.read(sys.argv[1:])) is not None:
            begin()
            return
        import typer  # noqa: PLC0415 - see the module's docstring

        from dicomveil_proxy.command.declarations import commands  # noqa: PLC0415

        # A Typer object that is called directly replaces our excepthook by its own.
        typer.main.get_command(commands).main(prog_name="dicomveil")
    except KeyboardInterrupt:
        sys.exit(130)  # as shells do for a process ended by SIGINT
