"""Errors of the proxy, by whose fault they are.

ProxyError (never raised itself)
├── RequestError (never raised itself)   the user agent asked wrongly, or for a pseudonym we never gave
│   ├── BadRequest                       400
│   ├── Unauthenticated                  401  no valid credentials
│   ├── Forbidden                        403  a right is missing within one's own project
│   ├── UnknownResource                  404
│   ├── NoRoute                          404  no such path, or nothing that this user may know of
│   ├── NotAcceptable                    406
│   ├── Conflict                         409  storing it would harm what the origin server holds
│   ├── RequestTooSlow                   408  the request's body comes too slowly
│   ├── PayloadTooLarge                  413
│   ├── UnsupportedMediaType             415
│   └── TooManyRequests                  429  a limit of this user's is reached
├── NotReleasable                        403  the profile forbids this instance
├── OriginError (never raised itself)    the origin server failed, or sent what we cannot read
│   ├── OriginUnavailable                502
│   ├── OriginTimeout                    504
│   ├── OriginRefused                    404 or 410 as the origin said, else 502
│   └── OriginMalformed                  502
├── Busy                                 503  a limit on concurrent work is reached; ask again later
├── StateUnavailable                     503  our own state cannot be read or written: full disk, locked file
├── IdentityProviderUnavailable          503  credentials cannot be checked now
└── AuditUnavailable                     503  what happens cannot be written down, and must be

`problems.py` turns them into responses. A message names a tag, keyword, VR, rule, parameter or limit. It
never holds a value, an original UID, or the origin server's URL.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil


class ProxyError(Exception):
    """Root of the proxy's errors; never raised itself."""

    @property
    def headers(self) -> Mapping[str, str]:
        """What the answer says of the error in its head."""
        return {}


class RequestError(ProxyError):
    """The user agent's fault; never raised itself."""


class BadRequest(RequestError):
    """The request cannot be understood."""


class Unauthenticated(RequestError):
    """The request has no credentials, or none that are valid. Which of the two is not reported."""

    def __init__(self) -> None:
        super().__init__("credentials are needed: send a valid bearer token")

    @property
    def headers(self) -> Mapping[str, str]:
        """The challenge of RFC 6750 Section 3."""
        return {"WWW-Authenticate": "Bearer"}


class Forbidden(RequestError):
    """The user has other rights in this project, but not the one that this request needs."""


class NoRoute(RequestError):
    """There is no such route, as far as this user may know."""

    def __init__(self) -> None:
        super().__init__("there is no such route")


class UnknownResource(RequestError):
    """There is no such resource in pseudonymised space."""


class NotAcceptable(RequestError):
    """No representation that we offer is one that the user agent accepts."""


class Conflict(RequestError):
    """What was sent must not be stored beside what the origin server holds."""


class PayloadTooLarge(RequestError):
    """The request's body is over a limit."""


class UnsupportedMediaType(RequestError):
    """The request's body is in a media type that we do not take."""


class RequestTooSlow(RequestError):
    """The request's body comes more slowly than the least rate."""


class TooManyRequests(RequestError):
    """A limit for this user and project is reached."""

    def __init__(self, message: str, retry_after: float, limit: str = "") -> None:
        """`limit` is the setting's name."""
        super().__init__(message)
        self.limit = limit
        self.retry_after = max(1, ceil(retry_after))
        """Seconds after which it makes sense to ask again."""

    @property
    def headers(self) -> Mapping[str, str]:
        """RFC 9110 Section 10.2.3."""
        return {"Retry-After": str(self.retry_after)}


class NotReleasable(ProxyError):
    """The instance can be read, but the profile has no safe form of it."""


class OriginError(ProxyError):
    """The origin server's fault; never raised itself."""


class OriginUnavailable(OriginError):
    """The origin server cannot be reached, or broke off."""


class OriginTimeout(OriginError):
    """The origin server took too long."""


class OriginRefused(OriginError):
    """The origin server answered with an error status."""

    def __init__(self, message: str, status: int, retry_after: float = 0.0) -> None:
        super().__init__(message)
        self.status = status
        """As the origin server said it."""
        self.retry_after = retry_after
        """Seconds for which it asked to be left alone (RFC 9110 Section 10.2.3)."""


class OriginMalformed(OriginError):
    """The origin server's response cannot be read, or is not whole."""


class Busy(ProxyError):
    """A limit on concurrent work is reached."""


class StateUnavailable(ProxyError):
    """Our own state cannot be read or written. The identity map is a cache: what can do without it may continue."""


class AuditUnavailable(ProxyError):
    """The audit cannot be written, so that nothing may be answered (`audit.required`)."""


class IdentityProviderUnavailable(ProxyError):
    """The identity provider's keys cannot be had, so that its tokens cannot be checked."""
