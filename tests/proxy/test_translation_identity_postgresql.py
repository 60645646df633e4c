"""The identity map in PostgreSQL, as far as no server is needed; tests/origin has the rest."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from dicomveil_engine import ConfigurationError
from dicomveil_proxy.errors import StateUnavailable
from dicomveil_proxy.translation.identity import postgresql
from dicomveil_proxy.translation.identity.postgresql import PostgreSQLTable, database_engine


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


def connecting(url: str) -> dict[str, Any]:
    """The parameters with which the driver would connect."""
    engine = database_engine(url)
    parameters: dict[str, Any] = {}

    @sa.event.listens_for(engine, "do_connect")
    def note(_dialect: object, _record: object, _arguments: object, given: dict[str, Any]) -> None:
        parameters.update(given)
        raise ConnectionRefusedError

    with pytest.raises(ConnectionRefusedError):
        engine.connect()
    return parameters


def test_a_silent_database_is_given_up_after_five_seconds() -> None:
    """While connecting, while a statement runs, and while a connection is dead (libpq: in milliseconds)."""
    parameters = connecting("postgresql://127.0.0.1:1/Doe")

    assert (parameters["connect_timeout"], parameters["tcp_user_timeout"]) == ("5", "5000")
    assert parameters["options"] == "-c statement_timeout=5s -c lock_timeout=5s"


def test_the_url_sets_other_parameters() -> None:
    """Its own values take precedence."""
    parameters = connecting("postgresql://127.0.0.1:1/Doe?connect_timeout=2&sslmode=require")

    assert (parameters["connect_timeout"], parameters["sslmode"]) == ("2", "require")
    assert parameters["tcp_user_timeout"] == "5000"
