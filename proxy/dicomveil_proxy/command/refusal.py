"""How a command ends early: refused, with one paragraph on stderr and exit status 2, or interrupted."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

WRONG = 2
"""Exit status: the command line, the settings or the machine must be changed before it is any use to try again."""


def refuse(message: str) -> NoReturn:
    """End the command, saying what is wrong and how to fix it."""
    print(f"dicomveil: {message}", file=sys.stderr)
    sys.exit(WRONG)


@contextmanager
def sigterm_as_interrupt() -> Iterator[None]:
    """Let SIGTERM end what runs inside as Ctrl-C does: nothing unfinished stays."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
