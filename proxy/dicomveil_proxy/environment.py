"""The environment of processes that are started: it can be read in /proc, so that no secret of ours is passed on."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager

_OURS = "DICOMVEIL_"
"""Settings, which were read before; an origin's URL and a database's may hold passwords."""
_SECRET = re.compile(r"TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIAL|API_?KEY|ACCESS_?KEY|PRIVATE_?KEY", re.IGNORECASE)
_NEEDED = re.compile(r"PG[A-Z]+|AWS_[A-Z_]+|AZURE_[A-Z_]+|GOOGLE_[A-Z_]+")
"""What libraries read in the process that works: the database's password, a store's credentials."""


@contextmanager
def secrets_withheld() -> Iterator[None]:
    """Let processes that are started meanwhile have no setting of ours, and no token such as a vault's."""
    withheld = {name: value for name, value in os.environ.items() if is_withheld(name)}
    for name in withheld:
        del os.environ[name]
    try:
        yield
    finally:
        os.environ.update(withheld)


def is_withheld(name: str) -> bool:
    """Whether a variable is not passed on."""
    return is_setting(name) or (bool(_SECRET.search(name)) and not _NEEDED.fullmatch(name))


def is_setting(name: str) -> bool:
    """Whether a variable is a setting of ours."""
    return name.upper().startswith(_OURS)
