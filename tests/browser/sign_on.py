"""An identity provider for a browser: signs everybody on at once, and gives access tokens as Keycloak does.

Authorization code with PKCE (RFC 6749, RFC 7636), OpenID Connect Discovery; of all that, what a viewer needs.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import parse_qs, urlencode

import uvicorn
from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

AUDIENCE = "dicomveil"
CLIENT = "viewer"
_SECONDS = 600


class SignOn:
    """The provider. `groups` are those of the one user that it has."""

    def __init__(self, issuer: str) -> None:
        self.issuer = issuer
        self.groups = ["lung-readers"]
        self.signed_on = 0
        self._key = RSAKey.generate_key(2048, {"kid": "1", "use": "sig", "alg": "RS256"})
        self._codes: dict[str, tuple[str, str]] = {}

    def application(self) -> Starlette:
        """All of its routes; pages of other servers may ask."""
        routes = [
            Route("/.well-known/openid-configuration", self._configuration),
            Route("/keys", self._keys),
            Route("/authorize", self._authorize),
            Route("/token", self._token, methods=["POST"]),
            Route("/userinfo", self._user),
        ]
        every = Middleware(CORSMiddleware, allow_origins=["*"], allow_headers=["*"])
        return Starlette(routes=routes, middleware=[every])

    async def _configuration(self, _: Request) -> Response:
        places = {f"{name}_endpoint": f"{self.issuer}/{path}" for name, path in _ENDPOINTS.items()}
        return JSONResponse({"issuer": self.issuer, "jwks_uri": f"{self.issuer}/keys", **places})

    async def _keys(self, _: Request) -> Response:
        return JSONResponse({"keys": [self._key.as_dict(private=False)]})

    async def _authorize(self, request: Request) -> Response:
        asked = request.query_params
        assert (asked["client_id"], asked["code_challenge_method"]) == (CLIENT, "S256")
        code = secrets.token_urlsafe()
        self._codes[code] = (asked["code_challenge"], asked.get("nonce", ""))
        self.signed_on += 1
        return RedirectResponse(f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}")

    async def _token(self, request: Request) -> Response:
        form = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        challenge, nonce = self._codes.pop(form["code"])
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        assert base64.urlsafe_b64encode(digest).decode().rstrip("=") == challenge
        common = {"iss": self.issuer, "sub": "7", "iat": int(time.time()), "exp": int(time.time()) + _SECONDS}
        identity = common | {"aud": CLIENT, "typ": "ID"} | ({"nonce": nonce} if nonce else {})
        access = common | {"aud": [AUDIENCE, "account"], "typ": "Bearer", "groups": self.groups}
        return JSONResponse(
            {
                "access_token": self._signed(access | {"preferred_username": "jane.roe"}),
                "id_token": self._signed(identity),
                "token_type": "Bearer",
                "expires_in": _SECONDS,
                "scope": "openid profile email",
            }
        )

    async def _user(self, _: Request) -> Response:
        return JSONResponse({"sub": "7", "preferred_username": "jane.roe"})

    def _signed(self, claims: dict[str, object]) -> str:
        return jwt.encode({"alg": "RS256", "kid": "1"}, claims, self._key)


_ENDPOINTS = {"authorization": "authorize", "token": "token", "userinfo": "userinfo"}


@contextmanager
def running_sign_on() -> Iterator[SignOn]:
    """Serve it on a free port of this machine."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        provider = SignOn(f"http://127.0.0.1:{listening.getsockname()[1]}")
        server = uvicorn.Server(uvicorn.Config(provider.application(), log_config=None, access_log=False, ws="none"))
        thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
        thread.start()
        try:
            yield provider
        finally:
            server.should_exit = True
            thread.join(10)
