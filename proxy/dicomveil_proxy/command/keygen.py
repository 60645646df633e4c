"""`dicomveil keygen`: a new project key in a file of its own."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from dicomveil_proxy.command.refusal import refuse

KEY_BYTES = 32


def write_key(path: Path) -> None:
    """Write a new key as hexadecimal digits to a new file, readable by its owner only.

    Raises OSError; FileExistsError if the file exists already.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(KEY_BYTES) + "\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        path.unlink(missing_ok=True)  # a truncated key might be taken for a valid one
        raise


def run(path: Path) -> None:
    """Write the key, or refuse."""
    try:
        write_key(path)
    except FileExistsError:
        refuse(
            f"{path} exists, and a key is never overwritten: without the old one, every pseudonym would change. "
            "Give another name, or move the old file away"
        )
    except FileNotFoundError:
        refuse(f"the folder of {path} does not exist; make it first, readable by the owner alone")
    except OSError as error:
        refuse(f"the key cannot be written to {path} ({error.strerror})")
    print(f"The project key is in {path} (mode 0600). Keep a copy in a safe place: its holder can trace pseudonyms")
    print("back, and without it the same patient gets another pseudonym tomorrow.")
