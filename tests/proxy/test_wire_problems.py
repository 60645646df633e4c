"""Which status and body an error becomes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dicomveil_engine.errors import DeidentificationError, InvalidDataSetError
from dicomveil_proxy import errors
from dicomveil_proxy.wire.problems import PROBLEMS, problem

STATUSES: dict[type[Exception], int] = {
    errors.BadRequest: 400,
    errors.Unauthenticated: 401,
    errors.Forbidden: 403,
    errors.UnknownResource: 404,
    errors.NoRoute: 404,
    errors.NotAcceptable: 406,
    errors.RequestTooSlow: 408,
    errors.Conflict: 409,
    errors.PayloadTooLarge: 413,
    errors.UnsupportedMediaType: 415,
    errors.TooManyRequests: 429,
    errors.NotReleasable: 403,
    errors.OriginUnavailable: 502,
    errors.OriginTimeout: 504,
    errors.OriginRefused: 502,
    errors.OriginMalformed: 502,
    errors.Busy: 503,
    errors.StateUnavailable: 503,
    errors.IdentityProviderUnavailable: 503,
    errors.AuditUnavailable: 503,
    InvalidDataSetError: 502,
    DeidentificationError: 403,
}


def leaves(root: type[Exception]) -> Iterator[type[Exception]]:
    """The classes below the root that are raised."""
    for child in root.__subclasses__():
        yield from leaves(child) if child.__subclasses__() else (child,)


def test_every_error_has_a_row() -> None:
    """No error of the proxy's becomes 500 by being forgotten."""
    assert set(leaves(errors.ProxyError)) <= set(PROBLEMS)


def test_every_row_has_a_test() -> None:
    """The table holds what is listed here and nothing else."""
    assert {error: status for error, (status, _) in PROBLEMS.items()} == STATUSES


def test_the_body_says_what_and_which_request() -> None:
    """One shape of body: code, detail, request_id."""
    assert problem(errors.BadRequest("the parameter limit is not a number"), "r1") == (
        400,
        {"code": "bad-request", "detail": "the parameter limit is not a number", "request_id": "r1"},
    )


@pytest.mark.parametrize(("said", "status"), [(404, 404), (410, 410), (400, 502), (500, 502), (401, 502)])
def test_only_absence_passes_from_the_origin(said: int, status: int) -> None:
    """404 and 410 mean the same from us; every other status of the origin server is its failure."""
    assert problem(errors.OriginRefused("refused", said), "r1")[0] == status


def test_a_more_special_error_is_told_as_its_base() -> None:
    """A subclass without a row of its own has that of its base."""

    class SpecialError(DeidentificationError):
        pass

    assert problem(SpecialError("(0010,0010) PatientName"), "r1")[1]["code"] == "not-releasable"


@pytest.mark.parametrize("error", [ValueError("Doe^Jane"), errors.ProxyError("Doe^Jane"), KeyError("Doe^Jane")])
def test_our_bugs_say_nothing(error: Exception) -> None:
    """What nobody foresaw is 500, and its message stays here."""
    assert problem(error, "r1") == (500, {"code": "internal", "detail": "", "request_id": "r1"})
