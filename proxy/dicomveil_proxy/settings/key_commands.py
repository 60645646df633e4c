"""Key commands: programs that print a project key, such as those of vaults and of cloud key services.

Each runs once, however many workers there are, without a shell, and within a time. What it prints is a key, so that
nothing of it is ever logged or shown; messages name the program and nothing else, since arguments may be secret too.
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
from dicomveil_proxy.settings.key_files import MAXIMUM_KEY_BYTES, decoded_key

SECONDS = 30.0
"""For one command; a vault in another country takes one or two."""

Command = tuple[str, ...]
"""Program and arguments."""


@dataclass
class KeyCommands:
    """What key commands printed. It is sent to workers with the settings, through the pipe that starts them."""

    _keys: dict[Command, bytes] = field(default_factory=dict, repr=False)

    def key(self, command: Command, setting: str, *, seconds: float = SECONDS) -> bytes:
        """The key that a command prints; it is run when it is first asked for.

        Raises ConfigurationError, which holds nothing of the output and of the arguments.
        """
        if command not in self._keys:
            self._keys[command] = _key(command, setting, seconds)
        return self._keys[command]


def _key(command: Command, setting: str, seconds: float) -> bytes:
    name = f"{setting}: the command {Path(command[0]).name}"
    try:
        process = subprocess.Popen(  # noqa: S603 - the operator's own, as written in the settings
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            # What it says of an error may quote a token: to see it, run the command by hand.
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            # A vault's token is for it; our own settings are not.
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
            # Its own children too, which would hold on to what they were given.
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
    return key


def _printed(output: IO[bytes], end: float) -> bytes | None:
    """What is printed until the output ends, or is more than a key; None where it does not end in time."""
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
