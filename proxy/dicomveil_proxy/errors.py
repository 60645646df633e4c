"""Errors of the proxy, by whose fault they are.

ProxyError (never raised itself)
├── RequestError (never raised itself)   the request is wrong, or names an unknown pseudonym
│   ├── BadRequest                       400
│   ├── Unauthenticated                  401  no valid credentials
│   ├── Forbidden                        403  the user has access to the project, but not this right
│   ├── UnknownResource                  404
│   ├── NoRoute                          404  no such path, or a project to which the user has no access
│   ├── NotAcceptable                    406
│   ├── Conflict                         409  storing it would duplicate or overwrite an original
│   ├── RequestTooSlow                   408  the request's body arrives too slowly
│   ├── PayloadTooLarge                  413
│   ├── UnsupportedMediaType             415
│   └── TooManyRequests                  429  the user has reached a limit
├── NotReleasable                        403  the profile has no safe form of this instance
├── OriginError (never raised itself)    the origin server failed, or its response cannot be read
│   ├── OriginUnavailable                502
│   ├── OriginTimeout                    504
│   ├── OriginRefused                    404 or 410 as the origin server answered, else 502
│   └── OriginMalformed                  502
├── Busy                                 503  a limit on concurrent work is reached; retry later
├── StateUnavailable                     503  our own state cannot be read or written: full disk, locked file
├── IdentityProviderUnavailable          503  credentials cannot be checked at present
└── AuditUnavailable                     503  the audit record cannot be written, and is required

`wire/problems.py` maps them to responses. A message names a tag, keyword, VR, rule, parameter or limit. It never
contains a value, an original UID, or the origin server's URL.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil

_TOO_MANY_REQUESTS = 429
_SERVER_ERROR = 500


class ProxyError(Exception):
    """Root of the proxy's errors; never raised itself."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Header fields of the response to this error."""
        return {}


class RequestError(ProxyError):
    """The user agent's fault; never raised itself."""


class BadRequest(RequestError):
    """The request cannot be understood."""


class Unauthenticated(RequestError):
    """The request has no valid credentials. Whether they are missing or wrong is not reported."""

    def __init__(self) -> None:
        super().__init__("credentials are needed: send a valid bearer token")

    @property
    def headers(self) -> Mapping[str, str]:
        """The challenge of RFC 6750 Section 3."""
        return {"WWW-Authenticate": "Bearer"}


class Forbidden(RequestError):
    """The user has access to this project, but not the right that this request needs."""


class NoRoute(RequestError):
    """There is no such route, or none that this user has access to."""

    def __init__(self) -> None:
        super().__init__("there is no such route")


class UnknownResource(RequestError):
    """There is no such resource in pseudonymised space."""


class NotAcceptable(RequestError):
    """The user agent accepts none of the available representations."""


class Conflict(RequestError):
    """The instance must not be stored beside what the origin server has."""


class PayloadTooLarge(RequestError):
    """The request's body is over a limit."""


class UnsupportedMediaType(RequestError):
    """The request's body has an unsupported media type."""


class RequestTooSlow(RequestError):
    """The request's body arrives more slowly than the minimum rate."""


class TooManyRequests(RequestError):
    """The user has reached a limit in this project."""

    def __init__(self, message: str, retry_after: float, limit: str = "") -> None:
        """`limit` is the setting's name."""
        super().__init__(message)
        self.limit = limit
        self.retry_after = max(1, ceil(retry_after))
        """Whole seconds until the request may succeed."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Retry-After (RFC 9110 Section 10.2.3)."""
        return {"Retry-After": str(self.retry_after)}


class NotReleasable(ProxyError):
    """The instance can be read, but has no safe form under the profile."""


class OriginError(ProxyError):
    """The origin server's fault; never raised itself."""

    @property
    def is_passing(self) -> bool:
        """Whether the same request may succeed later."""
        return True


class OriginUnavailable(OriginError):
    """The origin server cannot be reached, or closed the connection early."""


class OriginTimeout(OriginError):
    """The origin server took too long."""


class OriginRefused(OriginError):
    """The origin server answered with an error status."""

    def __init__(self, message: str, status: int, retry_after: float = 0.0) -> None:
        super().__init__(message)
        self.status = status
        """The origin server's status code."""
        self.retry_after = retry_after
        """Seconds from its Retry-After (RFC 9110 Section 10.2.3)."""

    @property
    def is_passing(self) -> bool:
        """After a server error or too many requests."""
        return self.status >= _SERVER_ERROR or self.status == _TOO_MANY_REQUESTS


class OriginMalformed(OriginError):
    """The origin server's response cannot be read, or is incomplete."""


class Busy(ProxyError):
    """A limit on concurrent work is reached."""


class StateUnavailable(ProxyError):
    """Our own state cannot be read or written. The identity map is a cache: callers that can do without it may."""


class AuditUnavailable(ProxyError):
    """The audit record cannot be written, and `audit.required` forbids responses without one."""


class IdentityProviderUnavailable(ProxyError):
    """The identity provider's keys cannot be fetched, so that its tokens cannot be checked."""
