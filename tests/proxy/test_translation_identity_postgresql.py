"""The identity map in PostgreSQL, as far as no server is needed; tests/origin has the rest."""

from __future__ import annotations

import pytest

from dicomveil_engine import ConfigurationError
from dicomveil_proxy.errors import StateUnavailable
from dicomveil_proxy.translation.identity import postgresql
from dicomveil_proxy.translation.identity.postgresql import PostgreSQLTable


def test_without_the_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is an extra, and the message says which."""
    monkeypatch.setattr(postgresql, "find_spec", lambda _: None)
    with pytest.raises(ConfigurationError, match=r"`dicomveil-proxy\[postgresql\]`"):
        PostgreSQLTable("postgresql://localhost/identity", "")


@pytest.mark.parametrize("url", ["postgresql://Doe:Jane@localhost:port/x", "postgresql:Doe"])
def test_what_is_no_url(url: str) -> None:
    """Refused without any of it."""
    with pytest.raises(ConfigurationError) as refused:
        PostgreSQLTable(url, "")

    assert str(refused.value) == "state: it is not a database URL; write postgresql://user:password@host/name"


def test_a_server_that_is_not_there() -> None:
    """A typed error, without address, user or password."""
    with pytest.raises(StateUnavailable) as failure:
        PostgreSQLTable("postgresql://Doe:Jane@127.0.0.1:1/Doe", "")

    assert str(failure.value) == "the identity map cannot be used (OperationalError)"
    assert failure.value.__suppress_context__


def test_a_parameter_that_is_none() -> None:
    """What the driver does not know is not told either."""
    with pytest.raises(StateUnavailable) as failure:
        PostgreSQLTable("postgresql://127.0.0.1:1/Doe?password=Jane&Doe=Jane", "")

    assert str(failure.value) == "the identity map cannot be used (ProgrammingError)"
