"""Early ends of a command: refused, with a paragraph on stderr and exit status 2, or interrupted."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from dicomveil_proxy.command.table import shown

WRONG = 2
"""Exit status: the command line, the settings or the machine must be changed before another attempt."""


def refuse(message: str) -> NoReturn:
    """Print the error and its fix, and exit. Names of files and of settings in it can be anybody's."""
    print(shown(f"dicomveil: {message}", sys.stderr), file=sys.stderr)
    sys.exit(WRONG)


@contextmanager
def sigterm_as_interrupt() -> Iterator[None]:
    """Let SIGTERM end the context as Ctrl-C does, so that unfinished files are removed."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
