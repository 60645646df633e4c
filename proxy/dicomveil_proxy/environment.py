"""The environment of child processes, without secrets, since it can be read in /proc."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager

_OURS = "DICOMVEIL_"
"""Our settings, which have been read already; URLs of origin servers and databases may contain passwords."""
_SECRET = re.compile(r"TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIAL|API_?KEY|ACCESS_?KEY|PRIVATE_?KEY", re.IGNORECASE)
_NEEDED = re.compile(r"PG[A-Z]+|AWS_[A-Z_]+|AZURE_[A-Z_]+|GOOGLE_[A-Z_]+")
"""Variables that libraries read in the child: the database's password, credentials of an object store."""


@contextmanager
def secrets_withheld() -> Iterator[None]:
    """Start processes within the context without our settings, and without other secrets such as a vault's token."""
    withheld = {name: value for name, value in os.environ.items() if is_withheld(name)}
    for name in withheld:
        del os.environ[name]
    try:
        yield
    finally:
        os.environ.update(withheld)


def is_withheld(name: str) -> bool:
    """Whether child processes do not inherit a variable."""
    return is_setting(name) or (bool(_SECRET.search(name)) and not _NEEDED.fullmatch(name))


def is_setting(name: str) -> bool:
    """Whether a variable is a setting of ours."""
    return name.upper().startswith(_OURS)
