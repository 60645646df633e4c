"""Cross-origin resource sharing: which pages of other web origins may ask, and read what they get.

The WHATWG Fetch standard's CORS protocol, by Starlette's middleware. Nothing here decides what an answer holds.
"""

from __future__ import annotations

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

METHODS = ("GET", "HEAD", "POST")
REQUEST_HEADERS = ("Authorization", "Cache-Control", "If-None-Match", "Pragma", "Range", "X-Requested-With")
"""That viewers send, beyond Accept and Content-Type."""
RESPONSE_HEADERS = ("ETag", "Retry-After", "Warning", "WWW-Authenticate", "X-Request-Id")
"""That a page may read, beyond those that it may always."""
_PREFLIGHT_SECONDS = 600


class CrossOrigin(CORSMiddleware):
    """Answers preflights itself, and names the page's web origin in other answers where it is one of these.

    Pages of a listed origin may send credentials, such as the cookie of a sign-on before the proxy; under `*`
    none may, since then any page that a user opens could ask in the user's name.
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
