"""The status and body of the response to an error.

One table, looked up by the exception's class and its bases. Any other exception is a bug: 500, without details.
"""

from __future__ import annotations

from starlette.responses import Response

from dicomveil_engine.errors import DeidentificationError, InvalidDataSetError
from dicomveil_proxy.errors import (
    AuditUnavailable,
    BadRequest,
    Busy,
    Conflict,
    Forbidden,
    IdentityProviderUnavailable,
    NoRoute,
    NotAcceptable,
    NotReleasable,
    OriginMalformed,
    OriginRefused,
    OriginTimeout,
    OriginUnavailable,
    PayloadTooLarge,
    ProxyError,
    RequestTooSlow,
    StateUnavailable,
    TooManyRequests,
    Unauthenticated,
    UnknownResource,
    UnsupportedMediaType,
)
from dicomveil_proxy.wire.json_document import encoded

PROBLEMS: dict[type[Exception], tuple[int, str]] = {
    BadRequest: (400, "bad-request"),
    Unauthenticated: (401, "unauthenticated"),
    Forbidden: (403, "forbidden"),
    UnknownResource: (404, "unknown-resource"),
    NoRoute: (404, "no-route"),
    NotAcceptable: (406, "not-acceptable"),
    RequestTooSlow: (408, "request-too-slow"),
    Conflict: (409, "conflict"),
    PayloadTooLarge: (413, "payload-too-large"),
    UnsupportedMediaType: (415, "unsupported-media-type"),
    TooManyRequests: (429, "too-many-requests"),
    NotReleasable: (403, "not-releasable"),
    OriginUnavailable: (502, "origin-unavailable"),
    OriginTimeout: (504, "origin-timeout"),
    OriginRefused: (502, "origin-refused"),
    OriginMalformed: (502, "origin-malformed"),
    Busy: (503, "busy"),
    StateUnavailable: (503, "state-unavailable"),
    IdentityProviderUnavailable: (503, "identity-provider-unavailable"),
    AuditUnavailable: (503, "audit-unavailable"),
    # Errors of the engine in a retrieve or search, where the data set is the origin server's. A store reports them in
    # the Failed SOP Sequence (PS3.18 Section 10.5.3).
    InvalidDataSetError: (502, "unreadable-instance"),
    DeidentificationError: (403, "not-releasable"),
}

PASSED_STATUSES = frozenset((404, 410))
"""Statuses of the origin server that are passed on."""


def problem(error: BaseException, request_id: str) -> tuple[int, dict[str, str]]:
    """The status and JSON body for an error."""
    for base in type(error).__mro__:
        if row := PROBLEMS.get(base):
            break
    else:
        return 500, {"code": "internal", "detail": "", "request_id": request_id}
    status, code = row
    if isinstance(error, OriginRefused) and error.status in PASSED_STATUSES:
        status = error.status
    return status, {"code": code, "detail": str(error), "request_id": request_id}


def problem_response(error: BaseException, request_id: str) -> Response:
    """The response to an error."""
    status, body = problem(error, request_id)
    headers = error.headers if isinstance(error, ProxyError) else None
    return Response(encoded(body), status, headers=dict(headers or {}), media_type="application/json")
