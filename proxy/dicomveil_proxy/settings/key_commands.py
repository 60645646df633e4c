"""Key commands: programs that print a project key, such as clients of vaults and cloud key services.

Each is run once for all workers, without a shell, and with a timeout. Its output is secret, and never logged or shown.
Messages name only the program, since its arguments may be secret, too.
"""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from dicomveil_engine.errors import ConfigurationError
from dicomveil_proxy.environment import is_setting
from dicomveil_proxy.settings.key_files import MAXIMUM_KEY_BYTES, decoded_key, is_pattern

SECONDS = 30.0
"""Timeout of a command; a remote vault takes a second or two."""

Command = tuple[str, ...]
"""Program and arguments."""


@dataclass
class KeyCommands:
    """The keys printed by key commands. They are passed to workers with the settings, through a pipe."""

    _keys: dict[Command, bytes] = field(default_factory=dict, repr=False)

    def key(self, command: Command, setting: str, *, seconds: float = SECONDS) -> bytes:
        """The key that a command prints; the command is run at the first call.

        Raises ConfigurationError, whose message contains neither output nor arguments.
        """
        if command not in self._keys:
            self._keys[command] = _key(command, setting, seconds)
        return self._keys[command]


def _key(command: Command, setting: str, seconds: float) -> bytes:
    name = f"{setting}: the command {Path(command[0]).name}"
    try:
        process = subprocess.Popen(  # noqa: S603 - configured by the operator
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            # Error messages may quote a token, and are not shown.
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            # It may need a vault's token, but not dicomveil's settings.
            env={name: value for name, value in os.environ.items() if not is_setting(name)},
        )
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a legal command"
        raise ConfigurationError(f"{name} cannot be run ({reason})") from None
    end = time.monotonic() + seconds
    assert process.stdout is not None
    with process.stdout:
        printed = _printed(process.stdout, end)
        ends_by_itself = printed is not None and len(printed) <= MAXIMUM_KEY_BYTES
        try:
            status = process.wait(max(0.0, end - time.monotonic()) if ends_by_itself else 0.0)
        except subprocess.TimeoutExpired:
            status = None
        if status is None:
            # With its child processes.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    if printed is not None and len(printed) > MAXIMUM_KEY_BYTES:
        raise ConfigurationError(f"{name} printed more than a key; let it print the key alone")
    if printed is None or status is None:
        raise ConfigurationError(f"{name} did not end within {seconds:g} s; run it by hand to see why")
    if status != 0:
        raise ConfigurationError(f"{name} ended with exit status {status}; run it by hand to see why")
    key = decoded_key(printed)
    if key is None:
        raise ConfigurationError(
            f"{name} printed no key of 32 bytes or more, as hexadecimal digits, base64 or raw; run it by hand to see "
            "what it prints"
        )
    if is_pattern(key):
        raise ConfigurationError(
            f"{name} printed a pattern that can be guessed, not a key; `dicomveil keygen FILE` makes a key"
        )
    return key


def _printed(output: IO[bytes], end: float) -> bytes | None:
    """The output up to its end, or until it is too long for a key; None after the timeout."""
    printed = b""
    with selectors.DefaultSelector() as selector:
        selector.register(output, selectors.EVENT_READ)
        while len(printed) <= MAXIMUM_KEY_BYTES:
            left = end - time.monotonic()
            if left <= 0 or not selector.select(left):
                return None
            chunk = os.read(output.fileno(), MAXIMUM_KEY_BYTES + 1)
            if not chunk:
                break
            printed += chunk
    return printed
