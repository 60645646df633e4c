"""Who runs a command: the user of the operating system, as the audit names them."""

from __future__ import annotations

import getpass
import os
import sys


def operator() -> str:
    """Their label. By the user ID, not by the environment, which users can set."""
    return f"operator:{_name()}"


def _name() -> str:
    if sys.platform == "win32":
        try:
            return getpass.getuser()
        except (KeyError, OSError):
            return "unknown"
    import pwd  # noqa: PLC0415 - not on all systems

    number = os.getuid()
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)  # in a container
