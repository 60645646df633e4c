"""Cross-origin resource sharing: which web pages of other origins may send requests and read the responses.

The CORS protocol of the WHATWG Fetch standard, through Starlette's middleware.
"""

from __future__ import annotations

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

METHODS = ("GET", "HEAD", "POST")
REQUEST_HEADERS = ("Authorization", "Cache-Control", "If-None-Match", "Pragma", "Range", "X-Requested-With")
"""Headers that viewers send, besides Accept and Content-Type, which are always allowed."""
RESPONSE_HEADERS = ("ETag", "Retry-After", "Warning", "WWW-Authenticate", "X-Request-Id")
"""Headers that a page may read, besides those that the Fetch standard always exposes."""
_PREFLIGHT_SECONDS = 600


class CrossOrigin(CORSMiddleware):
    """Answers preflight requests, and allows pages of the listed origins to read other responses.

    Pages of a listed origin may send credentials, such as the cookie of a sign-on proxy in front. Under `*` no page
    may: any page that a user opens could then send requests in the user's name.
    """

    def __init__(self, app: ASGIApp, origins: tuple[str, ...]) -> None:
        super().__init__(
            app,
            allow_origins=origins,
            allow_methods=METHODS,
            allow_headers=REQUEST_HEADERS,
            allow_credentials="*" not in origins,
            expose_headers=RESPONSE_HEADERS,
            max_age=_PREFLIGHT_SECONDS,
        )
