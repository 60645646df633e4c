"""The operator of a command is the user of the operating system, whatever the environment says."""

from __future__ import annotations

import os
import pwd
from unittest import mock

import pytest

from dicomveil_proxy.trust.operator import operator


def test_the_environment_does_not_decide(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user who sets LOGNAME is not another user."""
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "somebody-else")

    assert operator() == f"operator:{pwd.getpwuid(os.getuid()).pw_name}"


def test_a_user_without_a_name() -> None:
    """Has a number, as in many containers."""
    with mock.patch.object(pwd, "getpwuid", side_effect=KeyError):
        assert operator() == f"operator:{os.getuid()}"
